// Output records, and the end of a step.

import { fulfilled, pending, promiseResolve, rejectPromise, newPromise, stateOf, WorkflowPromise } from "./promise";
import { configOf, failStep, fault, isDeclaredTopic, isLoading, now, running, setOwner, thread } from "./thread";
import type { Output, Thread } from "./thread";
import { CancelToken } from "./token";
import { Inbox } from "./inbox";
import { isAwaited } from "./wait";
import { inspect, log } from "./console";
import { iteratorsAtWork, quiesce } from "./iterator";

export const resumeTopic = "workflow-resume";
export const schedulerTopic = "workflow-scheduler";

/** Queues one record, unchecked. */
export function write(topic: string, key: string, value: string): void {
  const { outputs } = now;
  outputs[outputs.length] = { topic, key, value };
}

function checked(topic: string, key: string): void {
  if (isLoading()) throw new Error("no thread runs while the bundle loads: write records in the entry function");
  if (typeof topic !== "string") throw new TypeError("output: topic is no string");
  if (typeof key !== "string") throw new TypeError("output: key is no string");
  if (topic === resumeTopic || topic === schedulerTopic || isDeclaredTopic(topic) || configOf(thread()).outputTopics.has(topic)) return;
  throw failStep(new Error(`output topic ${JSON.stringify(topic)} is not declared: add it to manifest.outputTopics`));
}

export function output(value: string, topic: string, key: string = thread().id): void {
  if (typeof value !== "string") throw new TypeError("output: value is no string; use outputJSON");
  checked(topic, key);
  write(topic, key, value);
}

export function outputJSON(value: unknown, topic: string, key: string = thread().id): void {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError("outputJSON: " + String(value) + " has no JSON text");
  checked(topic, key);
  write(topic, key, text);
}

export function ensureThread(value: unknown, key: string): void {
  const text = JSON.stringify(value === undefined ? null : value);
  if (text === undefined) throw new TypeError("ensureThread: the value has no JSON text");
  output("init:" + text, resumeTopic, key);
}

/** Calls the entry function: the first step of a thread. */
export function start(entry: Function, argument: unknown, previous?: unknown): void {
  const root = thread();
  const before = setOwner(root.scope);
  let main;
  try {
    main = promiseResolve(WorkflowPromise, entry(argument, previous));
  } catch (error) {
    main = newPromise();
    stateOf(main).handled = true;
    rejectPromise(main, error);
  }
  setOwner(before);
  stateOf(main).handled = true;
  root.main = main;
}

/** What a host needs to know at the end of a step. */
export interface Effects {
  outputs: Output[];
  /** The pending refs by id; empty if the thread has ended. */
  refs: Map<string, unknown>;
  ended: boolean;
  /** Where results and errors of the thread go. */
  resultTopic: string;
  errorTopic: string;
  /** What is to be saved: the thread as quiesce leaves it, and its iterators at work. Undefined if it has ended. */
  thread: Thread | undefined;
  atWork: unknown[] | undefined;
}

const none = new Map<string, unknown>();
/** What takeEffects returns, valid until the thread runs on. */
const effects: Effects = { outputs: [], refs: none, ended: false, resultTopic: "", errorTopic: "", thread: undefined, atWork: undefined };

/** Ends the step. Throws the fault if the step has failed. */
export function takeEffects(): Effects {
  const root = running;
  if (fault !== undefined) throw fault;
  if (now.rejected.length > 0) reportUnhandled(root);
  const ended = hasEnded(root);
  if (ended) writeOutcome(root);
  else if (root.refs.size === 0) log("warn", "the thread waits for something that no event can settle: it has no pending ref");
  const { outputs } = now;
  if (outputs.length > 0) now.outputs = [];
  effects.outputs = outputs;
  effects.refs = ended ? none : root.refs;
  effects.ended = ended;
  const { resultTopic, errorTopic } = configOf(root);
  effects.resultTopic = resultTopic;
  effects.errorTopic = errorTopic;
  effects.thread = ended ? undefined : root;
  quiesce(); // drain has, but the text of what was thrown may have run code of the workflow
  effects.atWork = ended ? undefined : iteratorsAtWork();
  return effects;
}

/** Main has settled, and nobody waits for a pending ref. */
function hasEnded(root: Thread): boolean {
  if (root.main === undefined || stateOf(root.main).state === pending) return false;
  let waiting = false;
  root.refs.forEach((entry) => {
    if (entry instanceof Inbox ? entry.waits.some(isAwaited) : isAwaited(entry)) waiting = true;
  });
  return !waiting;
}

/** The result or error record. A result without JSON text (`undefined`, a function) makes no record. */
function writeOutcome(root: Thread): void {
  const { state, value } = stateOf(root.main);
  const { resultTopic, errorTopic } = configOf(root);
  if (state !== fulfilled) {
    if (value instanceof Error) log("warn", "the thread ends with an error: " + inspect(value));
    return write(errorTopic, root.id, JSON.stringify(textOf(value)));
  }
  let text;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    return write(errorTopic, root.id, JSON.stringify("the result has no JSON text: " + textOf(error)));
  }
  if (text !== undefined) write(resultTopic, root.id, text);
}

function textOf(reason: unknown): string {
  try {
    return String(reason);
  } catch {
    return "a value that has no text";
  }
}

/**
 * A rejection that nothing handles by the end of the step in which it came makes an error record, and the thread goes on. A
 * CancelToken makes none: what a cancelled branch throws is dropped. Nor does the result of main, which is the outcome.
 */
function reportUnhandled(root: Thread): void {
  const { rejected } = now;
  now.rejected = [];
  for (let i = 0; i < rejected.length; i++) {
    const { handled, value } = stateOf(rejected[i]);
    if (handled || rejected[i] === root.main || value instanceof CancelToken) continue;
    write(configOf(root).errorTopic, root.id, JSON.stringify(textOf(value)));
    log("error", "unhandled rejection: " + (value instanceof Error ? inspect(value) : textOf(value)));
  }
}
