// Small things that goja lacks, and the host's functions that a workflow must not have.

import { isObject, symDetached, define, theHost } from "./object";
import { enqueue, CallbackJob } from "./job";
import { useFamily } from "./family";
import { currentOwner } from "./thread";

function add(object: any, key: PropertyKey, value: unknown): void {
  if (!Object.prototype.hasOwnProperty.call(object, key)) Object.defineProperty(object, key, { value, writable: true, configurable: true });
}

const objectMethods: any = {
  /** ECMAScript 20.1.2.13. */
  groupBy(items: any, callback: any) {
    const groups = Object.create(null);
    grouped(items, callback, (key: any, item: any) => {
      const name = typeof key === "symbol" ? key : String(key);
      if (name in groups) groups[name].push(item);
      else groups[name] = [item];
    });
    return groups;
  },
};

const mapMethods: any = {
  /** ECMAScript 24.1.2.1. */
  groupBy(items: any, callback: any) {
    const groups = new Map<any, any[]>();
    grouped(items, callback, (key: any, item: any) => {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [item]);
      else group.push(item);
    });
    return groups;
  },
};

function grouped(items: any, callback: any, put: (key: any, item: any) => void): void {
  if (items === undefined || items === null) throw new TypeError("groupBy: items is null or undefined");
  if (typeof callback !== "function") throw new TypeError("groupBy: callback is not a function");
  let index = 0;
  for (const item of items) put(callback(item, index++), item);
}

/** What structuredClone threw before it threw a DOMException: continuations may hold one. */
export class DataCloneError extends Error {}
Object.defineProperty(DataCloneError.prototype, "name", { value: "DataCloneError", writable: true, configurable: true });

const hex = (bytes: Uint8Array, from: number, to: number): string => {
  let text = "";
  for (let i = from; i < to; i++) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
  return text;
};

const crypto: any = {
  /** RFC 9562, version 4. */
  randomUUID() {
    const bytes = new Uint8Array(theHost.randomBytes(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return [hex(bytes, 0, 4), hex(bytes, 4, 6), hex(bytes, 6, 8), hex(bytes, 8, 10), hex(bytes, 10, 16)].join("-");
  },
  getRandomValues(array: any) {
    if (!ArrayBuffer.isView(array) || array instanceof DataView || array instanceof Float32Array || array instanceof Float64Array) {
      throw new TypeError("getRandomValues: the argument is no integer typed array");
    }
    if (array.byteLength > 65536) throw new RangeError(`getRandomValues: ${array.byteLength} bytes, at most 65536`);
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(new Uint8Array(theHost.randomBytes(array.byteLength)));
    return array;
  },
  get subtle() {
    throw new TypeError("crypto.subtle: keys and hashes are not part of a workflow: ask a service, or use a package written in plain JavaScript");
  },
};

const globals: any = {
  structuredClone(value: any, options?: any) {
    if (arguments.length === 0) throw new TypeError("structuredClone: the value is missing");
    return useFamily("clone").internal!.clone(value, options);
  },
  queueMicrotask(callback: any) {
    if (typeof callback !== "function") throw new TypeError("queueMicrotask: callback is not a function");
    enqueue(new CallbackJob(callback, currentOwner()));
  },
};

/** What a host would do and a workflow must ask a service for; the message says how. */
const refused: Record<string, string> = {
  setTimeout: "there are no timers of the host: use `await W.sleep(milliseconds)`, which survives restarts",
  setInterval: "there are no timers of the host: loop over `await W.sleep(milliseconds)`, which survives restarts",
  setImmediate: "there are no timers of the host: use `queueMicrotask`, or `await W.sleep(milliseconds)`",
  fetch: "there is no network: send a record to a service with `W.outputJSON` and await its reply with `W.ref`",
};

const arrayStatics: any = {
  fromAsync(this: any, items: any) {
    return useFamily("async").internal!.fromAsync(this, items, arguments[1], arguments[2]);
  },
};

const stringMethods: any = {
  /** ECMAScript 22.1.3.10. */
  isWellFormed(this: any): boolean {
    return lone(textOf(this, "isWellFormed"), 0) < 0;
  },
  /** ECMAScript 22.1.3.31. */
  toWellFormed(this: any): string {
    let text = textOf(this, "toWellFormed");
    for (let at = lone(text, 0); at >= 0; at = lone(text, at + 1)) text = text.slice(0, at) + "\ufffd" + text.slice(at + 1);
    return text;
  },
};

function textOf(value: any, method: string): string {
  if (value === undefined || value === null) throw new TypeError(`String.prototype.${method} called on ${value}`);
  return String(value);
}

const surrogates = /[\ud800-\udfff]/;

/** The place of the first lone surrogate from a place on, or -1. */
function lone(text: string, from: number): number {
  if (from === 0 && !surrogates.test(text)) return -1;
  for (let i = from; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit > 0xdbff || (text.charCodeAt(i + 1) & 0xfc00) !== 0xdc00) return i;
    i++;
  }
  return -1;
}

const byteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")!.get!;

/** ECMAScript 25.1.3.5 ArrayBufferCopyAndDetach. The codec finds a detached buffer by its slot. */
function transfer(buffer: any, length: unknown): ArrayBuffer {
  const size = Reflect.apply(byteLength, buffer, []);
  const to = length === undefined ? size : Math.trunc(Number(length)) || 0;
  if (to < 0 || to > bufferBytesMax) throw new RangeError(`ArrayBuffer.prototype.transfer: ${to} bytes, at most ${bufferBytesMax}`);
  const made = theHost.transfer(buffer, to);
  if (made === null) throw new TypeError("the ArrayBuffer is detached");
  define(buffer, symDetached, true);
  return made;
}

/** As in jsvm/guards.go. */
const bufferBytesMax = 1 << 28;

const bufferMethods: any = {
  transfer(this: any, length?: unknown) {
    return transfer(this, length);
  },
  transferToFixedLength(this: any, length?: unknown) {
    return transfer(this, length);
  },
  resize(this: any) {
    Reflect.apply(byteLength, this, []);
    throw new TypeError("ArrayBuffer.prototype.resize: the engine has buffers of fixed length only; use transfer(newLength), which gives a new buffer");
  },
  get detached() {
    Reflect.apply(byteLength, this, []);
    return theHost.isDetached(this);
  },
  get resizable() {
    Reflect.apply(byteLength, this, []);
    return false;
  },
  get maxByteLength() {
    return Reflect.apply(byteLength, this, []);
  },
};

function addAll(object: any, methods: any, lengths: Record<string, number> = {}): void {
  const names = Object.keys(methods);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const descriptor = Object.getOwnPropertyDescriptor(methods, name)!;
    if (Object.prototype.hasOwnProperty.call(object, name)) continue;
    if (lengths[name] !== undefined) Object.defineProperty(descriptor.value, "length", { value: lengths[name], configurable: true });
    descriptor.enumerable = false;
    Object.defineProperty(object, name, descriptor);
  }
}

const apply = Reflect.apply;

/** Packages set V8's limit around an error that they make often, which must not throw where Error is frozen. There is no limit to set. */
function installStackTraceLimit(): void {
  Object.defineProperty(Error, "stackTraceLimit", { get: () => 10, set: () => {}, configurable: true });
}

/** ECMAScript 23.2.2.1: the source may be a text, which goja refuses. */
function installTypedArrayFrom(): void {
  const typedArray = Object.getPrototypeOf(Uint8Array);
  const native = typedArray.from;
  const toArray = Array.from;
  const { from } = {
    from(this: any, source: any, ...more: any[]) {
      return apply(native, this, [typeof source === "string" ? toArray(source) : source, ...more]);
    },
  };
  Object.defineProperty(from, "length", { value: 1, configurable: true });
  Object.defineProperty(typedArray, "from", { value: from, writable: true, configurable: true });
}

export function installPolyfills(): void {
  add(Object, "groupBy", objectMethods.groupBy);
  add(Map, "groupBy", mapMethods.groupBy);
  addAll(Array, arrayStatics);
  addAll(String.prototype, stringMethods);
  addAll(ArrayBuffer.prototype, bufferMethods, { transfer: 0, transferToFixedLength: 0, resize: 1 });
  add(Error, "captureStackTrace", {
    captureStackTrace(object: any) {
      Object.defineProperty(object, "stack", { value: new Error().stack, writable: true, configurable: true });
    },
  }.captureStackTrace);
  installStackTraceLimit();
  installTypedArrayFrom();
  add(globalThis, "structuredClone", globals.structuredClone);
  add(globalThis, "queueMicrotask", globals.queueMicrotask);
  add(globalThis, "crypto", crypto);
  const names = Object.keys(refused);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const holder: any = {
      [name]() {
        throw new TypeError(`${name}: ${refused[name]}`);
      },
    };
    add(globalThis, name, holder[name]);
  }
  const clearers = ["clearTimeout", "clearInterval", "clearImmediate"];
  // With no timer to clear there is nothing to do.
  for (let i = 0; i < clearers.length; i++) add(globalThis, clearers[i], ({ [clearers[i]]() {} } as any)[clearers[i]]);
}
