// Names for every object whose identity a continuation must keep: the language's own objects and this library's.
//
// The language's objects are named by the path on which they are found first, from a fixed list of globals in a fixed order. The library's are named by
// hand, in the tables below. Both are append only: a continuation holds these names. A golden test keeps the list.

import { Capability, LockReaction, PromiseState, ThenReaction, WorkflowPromise } from "./promise";
import { Combinator, ElementReaction } from "./combinator";
import { CancellationScope } from "./scope";
import { CancelToken } from "./token";
import { Config, Thread } from "./thread";
import { CallbackJob, ReactionJob, ThenableJob } from "./job";
import { Ref, Suspension } from "./ref";
import { Wait } from "./wait";
import { Inbox, InboxIterator } from "./inbox";
import { ArrayIteratorState, CollectionIteratorState, RegExpStringIteratorState, StringIteratorState } from "./iterator";
import { WeakEntries, WeakState } from "./weak";
import { DataCloneError } from "./polyfill";
import { ConsoleState } from "./consoleState";
import { isObject } from "./object";
import { kont } from "./kont";

/** Classes of this library whose objects can be part of a continuation; the codec writes an object's class by its name. */
export const classes: Record<string, any> = {
  CallbackJob,
  CancelToken,
  CancellationScope,
  Capability,
  Combinator,
  Config,
  DataCloneError,
  ElementReaction,
  Inbox,
  InboxIterator,
  LockReaction,
  PromiseState,
  ReactionJob,
  Ref,
  Suspension,
  ThenReaction,
  ThenableJob,
  Thread,
  Wait,
  WeakEntries,
  WeakState,
  ArrayIteratorState,
  CollectionIteratorState,
  RegExpStringIteratorState,
  StringIteratorState,
  ConsoleState,
};

const globalNames = [
  "Object", "Function", "Array", "String", "Number", "Boolean", "Symbol", "BigInt", "Math", "JSON", "Reflect", "Date", "RegExp", "Map", "Set", "WeakMap", "WeakSet",
  "Promise", "Proxy", "Error", "AggregateError", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError", "GoError",
  "ArrayBuffer", "DataView", "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float32Array", "Float64Array",
  "BigInt64Array", "BigUint64Array", "parseInt", "parseFloat", "isNaN", "isFinite", "decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent", "escape", "unescape",
  "eval", "console", "crypto", "structuredClone", "queueMicrotask", "setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate", "fetch",
];

const own = Reflect.ownKeys;
const descriptorOf = Object.getOwnPropertyDescriptor;

function keyText(key: PropertyKey): string {
  return typeof key === "symbol" ? "[" + key.description + "]" : "." + String(key);
}

/** Names by object and objects by name. */
export class Intrinsics {
  byName: Record<string, any> = Object.create(null);
  names = new Map<any, string>();

  add(name: string, value: any): boolean {
    if ((!isObject(value) && typeof value !== "symbol") || this.names.has(value)) return false;
    this.names.set(value, name);
    this.byName[name] = value;
    return true;
  }

  /** Names value and everything that its own properties lead to. */
  walk(name: string, value: any): void {
    if (!this.add(name, value) || typeof value === "symbol") return;
    const keys = own(value);
    for (let i = 0; i < keys.length; i++) {
      const descriptor: any = descriptorOf(value, keys[i]);
      const path = name + keyText(keys[i]);
      if ("value" in descriptor) this.walk(path, descriptor.value);
      else {
        this.walk("get " + path, descriptor.get);
        this.walk("set " + path, descriptor.set);
      }
    }
  }
}

/** Builds the table. `kernel` adds the classes of the compiler's part. */
export function nameIntrinsics(kernelClasses: Record<string, any>): Intrinsics {
  const table = new Intrinsics();
  table.add("globalThis", globalThis);
  for (let i = 0; i < globalNames.length; i++) table.walk(globalNames[i], (globalThis as any)[globalNames[i]]);
  const prototypeOf = Object.getPrototypeOf;
  const hidden: [string, any][] = [
    ["%ArrayIteratorPrototype%", prototypeOf([][Symbol.iterator]())],
    ["%MapIteratorPrototype%", prototypeOf(new Map()[Symbol.iterator]())],
    ["%SetIteratorPrototype%", prototypeOf(new Set()[Symbol.iterator]())],
    ["%StringIteratorPrototype%", prototypeOf(""[Symbol.iterator]())],
    ["%RegExpStringIteratorPrototype%", prototypeOf("".matchAll(/x/g))],
    ["%IteratorPrototype%", prototypeOf(prototypeOf([][Symbol.iterator]()))],
    ["%TypedArray%", prototypeOf(Uint8Array)],
    ["%ThrowTypeError%", throwTypeError()],
  ];
  for (let i = 0; i < hidden.length; i++) table.walk(hidden[i][0], hidden[i][1]);
  const { prototype } = Function;
  const functionPrototypes: [string, any][] = [["%GeneratorFunction%", prototypeOf(function* () {})], ["%AsyncFunction%", prototypeOf(async function () {})]];
  for (const [name, value] of functionPrototypes) {
    if (value === prototype) continue;
    // By themselves: what they lead to has its names below.
    table.add(name + ".prototype", value);
    table.add(name, value.constructor);
  }
  const all = [classes, kernelClasses];
  for (let i = 0; i < all.length; i++) {
    const names = Object.keys(all[i]);
    for (let j = 0; j < names.length; j++) table.walk("kont." + names[j], all[i][names[j]]);
  }
  table.walk("kont", kont);
  table.add("Promise", WorkflowPromise);
  return table;
}

function throwTypeError(): any {
  return descriptorOf(
    (function () {
      "use strict";
      return arguments;
    })(),
    "callee",
  )!.get;
}
