// WeakMap and WeakSet with entries that can be read.
//
// The entries of a key lie on the key: under symWeak it has a WeakEntries, a Map from WeakMap to value. So an entry lives as long as its
// key, is saved with it, and is not saved if nothing else leads to the key. A key that takes no property (a frozen object, a
// Proxy, a symbol) has its entry in the WeakMap itself, which keeps it alive: the price of having no access to the collector. So has a key that
// module code has made, whose entries the host closes when all has loaded: no thread is saved with it.

import { define, isObject, symWeak, symWeakMap, theHost } from "./object";

/** The entries of one key. The owner tells them from those that an object inherits from its prototype. */
export class WeakEntries {
  owner: object;
  values = new Map<object, unknown>();
  constructor(owner: object) {
    this.owner = owner;
  }
}

/** The slot of a WeakMap or WeakSet. */
export class WeakState {
  owner: object;
  isMap: boolean;
  /** Entries of keys that take no property. */
  strong = new Map<unknown, unknown>();
  constructor(owner: object, isMap: boolean) {
    this.owner = owner;
    this.isMap = isMap;
  }
}

const isExtensible = Object.isExtensible;
const keyFor = Symbol.keyFor;

/** ECMAScript 9.14 CanBeHeldWeakly. */
function canBeHeld(key: unknown): boolean {
  return isObject(key) || (typeof key === "symbol" && keyFor(key) === undefined);
}

function slot(collection: any, isMap: boolean, method: string): WeakState {
  const state = isObject(collection) ? (collection as any)[symWeakMap] : undefined;
  if (state === undefined || state.owner !== collection || state.isMap !== isMap) {
    throw new TypeError(`${isMap ? "WeakMap" : "WeakSet"}.prototype.${method} called on an object that is none`);
  }
  return state;
}

function takesProperty(key: unknown): boolean {
  return isObject(key) && !theHost.isProxy(key);
}

/** The map that has, or would get, the entry of key, and the key in it. */
function place(state: WeakState, key: any, make: boolean): [Map<any, unknown>, unknown] | undefined {
  if (takesProperty(key)) {
    const entries: WeakEntries | undefined = key[symWeak];
    if (entries !== undefined && entries.owner === key) {
      if (entries.values.has(state.owner) || (make && isExtensible(entries))) return [entries.values, state.owner];
    } else if (make && isExtensible(key)) {
      const made = new WeakEntries(key);
      define(key, symWeak, made);
      return [made.values, state.owner];
    }
  }
  return make || state.strong.has(key) ? [state.strong, key] : undefined;
}

function put(state: WeakState, key: unknown, value: unknown): void {
  if (!canBeHeld(key)) throw new TypeError("Invalid value used as weak map key");
  const existing = place(state, key, false);
  const found = existing !== undefined ? existing : place(state, key, true)!; // a pattern would call this library's iterators
  found[0].set(found[1], value);
}

function fill(collection: any, iterable: any, adder: "set" | "add"): void {
  if (iterable === undefined || iterable === null) return;
  const add = collection[adder];
  if (typeof add !== "function") throw new TypeError(`${adder} is not a function`);
  for (const item of iterable) {
    if (adder === "add") add.call(collection, item);
    else {
      if (!isObject(item)) throw new TypeError("Iterator value is not an entry object");
      add.call(collection, (item as any)[0], (item as any)[1]);
    }
  }
}

export const OwnWeakMap: any = class WeakMap {
  constructor(iterable?: any) {
    define(this, symWeakMap, new WeakState(this, true));
    fill(this, iterable, "set");
  }
  get(key: unknown): unknown {
    const found = place(slot(this, true, "get"), key, false);
    return found === undefined ? undefined : found[0].get(found[1]);
  }
  has(key: unknown): boolean {
    return place(slot(this, true, "has"), key, false) !== undefined;
  }
  set(key: unknown, value: unknown): any {
    put(slot(this, true, "set"), key, value);
    return this;
  }
  delete(key: unknown): boolean {
    const found = place(slot(this, true, "delete"), key, false);
    return found !== undefined && found[0].delete(found[1]);
  }
};

export const OwnWeakSet: any = class WeakSet {
  constructor(iterable?: any) {
    define(this, symWeakMap, new WeakState(this, false));
    fill(this, iterable, "add");
  }
  has(key: unknown): boolean {
    return place(slot(this, false, "has"), key, false) !== undefined;
  }
  add(key: unknown): any {
    put(slot(this, false, "add"), key, true);
    return this;
  }
  delete(key: unknown): boolean {
    const found = place(slot(this, false, "delete"), key, false);
    return found !== undefined && found[0].delete(found[1]);
  }
};

export function installWeak(): void {
  const list: [any, string][] = [
    [OwnWeakMap, "WeakMap"],
    [OwnWeakSet, "WeakSet"],
  ];
  for (let i = 0; i < list.length; i++) {
    const [constructor, name] = list[i];
    Object.defineProperty(constructor, "name", { value: name, configurable: true });
    Object.defineProperty(constructor, "length", { value: 0, configurable: true });
    Object.defineProperty(constructor.prototype, Symbol.toStringTag, { value: name, configurable: true });
    Object.defineProperty(globalThis, name, { value: constructor, writable: true, configurable: true });
  }
}
