// Promise.all, race, any and allSettled: ECMAScript 27.2.4, with structured cancellation.
//
// - Each argument is a branch with a scope of its own, a child of the combinator, which is a child of its caller. What the
//   caller had started to make the argument is moved into the branch (adopt).
// - When the outcome is decided (race: one has settled; all: one has rejected; any: one has fulfilled) the branches that
//   have not settled are cancelled.
// - The combinator settles when the cancelled branches have: their cleanup is part of it. What they throw or return is dropped.
// - A branch that cannot be cancelled, because nothing of ours settles it (a foreign promise, a thenable, a shielded part), is
//   not waited for. So with plain values, thenables and settled promises everything happens when ECMAScript says.
//
// With a constructor other than Promise itself (`class Mine extends Promise`, `Promise.all.call(Other, …)`) a combinator is
// the standard's, without cancellation: who made the class wants to see its own calls.

import { makeFunction, registerFunction } from "./function";
import { isObject } from "./object";
import { currentOwner } from "./thread";
import { CancellationScope, cancelledAbove, moveCancelers, skipFinished } from "./scope";
import {
  Capability,
  ThenReaction,
  WorkflowPromise,
  countReactions,
  fulfilled,
  rejected,
  isFrame,
  isPlainThen,
  isPromise,
  newCapability,
  rejectCapability,
  resolveCapability,
  speciesConstructor,
  stateOf,
  subscribe,
} from "./promise";
import { cancelBranch } from "./cancel";

export type Kind = "all" | "race" | "any" | "allSettled";

/** One running combinator: a node of the cancellation tree. */
export class Combinator {
  kind: Kind;
  scope: any;
  capability: Capability;
  /** Results (all, allSettled) or errors (any) by branch. */
  values: unknown[] = [];
  /** The branches in order; undefined once settled. */
  branches: (ElementReaction | undefined)[] = [];
  /** Branches that have not settled, plus one while arguments are still being read. */
  unsettled = 1;
  /** 0 undecided, else the state that capability will get when no branch is left. */
  decided = 0;
  value: unknown;
  /** How many scopes above had been cancelled when it was called, if any: it may be part of a cleanup. */
  cancelledBefore: number | undefined;
  /** -1 when finished, as in a Frame. */
  pc: number | undefined;
  constructor(kind: Kind, capability: Capability) {
    this.kind = kind;
    this.scope = currentOwner();
    this.capability = capability;
    const cancelled = cancelledAbove(this.scope);
    if (cancelled > 0) this.cancelledBefore = cancelled;
  }
}

/** What a combinator leaves on the promise of a branch. */
export class ElementReaction {
  on: any;
  combinator: Combinator;
  index: number;
  /** The scope of the branch; undefined without cancellation. */
  scope: CancellationScope | undefined;
  constructor(combinator: Combinator, index: number) {
    this.combinator = combinator;
    this.index = index;
    if (hasCancellation(combinator)) this.scope = { __proto__: CancellationScope.prototype, scope: combinator } as any;
  }

  react(to: number, value: any): void {
    settleElement(this, to, value);
  }
}

function hasCancellation(combinator: Combinator): boolean {
  return combinator.capability.resolve === undefined;
}

const apply = Reflect.apply;

function combine(constructor: any, iterable: any, kind: Kind): any {
  const capability = newCapability(constructor);
  const combinator = new Combinator(kind, capability);
  if (hasCancellation(combinator)) stateOf(capability.promise).source = combinator;
  try {
    const resolve = constructor.resolve;
    if (typeof resolve !== "function") throw new TypeError("Promise resolve is not a function");
    readArguments(combinator, constructor, resolve, iterable);
  } catch (error) {
    decide(combinator, rejected, error);
  }
  combinator.unsettled--;
  try {
    advance(combinator);
  } catch (error) {
    // The capability's resolve function is the caller's and may throw: IfAbruptRejectPromise.
    rejectCapability(capability, error);
  }
  return capability.promise;
}

let arrayValues: unknown;
let arrayNext: unknown;
const arrayIteratorPrototype: any = Object.getPrototypeOf([][Symbol.iterator]());

/** Closes the iterator if, and only if, something other than the iterator has thrown: ECMAScript 27.2.4.1 step 6. */
function readArguments(combinator: Combinator, constructor: any, resolve: any, iterable: any): void {
  const method = iterable[Symbol.iterator];
  if (method === arrayValues && Array.isArray(iterable) && arrayIteratorPrototype.next === arrayNext) {
    // Nobody could tell its iterator from this.
    for (let index = 0; index < iterable.length; index++) addBranch(combinator, index, constructor, resolve, iterable[index]);
    return;
  }
  if (typeof method !== "function") throw new TypeError("the argument of Promise." + combinator.kind + " is not iterable");
  const iterator = apply(method, iterable, []);
  if (!isObject(iterator)) throw new TypeError("the iterator of Promise." + combinator.kind + " is not an object");
  const next = (iterator as any).next;
  for (let index = 0; ; index++) {
    const result: any = apply(next, iterator, []);
    if (!isObject(result)) throw new TypeError("iterator result is not an object");
    if ((result as any).done) return;
    const value = (result as any).value;
    try {
      addBranch(combinator, index, constructor, resolve, value);
    } catch (error) {
      try {
        const close = (iterator as any).return;
        if (close !== undefined && close !== null) apply(close, iterator, []);
      } catch {
        // The first error stands: ECMAScript 7.4.11 IteratorClose step 5.
      }
      throw error;
    }
  }
}

function addBranch(combinator: Combinator, index: number, constructor: any, resolve: any, argument: any): void {
  combinator.values[index] = undefined;
  const promise: any = apply(resolve, constructor, [argument]);
  const element = new ElementReaction(combinator, index);
  combinator.branches[index] = element;
  combinator.unsettled++;
  const then = promise.then;
  if (isPlainThen(promise, then) && hasCancellation(combinator) && speciesConstructor(promise) === WorkflowPromise) {
    adopt(promise, element.scope!, combinator.scope);
    subscribe(promise, element);
    return;
  }
  const state = { element, done: false };
  apply(then, promise, [onFulfilled(combinator, state), onRejected(combinator, state)]);
}

// The functions of the general case. ECMAScript hands the capability's own functions to each `then` where it can.

function onFulfilled(combinator: Combinator, state: any): any {
  const { kind, capability } = combinator;
  if ((kind === "race" || kind === "any") && capability.resolve !== undefined) return capability.resolve;
  return makeFunction("combinator.fulfilled", state);
}

function onRejected(combinator: Combinator, state: any): any {
  const { kind, capability } = combinator;
  if ((kind === "race" || kind === "all") && capability.reject !== undefined) return capability.reject;
  return makeFunction("combinator.rejected", state);
}

registerFunction("combinator.fulfilled", (state) => (value: any) => {
  const { combinator } = state.element;
  if (state.done) return combinator.kind === "any" ? override(combinator, fulfilled, value) : undefined;
  state.done = true;
  settleElement(state.element, fulfilled, value);
});

registerFunction("combinator.rejected", (state) => (reason: any) => {
  const { combinator } = state.element;
  if (state.done) return combinator.kind === "all" ? override(combinator, rejected, reason) : undefined;
  state.done = true;
  settleElement(state.element, rejected, reason);
});

/**
 * Moves into scope what owner, the caller of the combinator, had started for the branch: the async call whose result promise is, a ref, or the
 * chain of `then` that leads to one. A link that others wait for too is not moved, nor what is above it.
 *
 * The promise may have been handed to the caller, as in `withTimeout(ask())`: so what the function
 * that called it had started counts too, unless somebody waits for it already.
 */
function adopt(promise: any, scope: CancellationScope, owner: any): void {
  for (let first = true; ; first = false) {
    const state = stateOf(promise);
    if (state.state !== 0 || (!first && countReactions(state) > 1)) return;
    const isShared = first && countReactions(state) > 0;
    const source = state.source;
    if (source === undefined) return;
    if (isPromise(source)) {
      promise = source;
      continue;
    }
    skipFinished(source);
    if (source.scope !== owner && (isShared || !isFrame(owner) || source.scope !== owner.scope)) return;
    if (isFrame(source)) moveCancelers(source, scope);
    source.scope = scope;
    if (!(source instanceof ThenReaction) || source.on === undefined) return;
    promise = source.on;
  }
}

/** A branch has settled. */
export function settleElement(element: ElementReaction, to: number, value: any): void {
  const { combinator, index } = element;
  if (combinator.branches[index] === undefined) return;
  combinator.branches[index] = undefined;
  combinator.unsettled--;
  if (combinator.decided === 0) {
    switch (combinator.kind) {
      case "all":
        if (to === rejected) decide(combinator, rejected, value);
        else combinator.values[index] = value;
        break;
      case "race":
        decide(combinator, to, value);
        break;
      case "any":
        if (to === fulfilled) decide(combinator, fulfilled, value);
        else combinator.values[index] = value;
        break;
      case "allSettled":
        combinator.values[index] = to === fulfilled ? { status: "fulfilled", value } : { status: "rejected", reason: value };
        break;
    }
    if (combinator.decided !== 0) cancelOthers(combinator);
  }
  if (combinator.unsettled === 0) advance(combinator);
}

/** Goes on as far as it can after something has changed. */
function advance(combinator: Combinator): void {
  if (combinator.decided !== 0) cancelOthers(combinator);
  else if (combinator.unsettled === 0) allSettledNow(combinator);
  finish(combinator);
}

/** A thenable has settled twice in different ways; ECMAScript lets the second one decide if nothing has been decided. */
function override(combinator: Combinator, to: number, value: unknown): void {
  if (combinator.decided !== 0) return;
  decide(combinator, to, value);
  advance(combinator);
}

/** No branch is left and none has decided. */
function allSettledNow(combinator: Combinator): void {
  if (combinator.kind === "race") return;
  if (combinator.kind !== "any") return decide(combinator, fulfilled, combinator.values);
  const error = new AggregateError([], "All promises were rejected");
  Object.defineProperty(error, "errors", { value: combinator.values, writable: true, enumerable: false, configurable: true });
  decide(combinator, rejected, error);
}

/** Sets the outcome, unless there is one. */
export function decide(combinator: Combinator, to: number, value: unknown): void {
  if (combinator.decided !== 0) return;
  combinator.decided = to;
  combinator.value = value;
}

/** Cancels the branches that have not settled. */
function cancelOthers(combinator: Combinator): void {
  letGo(combinator, hasCancellation(combinator) ? cancelBranch : () => false);
}

/** Lets go of the unsettled branches that do not end: the combinator does not wait for them. */
export function letGo(combinator: Combinator, ends: (element: ElementReaction) => boolean): void {
  const { branches } = combinator;
  for (let i = 0; i < branches.length; i++) {
    const element = branches[i];
    if (element === undefined || ends(element)) continue;
    branches[i] = undefined;
    combinator.unsettled--;
  }
}

/** Settles the combinator's promise if the outcome is decided and no branch is left. */
export function finish(combinator: Combinator): void {
  if (combinator.pc === -1 || combinator.decided === 0 || combinator.unsettled > 0) return;
  const { capability, decided, value } = combinator;
  combinator.pc = -1;
  combinator.values = [];
  combinator.branches = [];
  combinator.value = undefined;
  if (decided === fulfilled) resolveCapability(capability, value);
  else rejectCapability(capability, value);
}

const combinators: any = {
  all(iterable: any): any {
    return combine(this, iterable, "all");
  },
  race(iterable: any): any {
    return combine(this, iterable, "race");
  },
  any(iterable: any): any {
    return combine(this, iterable, "any");
  },
  allSettled(iterable: any): any {
    return combine(this, iterable, "allSettled");
  },
};

/** Call it when the iterators are those of this library. */
export function installCombinators(): void {
  arrayValues = Array.prototype[Symbol.iterator];
  arrayNext = arrayIteratorPrototype.next;
  const names = Object.keys(combinators);
  for (let i = 0; i < names.length; i++) {
    Object.defineProperty(WorkflowPromise, names[i], { value: combinators[names[i]], writable: true, configurable: true });
  }
}
