// Promise: ECMAScript 27.2, in the standard's observable order, with state that can be read.
//
// The state hangs on the promise under a private symbol. Beside the standard's slots it has `source`: what will settle
// the promise, which cancellation follows down to the waits (cancel.ts):
//
//	Frame         the async function whose result it is
//	ThenReaction  it was made by `then`
//	Promise       it was resolved with that promise and is locked to it
//	Wait          it is a ref, which an event will settle (wait.ts)
//	Combinator    it was made by Promise.all and the like
//	undefined     it is foreign: `new Promise(...)`; only the holder of its resolving functions can settle it
//
// What waits for a promise is an object in its list of reactions: the Frame itself for an await, which makes an await
// cost no closure; a ThenReaction, LockReaction or ElementReaction otherwise.

import { isObject, isConstructor, symPromise } from "./object";
import { makeFunction, registerFunction } from "./function";
import { now, owner, running, currentOwner, setOwner } from "./thread";
import { skipFinished, isCancelled } from "./scope";
import type { Owner } from "./scope";
import type { CancelToken } from "./token";
import { enqueue, enqueueReaction, ThenableJob } from "./job";
import { ElementReaction } from "./combinator";
import { payDebt, payLink } from "./cancel";
import { resumeFrame } from "./kernel";

export const pending = 0;
export const fulfilled = 1;
export const rejected = 2;

/** The slots of a promise: ECMAScript 27.2.6, table 91. */
export class PromiseState {
  // What is undefined is left out: a property costs memory and time.
  owner: any;
  state: number;
  value: unknown;
  /** What waits for it: nothing, one reaction, or a list of them (a list costs as much as the promise). Invariant: undefined unless pending. */
  reactions: any;
  handled: boolean;
  source: any;
  /** A token that the await which consumes this promise has still to be given; see cancel.ts. */
  debt: CancelToken | undefined;
  constructor(owner: any) {
    this.owner = owner;
    this.state = pending;
    this.handled = false;
  }
}

const statePrototype = PromiseState.prototype;

/** PromiseCapability Record, ECMAScript 27.2.1.1. Without resolve and reject, promise is ours and settled directly. */
export class Capability {
  promise: any;
  resolve: any;
  reject: any;
  constructor(promise: any, resolve?: any, reject?: any) {
    this.promise = promise;
    if (resolve === undefined) return;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** A capability of a promise of ours. */
function capabilityOf(promise: any): Capability {
  return { __proto__: Capability.prototype, promise } as any;
}

/** What `then` leaves on a promise. */
export class ThenReaction {
  /** The promise it waits for, while it does. */
  on: any;
  scope: Owner;
  onFulfilled: any;
  onRejected: any;
  capability: Capability | undefined;
  debt: CancelToken | undefined;

  react(to: number, value: any): void {
    const { capability } = this;
    if (this.debt !== undefined && capability !== undefined && capability.resolve === undefined) stateOf(capability.promise).debt = this.debt;
    const handler = to === fulfilled ? this.onFulfilled : this.onRejected;
    if (handler === undefined) {
      if (capability === undefined) return;
      if (to === fulfilled) resolveCapability(capability, value);
      else rejectCapability(capability, value);
      return;
    }
    setOwner(this.scope);
    let result;
    try {
      result = apply(handler, undefined, [value]);
    } catch (error) {
      if (capability !== undefined) rejectCapability(capability, error);
      return;
    }
    if (capability !== undefined) resolveCapability(capability, result);
  }
}

/** A promise that was resolved with another one and follows it. */
export class LockReaction {
  on: any;
  promise: any;
  constructor(promise: any) {
    this.promise = promise;
  }

  react(to: number, value: any): void {
    if (to === fulfilled) resolvePromise(this.promise, value);
    else rejectPromise(this.promise, value);
  }
}

/** Whether value has the slots of a promise: IsPromise, ECMAScript 27.2.1.6. */
export function isPromise(value: any): boolean {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  const state = value[symPromise];
  return state !== undefined && state.owner === value;
}

export function stateOf(promise: any): PromiseState {
  return promise[symPromise];
}

/** Makes a pending promise with a prototype. */
export function create(prototype: any): any {
  // Here and below: to goja a literal costs half of what `new` does.
  const state: any = { __proto__: statePrototype, owner: undefined, state: pending, handled: false };
  return (state.owner = { __proto__: prototype, [symPromise]: state });
}

const defineProperty = Object.defineProperty;

/**
 * Gives object the slots of a pending promise. The property is as in a literal, also enumerable, which takes half the time of one that is not, and only
 * `{ ...promise }` could tell: its copy of the slot has another owner.
 */
export function initialise(object: any): any {
  defineProperty(object, symPromise, { value: new PromiseState(object), writable: true, enumerable: true, configurable: true });
  return object;
}

export const WorkflowPromise: any = class Promise {
  constructor(executor: any) {
    if (typeof executor !== "function") throw new TypeError("Promise resolver " + describe(executor) + " is not a function");
    initialise(this);
    const [resolve, reject] = resolvingFunctions(this);
    try {
      executor(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }

  then(onFulfilled: any, onRejected: any): any {
    if (!isPromise(this)) throw new TypeError("Promise.prototype.then called on " + describe(this));
    const constructor = speciesConstructor(this);
    const capability = constructor === WorkflowPromise ? capabilityOf(newPromise()) : newCapability(constructor);
    performThen(this, onFulfilled, onRejected, capability);
    return capability.promise;
  }

  catch(onRejected: any): any {
    return (this as any).then(undefined, onRejected);
  }

  /** ECMAScript 27.2.5.3. */
  finally(onFinally: any): any {
    if (!isObject(this)) throw new TypeError("Promise.prototype.finally called on " + describe(this));
    const constructor = speciesConstructor(this);
    if (typeof onFinally !== "function") return (this as any).then(onFinally, onFinally);
    const state = { onFinally, constructor };
    return (this as any).then(makeFunction("promise.thenFinally", state), makeFunction("promise.catchFinally", state));
  }

  static resolve(value: any): any {
    if (!isObject(this)) throw new TypeError("Promise.resolve called on " + describe(this));
    return promiseResolve(this, value);
  }

  static reject(reason: any): any {
    const capability = newCapability(this);
    rejectCapability(capability, reason);
    return capability.promise;
  }

  static withResolvers(): any {
    const capability = explicitCapability(this);
    return { promise: capability.promise, resolve: capability.resolve, reject: capability.reject };
  }

  static try(callback: any, ...args: any[]): any {
    if (!isObject(this)) throw new TypeError("Promise.try called on " + describe(this));
    const capability = newCapability(this);
    let value;
    try {
      value = apply(callback, undefined, args);
    } catch (error) {
      rejectCapability(capability, error);
      return capability.promise;
    }
    resolveCapability(capability, value);
    return capability.promise;
  }

  static get [Symbol.species](): any {
    return this;
  }
};
// The bundler may have renamed the class.
Object.defineProperty(WorkflowPromise, "name", { value: "Promise", configurable: true });
Object.defineProperty(WorkflowPromise.prototype, Symbol.toStringTag, { value: "Promise", configurable: true });
Object.defineProperty(WorkflowPromise.prototype.then, "length", { value: 2, configurable: true });
Object.defineProperty(WorkflowPromise.try, "length", { value: 1, configurable: true });

const apply = Reflect.apply;
const builtinThen = WorkflowPromise.prototype.then;

const prototype = WorkflowPromise.prototype;

/** Makes a promise without running a constructor. */
export function newPromise(): any {
  const state: any = { __proto__: statePrototype, owner: undefined, state: pending, handled: false };
  return (state.owner = { __proto__: prototype, [symPromise]: state });
}

/** Classes of ours whose instances `await` and Promise.resolve need not wrap, though their constructor is another. */
const ownSubclasses = new Set<any>();
export function registerSubclass(constructor: any): void {
  ownSubclasses.add(constructor);
}

function describe(value: any): string {
  return typeof value === "function" || isObject(value) ? Object.prototype.toString.call(value) : String(value);
}

/** ECMAScript 7.3.22 SpeciesConstructor with default %Promise%. */
export function speciesConstructor(object: any): any {
  const constructor = object.constructor;
  if (constructor === WorkflowPromise || constructor === undefined || ownSubclasses.has(constructor)) {
    if (constructor !== WorkflowPromise) return WorkflowPromise;
  } else if (!isObject(constructor)) throw new TypeError("constructor of the promise is not an object");
  const species = (constructor as any)[Symbol.species];
  if (species === undefined || species === null || species === WorkflowPromise) return WorkflowPromise; // isConstructor makes an object to find out
  if (isConstructor(species)) return species;
  throw new TypeError("Symbol.species of the promise's constructor is not a constructor");
}

/** ECMAScript 27.2.4.7.1 PromiseResolve. */
export function promiseResolve(constructor: any, value: any): any {
  if (isPromise(value)) {
    const its = value.constructor;
    if (its === constructor || (constructor === WorkflowPromise && ownSubclasses.has(its))) return value;
  }
  if (constructor === WorkflowPromise) {
    const promise = newPromise();
    resolvePromise(promise, value);
    return promise;
  }
  const capability = newCapability(constructor);
  resolveCapability(capability, value);
  return capability.promise;
}

/** ECMAScript 27.2.1.5 NewPromiseCapability; for %Promise% itself, without functions that nobody would see. */
export function newCapability(constructor: any): Capability {
  return constructor === WorkflowPromise ? capabilityOf(newPromise()) : explicitCapability(constructor);
}

export function explicitCapability(constructor: any): Capability {
  if (constructor === WorkflowPromise) {
    const promise = newPromise();
    const [resolve, reject] = resolvingFunctions(promise);
    return new Capability(promise, resolve, reject);
  }
  if (!isConstructor(constructor)) throw new TypeError(describe(constructor) + " is not a constructor");
  const capability = new Capability(undefined);
  const promise = new constructor(makeFunction("promise.executor", capability));
  if (typeof capability.resolve !== "function" || typeof capability.reject !== "function") {
    throw new TypeError("Promise resolve or reject function is not callable");
  }
  capability.promise = promise;
  return capability;
}

registerFunction("promise.executor", (capability: Capability) => (resolve: any, reject: any) => {
  if (capability.resolve !== undefined || capability.reject !== undefined) throw new TypeError("Promise executor has already been called");
  capability.resolve = resolve;
  capability.reject = reject;
});

export function resolveCapability(capability: Capability, value: any): void {
  if (capability.resolve === undefined) resolvePromise(capability.promise, value);
  else apply(capability.resolve, undefined, [value]);
}

export function rejectCapability(capability: Capability, reason: any): void {
  if (capability.reject === undefined) rejectPromise(capability.promise, reason);
  else apply(capability.reject, undefined, [reason]);
}

/** ECMAScript 27.2.1.3 CreateResolvingFunctions. */
function resolvingFunctions(promise: any): [any, any] {
  const state = { promise, done: false };
  return [makeFunction("promise.resolve", state), makeFunction("promise.reject", state)];
}

registerFunction("promise.resolve", (state) => (value: any) => {
  if (state.done) return;
  state.done = true;
  resolvePromise(state.promise, value);
});

registerFunction("promise.reject", (state) => (reason: any) => {
  if (state.done) return;
  state.done = true;
  rejectPromise(state.promise, reason);
});

registerFunction("promise.thenFinally", (state) => (value: any) => {
  const result = apply(state.onFinally, undefined, []);
  return promiseResolve(state.constructor, result).then(makeFunction("promise.value", { value }));
});

registerFunction("promise.catchFinally", (state) => (reason: any) => {
  const result = apply(state.onFinally, undefined, []);
  return promiseResolve(state.constructor, result).then(makeFunction("promise.thrower", { reason }));
});

registerFunction("promise.value", (state) => () => state.value);
registerFunction("promise.thrower", (state) => () => {
  throw state.reason;
});

/** The body of a promise's resolve function, ECMAScript 27.2.1.3.2. Does nothing if the promise is settled. */
export function resolvePromise(promise: any, value: any): void {
  const state: PromiseState = promise[symPromise];
  if (state.state !== pending) return;
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return settle(state, fulfilled, value);
  if (value === promise) return settle(state, rejected, new TypeError("Chaining cycle detected for promise"));
  let then;
  try {
    then = (value as any).then;
  } catch (error) {
    return settle(state, rejected, error);
  }
  if (typeof then !== "function") return settle(state, fulfilled, value);
  state.source = isPromise(value) ? value : undefined;
  enqueue(new ThenableJob(promise, value, then, currentOwner()));
  if (state.debt !== undefined) payLink(promise);
}

export function rejectPromise(promise: any, reason: any): void {
  const state = stateOf(promise);
  if (state.state === pending) settle(state, rejected, reason);
}

/** FulfillPromise and RejectPromise, ECMAScript 27.2.1.4 and 27.2.1.7. */
function settle(state: PromiseState, to: number, value: any): void {
  const reactions = state.reactions;
  if (reactions !== undefined) state.reactions = undefined;
  if (state.source !== undefined) state.source = undefined;
  state.state = to;
  state.value = value;
  if (to === rejected && !state.handled) {
    const { rejected: list } = now;
    list[list.length] = state.owner;
  }
  if (reactions === undefined) return;
  if (!isList(reactions)) trigger(state, reactions);
  else for (let i = 0; i < reactions.length; i++) trigger(state, reactions[i]);
}

/** TriggerPromiseReactions, ECMAScript 27.2.1.8, for one of them. */
function trigger(state: PromiseState, reaction: any): void {
  if (state.debt !== undefined) passDebt(reaction, state.debt);
  stopWaiting(reaction);
  enqueueReaction(reaction, state.state, state.value);
}

function isList(reactions: any): boolean {
  return reactions.length !== undefined;
}

/** How many reactions wait for a promise. */
export function countReactions(state: PromiseState): number {
  const { reactions } = state;
  return reactions === undefined ? 0 : isList(reactions) ? reactions.length : 1;
}

/** What waits for a promise, as a list. */
export function listReactions(state: PromiseState): any[] {
  const { reactions } = state;
  return reactions === undefined ? [] : isList(reactions) ? reactions : [reactions];
}

/** A branch that has a token to come and is not blocked yet takes it along to whoever waits for it, inside what was cancelled. */
function passDebt(reaction: any, debt: CancelToken): void {
  if (reaction instanceof ThenReaction) {
    if (isCancelled(reaction.scope)) reaction.debt = debt;
  } else if (!(reaction instanceof LockReaction) && !(reaction instanceof ElementReaction)) {
    if (isCancelled(reaction)) reaction.debt = debt;
  } else if (reaction instanceof LockReaction) stateOf(reaction.promise).debt = debt;
}

/** The promise that a reaction waits for, or undefined. */
export function waitedFor(reaction: any): any {
  return isFrame(reaction) ? reaction.a : reaction.on;
}

export function isFrame(reaction: any): boolean {
  return reaction.fn !== undefined;
}

function startWaiting(reaction: any, promise: any): void {
  if (isFrame(reaction)) {
    reaction.a = promise;
    running.blocked.add(reaction);
  } else reaction.on = promise;
}

export function stopWaiting(reaction: any): void {
  if (isFrame(reaction)) {
    reaction.a = undefined;
    running.blocked.delete(reaction);
  } else reaction.on = undefined;
}

/** Subscribes reaction to promise: the end of PerformPromiseThen, ECMAScript 27.2.5.4.1. True if it has to wait. */
export function subscribe(promise: any, reaction: any): boolean {
  const state: PromiseState = promise[symPromise];
  state.handled = true;
  if (state.state === pending) {
    const { reactions } = state;
    if (reactions === undefined) state.reactions = reaction;
    else if (isList(reactions)) reactions[reactions.length] = reaction;
    else state.reactions = [reactions, reaction];
    startWaiting(reaction, promise);
    return true;
  }
  if (state.debt !== undefined) passDebt(reaction, state.debt);
  enqueueReaction(reaction, state.state, state.value);
  return false;
}

export function performThen(promise: any, onFulfilled: any, onRejected: any, capability: Capability | undefined): void {
  const reaction: any = { __proto__: ThenReaction.prototype, scope: currentOwner(), capability };
  if (typeof onFulfilled === "function") reaction.onFulfilled = onFulfilled;
  if (typeof onRejected === "function") reaction.onRejected = onRejected;
  if (capability !== undefined && capability.resolve === undefined) stateOf(capability.promise).source = reaction;
  subscribe(promise, reaction);
}

/** Whether `promise.then(f, g)` with this `then` would do nothing that can be seen but subscribe. */
export function isPlainThen(promise: any, then: any): boolean {
  return then === builtinThen && isPromise(promise);
}

// Frames.

/** Begins an async call: it becomes the owner of what it starts. Returns the owner before, for leaveFrame. */
export function enterFrame(frame: any): Owner {
  const before = owner;
  setOwner(frame);
  frame.scope = before;
  if (before !== undefined && before.debt !== undefined) frame.debt = before.debt;
  return before;
}

export function leaveFrame(before: Owner): void {
  setOwner(before);
}

/** ECMAScript 27.7.5.3 Await: resumes frame with resumeFrame when value has settled. */
export function awaitValue(frame: any, value: any): void {
  // Also if it does not block now: a combinator that is given the call's promise has to find the call.
  const result: PromiseState = frame.d[symPromise];
  if (result !== undefined && result.source === undefined) result.source = frame;
  if (value === null || (typeof value !== "object" && typeof value !== "function")) {
    // A promise of it would be fulfilled already, and nobody else would ever see it.
    enqueueReaction(frame, fulfilled, value);
    return;
  }
  let promise;
  try {
    // PromiseResolve(%Promise%, value)
    const slot: PromiseState | undefined = value[symPromise];
    const its = slot !== undefined && slot.owner === value ? value.constructor : undefined;
    if (its !== undefined && (its === WorkflowPromise || ownSubclasses.has(its))) promise = value;
    else resolvePromise((promise = newPromise()), value);
  } catch (error) {
    resumeFrame(frame, error, 1);
    return;
  }
  if (!subscribe(promise, frame)) return;
  if (frame.debt !== undefined) payDebt(frame);
}

function resume(frame: any, value: any, mode: 0 | 1): void {
  if (frame.scope !== undefined && frame.scope.pc === -1) skipFinished(frame);
  setOwner(frame);
  if (frame.debt !== undefined) {
    // If the frame finishes before it blocks, its caller has to pay.
    const state = stateOf(frame.d);
    state.debt = frame.debt;
    resumeFrame(frame, value, mode);
    if (frame.a !== undefined) state.debt = undefined;
    return;
  }
  resumeFrame(frame, value, mode);
}

// Jobs.

/** Runs a reaction that is due. */
export function react(reaction: any, to: number, value: any): void {
  if (reaction.fn !== undefined) resume(reaction, value, to === rejected ? 1 : 0);
  else {
    setOwner(running.scope);
    reaction.react(to, value);
  }
}

/**
 * ECMAScript 27.2.2.2. If `then` is ours, the promise follows by a LockReaction instead of two functions. Cancelling may have
 * settled the promise meanwhile.
 */
export function followThenable(promise: any, thenable: any, then: Function): void {
  if (isPlainThen(thenable, then)) {
    let species;
    try {
      species = speciesConstructor(thenable);
    } catch (error) {
      rejectPromise(promise, error);
      return;
    }
    if (species === WorkflowPromise) {
      if (stateOf(promise).state === pending) subscribe(thenable, new LockReaction(promise));
      return;
    }
  }
  const [resolve, reject] = resolvingFunctions(promise);
  try {
    apply(then, thenable, [resolve, reject]);
  } catch (error) {
    apply(reject, undefined, [error]);
  }
}

/** An error that no promise carries: as if a promise had been rejected with it. */
export function reportError(error: unknown): void {
  rejectPromise(newPromise(), error);
}
