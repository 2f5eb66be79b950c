// SuppressedError, DisposableStack and AsyncDisposableStack: ECMAScript 20.5.8, 27.3 and 27.4 (explicit resource management, ES2026).
//
// `using` itself is lowered by the bundler.

import { core } from "./core";
import { finishClass, giveSlot, slotOf } from "./slot";

const { isObject, makeFunction, newPromise, performThen, promiseResolve, registerFunction, rejectPromise, resolvePromise, WorkflowPromise } = core;
const { apply } = Reflect;
const { dispose, asyncDispose } = Symbol as any;

const SuppressedError: any = function (this: any, error: unknown, suppressed: unknown, message: unknown) {
  const target = new.target ?? SuppressedError;
  const made: any = Reflect.construct(Error, message === undefined ? [] : [message], target);
  const put = (key: string, value: unknown) => Object.defineProperty(made, key, { value, writable: true, enumerable: false, configurable: true });
  put("error", error);
  put("suppressed", suppressed);
  return made;
};
finishClass(SuppressedError, "SuppressedError", 3);
delete SuppressedError.prototype[Symbol.toStringTag];
Object.setPrototypeOf(SuppressedError, Error);
Object.setPrototypeOf(SuppressedError.prototype, Error.prototype);
Object.defineProperty(SuppressedError, "prototype", { writable: false });
Object.defineProperty(SuppressedError.prototype, "name", { value: "SuppressedError", writable: true, configurable: true });
Object.defineProperty(SuppressedError.prototype, "message", { value: "", writable: true, configurable: true });

/** DisposableResource: what to call. */
interface Resource {
  /** `this` of the method, or its argument if it was adopted. */
  value: unknown;
  /** Undefined: only an await. */
  method: Function | undefined;
  isAdopted: boolean;
  /** Its result is awaited. */
  isAwaited: boolean;
}

function callDispose({ value, method, isAdopted }: Resource): unknown {
  return isAdopted ? apply(method!, undefined, [value]) : apply(method!, value, []);
}

function methodOf(value: any, key: symbol): Function | undefined {
  const method = value[key];
  if (method === undefined || method === null) return undefined;
  if (typeof method !== "function") throw new TypeError(`property [${key.description}] of the resource is no function`);
  return method;
}

function mustBeFunction(value: unknown, what: string): Function {
  if (typeof value !== "function") throw new TypeError(`${what}: the callback is no function`);
  return value;
}

interface State {
  isDisposed: boolean;
  resources: Resource[];
}

function stackIn(object: unknown, kind: string, method: string): State {
  return slotOf(object, kind, `${kind}.prototype.${method}`);
}

function pending(object: unknown, kind: string, method: string): State {
  const state = stackIn(object, kind, method);
  if (state.isDisposed) throw new ReferenceError(`${kind}.prototype.${method} called on a stack that has been disposed of`);
  return state;
}

/** Pairs of an error and the one that it hides, ECMAScript 9.5.7 DisposeResources. */
function suppress(failure: { error: unknown } | undefined, error: unknown): { error: unknown } {
  return { error: failure === undefined ? error : new SuppressedError(error, failure.error) };
}

const DisposableStack = class {
  constructor() {
    giveSlot(this, "DisposableStack", { isDisposed: false, resources: [] });
  }
  get disposed(): boolean {
    return stackIn(this, "DisposableStack", "disposed").isDisposed;
  }
  use(value: unknown): unknown {
    const { resources } = pending(this, "DisposableStack", "use");
    if (value === undefined || value === null) return value;
    if (!isObject(value)) throw new TypeError("DisposableStack.prototype.use: the resource is no object");
    const method = methodOf(value, dispose);
    if (method === undefined) throw new TypeError("DisposableStack.prototype.use: the resource has no method [Symbol.dispose]");
    resources.push({ value, method, isAdopted: false, isAwaited: false });
    return value;
  }
  adopt(value: unknown, onDispose: unknown): unknown {
    const { resources } = pending(this, "DisposableStack", "adopt");
    resources.push({ value, method: mustBeFunction(onDispose, "DisposableStack.prototype.adopt"), isAdopted: true, isAwaited: false });
    return value;
  }
  defer(onDispose: unknown): void {
    const { resources } = pending(this, "DisposableStack", "defer");
    resources.push({ value: undefined, method: mustBeFunction(onDispose, "DisposableStack.prototype.defer"), isAdopted: false, isAwaited: false });
  }
  move(): unknown {
    const state = pending(this, "DisposableStack", "move");
    const moved = new DisposableStack();
    stackIn(moved, "DisposableStack", "move").resources = state.resources;
    state.resources = [];
    state.isDisposed = true;
    return moved;
  }
  dispose(): void {
    const state = stackIn(this, "DisposableStack", "dispose");
    if (state.isDisposed) return;
    state.isDisposed = true;
    const { resources } = state;
    state.resources = [];
    let failure: { error: unknown } | undefined;
    while (resources.length > 0) {
      try {
        callDispose(resources.pop()!);
      } catch (error) {
        failure = suppress(failure, error);
      }
    }
    if (failure !== undefined) throw failure.error;
  }
};

/** What is left of an asynchronous disposal that waits. */
interface Disposal {
  promise: any;
  resources: Resource[];
  failure: { error: unknown } | undefined;
  needsAwait: boolean;
  hasAwaited: boolean;
}

function proceed(disposal: Disposal): void {
  const { resources } = disposal;
  while (resources.length > 0) {
    const resource = resources.pop()!;
    if (resource.method === undefined) {
      disposal.needsAwait = true;
      continue;
    }
    try {
      const result = callDispose(resource);
      return waitFor(disposal, resource.isAwaited ? result : undefined);
    } catch (error) {
      // A synchronous method of an asynchronous stack rejects a promise that is awaited.
      if (!resource.isAwaited) return waitFor(disposal, undefined, { error });
      disposal.failure = suppress(disposal.failure, error);
    }
  }
  if (disposal.needsAwait && !disposal.hasAwaited) return waitFor(disposal, undefined);
  if (disposal.failure === undefined) resolvePromise(disposal.promise, undefined);
  else rejectPromise(disposal.promise, disposal.failure.error);
}

function waitFor(disposal: Disposal, value: unknown, thrown?: { error: unknown }): void {
  disposal.hasAwaited = true;
  let promise;
  if (thrown === undefined) promise = promiseResolve(WorkflowPromise, value);
  else rejectPromise((promise = newPromise()), thrown.error);
  performThen(promise, makeFunction("dispose.fulfilled", disposal), makeFunction("dispose.rejected", disposal), undefined);
}

registerFunction("dispose.fulfilled", (disposal: Disposal) => () => proceed(disposal));
registerFunction("dispose.rejected", (disposal: Disposal) => (error: unknown) => {
  disposal.failure = suppress(disposal.failure, error);
  proceed(disposal);
});

const AsyncDisposableStack = class {
  constructor() {
    giveSlot(this, "AsyncDisposableStack", { isDisposed: false, resources: [] });
  }
  get disposed(): boolean {
    return stackIn(this, "AsyncDisposableStack", "disposed").isDisposed;
  }
  use(value: unknown): unknown {
    const { resources } = pending(this, "AsyncDisposableStack", "use");
    if (value === undefined || value === null) {
      resources.push({ value: undefined, method: undefined, isAdopted: false, isAwaited: true });
      return value;
    }
    if (!isObject(value)) throw new TypeError("AsyncDisposableStack.prototype.use: the resource is no object");
    const method = methodOf(value, asyncDispose);
    if (method !== undefined) {
      resources.push({ value, method, isAdopted: false, isAwaited: true });
      return value;
    }
    const synchronous = methodOf(value, dispose);
    if (synchronous === undefined) throw new TypeError("AsyncDisposableStack.prototype.use: the resource has neither [Symbol.asyncDispose] nor [Symbol.dispose]");
    resources.push({ value, method: synchronous, isAdopted: false, isAwaited: false });
    return value;
  }
  adopt(value: unknown, onDispose: unknown): unknown {
    const { resources } = pending(this, "AsyncDisposableStack", "adopt");
    resources.push({ value, method: mustBeFunction(onDispose, "AsyncDisposableStack.prototype.adopt"), isAdopted: true, isAwaited: true });
    return value;
  }
  defer(onDispose: unknown): void {
    const { resources } = pending(this, "AsyncDisposableStack", "defer");
    resources.push({ value: undefined, method: mustBeFunction(onDispose, "AsyncDisposableStack.prototype.defer"), isAdopted: false, isAwaited: true });
  }
  move(): unknown {
    const state = pending(this, "AsyncDisposableStack", "move");
    const moved = new AsyncDisposableStack();
    stackIn(moved, "AsyncDisposableStack", "move").resources = state.resources;
    state.resources = [];
    state.isDisposed = true;
    return moved;
  }
  disposeAsync(): any {
    const promise = newPromise();
    let state;
    try {
      state = stackIn(this, "AsyncDisposableStack", "disposeAsync");
    } catch (error) {
      rejectPromise(promise, error);
      return promise;
    }
    if (state.isDisposed) {
      resolvePromise(promise, undefined);
      return promise;
    }
    state.isDisposed = true;
    const { resources } = state;
    state.resources = [];
    proceed({ promise, resources, failure: undefined, needsAwait: false, hasAwaited: false });
    return promise;
  }
};

function alias(prototype: any, key: symbol, name: string): void {
  Object.defineProperty(prototype, key, { value: prototype[name], writable: true, enumerable: false, configurable: true });
}
finishClass(DisposableStack, "DisposableStack", 0);
finishClass(AsyncDisposableStack, "AsyncDisposableStack", 0);
alias(DisposableStack.prototype, dispose, "dispose");
alias(AsyncDisposableStack.prototype, asyncDispose, "disposeAsync");

export default { globals: { SuppressedError, DisposableStack, AsyncDisposableStack } };
