// Small things that goja lacks, and the host's functions that a workflow must not have.

import { define, isObject, theHost } from "./object";
import { enqueue, CallbackJob } from "./job";
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

/** The structured clone algorithm of HTML 2.7 for data: no functions, promises, symbols or objects of the workflow's classes' own state. */
function clone(value: any, seen: Map<any, any>): any {
  if (typeof value === "function" || typeof value === "symbol") throw new DataCloneError(`${String(value).slice(0, 60)} could not be cloned`);
  if (!isObject(value)) return value;
  const before = seen.get(value);
  if (before !== undefined) return before;
  const tag = Object.prototype.toString.call(value);
  const keep = <T>(copy: T): T => {
    seen.set(value, copy);
    return copy;
  };
  const source: any = value;
  switch (tag) {
    case "[object Date]":
      return keep(new Date(source.getTime()));
    case "[object RegExp]":
      return keep(new RegExp(source.source, source.flags));
    case "[object Boolean]":
    case "[object Number]":
    case "[object String]":
    case "[object BigInt]":
      return keep(Object(source.valueOf()));
    case "[object Map]": {
      const copy = keep(new Map());
      source.forEach((item: any, key: any) => copy.set(clone(key, seen), clone(item, seen)));
      return copy;
    }
    case "[object Set]": {
      const copy = keep(new Set());
      source.forEach((item: any) => copy.add(clone(item, seen)));
      return copy;
    }
    case "[object ArrayBuffer]":
      return keep(source.slice(0));
    case "[object Error]": {
      const names: any = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
      const copy: any = keep(new (names[source.name] ?? Error)(source.message));
      if ("cause" in source) define(copy, "cause" as any, clone(source.cause, seen));
      add(copy, "stack", source.stack);
      return copy;
    }
    case "[object Promise]":
    case "[object WeakMap]":
    case "[object WeakSet]":
    case "[object Generator]":
      throw new DataCloneError(`${tag} could not be cloned`);
  }
  if (ArrayBuffer.isView(source)) {
    const buffer = clone(source.buffer, seen);
    const view: any = source;
    return keep(new view.constructor(buffer, view.byteOffset, view instanceof DataView ? view.byteLength : view.length));
  }
  const copy: any = keep(Array.isArray(source) ? new Array(source.length) : {});
  const keys = Object.keys(source);
  for (let i = 0; i < keys.length; i++) {
    Object.defineProperty(copy, keys[i], { value: clone(source[keys[i]], seen), writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

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
};

const globals: any = {
  structuredClone(value: any) {
    return clone(value, new Map());
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

export function installPolyfills(): void {
  add(Object, "groupBy", objectMethods.groupBy);
  add(Map, "groupBy", mapMethods.groupBy);
  add(Error, "captureStackTrace", {
    captureStackTrace(object: any) {
      Object.defineProperty(object, "stack", { value: new Error().stack, writable: true, configurable: true });
    },
  }.captureStackTrace);
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
