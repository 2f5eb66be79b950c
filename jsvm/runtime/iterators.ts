// Iterator and its helpers: ECMAScript 27.1.2 to 27.1.4 (ES2025).
//
// In the standard a helper is a generator of the engine. Here it is an object with a record of what the generator would have had in its locals, so that it can be
// held across an await part-way. The methods of %Iterator.prototype% are in iteratorMethods.ts.

import { core } from "./core";
import { giveSlot, slotOf } from "./slot";

const { isObject } = core;
const { apply } = Reflect;
const iteratorPrototype: any = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

const Iterator: any = function (this: any) {
  if (new.target === undefined || new.target === Iterator) throw new TypeError("Iterator is an abstract class: extend it");
  return Reflect.construct(Object, [], new.target);
};
Object.defineProperty(Iterator, "name", { value: "Iterator", configurable: true });
Object.defineProperty(Iterator, "prototype", { value: iteratorPrototype, writable: false, enumerable: false, configurable: false });

/** An Iterator Record, ECMAScript 7.4.1. */
interface Direct {
  iterator: any;
  next: any;
}

/** GetIteratorDirect, ECMAScript 7.4.2. */
function direct(iterator: any): Direct {
  return { iterator, next: iterator.next };
}

/** IteratorStep and IteratorValue: the next value, or `end`. */
const end = {};
function step({ iterator, next }: Direct): unknown {
  const result = apply(next, iterator, []);
  if (!isObject(result)) throw new TypeError("the iterator's result is no object");
  return (result as any).done ? end : (result as any).value;
}

/** IteratorClose for a normal or return completion: what `return` throws is thrown. */
function close(iterator: any): void {
  const method = iterator.return;
  if (method === undefined || method === null) return;
  if (!isObject(apply(method, iterator, []))) throw new TypeError("the iterator's return gave no object");
}

/** IteratorClose for a throw completion: error is what is thrown. */
function closeAfter(iterator: any, error: unknown): unknown {
  try {
    const method = iterator.return;
    if (method !== undefined && method !== null) apply(method, iterator, []);
  } catch {
    // the first error counts
  }
  return error;
}

/** Calls fn; if it throws, the iterator is closed. */
function guarded<T>(iterator: any, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw closeAfter(iterator, error);
  }
}

function receiver(object: any, method: string): any {
  if (!isObject(object)) throw new TypeError(`Iterator.prototype.${method} called on a value that is no object`);
  return object;
}

function callback(object: any, fn: unknown, method: string): any {
  receiver(object, method);
  if (typeof fn !== "function") throw closeAfter(object, new TypeError(`Iterator.prototype.${method}: the callback is no function`));
  return fn;
}

/** The argument of take and drop. */
function limitOf(object: any, limit: unknown, method: string): number {
  receiver(object, method);
  const number = guarded(object, () => Number(limit));
  if (number !== number) throw closeAfter(object, new RangeError(`Iterator.prototype.${method}: the limit is no number`));
  const integer = Math.trunc(number);
  if (integer < 0) throw closeAfter(object, new RangeError(`Iterator.prototype.${method}: the limit is negative`));
  return integer;
}

/** GetIteratorFlattenable, ECMAScript 7.4.5. */
function flattenable(value: any, takesStrings: boolean): Direct {
  if (!isObject(value) && !(takesStrings && typeof value === "string")) throw new TypeError("the value is neither an iterator nor iterable");
  const method = (value as any)[Symbol.iterator];
  const iterator = method === undefined || method === null ? value : apply(method, value, []);
  if (!isObject(iterator)) throw new TypeError("the iterator is no object");
  return direct(iterator);
}

const enum Op {
  Map,
  Filter,
  Take,
  Drop,
  FlatMap,
}

/** The slot of a helper. */
interface Helper {
  op: Op;
  outer: Direct;
  fn: any;
  /** Calls of fn, or what is left to take or to drop. */
  count: number;
  /** The iterator that flatMap is in the middle of. */
  inner: Direct | undefined;
  isStarted: boolean;
  isRunning: boolean;
  isDone: boolean;
}

const kind = "Iterator Helper";
const helperPrototype: any = Object.create(iteratorPrototype);

function makeHelper(object: any, op: Op, fn: unknown, count: number): any {
  const helper = Object.create(helperPrototype);
  const record: Helper = { op, outer: direct(object), fn, count, inner: undefined, isStarted: false, isRunning: false, isDone: false };
  giveSlot(helper, kind, record);
  return helper;
}

/** One resumption of the helper's closure: the value that it yields, or `end`. */
function advance(helper: Helper): unknown {
  const { outer, fn } = helper;
  const { iterator } = outer;
  switch (helper.op) {
    case Op.Map: {
      const value = step(outer);
      return value === end ? end : guarded(iterator, () => apply(fn, undefined, [value, helper.count++]));
    }
    case Op.Filter:
      for (;;) {
        const value = step(outer);
        if (value === end || guarded(iterator, () => apply(fn, undefined, [value, helper.count++]))) return value;
      }
    case Op.Take:
      if (helper.count === 0) {
        close(iterator);
        return end;
      }
      helper.count--; // Infinity stays
      return step(outer);
    case Op.Drop:
      for (; helper.count > 0; helper.count--) if (step(outer) === end) return end;
      return step(outer);
    default:
      for (;;) {
        if (helper.inner === undefined) {
          const value = step(outer);
          if (value === end) return end;
          helper.inner = guarded(iterator, () => flattenable(apply(fn, undefined, [value, helper.count++]), false));
        }
        const value = guarded(iterator, () => step(helper.inner!));
        if (value !== end) return value;
        helper.inner = undefined;
      }
  }
}

function running<T>(helper: Helper, fn: () => T): T {
  helper.isRunning = true;
  try {
    return fn();
  } finally {
    helper.isRunning = false;
  }
}

const helperMethods: any = {
  next(this: any) {
    const helper: Helper = slotOf(this, kind, "next");
    if (helper.isRunning) throw new TypeError("the iterator helper is running already");
    if (helper.isDone) return { value: undefined, done: true };
    helper.isStarted = true;
    let value: unknown = end;
    try {
      value = running(helper, () => advance(helper));
    } finally {
      if (value === end) helper.isDone = true;
    }
    return value === end ? { value: undefined, done: true } : { value, done: false };
  },
  return(this: any) {
    const helper: Helper = slotOf(this, kind, "return");
    if (helper.isRunning) throw new TypeError("the iterator helper is running already");
    if (helper.isDone) return { value: undefined, done: true };
    helper.isDone = true;
    const { iterator } = helper.outer;
    const { inner } = helper;
    const closeAll = () => {
      if (inner !== undefined) guarded(iterator, () => close(inner.iterator));
      close(iterator);
    };
    // Before the first next the standard's closure does not run.
    if (helper.isStarted) running(helper, closeAll);
    else closeAll();
    return { value: undefined, done: true };
  },
};

function put(object: any, key: PropertyKey, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: false, configurable: true });
}
put(helperPrototype, "next", helperMethods.next);
put(helperPrototype, "return", helperMethods.return);
Object.defineProperty(helperPrototype, Symbol.toStringTag, { value: kind, configurable: true });

/** Runs over an iterator to its end, or until fn gives anything but undefined. */
function consume(object: any, fn: (value: unknown, index: number) => unknown): unknown {
  const iterated = direct(object);
  for (let index = 0; ; index++) {
    const value = step(iterated);
    if (value === end) return undefined;
    const result = guarded(object, () => fn(value, index));
    if (result !== undefined) {
      close(object);
      return result;
    }
  }
}

/** What the methods of %Iterator.prototype% do. */
const methods: Record<string, (object: any, ...args: any[]) => unknown> = {
  map: (object, fn) => makeHelper(object, Op.Map, callback(object, fn, "map"), 0),
  filter: (object, fn) => makeHelper(object, Op.Filter, callback(object, fn, "filter"), 0),
  flatMap: (object, fn) => makeHelper(object, Op.FlatMap, callback(object, fn, "flatMap"), 0),
  take: (object, limit) => makeHelper(object, Op.Take, undefined, limitOf(object, limit, "take")),
  drop: (object, limit) => makeHelper(object, Op.Drop, undefined, limitOf(object, limit, "drop")),
  toArray(object) {
    const all: unknown[] = [];
    consume(receiver(object, "toArray"), (value) => {
      all[all.length] = value;
    });
    return all;
  },
  forEach(object, fn) {
    callback(object, fn, "forEach");
    consume(object, (value, index) => {
      apply(fn, undefined, [value, index]);
    });
  },
  some: (object, fn) => consume(object, ((test) => (value, index) => (apply(test, undefined, [value, index]) ? true : undefined))(callback(object, fn, "some"))) === true,
  every: (object, fn) => consume(object, ((test) => (value, index) => (apply(test, undefined, [value, index]) ? undefined : false))(callback(object, fn, "every"))) !== false,
  find(object, fn) {
    callback(object, fn, "find");
    const found = consume(object, (value, index) => (apply(fn, undefined, [value, index]) ? { value } : undefined)) as any;
    return found === undefined ? undefined : found.value;
  },
  reduce(object, fn, hasInitial, initial) {
    callback(object, fn, "reduce");
    const iterated = direct(object);
    let result = initial;
    let index = 0;
    if (!hasInitial) {
      result = step(iterated);
      if (result === end) throw new TypeError("Iterator.prototype.reduce of an empty iterator with no initial value");
      index = 1;
    }
    for (; ; index++) {
      const value = step(iterated);
      if (value === end) return result;
      result = guarded(object, () => apply(fn, undefined, [result, value, index]));
    }
  },
};

// Iterator.from, ECMAScript 27.1.3.2.1.

const wrapKind = "Wrapped Iterator";
const wrapPrototype: any = Object.create(iteratorPrototype);
const wrapMethods: any = {
  next(this: any) {
    const { iterator, next } = slotOf(this, wrapKind, "next");
    return apply(next, iterator, []);
  },
  return(this: any) {
    const { iterator } = slotOf(this, wrapKind, "return");
    const method = iterator.return;
    return method === undefined || method === null ? { value: undefined, done: true } : apply(method, iterator, []);
  },
};
put(wrapPrototype, "next", wrapMethods.next);
put(wrapPrototype, "return", wrapMethods.return);

const statics: any = {
  from(value: any) {
    const iterated = flattenable(value, true);
    if (iterated.iterator instanceof Iterator) return iterated.iterator;
    const wrapper = Object.create(wrapPrototype);
    giveSlot(wrapper, wrapKind, iterated);
    return wrapper;
  },
};
put(Iterator, "from", statics.from);

export default {
  globals: { Iterator },
  hidden: { "%IteratorHelperPrototype%": helperPrototype, "%WrapForValidIteratorPrototype%": wrapPrototype },
  internal: methods,
  known: [iteratorPrototype],
};
