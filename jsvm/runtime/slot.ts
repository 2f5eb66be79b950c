// Internal slots of a family's objects: a plain record under symSlot. Plain, so that the codec needs no class of it; what hangs on an object that the module code
// has made is frozen with it.

import { core } from "./core";

const { define, isObject, symSlot } = core;

/** Gives object a record; kind says what it is one of. Returns the record. */
export function giveSlot(object: object, kind: string, record: any): any {
  record.owner = object;
  record.kind = kind;
  define(object, symSlot, record);
  return record;
}

export function hasSlot(object: unknown, kind: string): boolean {
  const record = isObject(object) ? (object as any)[symSlot] : undefined;
  return record !== undefined && record.owner === object && record.kind === kind;
}

/** RequireInternalSlot, ECMAScript 10.1.15. */
export function slotOf(object: unknown, kind: string, method: string): any {
  if (!hasSlot(object, kind)) throw new TypeError(`${method} called on an object that is no ${kind}`);
  return (object as any)[symSlot];
}

/** Gives a class the name that it has for workflow code: the bundler may have changed it. */
export function finishClass(constructor: any, name: string, length: number): void {
  Object.defineProperty(constructor, "name", { value: name, configurable: true });
  Object.defineProperty(constructor, "length", { value: length, configurable: true });
  Object.defineProperty(constructor.prototype, Symbol.toStringTag, { value: name, configurable: true });
}

const keyFor = Symbol.keyFor;
const wellKnown: unknown[] = Object.getOwnPropertyNames(Symbol)
  .map((name) => (Symbol as any)[name])
  .filter((value) => typeof value === "symbol");

/** ECMAScript 9.14 CanBeHeldWeakly. Two well-known symbols are registered here (object.ts), and may be held as everywhere. */
export function canBeHeld(value: unknown): boolean {
  return isObject(value) || (typeof value === "symbol" && (keyFor(value) === undefined || wellKnown.indexOf(value) >= 0));
}
