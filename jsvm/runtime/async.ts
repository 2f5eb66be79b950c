// Array.fromAsync: ECMAScript 23.1.2.2 (ES2026). What the standard's asynchronous closure has in its locals is a record here.

import { core } from "./core";

const { isConstructor, isObject, makeFunction, newPromise, performThen, promiseResolve, registerFunction, rejectPromise, resolvePromise, WorkflowPromise } = core;
const { apply } = Reflect;

const enum At {
  /** Waits for the result of an asynchronous iterator's next. */
  Next,
  /** Waits for the value of a synchronous iterator or of an array-like object. */
  Value,
  /** Waits for what the callback returned. */
  Mapped,
  /** Waits for the iterator's return, to fail with `error`. */
  Closing,
}

interface Run {
  promise: any;
  at: At;
  made: any;
  index: number;
  mapper: any;
  self: unknown;
  /** Undefined for an array-like object. */
  iterator: any;
  next: any;
  isSync: boolean;
  items: any;
  length: number;
  error: unknown;
}

function wait(run: Run, at: At, value: unknown): void {
  run.at = at;
  performThen(promiseResolve(WorkflowPromise, value), makeFunction("async.fulfilled", run), makeFunction("async.rejected", run), undefined);
}

registerFunction("async.fulfilled", (run: Run) => (value: unknown) => guarded(run, () => resume(run, value)));
registerFunction("async.rejected", (run: Run) => (error: unknown) => {
  if (run.at === At.Closing) rejectPromise(run.promise, run.error);
  // The rejection of an iterator's own value closes a synchronous one; that of its next closes nothing.
  else if (run.at === At.Mapped || (run.at === At.Value && run.isSync)) guarded(run, () => closeWith(run, error));
  else rejectPromise(run.promise, error);
});

function guarded(run: Run, body: () => void): void {
  try {
    body();
  } catch (error) {
    rejectPromise(run.promise, error);
  }
}

function advance(run: Run): void {
  if (run.iterator === undefined) {
    if (run.index < run.length) wait(run, At.Value, run.items[run.index]);
    else finish(run);
    return;
  }
  const result = apply(run.next, run.iterator, []);
  if (!run.isSync) return wait(run, At.Next, result);
  take(run, result);
}

function take(run: Run, result: any): void {
  if (!isObject(result)) throw new TypeError("Array.fromAsync: the iterator's result is no object");
  if ((result as any).done) return finish(run);
  const { value } = result as any;
  if (run.isSync) wait(run, At.Value, value);
  else map(run, value);
}

function resume(run: Run, value: any): void {
  switch (run.at) {
    case At.Next:
      return take(run, value);
    case At.Value:
      return map(run, value);
    case At.Mapped:
      return put(run, value);
    default:
      throw run.error;
  }
}

function map(run: Run, value: unknown): void {
  if (run.mapper === undefined) return put(run, value);
  let mapped;
  try {
    mapped = apply(run.mapper, run.self, [value, run.index]);
  } catch (error) {
    return closeWith(run, error);
  }
  wait(run, At.Mapped, mapped);
}

function put(run: Run, value: unknown): void {
  try {
    if (!Reflect.defineProperty(run.made, String(run.index), { value, writable: true, enumerable: true, configurable: true })) {
      throw new TypeError(`Array.fromAsync: cannot define item ${run.index}`);
    }
  } catch (error) {
    return closeWith(run, error);
  }
  run.index++;
  advance(run);
}

/** Closes the iterator and fails with error. */
function closeWith(run: Run, error: unknown): void {
  run.error = error;
  if (run.iterator === undefined) throw error;
  let result;
  try {
    const method = run.iterator.return;
    if (method === undefined || method === null) throw error;
    result = apply(method, run.iterator, []);
  } catch {
    throw error;
  }
  if (run.isSync) throw error;
  wait(run, At.Closing, result);
}

function finish(run: Run): void {
  run.made.length = run.index;
  resolvePromise(run.promise, run.made);
}

function methodOf(object: any, key: PropertyKey): any {
  const method = object[key];
  if (method === undefined || method === null) return undefined;
  if (typeof method !== "function") throw new TypeError(`Array.fromAsync: property ${String(key)} is no function`);
  return method;
}

function fromAsync(constructor: any, items: any, mapper: any, self: unknown): any {
  const promise = newPromise();
  const run: Run = {
    promise, at: At.Next, made: undefined, index: 0, mapper, self, iterator: undefined, next: undefined, isSync: false, items: undefined, length: 0, error: undefined,
  };
  guarded(run, () => {
    if (mapper !== undefined && typeof mapper !== "function") throw new TypeError("Array.fromAsync: the callback is no function");
    if (items === undefined || items === null) throw new TypeError(`Array.fromAsync: ${items} has no items`);
    const asynchronous = methodOf(items, Symbol.asyncIterator);
    const synchronous = asynchronous === undefined ? methodOf(items, Symbol.iterator) : undefined;
    if (asynchronous !== undefined || synchronous !== undefined) {
      run.made = isConstructor(constructor) ? new constructor() : [];
      run.isSync = asynchronous === undefined;
      run.iterator = apply(asynchronous ?? synchronous, items, []);
      if (!isObject(run.iterator)) throw new TypeError("Array.fromAsync: the iterator is no object");
      run.next = run.iterator.next;
    } else {
      run.items = Object(items);
      const length = Math.trunc(Number(run.items.length)) || 0;
      run.length = Math.min(Math.max(length, 0), Number.MAX_SAFE_INTEGER);
      run.made = isConstructor(constructor) ? new constructor(run.length) : new Array(run.length);
    }
    advance(run);
  });
  return promise;
}

export default { globals: {}, internal: { fromAsync } };
