// Refs and timers: promises that an event settles (wait.ts).

import { create, registerSubclass, promiseResolve, stateOf, WorkflowPromise } from "./promise";
import { isLoading, running } from "./thread";
import { write, schedulerTopic } from "./effects";
import { Inbox } from "./inbox";
import { isAwaited, schedulerKey, waitFor } from "./wait";

/** A promise that an event settles. */
export class Suspension extends WorkflowPromise {
  declare readonly id: string;
  // @ts-expect-error No super(): register makes the object, without an executor.
  constructor(id?: string) {
    return register(new.target.prototype, id === undefined ? freshId("ref") : String(id)) as any;
  }
}

/** A Suspension that knows the scheduler key of its event. */
export class Ref extends Suspension {
  declare readonly key: string;
  constructor(id?: string, key?: string) {
    const ref = super(id) as any;
    ref.key = key === undefined ? schedulerKey(ref.id) : String(key);
    return ref;
  }
}
registerSubclass(Suspension);
registerSubclass(Ref);

/** `<stepId>:<name>:<n>`, n from 1 in each step. */
function freshId(name: string): string {
  const root = running;
  return root.stepId + ":" + name + ":" + ++root.refCount;
}

function register(prototype: any, id: string, timer = false): any {
  if (isLoading()) throw new Error("no thread runs while the bundle loads: make refs in the entry function");
  const { refs } = running;
  const before = refs.get(id);
  if (before !== undefined && (before instanceof Inbox || isAwaited(before))) throw new Error(`ref ${id} is pending and awaited already`);
  const suspension = create(prototype);
  suspension.id = id;
  const state = stateOf(suspension);
  // An error event may come before anybody awaits the ref: that is no unhandled rejection.
  state.handled = true;
  state.source = waitFor(suspension, id, timer);
  refs.set(id, state.source);
  return suspension;
}

export function ref(name?: string): Ref {
  const made = register(Ref.prototype, freshId(name === undefined ? "ref" : String(name)));
  made.key = schedulerKey(made.id);
  return made;
}

export function refId(id: string, key?: string): Ref {
  if (typeof id !== "string") throw new TypeError("refId: id is no string");
  return new Ref(id, key);
}

export function suspend(id?: string): Suspension {
  return new Suspension(id);
}

/** A promise of what thenable comes to. */
export function wait(thenable: any): any {
  return promiseResolve(WorkflowPromise, thenable);
}

const delayMillisecondsMax = Number.MAX_SAFE_INTEGER;

/** A timer of the scheduler topic. A delay of 0 is rounded up: as a record it would mean to cancel. */
export function sleep(milliseconds: number): any {
  if (typeof milliseconds !== "number" || !(milliseconds >= 0 && milliseconds <= delayMillisecondsMax)) {
    throw new RangeError(`sleep: ${String(milliseconds)} is no number of milliseconds from 0 to ${delayMillisecondsMax}`);
  }
  const timer = register(Ref.prototype, freshId("sleep"), true);
  timer.key = schedulerKey(timer.id);
  write(schedulerTopic, timer.key, String(Math.max(1, Math.ceil(milliseconds))));
  return timer;
}
