// The delayed release of one version: when it has been out of use for long enough, what it holds outside is cleaned up.
//
// kont itself drops a bundle that no thread needs. What it cannot know of are the services, topics and tables that only that version used.

import * as W from "kont";
import { NEWS, type News } from "./messages";

export interface ReleaseJob {
  do: "release";
  app: string;
  version: string;
}

/** Milliseconds until whoever cleans up is reminded. */
const PATIENCE = 24 * 3_600_000;

/** Runs beside the upgrade manager, as "<app>@<version>". The manager starts it whenever the version is out of use; while it runs, that changes nothing. */
export async function release({ app, version }: ReleaseJob): Promise<string> {
  function tellManager(news: News) {
    W.outputJSON({ ref: NEWS, value: news }, "workflow-resume", app);
  }

  // The manager alone decides: it knows of threads that have come up on the version meanwhile.
  for (;;) {
    const answer = W.ref<number | null>("wait");
    tellManager({ is: "release wanted", version, thread: W.threadId, ref: answer.id });
    const wait = await answer;
    if (wait === null) return "in use again";
    if (wait === 0) break;
    await W.sleep(wait);
  }

  const isCleanedUp = W.ref("clean up");
  async function remind(): Promise<never> {
    for (;;) {
      W.outputJSON({ app, version, ref: isCleanedUp.id }, "releases");
      await W.sleep(PATIENCE);
    }
  }
  await Promise.race([isCleanedUp, remind()]);
  tellManager({ is: "released", version });
  return "released";
}
