// Iterators of arrays, typed arrays, Map, Set, String and RegExp, with state that can be read.
//
// The prototypes stay goja's own objects, so the standard's object graph is unchanged; only their `next`, and the methods that make
// iterators, are replaced. An iterator is an object with that prototype and a state record under symIterator.
//
// A Map or Set is iterated with goja's own iterator, which follows changes of the collection during the loop. It cannot be saved;
// its position can: how many of the entries that are there now it has passed. quiesce() writes down the positions before a
// thread is saved; when a restored thread is attached, revive() turns positions into iterators again, before any code of the workflow
// can change the collections: a loop may delete the entry that it has just worked on.

import { define, isObject, symFunction, symIterator } from "./object";
import { registerFunction } from "./function";

const apply = Reflect.apply;
const create = Object.create;
const getPrototypeOf = Object.getPrototypeOf;
const defineProperty = Object.defineProperty;

export const enum Kind {
  Keys,
  Values,
  Entries,
}

/** ECMAScript 23.1.5.1. `array` is undefined once the end was reached. */
export class ArrayIteratorState {
  owner: any;
  array: any;
  index = 0;
  kind: Kind;
  constructor(owner: any, array: any, kind: Kind) {
    this.owner = owner;
    this.array = array;
    this.kind = kind;
  }
}

/** ECMAScript 24.1.5 and 24.2.6. */
export class CollectionIteratorState {
  owner: any;
  /** Undefined once the end was reached. */
  collection: any;
  /** How many of the entries that are in the collection have been passed, as of the last quiesce. */
  position = 0;
  /** A runtime function whose making, when a thread is restored, tells that this state has been restored. */
  guard: any = undefined;
  kind: Kind;
  isMap: boolean;
  constructor(owner: any, collection: any, kind: Kind, isMap: boolean) {
    this.owner = owner;
    this.collection = collection;
    this.kind = kind;
    this.isMap = isMap;
  }
}

/** ECMAScript 22.1.5.1. */
export class StringIteratorState {
  owner: any;
  text: string | undefined;
  index = 0;
  constructor(owner: any, text: string) {
    this.owner = owner;
    this.text = text;
  }
}

/** ECMAScript 22.2.9.1. */
export class RegExpStringIteratorState {
  owner: any;
  regExp: any;
  text: string;
  global: boolean;
  unicode: boolean;
  done = false;
  constructor(owner: any, regExp: any, text: string, global: boolean, unicode: boolean) {
    this.owner = owner;
    this.regExp = regExp;
    this.text = text;
    this.global = global;
    this.unicode = unicode;
  }
}

function stateIn(iterator: any, type: any, what: string): any {
  const state = isObject(iterator) ? (iterator as any)[symIterator] : undefined;
  if (state === undefined || state.owner !== iterator || !(state instanceof type)) throw new TypeError("next method called on an object that is no " + what);
  return state;
}

const arrayIteratorPrototype = getPrototypeOf([][Symbol.iterator]());
const mapIteratorPrototype = getPrototypeOf(new Map()[Symbol.iterator]());
const setIteratorPrototype = getPrototypeOf(new Set()[Symbol.iterator]());
const stringIteratorPrototype = getPrototypeOf(""[Symbol.iterator]());
const regExpStringIteratorPrototype = getPrototypeOf(""["matchAll"](/x/g));
const typedArrayPrototype = getPrototypeOf(Uint8Array.prototype);
const typedArrayLength = Object.getOwnPropertyDescriptor(typedArrayPrototype, "length")!.get!;
const typedArrayTag = Object.getOwnPropertyDescriptor(typedArrayPrototype, Symbol.toStringTag)!.get!;
const typedArrayBuffer = Object.getOwnPropertyDescriptor(typedArrayPrototype, "buffer")!.get!;
const nativeMapIterator: any = Map.prototype.entries;
const nativeSetIterator: any = Set.prototype.values;
const nativeMapNext = mapIteratorPrototype.next;
const nativeSetNext = setIteratorPrototype.next;
const mapSize = Object.getOwnPropertyDescriptor(Map.prototype, "size")!.get!;
const setSize = Object.getOwnPropertyDescriptor(Set.prototype, "size")!.get!;
const nativeTypedArrayValues = typedArrayPrototype.values;
const exec = RegExp.prototype.exec;
const floor = Math.min;

function isTypedArray(value: any): boolean {
  return isObject(value) && apply(typedArrayTag, value, []) !== undefined;
}

// Arrays.

function makeArrayIterator(array: any, kind: Kind): any {
  const iterator = create(arrayIteratorPrototype);
  define(iterator, symIterator, new ArrayIteratorState(iterator, array, kind));
  return iterator;
}

const nativeArrayNext = arrayIteratorPrototype.next;

function nextOfArray(this: any): any {
  // goja makes a native iterator for an arguments object, which has a method of its own. If the receiver is no iterator, this throws.
  if (!isObject(this) || (this as any)[symIterator] === undefined) return apply(nativeArrayNext, this, []);
  const state: ArrayIteratorState = stateIn(this, ArrayIteratorState, "Array Iterator");
  const { array, index, kind } = state;
  if (array === undefined) return { value: undefined, done: true };
  let length;
  if (isTypedArray(array)) {
    apply(typedArrayBuffer, array, []);
    length = apply(typedArrayLength, array, []);
  } else length = lengthOf(array);
  if (index >= length) {
    state.array = undefined;
    return { value: undefined, done: true };
  }
  state.index = index + 1;
  if (kind === Kind.Values) return { value: array[index], done: false };
  return { value: kind === Kind.Keys ? index : [index, array[index]], done: false };
}

/** ECMAScript 7.3.18 LengthOfArrayLike. */
function lengthOf(array: any): number {
  const length = array.length;
  if (typeof length === "number" && length >= 0 && length <= 0xffffffff) return Math.floor(length);
  const number = Math.trunc(Number(length));
  return number > 0 ? floor(number, Number.MAX_SAFE_INTEGER) : 0;
}

function toObject(value: any, method: string): any {
  if (value === undefined || value === null) throw new TypeError(method + " called on null or undefined");
  return Object(value);
}

const arrayMethods: any = {
  keys(this: any) {
    return makeArrayIterator(toObject(this, "Array.prototype.keys"), Kind.Keys);
  },
  values(this: any) {
    return makeArrayIterator(toObject(this, "Array.prototype.values"), Kind.Values);
  },
  entries(this: any) {
    return makeArrayIterator(toObject(this, "Array.prototype.entries"), Kind.Entries);
  },
};

// The native method checks the receiver (ValidateTypedArray) and its result is dropped.
const typedArrayMethods: any = {
  keys(this: any) {
    apply(nativeTypedArrayValues, this, []);
    return makeArrayIterator(this, Kind.Keys);
  },
  values(this: any) {
    apply(nativeTypedArrayValues, this, []);
    return makeArrayIterator(this, Kind.Values);
  },
  entries(this: any) {
    apply(nativeTypedArrayValues, this, []);
    return makeArrayIterator(this, Kind.Entries);
  },
};

// Map and Set.

/** The native iterators of those that have been moved. */
const live = new Map<CollectionIteratorState, any>();
const liveGet = live.get.bind(live);
const liveSet = live.set.bind(live);
const liveDelete = live.delete.bind(live);

/** States that have been restored since the last revive. */
let restored: CollectionIteratorState[] = [];

registerFunction("iterator.guard", (state) => {
  restored[restored.length] = state;
  return () => {};
});

function makeCollectionIterator(collection: any, kind: Kind, isMap: boolean): any {
  apply(isMap ? mapSize : setSize, collection, []);
  const iterator = create(isMap ? mapIteratorPrototype : setIteratorPrototype);
  // A fresh iterator begins at the first entry that is there at the first `next`: it needs no native one before.
  define(iterator, symIterator, new CollectionIteratorState(iterator, collection, kind, isMap));
  return iterator;
}

/** A native iterator of the state's collection, at its position. */
function makeLive(state: CollectionIteratorState): any {
  const native = apply(state.isMap ? nativeMapIterator : nativeSetIterator, state.collection, []);
  const next = state.isMap ? nativeMapNext : nativeSetNext;
  for (let i = 0; i < state.position; i++) apply(next, native, []);
  liveSet(state, native);
  return native;
}

function step(state: CollectionIteratorState): any {
  let native = liveGet(state);
  if (native === undefined) native = makeLive(state);
  const result: any = apply(state.isMap ? nativeMapNext : nativeSetNext, native, []);
  if (result.done) {
    state.collection = undefined;
    state.guard = undefined;
    liveDelete(state);
  }
  return result;
}

/** Writes down the positions of live iterators: what is left is counted, so entries that were passed and then deleted do not count. */
export function quiesce(): void {
  if (live.size === 0) return;
  live.forEach((native, state) => {
    const next = state.isMap ? nativeMapNext : nativeSetNext;
    let left = 0;
    while (!(apply(next, native, []) as any).done) left++;
    state.position = (apply(state.isMap ? mapSize : setSize, state.collection, []) as number) - left;
    if (state.guard === undefined) {
      state.guard = () => {};
      define(state.guard, symFunction, { id: "iterator.guard", state });
    }
    makeLive(state);
  });
}

/** The states of the native iterators there are; undefined if there is none. Call it after quiesce. */
export function iteratorsAtWork(): CollectionIteratorState[] | undefined {
  if (live.size === 0) return undefined;
  const states: CollectionIteratorState[] = [];
  live.forEach((_, state) => {
    states[states.length] = state;
  });
  return states;
}

/** Makes iterators that were at work when their thread was quiesced live again, for a thread whose objects are still there. */
export function reviveAgain(states: CollectionIteratorState[]): void {
  for (let i = 0; i < states.length; i++) makeLive(states[i]);
}

/** Forgets the iterators of the thread before, and makes those that have been restored live. */
export function revive(): void {
  live.clear();
  const states = restored;
  restored = [];
  for (let i = 0; i < states.length; i++) if (states[i].collection !== undefined) makeLive(states[i]);
}

function nextOfCollection(iterator: any, isMap: boolean): any {
  const state: CollectionIteratorState = stateIn(iterator, CollectionIteratorState, isMap ? "Map Iterator" : "Set Iterator");
  if (state.isMap !== isMap) throw new TypeError("next method called on an iterator of another collection");
  if (state.collection === undefined) return { value: undefined, done: true };
  const result = step(state);
  if (result.done) return { value: undefined, done: true };
  const entry = result.value;
  if (!isMap) return { value: state.kind === Kind.Entries ? [entry, entry] : entry, done: false };
  if (state.kind === Kind.Entries) return { value: entry, done: false };
  return { value: state.kind === Kind.Keys ? entry[0] : entry[1], done: false };
}

const mapMethods: any = {
  keys(this: any) {
    return makeCollectionIterator(this, Kind.Keys, true);
  },
  values(this: any) {
    return makeCollectionIterator(this, Kind.Values, true);
  },
  entries(this: any) {
    return makeCollectionIterator(this, Kind.Entries, true);
  },
};

const setMethods: any = {
  values(this: any) {
    return makeCollectionIterator(this, Kind.Values, false);
  },
  entries(this: any) {
    return makeCollectionIterator(this, Kind.Entries, false);
  },
};

// Strings.

function nextOfString(this: any): any {
  const state: StringIteratorState = stateIn(this, StringIteratorState, "String Iterator");
  const { text, index } = state;
  if (text === undefined) return { value: undefined, done: true };
  if (index >= text.length) {
    state.text = undefined;
    return { value: undefined, done: true };
  }
  const first = text.charCodeAt(index);
  let width = 1;
  if (first >= 0xd800 && first <= 0xdbff && index + 1 < text.length) {
    const second = text.charCodeAt(index + 1);
    if (second >= 0xdc00 && second <= 0xdfff) width = 2;
  }
  state.index = index + width;
  return { value: text.slice(index, index + width), done: false };
}

const iterateString = {
  [Symbol.iterator](this: any) {
    if (this === undefined || this === null) throw new TypeError("String.prototype[Symbol.iterator] called on null or undefined");
    const iterator = create(stringIteratorPrototype);
    define(iterator, symIterator, new StringIteratorState(iterator, String(this)));
    return iterator;
  },
}[Symbol.iterator];

// Regular expressions.

/** ECMAScript 22.2.6.9. */
const matchAll = {
  [Symbol.matchAll](this: any, argument: any) {
    if (!isObject(this)) throw new TypeError("RegExp.prototype[Symbol.matchAll] called on a value that is no object");
    const receiver: any = this;
    const text = String(argument);
    const constructor = receiver.constructor;
    let species: any = RegExp;
    if (constructor !== undefined) {
      if (!isObject(constructor)) throw new TypeError("constructor of the regular expression is not an object");
      const its = (constructor as any)[Symbol.species];
      if (its !== undefined && its !== null) species = its;
    }
    const flags = String(receiver.flags);
    const matcher = new species(receiver, flags);
    matcher.lastIndex = Math.min(Math.max(Math.trunc(Number(receiver.lastIndex)) || 0, 0), Number.MAX_SAFE_INTEGER);
    const iterator = create(regExpStringIteratorPrototype);
    define(iterator, symIterator, new RegExpStringIteratorState(iterator, matcher, text, flags.includes("g"), flags.includes("u") || flags.includes("v")));
    return iterator;
  },
}[Symbol.matchAll];

/** ECMAScript 22.2.9.2.1. */
function nextOfRegExpString(this: any): any {
  const state: RegExpStringIteratorState = stateIn(this, RegExpStringIteratorState, "RegExp String Iterator");
  if (state.done) return { value: undefined, done: true };
  const { regExp, text } = state;
  const its = regExp.exec;
  const match = apply(typeof its === "function" ? its : exec, regExp, [text]);
  if (match === null) {
    state.done = true;
    return { value: undefined, done: true };
  }
  if (!isObject(match)) throw new TypeError("exec returned a value that is neither an object nor null");
  if (!state.global) state.done = true;
  else if (String((match as any)[0]) === "") {
    const index = Math.min(Math.max(Math.trunc(Number(regExp.lastIndex)) || 0, 0), Number.MAX_SAFE_INTEGER);
    const code = state.unicode && index + 1 < text.length ? text.codePointAt(index)! : 0;
    regExp.lastIndex = index + (code > 0xffff ? 2 : 1);
  }
  return { value: match, done: false };
}

function replace(object: any, key: PropertyKey, value: any, name?: string): void {
  if (name !== undefined) defineProperty(value, "name", { value: name, configurable: true });
  defineProperty(object, key, { value, writable: true, enumerable: false, configurable: true });
}

/** Makes a method of a function: no prototype, not a constructor. */
function method(body: (receiver: any) => any): any {
  return { next(this: any) {
    return body(this);
  } }.next;
}

export function installIterators(): void {
  replace(arrayIteratorPrototype, "next", method((receiver) => apply(nextOfArray, receiver, [])));
  replace(stringIteratorPrototype, "next", method((receiver) => apply(nextOfString, receiver, [])));
  replace(regExpStringIteratorPrototype, "next", method((receiver) => apply(nextOfRegExpString, receiver, [])));
  replace(mapIteratorPrototype, "next", method((receiver) => nextOfCollection(receiver, true)));
  replace(setIteratorPrototype, "next", method((receiver) => nextOfCollection(receiver, false)));
  const tables: [any, any, string][] = [
    [Array.prototype, arrayMethods, "values"],
    [typedArrayPrototype, typedArrayMethods, "values"],
    [Map.prototype, mapMethods, "entries"],
    [Set.prototype, setMethods, "values"],
  ];
  for (let i = 0; i < tables.length; i++) {
    // No destructuring: it would iterate with what is half replaced.
    const prototype = tables[i][0];
    const methods = tables[i][1];
    const standard = tables[i][2];
    const names = Object.keys(methods);
    for (let j = 0; j < names.length; j++) replace(prototype, names[j], methods[names[j]]);
    replace(prototype, Symbol.iterator, methods[standard]);
  }
  replace(Set.prototype, "keys", setMethods.values);
  replace(String.prototype, Symbol.iterator, iterateString, "[Symbol.iterator]");
  replace(RegExp.prototype, Symbol.matchAll, matchAll, "[Symbol.matchAll]");
}
