// What the tests of versioned workflows have in common: an application, the upgrade manager, and a deployer.

import { workflow, type Host, type Thread } from "kont/test";
import { HAND_OFF, NEWS, UPGRADES, type News, type Policy } from "../messages";
import type { Letter } from "./together";

export class Fleet {
  readonly host: Host;
  readonly topic: string;

  /** `here` is the way from the folder of the test to versioning. */
  constructor(topic: string, here = ".") {
    this.topic = topic;
    this.host = workflow(`${here}/index.ts`, { topic: UPGRADES });
    this.host.deploy(`${here}/testing/together.ts`, { topic: "together" });
    this.manager.init({ do: "manage" });
  }

  /** Deploys a version, and tells nobody. */
  deploy(path: string) {
    this.host.deploy(path, { topic: this.topic });
  }

  /** Tells the manager that a version is deployed. */
  announce(version: string, policy: Partial<Policy> = {}) {
    this.tell({ is: "deployed", version, ...policy });
  }

  tell(news: News) {
    this.manager.resume(NEWS, news);
  }

  get manager(): Thread {
    return this.host.thread(this.topic, { topic: UPGRADES });
  }

  release(version: string): Thread {
    return this.host.thread(`${this.topic}@${version}`, { topic: UPGRADES });
  }

  start(key: string, version: string, event: unknown): Thread {
    return this.host.start(key, { version, event }, { topic: this.topic });
  }

  thread(key: string): Thread {
    return this.host.thread(key, { topic: this.topic });
  }

  askToHandOff(key: string, to: string) {
    this.thread(key).resume(HAND_OFF, { to });
  }

  /** Writes events into topics such that none is handled before the last is there. */
  together(...letters: Letter[]) {
    this.host.start("together", letters, { topic: "together" });
  }

  /** An event for `together`. */
  letter(key: string, ref: string, value?: unknown): Letter {
    return [this.topic, key, { ref, value }];
  }

  /** What has been published about versions since the last call. */
  published(): any[] {
    return this.host.take("versions").map(({ value }) => value);
  }

  /** The value of what was written to `topic` since the last call. */
  written(topic: string): any[] {
    return this.host.take(topic).map(({ value }) => value);
  }
}
