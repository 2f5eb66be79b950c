// The thread: the root of everything that outlives a step.
//
// A VM runs one step of one thread at a time. `thread()` is the thread at work; `begin` makes one, `attach` takes one that the
// codec has restored. While a bundle loads there is no workflow yet, only the load thread: its configuration is what every
// thread begins with, and it can neither wait nor write.

import { CancellationScope } from "./scope";
import type { Owner } from "./scope";

export interface Output {
  topic: string;
  key: string;
  value: string;
}

export class Config {
  outputTopics = new Set<string>();
  resultTopic = "workflow-result";
  errorTopic = "workflow-error";
}

export class Thread {
  id: string;
  stepId: string;
  /** How many ids `ref` has given in this step. */
  refCount = 0;
  /** Pending waits by id: Suspension or Inbox. Events that name another id are unmatched. */
  refs = new Map<string, any>();
  /** Frames that wait for a pending promise; the promise is frame.w. Invariant: f in blocked <=> f.w !== undefined. */
  blocked = new Set<any>();
  /** The promise of the entry function's result; undefined before start. */
  main: any = undefined;
  /** Promise jobs in order. Empty at the end of a step. */
  jobs: any[] = [];
  /** Promises that were rejected in this step while nothing handled them. Empty at the end of a step. */
  rejected: any[] = [];
  /** Records written in this step. Empty at the end of a step. */
  outputs: Output[] = [];
  /** The root of the cancellation tree. */
  scope: CancellationScope;
  config = new Config();

  constructor(id: string, stepId: string) {
    this.id = id;
    this.stepId = stepId;
    this.scope = new CancellationScope(null);
  }
}

/** The thread at work, for what runs often; the others call thread(). */
export let running: Thread = new Thread("", "");
let loading = true;
let owner: Owner = running.scope;
let fault: unknown;
let declaredTopics: Set<string> = new Set();

export function thread(): Thread {
  return running;
}

/** The owner of what is made now: the innermost running async call, or the scope of a callback; undefined: shielded. */
export function currentOwner(): Owner {
  return owner;
}

/** Sets the current owner and returns the one before. */
export function setOwner(next: Owner): Owner {
  const before = owner;
  owner = next;
  return before;
}

/** True while the bundle's module code runs. */
export function isLoading(): boolean {
  return loading;
}

/** Makes a fresh thread the current one. */
export function begin(id: string, stepId: string): Thread {
  const loaded = running.config;
  if (loading) loadConfig = loaded;
  const fresh = new Thread(id, stepId);
  loadConfig.outputTopics.forEach((topic) => fresh.config.outputTopics.add(topic));
  fresh.config.resultTopic = loadConfig.resultTopic;
  fresh.config.errorTopic = loadConfig.errorTopic;
  return enter(fresh);
}

/** Makes a restored thread the current one. A new step id starts the numbering of refs anew. */
export function attach(restored: Thread, id: string, stepId: string): Thread {
  if (loading) loadConfig = running.config;
  restored.id = id;
  if (restored.stepId !== stepId) {
    restored.stepId = stepId;
    restored.refCount = 0;
  }
  return enter(restored);
}

let loadConfig: Config = running.config;

function enter(next: Thread): Thread {
  loading = false;
  running = next;
  owner = next.scope;
  fault = undefined;
  return next;
}

/** The topics of the bundle's manifest. */
export function setOutputTopics(topics: string[]): void {
  declaredTopics = new Set(topics);
}

/** Declared topics and those that the bundle configured while it loaded, sorted. */
export function outputTopics(): string[] {
  const all = new Set(declaredTopics);
  (loading ? running.config : loadConfig).outputTopics.forEach((topic) => all.add(topic));
  return Array.from(all).sort();
}

export function isDeclaredTopic(topic: string): boolean {
  return declaredTopics.has(topic);
}

/**
 * Fails the step: whatever the workflow does with the error, none of the step's effects stand. Returns the error, for the
 * caller to throw, so that the workflow stops where it is.
 */
export function failStep(error: Error): Error {
  if (fault === undefined) fault = error;
  return error;
}

export function stepFault(): unknown {
  return fault;
}
