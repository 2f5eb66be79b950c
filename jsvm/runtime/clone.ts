// structuredClone: HTML 2.7. It clones data; what is no data is refused with the path to it.

import { core } from "./core";

const { isObject, symDetached, symIterator, symPromise, symSlot, symWeakMap, define, theHost, useFamily } = core;
const { kindOf } = theHost.natives();
const { apply } = Reflect;
const { hasOwnProperty } = Object.prototype;
const own = (object: object, key: PropertyKey): boolean => apply(hasOwnProperty, object, [key]);
const getterOf = (prototype: any, key: PropertyKey): any => Object.getOwnPropertyDescriptor(prototype, key)!.get;

const sourceOf = getterOf(RegExp.prototype, "source");
const flagsOf = getterOf(RegExp.prototype, "flags");
const typed = Object.getPrototypeOf(Uint8Array.prototype);
const tagOf = getterOf(typed, Symbol.toStringTag);
const { getTime } = Date.prototype;
const mapForEach = Map.prototype.forEach;
const setForEach = Set.prototype.forEach;
const slice = ArrayBuffer.prototype.slice;
const intrinsic: any = {};
for (const name of ["Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"]) {
  intrinsic[name] = (globalThis as any)[name];
}
const errors: any = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
const unbox: Record<string, Function> = {
  Boolean: Boolean.prototype.valueOf, Number: Number.prototype.valueOf, String: String.prototype.valueOf, BigInt: BigInt.prototype.valueOf,
};

const identifier = /^[A-Za-z_$][\w$]*$/;
const step = (key: string): string => (identifier.test(key) ? "." + key : `[${/^(0|[1-9]\d*)$/.test(key) ? key : JSON.stringify(key)}]`);

interface Clone {
  seen: Map<object, unknown>;
  /** Where the value at hand is. */
  path: string[];
}

function refuse({ path }: Clone, what: string): Error {
  const { DOMException } = useFamily("abort").internal!;
  const place = path.join("").replace(/^\./, "");
  return new DOMException(`${what} could not be cloned` + (place === "" ? "" : `: it is at ${place}`), "DataCloneError");
}

function describe(value: any): string {
  if (typeof value === "symbol") return value.toString();
  const name = typeof value.name === "string" && value.name !== "" ? " " + value.name : "";
  return "the function" + name;
}

function cloneAt(clone: Clone, label: string, value: unknown): any {
  clone.path.push(label);
  const copy = cloneValue(clone, value);
  clone.path.pop();
  return copy;
}

function cloneValue(clone: Clone, value: any): any {
  if (typeof value === "function" || typeof value === "symbol") throw refuse(clone, describe(value));
  if (!isObject(value)) return value;
  const { seen } = clone;
  const source: any = value;
  if (seen.has(source)) return seen.get(source);
  const keep = <T>(copy: T): T => {
    seen.set(source, copy);
    return copy;
  };
  const kind = kindOf(source);
  switch (kind) {
    case "Boolean":
    case "Number":
    case "String":
    case "BigInt":
      return keep(Object(apply(unbox[kind], source, [])));
    case "Date":
      return keep(new Date(apply(getTime, source, [])));
    case "RegExp":
      return keep(new RegExp(apply(sourceOf, source, []), apply(flagsOf, source, [])));
    case "ArrayBuffer":
      if (theHost.isDetached(source)) throw refuse(clone, "a detached ArrayBuffer");
      return keep(apply(slice, source, [0]));
    case "Map":
      return cloneMap(clone, source, keep(new Map()));
    case "Set":
      return cloneSet(clone, source, keep(new Set()));
    case "Error":
      return cloneError(clone, source, keep);
    case "Array":
      return cloneProperties(clone, source, keep(new Array(source.length)));
    case "Object":
    case "Arguments":
      break;
    default:
      throw refuse(clone, `a ${kind}`);
  }
  if (ArrayBuffer.isView(source)) return keep(cloneView(clone, source));
  for (const slot of [symPromise, symWeakMap, symIterator, symSlot]) {
    const state = source[slot];
    if (state !== undefined && own(source, slot)) throw refuse(clone, `a ${slot === symPromise ? "Promise" : state.kind ?? Object.prototype.toString.call(source).slice(8, -1)}`);
  }
  return cloneProperties(clone, source, keep({}));
}

/** Entries as they were before any getter ran. */
function cloneMap(clone: Clone, source: any, copy: Map<unknown, unknown>): any {
  const entries: [unknown, unknown][] = [];
  apply(mapForEach, source, [(item: unknown, key: unknown) => entries.push([key, item])]);
  for (let i = 0; i < entries.length; i++) {
    const key = cloneAt(clone, `.keys()[${i}]`, entries[i][0]);
    copy.set(key, cloneAt(clone, `.values()[${i}]`, entries[i][1]));
  }
  return copy;
}

function cloneSet(clone: Clone, source: any, copy: Set<unknown>): any {
  const items: unknown[] = [];
  apply(setForEach, source, [(item: unknown) => items.push(item)]);
  for (let i = 0; i < items.length; i++) copy.add(cloneAt(clone, `.values()[${i}]`, items[i]));
  return copy;
}

function cloneView(clone: Clone, source: any): any {
  if (theHost.isDetached(source.buffer)) throw refuse(clone, "a view of a detached ArrayBuffer");
  const buffer = cloneAt(clone, ".buffer", source.buffer);
  const name = apply(tagOf, source, []);
  return name === undefined ? new DataView(buffer, source.byteOffset, source.byteLength) : new intrinsic[name](buffer, source.byteOffset, source.length);
}

/** Name, message and stack, as the standard says, and the cause, as engines do. A DOMException stays one. */
function cloneError(clone: Clone, source: any, keep: <T>(copy: T) => T): any {
  const { DOMException } = useFamily("abort").internal!;
  const isException = source instanceof DOMException;
  const given = source.name;
  const name = given === undefined ? "Error" : String(given);
  const message = Object.getOwnPropertyDescriptor(source, "message");
  const text = message !== undefined && "value" in message ? [String(message.value)] : [];
  const copy: any = keep(isException ? new DOMException(text[0], name) : new (errors[name] ?? Error)(...text));
  const stack = Object.getOwnPropertyDescriptor(source, "stack");
  if (stack !== undefined && "value" in stack) Object.defineProperty(copy, "stack", { value: stack.value, writable: true, enumerable: false, configurable: true });
  if (own(source, "cause")) {
    Object.defineProperty(copy, "cause", { value: cloneAt(clone, ".cause", source.cause), writable: true, enumerable: false, configurable: true });
  }
  return copy;
}

function cloneProperties(clone: Clone, source: any, copy: any): any {
  const keys = Object.keys(source);
  for (let i = 0; i < keys.length; i++) {
    if (!own(source, keys[i])) continue; // a getter has deleted it
    const value = cloneAt(clone, step(keys[i]), source[keys[i]]);
    Object.defineProperty(copy, keys[i], { value, writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

/** StructuredSerializeWithTransfer and its inverse. Buffers are moved last: if something cannot be cloned they are still there. */
function clone(value: unknown, options?: any): unknown {
  const state: Clone = { seen: new Map(), path: [] };
  const given = options === undefined || options === null ? undefined : options.transfer;
  const transfer: any[] = given === undefined ? [] : Array.from(given);
  for (let i = 0; i < transfer.length; i++) {
    const buffer = transfer[i];
    if (!isObject(buffer) || kindOf(buffer) !== "ArrayBuffer") throw refuse(state, "a value in the transfer list that is no ArrayBuffer");
    if (state.seen.has(buffer)) throw refuse(state, "an ArrayBuffer that is twice in the transfer list");
    if (theHost.isDetached(buffer)) throw refuse(state, "a detached ArrayBuffer in the transfer list");
    state.seen.set(buffer, apply(slice, buffer, [0]));
  }
  const copy = cloneValue(state, value);
  for (const buffer of transfer) {
    if (theHost.isDetached(buffer)) throw refuse(state, "an ArrayBuffer that was detached meanwhile");
    new Uint8Array(state.seen.get(buffer) as ArrayBuffer).set(new Uint8Array(buffer));
    theHost.transfer(buffer, 0);
    define(buffer, symDetached, true);
  }
  return copy;
}

export default { globals: {}, internal: { clone } };
