// Private symbols: where the runtime keeps what ECMAScript keeps in internal slots.
//
// A private symbol's property is non-enumerable and is hidden from reflection (reflect.ts), so workflow code can neither see
// nor copy it; the codec reads it as an ordinary property. The property holds a record that names its owner, because a
// property, other than a slot, is inherited: `record.owner === object` is the test for "has the slot".

/** Given by the host program that installs the runtime. */
export interface Host {
  /** Defines a writable, non-enumerable, non-configurable property; does nothing on a Proxy or a non-extensible object. */
  define(object: object, symbol: symbol, value: unknown): void;
  /** Makes an object with a prototype and such a property. */
  createWith(prototype: object, symbol: symbol, value: unknown): any;
  log(level: string, text: string): void;
  randomBytes(count: number): ArrayBuffer;
  isProxy(object: unknown): boolean;
  /** JSON.stringify of a text. */
  quote(text: string): string;
  bitLength(value: bigint): number;
}

declare const host: Host; // the parameter of the function that this library is wrapped in (runtime.go)
export const theHost: Host = host;

export const define: Host["define"] = host.define;
export const createWith: Host["createWith"] = host.createWith;

/** Symbol.asyncIterator, which goja lacks; made here because classes use it while they are defined. */
export const asyncIterator: typeof Symbol.asyncIterator = (Symbol.asyncIterator ?? Symbol("Symbol.asyncIterator")) as any;
Object.defineProperty(Symbol, "asyncIterator", { value: asyncIterator, writable: false, enumerable: false, configurable: false });

/** Tags a function made by makeFunction: `{id, state}`. */
export const symFunction: unique symbol = Symbol("kont.function");
/** Tags a class: `{id, env, heritage, keys}`. */
export const symClass: unique symbol = Symbol("kont.class");
/** Marks an object that may have property descriptors other than plain data. */
export const symMark: unique symbol = Symbol("kont.mark");
/** On a promise: its PromiseState. */
export const symPromise: unique symbol = Symbol("kont.promise");
/** On a key of a WeakMap: its WeakEntries. */
export const symWeak: unique symbol = Symbol("kont.weak");
/** On a WeakMap or WeakSet: its WeakState. */
export const symWeakMap: unique symbol = Symbol("kont.weakMap");
/** On an iterator of a built-in collection: its state. */
export const symIterator: unique symbol = Symbol("kont.iterator");

/** On the prototype object of a generator function or a class: the function. */
export const symPrototypeOf: unique symbol = Symbol("kont.prototypeOf");

/** All private symbols by name. Append only: continuations name them. */
export const privateSymbols: Record<string, symbol> = {
  function: symFunction,
  class: symClass,
  mark: symMark,
  promise: symPromise,
  weak: symWeak,
  weakMap: symWeakMap,
  iterator: symIterator,
  prototypeOf: symPrototypeOf,
};

export function isObject(value: unknown): value is object {
  return value !== null && (typeof value === "object" || typeof value === "function");
}

/** Marks object, once, and returns it. */
export function mark<T>(object: T): T {
  if (isObject(object) && !Reflect_has(object, symMark)) define(object, symMark, true);
  return object;
}

const hasOwnProperty = Object.prototype.hasOwnProperty;
const apply = Reflect.apply;
function Reflect_has(object: object, key: PropertyKey): boolean {
  return !host.isProxy(object) && apply(hasOwnProperty, object, [key]);
}

const construct = Reflect.construct;
const nothing = function () {};

/** ECMAScript 7.2.4 IsConstructor. */
export function isConstructor(value: unknown): boolean {
  if (typeof value !== "function") return false;
  try {
    construct(nothing, [], value);
    return true;
  } catch {
    return false;
  }
}
