// AbortController and AbortSignal: DOM 3.2 and 3.3, and how they hang together with cancellation (scope.ts).
//
//	W.abortSignal(scope)          a signal that is aborted when the scope is cancelled; its reason is the CancelToken
//	W.cancelOnAbort(signal, scope) the scope is cancelled when the signal is aborted; the reason is the cause of the CancelToken
//	AbortSignal.timeout(ms)       a durable timer of the scheduler, as W.sleep; it does not keep the thread alive
//
// A signal that depends on others (AbortSignal.any) hangs on its sources by strong references: there is no collector to ask.

import { core } from "./core";
import { addListener, CustomEvent, dispatch, DOMException, Event, EventTarget, removeListener, signals, targetKind, targetOf } from "./event";
import type { Listener } from "./event";
import { finishClass, giveSlot, hasSlot, slotOf } from "./slot";

const { CancellationScope, cancelScope, currentCancellationScope, currentOwner, isObject, makeFunction, registerFunction, sleep, symSlot } = core;

/** What an AbortSignal has beside its listeners. */
interface Signal {
  isAborted: boolean;
  reason: unknown;
  /** In order, what an abort does before the event: signals that depend on it, listeners that it removes, scopes that it cancels. */
  algorithms: any[];
  sources: any[];
  isDependent: boolean;
  handler: unknown;
}

function isSignal(value: unknown): boolean {
  return hasSlot(value, targetKind) && (value as any)[symSlot].signal !== undefined;
}

function signalOf(value: unknown, member: string): Signal {
  if (!isSignal(value)) throw new TypeError(`${member} called on an object that is no AbortSignal`);
  return (value as any)[symSlot].signal;
}

const AbortSignal: any = class extends EventTarget {
  constructor() {
    super();
    throw new TypeError("AbortSignal is made by an AbortController, AbortSignal.abort, AbortSignal.timeout, AbortSignal.any or W.abortSignal");
  }
  static abort(reason?: unknown): any {
    const signal = makeSignal();
    const state = signalOf(signal, "abort");
    state.isAborted = true;
    state.reason = reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason;
    return signal;
  }
  static timeout(milliseconds: unknown): any {
    const delay = Number(milliseconds);
    if (!(delay >= 0 && delay <= Number.MAX_SAFE_INTEGER)) throw new TypeError(`AbortSignal.timeout: ${String(milliseconds)} is no number of milliseconds from 0 to 2^53 - 1`);
    const signal = makeSignal();
    const timer = sleep(Math.trunc(delay));
    core.waitOf(timer).after = makeFunction("abort.timeout", { signal });
    return signal;
  }
  static any(list: Iterable<any>): any {
    const given = Array.from(list);
    for (const source of given) signalOf(source, "AbortSignal.any");
    const signal = makeSignal();
    const state = signalOf(signal, "any");
    for (const source of given) {
      const its = signalOf(source, "any");
      if (!its.isAborted) continue;
      state.isAborted = true;
      state.reason = its.reason;
      return signal;
    }
    state.isDependent = true;
    for (const source of given) {
      const its = signalOf(source, "any");
      for (const root of its.isDependent ? its.sources : [source]) {
        if (state.sources.indexOf(root) >= 0) continue;
        state.sources.push(root);
        signalOf(root, "any").algorithms.push({ signal });
      }
    }
    return signal;
  }
  get aborted(): boolean {
    return signalOf(this, "aborted").isAborted;
  }
  get reason(): unknown {
    return signalOf(this, "reason").reason;
  }
  throwIfAborted(): void {
    const { isAborted, reason } = signalOf(this, "throwIfAborted");
    if (isAborted) throw reason;
  }
  get onabort(): unknown {
    return signalOf(this, "onabort").handler;
  }
  set onabort(value: unknown) {
    const state = signalOf(this, "onabort");
    const target = targetOf(this, "onabort");
    const handler = isObject(value) ? value : null;
    const before = target.listeners.find((listener: Listener) => listener.isHandler);
    state.handler = handler;
    if (handler === null || typeof handler !== "function") {
      if (before !== undefined) removeListener(target, before);
    } else if (before !== undefined) before.callback = handler;
    else addListener(target, { type: "abort", callback: handler, capture: false, passive: false, once: false, signal: undefined, removed: false, isHandler: true });
  }
};
finishClass(AbortSignal, "AbortSignal", 0);

function makeSignal(): any {
  const made = Object.create(AbortSignal.prototype);
  const signal: Signal = { isAborted: false, reason: undefined, algorithms: [], sources: [], isDependent: false, handler: null };
  giveSlot(made, targetKind, { listeners: [], signal });
  return made;
}

/** DOM 3.3 "signal abort": dependent signals have the reason before any listener runs. */
function signalAbort(signal: any, reason: unknown): void {
  const state = signalOf(signal, "abort");
  if (state.isAborted) return;
  state.isAborted = true;
  state.reason = reason;
  const dependents: any[] = [];
  for (const algorithm of state.algorithms) {
    if (algorithm.signal === undefined) continue;
    const dependent = signalOf(algorithm.signal, "abort");
    if (dependent.isAborted) continue;
    dependent.isAborted = true;
    dependent.reason = reason;
    dependents.push(algorithm.signal);
  }
  runAlgorithms(signal);
  for (const dependent of dependents) runAlgorithms(dependent);
}

function runAlgorithms(signal: any): void {
  const state = signalOf(signal, "abort");
  const { algorithms } = state;
  state.algorithms = [];
  for (const { target, listener, scope } of algorithms) {
    if (listener !== undefined) removeListener(targetOf(target, "abort"), listener);
    if (scope !== undefined) cancelScope(scope, state.reason);
  }
  const event = new Event("abort");
  event[symSlot].isTrusted = true;
  dispatch(signal, event);
}

signals.isAborted = (signal) => signalOf(signal, "addEventListener: signal").isAborted;
signals.onAbort = (signal, target, listener) => {
  signalOf(signal, "addEventListener: signal").algorithms.push({ target, listener });
};

const AbortController = class {
  constructor() {
    giveSlot(this, "AbortController", { signal: makeSignal() });
  }
  get signal(): any {
    return slotOf(this, "AbortController", "AbortController.prototype.signal").signal;
  }
  abort(reason?: unknown): void {
    const { signal } = slotOf(this, "AbortController", "AbortController.prototype.abort");
    signalAbort(signal, reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason);
  }
};
finishClass(AbortController, "AbortController", 0);
Object.defineProperty(AbortController.prototype.abort, "length", { value: 0, configurable: true });

registerFunction("abort.timeout", ({ signal }) => () => signalAbort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError")));
registerFunction("abort.cancelled", ({ signal }) => (token: unknown) => signalAbort(signal, token));

/** The signal of a scope, or of the branch that runs now: one for each place that asks. Where nothing can be cancelled it is never aborted. */
function abortSignal(scope?: any): any {
  if (scope !== undefined && !(scope instanceof CancellationScope)) throw new TypeError("abortSignal: the argument is no CancellationScope");
  const holder = scope ?? currentCancellationScope();
  const signal = makeSignal();
  if (holder === undefined) return signal;
  const state = signalOf(signal, "abortSignal");
  if (holder.token !== undefined) {
    state.isAborted = true;
    state.reason = holder.token;
    return signal;
  }
  const place = scope ?? currentOwner();
  if (holder.added === undefined) holder.added = [];
  for (const entry of holder.added) {
    const tag = entry.scope === place ? entry.canceler[core.symFunction] : undefined;
    if (tag !== undefined && tag.id === "abort.cancelled") return tag.state.signal;
  }
  holder.added.push({ scope: place, canceler: makeFunction("abort.cancelled", { signal }) });
  return signal;
}

/** Cancels scope, or the one that the caller runs in, when signal is aborted; now, if it is. */
function cancelOnAbort(signal: any, scope?: any): void {
  if (!isSignal(signal)) throw new TypeError("cancelOnAbort: the first argument is no AbortSignal");
  const target = scope ?? currentCancellationScope();
  if (target === undefined) throw new TypeError("cancelOnAbort: there is no scope to cancel here: name one");
  if (!(target instanceof CancellationScope)) throw new TypeError("cancelOnAbort: the second argument is no CancellationScope");
  const state = signalOf(signal, "cancelOnAbort");
  if (state.isAborted) cancelScope(target, state.reason);
  else if (target.token === undefined) state.algorithms.push({ scope: target });
}

export default {
  globals: { DOMException, Event, CustomEvent, EventTarget, AbortSignal, AbortController },
  internal: { DOMException, abortSignal, cancelOnAbort },
};
