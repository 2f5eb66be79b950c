// Inbox: a buffered receiver for many events with one id.
//
// It stays pending until it is closed: an event that comes while nobody waits is kept, in order. A `next` that is cancelled takes no event.

import { asyncIterator } from "./object";
import { isLoading, thread } from "./thread";
import { makeFunction, registerFunction } from "./function";
import { newPromise, rejectPromise, resolvePromise, stateOf } from "./promise";
import { schedulerKey, waitFor } from "./wait";
import type { Wait } from "./wait";

interface Kept {
  isError: boolean;
  value: unknown;
}

export class Inbox {
  id: string;
  key: string;
  /** Events that nobody has taken. Invariant: empty if waits is not. */
  kept: Kept[] = [];
  waits: Wait[] = [];

  constructor(id: string) {
    this.id = id;
    this.key = schedulerKey(id);
  }

  /** A promise of the next event. An error event rejects it. */
  next(): any {
    const promise = newPromise();
    const first = this.kept.shift();
    if (first !== undefined) {
      if (first.isError) rejectPromise(promise, first.value);
      else resolvePromise(promise, first.value);
      return promise;
    }
    if (thread().refs.get(this.id) !== this) throw new Error(`inbox ${this.id} is closed`);
    const wait = waitFor(promise, this.id, false);
    wait.inbox = this;
    const state = stateOf(promise);
    state.source = wait;
    state.handled = true;
    this.waits.push(wait);
    return promise;
  }

  /** How many events can be taken without waiting. */
  get size(): number {
    return this.kept.length;
  }

  /** Ends receiving: later events for the id are unmatched. What was kept can still be taken. */
  close(): void {
    const { refs } = thread();
    if (refs.get(this.id) === this) refs.delete(this.id);
    const { waits } = this;
    this.waits = [];
    for (let i = 0; i < waits.length; i++) rejectPromise(waits[i].promise, new Error(`inbox ${this.id} was closed`));
  }

  receive(isError: boolean, value: unknown): void {
    const wait = this.waits.shift();
    if (wait === undefined) this.kept.push({ isError, value });
    else if (isError) rejectPromise(wait.promise, value);
    else resolvePromise(wait.promise, value);
  }

  forget(wait: Wait): void {
    this.waits = this.waits.filter((other) => other !== wait);
  }

  [asyncIterator](): InboxIterator {
    return new InboxIterator(this);
  }
}

/** What `for await (const event of box)` uses. It ends only with the loop. */
export class InboxIterator {
  inbox: Inbox;
  constructor(inbox: Inbox) {
    this.inbox = inbox;
  }
  next(): any {
    return this.inbox.next().then(makeFunction("inbox.result", undefined));
  }
  return(value?: unknown): any {
    const promise = newPromise();
    resolvePromise(promise, { value, done: true });
    return promise;
  }
  [asyncIterator](): InboxIterator {
    return this;
  }
}

registerFunction("inbox.result", () => (value: unknown) => ({ value, done: false }));

/** The inbox for id: made now, or the one that the thread has already. */
export function inbox(id: string): Inbox {
  if (typeof id !== "string") throw new TypeError("inbox: id is no string");
  if (isLoading()) throw new Error("no thread runs while the bundle loads: make inboxes in the entry function");
  const { refs } = thread();
  const found = refs.get(id);
  if (found instanceof Inbox) return found;
  if (found !== undefined) throw new Error(`ref ${id} is pending already`);
  const box = new Inbox(id);
  refs.set(id, box);
  return box;
}
