// Private symbols: where the runtime keeps what ECMAScript keeps in internal slots.
//
// A private symbol's property is non-enumerable and is hidden from reflection (reflect.ts), so workflow code can neither see
// nor copy it; the codec reads it as an ordinary property. The property holds a record that names its owner, because a
// property, other than a slot, is inherited: `record.owner === object` is the test for "has the slot".

/** What few VMs need; mostly families. */
export interface Natives {
  encodeUTF8(text: string): ArrayBuffer;
  /** The text of some bytes of a buffer, and how many of them belong to an unfinished character at the end; null at an error that is fatal. */
  decode(encoding: string, buffer: unknown, from: number, length: number, fatal: boolean, isLast: boolean): [string, number] | null;
  /** Of a text of bytes; null if a character is none. */
  encodeBase64(text: string): string | null;
  decodeBase64(text: string): string | null;
  /** The internal slot that an object has: "Proxy", "Map", "Date", …; "Object" for none, and for a view of a buffer. */
  kindOf(object: unknown): string;
  /** A pattern with its property escapes written out, and what is wrong with them, or "". */
  expandProperties(pattern: string): [string, string];
  /** Whether groups of a pattern are nested too deeply for the engine. */
  isTooDeep(pattern: string): boolean;
}

/** Given by the host program that installs the runtime. */
export interface Host {
  /** Defines a writable, non-enumerable, non-configurable property; does nothing on a Proxy or a non-extensible object. */
  define(object: object, symbol: symbol, value: unknown): void;
  /** Makes an object with a prototype and such a property. */
  createWith(prototype: object, symbol: symbol, value: unknown): any;
  log(level: string, text: string): void;
  randomBytes(count: number): ArrayBuffer;
  isProxy(object: unknown): boolean;
  /** May complete the message of a TypeError. */
  explain(error: unknown): void;
  /** JSON.stringify of a text. */
  quote(text: string): string;
  bitLength(value: bigint): number;
  natives(): Natives;
  /** The function of a family's script; see family.ts. */
  family(file: string): (core: unknown) => any;
  /** Detaches a buffer and makes one of its first bytes, filled up with zeros; null if it is detached already. */
  transfer(buffer: unknown, length: number): ArrayBuffer | null;
  isDetached(buffer: unknown): boolean;
}

declare const host: Host; // the parameter of the function that this library is wrapped in (runtime.go)
export const theHost: Host = host;

export const define: Host["define"] = host.define;
export const createWith: Host["createWith"] = host.createWith;

/** Symbol.asyncIterator, which goja lacks; made here because classes use it while they are defined. */
export const asyncIterator: typeof Symbol.asyncIterator = (Symbol.asyncIterator ?? Symbol("Symbol.asyncIterator")) as any;
Object.defineProperty(Symbol, "asyncIterator", { value: asyncIterator, writable: false, enumerable: false, configurable: false });

// Symbol.dispose and Symbol.asyncDispose, which goja lacks. They are the registered symbols that the bundler's helpers for `using` fall back on where an engine
// has none: what a thread has stored under those is found again. So Symbol.keyFor gives them a key, against ECMAScript.
for (const name of ["dispose", "asyncDispose"]) {
  Object.defineProperty(Symbol, name, { value: (Symbol as any)[name] ?? Symbol.for("Symbol." + name), writable: false, enumerable: false, configurable: false });
}

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
/** On an object of a family (family.ts): the record that has its internal slots. `owner` tells it from an inherited one. */
export const symSlot: unique symbol = Symbol("kont.slot");
/** On an ArrayBuffer that has been detached. */
export const symDetached: unique symbol = Symbol("kont.detached");

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
  slot: symSlot,
  detached: symDetached,
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
