// Waits for events.
//
// A ref is a promise whose state has a Wait as its source; thread.refs holds the pending ones by id. An event names an id; if
// it is pending, it is settled and forgotten, else the event is unmatched.

import { theHost } from "./object";
import { countReactions, rejectPromise, resolvePromise, stateOf } from "./promise";
import { currentOwner, running, thread } from "./thread";
import { CallbackJob, enqueue } from "./job";
import { write, schedulerTopic } from "./effects";
import type { Inbox } from "./inbox";
import type { CancelToken } from "./token";
import type { Owner } from "./scope";

/** One pending wait. */
export class Wait {
  declare promise: any;
  declare scope: Owner;
  declare id: string;
  /** True for a timer of `sleep`, which is stopped when the wait is taken back. */
  declare timer: boolean;
  /** The inbox whose next event it waits for; such a wait has no id of its own. */
  declare inbox: Inbox | undefined;
  /** What an event that fulfils it calls in a job of its own, beside settling the promise; it does not keep the thread alive. */
  declare after: Function | undefined;
}

export function waitFor(promise: any, id: string, timer: boolean): Wait {
  return { __proto__: Wait.prototype, promise, scope: currentOwner(), id, timer } as any;
}

const { quote } = theHost;

/** Tells the two kinds of entries of thread.refs apart; instanceof is ten times as slow. */
function isInbox(entry: any): boolean {
  return entry.kept !== undefined;
}

/** `<thread id>|{"ref":"<id>"}`: a record with this key on the scheduler topic makes the event that fulfils id. */
export function schedulerKey(id: string): string {
  return running.id + '|{"ref":' + quote(id) + "}";
}

/** Settles the ref that an event names; false if it is not pending. */
export function settle(id: string, isError: boolean, value: unknown): boolean {
  const { refs } = running;
  const found = refs.get(id);
  if (found === undefined) return false;
  if (isInbox(found)) {
    found.receive(isError, value);
    return true;
  }
  refs.delete(id);
  if (isError) rejectPromise(found.promise, value);
  else resolvePromise(found.promise, value);
  if (found.after !== undefined) enqueue(new CallbackJob(found.after, found.scope));
  return true;
}

/** Gives up a pending wait: its promise is rejected with the token, its timer is stopped. */
export function takeBack(wait: Wait, token: CancelToken): void {
  if (wait.inbox !== undefined) wait.inbox.forget(wait);
  else thread().refs.delete(wait.id);
  if (wait.timer) write(schedulerTopic, wait.promise.key, "0");
  rejectPromise(wait.promise, token);
}

/** The wait of a ref. */
export function waitOf(ref: any): Wait {
  return stateOf(ref).source;
}

export function isAwaited(wait: Wait): boolean {
  return countReactions(stateOf(wait.promise)) > 0;
}

/** All pending waits, in the order in which they were made; those for an inbox at the place of the inbox. */
export function pendingWaits(): Wait[] {
  const all: Wait[] = [];
  thread().refs.forEach((entry) => {
    if (!isInbox(entry)) all[all.length] = entry;
    else for (let i = 0; i < entry.waits.length; i++) all[all.length] = entry.waits[i];
  });
  return all;
}
