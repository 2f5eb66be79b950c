// The thread: the root of everything that outlives a step.
//
// A VM runs one step of one thread at a time. `thread()` is the thread at work; `begin` makes one, `attach` takes one that the
// codec has restored. While a bundle loads there is no workflow yet, only the load thread: its configuration is what every
// thread begins with, and it can neither wait nor write.

import { CancellationScope } from "./scope";
import type { ConsoleState } from "./consoleState";
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
  /** Frames that wait for a pending promise; the promise is frame.a. Invariant: f in blocked <=> f.a !== undefined, but for the one that runs. */
  blocked = new Set<any>();
  /** The promise of the entry function's result; undefined before start. */
  main: any;
  /** What it has at hand when it is saved in the middle of a step; see putAside. */
  aside: Now | undefined;
  /** The root of the cancellation tree. */
  scope: CancellationScope;
  /** Undefined as long as it is what it was when the bundle had loaded: read it with configOf. */
  config: Config | undefined;

  /** Counters, timers and groups of the console; undefined until one is used. */
  declare console: ConsoleState | undefined;

  constructor(id: string, stepId: string) {
    this.id = id;
    this.stepId = stepId;
    this.scope = new CancellationScope(null);
  }
}

/** The thread at work, for what runs often; the others call thread(). */
export let running: Thread = new Thread("", "");
/** The configuration that every thread begins with. */
const loadConfig = new Config();
running.config = loadConfig;
/** What the running thread has at hand during a step. All lists are empty at its end. */
export interface Now {
  /** Promise jobs in order. */
  jobs: any[];
  /** Promises that were rejected while nothing handled them. */
  rejected: any[];
  /** Records written. */
  outputs: Output[];
}

export let now: Now = { jobs: [], rejected: [], outputs: [] };
let loading = true;
/** For what runs often; the others call currentOwner(). */
export let owner: Owner = running.scope;
/** For what runs often; the others call stepFault(). */
export let fault: unknown;
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
  return enter(new Thread(id, stepId));
}

/** Makes a restored thread the current one. A new step id starts the numbering of refs anew. */
export function attach(restored: Thread, id: string, stepId: string): Thread {
  restored.id = id;
  if (restored.stepId !== stepId) {
    restored.stepId = stepId;
    restored.refCount = 0;
  }
  return enter(restored);
}

function enter(next: Thread): Thread {
  loading = false;
  if (next.aside !== undefined) {
    now = next.aside;
    next.aside = undefined;
  } else if (!isQuiet()) now = { jobs: [], rejected: [], outputs: [] }; // the last thread was left in the middle of a step
  running = next;
  owner = next.scope;
  fault = undefined;
  return next;
}

function isQuiet(): boolean {
  return now.jobs.length === 0 && now.outputs.length === 0 && now.rejected.length === 0;
}

/** Lets the running thread have what it has at hand, so that it can be saved. It can run on, but must be attached again. */
export function putAside(): void {
  if (!isQuiet()) running.aside = now;
  else if (running.aside !== undefined) running.aside = undefined;
}

/** The configuration of a thread, to read. */
export function configOf(thread: Thread): Config {
  return thread.config === undefined ? loadConfig : thread.config;
}

/** The running thread's own configuration, to change. */
export function ownConfig(): Config {
  if (running.config !== undefined) return running.config;
  const own = new Config();
  loadConfig.outputTopics.forEach((topic) => own.outputTopics.add(topic));
  own.resultTopic = loadConfig.resultTopic;
  own.errorTopic = loadConfig.errorTopic;
  running.config = own;
  return own;
}

/** The topics of the bundle's manifest. */
export function setOutputTopics(topics: string[]): void {
  declaredTopics = new Set(topics);
}

/** Declared topics and those that the bundle configured while it loaded, sorted. */
export function outputTopics(): string[] {
  const all = new Set(declaredTopics);
  loadConfig.outputTopics.forEach((topic) => all.add(topic));
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
