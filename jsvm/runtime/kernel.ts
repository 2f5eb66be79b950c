// The kernel: what lowered code calls. Names and meanings are listed in package
// jsvm/lower (Kernel); each function here is a property of the runtime object.
//
// Nothing in this file is rewritten, so nothing here may be alive at a
// suspension but instances of the classes Frame, Generator, Iteration and
// KeyList, whose fields are all of their state.

import { createWith, isObject, mark, symIterator, symPrototypeOf, theHost } from "./object";
import { isError, trace } from "./trace";
import { awaitValue, newPromise, rejectPromise, resolvePromise } from "./promise";
import { owner, setOwner } from "./thread";

const { apply, getPrototypeOf, ownKeys } = Reflect;
const { defineProperty, getOwnPropertyDescriptor, hasOwn, isExtensible } = Object;
const { setPrototypeOf, prototype: objectPrototype } = Object;
const propertyIsEnumerable = Object.prototype.propertyIsEnumerable;

/** Mark of a binding in its temporal dead zone. */
export const TDZ = Symbol("kont.tdz");
/** What a step function returns at an await. */
export const AWAIT = Symbol("kont.await");
/** … at a yield: the frame's `a` is the yielded value. */
export const YIELD = Symbol("kont.yield");
/** … inside yield*: the frame's `a` is the inner iterator's result object. */
export const DELEGATE = Symbol("kont.delegate");
/** What next() and nextKey() return at the end. */
export const DONE = Symbol("kont.done");

export const enum Mode {
  Next = 0,
  Throw = 1,
  Return = 2,
}

/**
 * The state of one call of an async function or generator.
 *
 * pc is the resume point: 0 not started, -1 finished. s has the saved slots and
 * is undefined while the function runs. a passes the operand of a suspension to
 * the driver and is undefined otherwise.
 */
export class Frame {
  fn: number;
  pc = 0;
  e: unknown;
  t: unknown;
  s: unknown[] | undefined = undefined;
  a: unknown = undefined;
  d: unknown = undefined;
  constructor(fn: number, env: unknown, self: unknown) {
    this.fn = fn;
    this.e = env;
    this.t = self;
  }
}

type StepFunction = (frame: Frame, value: unknown, mode: Mode) => unknown;

/** What a loaded bundle hands to the runtime. */
export interface Table {
  fns: (((env: unknown, ...extra: unknown[]) => unknown) | undefined)[];
  steps: (StepFunction | undefined)[];
  moduleEnv: Record<string, unknown>;
  bindings(): [module: string, name: string, value: unknown][];
  setProbe(on: boolean): void;
}

/** A for-of loop or pattern part-way through an iterator (ECMAScript 7.4.1). */
export class Iteration {
  i: any;
  n: any;
  done = false;
  constructor(iterator: unknown, next: unknown) {
    this.i = iterator;
    this.n = next;
  }
}

/** A for-in loop part-way through an object's keys. */
export class KeyList {
  o: object | undefined;
  keys: string[];
  n = 0;
  constructor(object: object | undefined, keys: string[]) {
    this.o = object;
    this.keys = keys;
  }
}

export function describe(value: unknown): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "function":
      return "function";
    case "object":
      return "object";
    case "string":
      return JSON.stringify(value);
    case "symbol":
      return value.toString();
  }
  return String(value);
}

/** goja's own iterator of arguments objects; its state can't be read. */
const argumentsIterator = (function (..._: unknown[]) {
  return arguments[Symbol.iterator];
})();

// As they are when user code starts to run: see register.
let arrayValues: unknown;
let arrayIteratorPrototype: any;
let arrayNext: unknown;

function noteIterators(): void {
  arrayValues = Array.prototype[Symbol.iterator];
  arrayIteratorPrototype = getPrototypeOf([][Symbol.iterator]());
  arrayNext = arrayIteratorPrototype.next;
}

/** GetIterator, ECMAScript 7.4.3. An array whose iteration nobody has changed is walked by index: `n` is a number. */
export function iterate(value: any): Iteration {
  if (Array.isArray(value) && value[Symbol.iterator] === arrayValues && arrayIteratorPrototype.next === arrayNext) {
    return new Iteration(value, 0);
  }
  return iterator(value);
}

/** GetIterator, with an iterator in any case. */
export function iterator(value: any): Iteration {
  let method = value === undefined || value === null ? undefined : value[Symbol.iterator];
  if (method === argumentsIterator) method = Array.prototype.values;
  if (typeof method !== "function") throw new TypeError(describe(value) + " is not iterable");
  const made = apply(method, value, []);
  if (!isObject(made)) throw new TypeError("result of [Symbol.iterator] is not an object");
  return new Iteration(made, (made as any).next);
}

export function next(it: Iteration, asUndefined?: boolean): unknown {
  if (!it.done) {
    if (typeof it.n === "number") {
      if (it.n < it.i.length) return it.i[it.n++];
      it.done = true;
      return asUndefined ? undefined : DONE;
    }
    let result: any;
    try {
      result = apply(it.n, it.i, []);
      if (Object(result) !== result) throw new TypeError("iterator result " + describe(result) + " is not an object");
      if (!result.done) return result.value;
    } catch (e) {
      it.done = true;
      throw e;
    }
    it.done = true;
  }
  return asUndefined ? undefined : DONE;
}

export function rest(it: Iteration): unknown[] {
  const list: unknown[] = [];
  for (;;) {
    const value = next(it);
    if (value === DONE) return list;
    list.push(value);
  }
}

export function close(it: Iteration): void {
  if (it.done) return;
  it.done = true;
  if (typeof it.n === "number") return;
  const method = it.i.return;
  if (method === undefined || method === null) return;
  const result = apply(method, it.i, []);
  if (Object(result) !== result) throw new TypeError("iterator result " + describe(result) + " is not an object");
}

export function closeQuiet(it: Iteration): void {
  try {
    close(it);
  } catch {
    // What was thrown first stands.
  }
}

export function forIn(value: any): KeyList {
  const keys: string[] = [];
  if (value === undefined || value === null) return new KeyList(undefined, keys);
  const object = Object(value);
  for (const key in object) keys.push(key);
  return new KeyList(object, keys);
}

export function nextKey(list: KeyList): unknown {
  while (list.n < list.keys.length) {
    const key = list.keys[list.n++];
    // A key deleted or hidden since the start is passed over.
    for (let o: any = list.o; o !== null; o = getPrototypeOf(o)) {
      if (!hasOwn(o, key)) continue;
      if (apply(propertyIsEnumerable, o, [key])) return key;
      break;
    }
  }
  return DONE;
}

export function toKey(key: any): string | symbol {
  if (typeof key === "string" || typeof key === "symbol") return key;
  for (const k of ownKeys({ [key]: 0 })) return k;
  throw new TypeError("no property key");
}

export function requireObject(value: unknown): void {
  if (value === undefined || value === null) {
    throw new TypeError("Cannot destructure '" + value + "' as it is " + value + ".");
  }
}

export function objectRest(source: any, taken: any[]): object {
  const from = Object(source);
  const keys = taken.map(toKey);
  const result: any = {};
  for (const key of ownKeys(from)) {
    if (keys.includes(key)) continue;
    const descriptor = getOwnPropertyDescriptor(from, key);
    if (descriptor !== undefined && descriptor.enumerable) defineField(result, key, from[key]);
  }
  return result;
}

/** Defines an own data property, as class fields and literals do. */
export function defineField(object: object, key: PropertyKey, value: unknown): void {
  defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** One turn of yield*: the inner iterator's result object (ECMAScript 15.5.5). */
export function delegate(it: Iteration, mode: Mode, value: unknown): any {
  const inner = it.i;
  let result: any;
  if (mode === Mode.Next) {
    result = apply(it.n, inner, [value]);
  } else if (mode === Mode.Return) {
    const method = inner.return;
    if (method === undefined || method === null) return { value, done: true };
    result = apply(method, inner, [value]);
  } else {
    const method = inner.throw;
    if (method === undefined || method === null) {
      close(it);
      throw new TypeError("the iterator of yield* has no throw method");
    }
    result = apply(method, inner, [value]);
  }
  if (Object(result) !== result) throw new TypeError("iterator result " + describe(result) + " is not an object");
  return result;
}

export function tdz(name: string): never {
  throw new ReferenceError("Cannot access '" + name + "' before initialization");
}

export function checked(value: unknown, current: unknown, name: string): unknown {
  if (current === TDZ) tdz(name);
  return value;
}

export function constant(_name: string): never {
  throw new TypeError("Assignment to constant variable.");
}

export function call(f: any, self: unknown, ...rest: unknown[]): unknown {
  if (typeof f !== "function") throw new TypeError(describe(f) + " is not a function");
  return apply(f, self, rest);
}

export function superGet(home: any, key: any, self: unknown): unknown {
  const proto = getPrototypeOf(home);
  if (proto === null) throw new TypeError("Cannot read properties of null");
  return Reflect.get(proto, key, self as object);
}

export function superSet(home: any, key: any, value: unknown, self: any): unknown {
  if (!Reflect.set(getPrototypeOf(home)!, key, value, self)) {
    throw new TypeError("Cannot assign to read only property '" + String(key) + "'");
  }
  return value;
}

/** An object whose property `v` is a property of super, for where only a property can be assigned to. */
export function superPlace(home: any, key: any, self: unknown): object {
  return { set v(value: unknown) { superSet(home, key, value, self) } };
}

// What module code has made is frozen; the errors of changing it name the variable (jsvm/lower/shared.go).

/** An object whose property `v` is a property of what belongs to the module's variable name. */
export function sharedPlace(object: any, key: any, name: string): object {
  const at = toKey(key);
  return {
    get v() {
      return object[at];
    },
    set v(value: unknown) {
      try {
        object[at] = value;
      } catch (error) {
        throw nameShared(error, object, name, at);
      }
    },
  };
}

export function deleteShared(object: any, key: any, name: string): boolean {
  try {
    return delete object[key];
  } catch (error) {
    throw nameShared(error, object, name);
  }
}

/** object[key] as a function: what arguments are evaluated after. */
export function sharedMethod(object: any, key: any, name: string): unknown {
  const method = object[key];
  return (...list: unknown[]) => callShared(method, object, name, ...list);
}

export function callShared(method: any, object: any, name: string, ...list: unknown[]): unknown {
  try {
    return call(method, object, ...list);
  } catch (error) {
    throw Array.isArray(object) ? nameShared(error, object, name) : error;
  }
}

/** The error of a change, with the variable's name if that is because it is frozen. */
function nameShared(error: any, object: any, name: string, key?: string | symbol): unknown {
  if (!(error instanceof TypeError) || !isObject(object) || isExtensible(object)) return error;
  for (let o: any = object; key !== undefined && o !== null; o = getPrototypeOf(o)) {
    const own = getOwnPropertyDescriptor(o, key);
    if (own !== undefined && (own.get !== undefined || own.set !== undefined)) return error;
    if (own !== undefined) break;
  }
  return new TypeError(error.message + ": " + name + " was made while the module loaded and is shared by all threads; make it in the entry function");
}

/** The template object of a tagged template (ECMAScript 13.2.8.4). */
export function template(cooked: (string | undefined)[], raw: string[]): object {
  defineProperty(cooked, "raw", { value: Object.freeze(mark(raw)), writable: false, enumerable: false, configurable: false });
  return Object.freeze(mark(cooked));
}

/** Parts of an object literal from its first accessor on. */
const enum Part {
  Value = 0,
  Get = 1,
  Set = 2,
  Spread = 3,
  Proto = 4,
}

let steps: (StepFunction | undefined)[] = [];

/** A bundle that is being loaded tells its tables, before its modules run. */
export function register(table: Table): void {
  steps = table.steps;
  noteIterators();
}

const framePrototype = Frame.prototype;

function finish(frame: Frame): void {
  frame.pc = -1;
  frame.s = undefined;
}

/** Runs an async function's frame to its next suspension or its end. */
export function resumeFrame(frame: Frame, value: unknown, mode: Mode): void {
  let result: unknown;
  try {
    result = steps[frame.fn]!(frame, value, mode);
  } catch (e) {
    finish(frame);
    if (isError(e) && e instanceof TypeError) theHost.explain(e);
    trace(e);
    rejectPromise(frame.d, e);
    return;
  }
  if (result === AWAIT) {
    const operand = frame.a;
    frame.a = undefined;
    awaitValue(frame, operand);
    return;
  }
  frame.pc = -1;
  frame.s = undefined;
  resolvePromise(frame.d, result);
}

/** A call of an async function: its frame is made, becomes the owner of what it starts (enterFrame), and runs to its first suspension. */
export function async(fn: number, env: unknown, self: unknown, slots: unknown[]): unknown {
  const before = owner;
  const d = newPromise();
  // To goja a literal costs half of what `new` does.
  const frame: any = { __proto__: framePrototype, fn, pc: 0, e: env, t: self, s: slots, a: undefined, d, scope: before };
  if (before !== undefined && before.debt !== undefined) frame.debt = before.debt;
  setOwner(frame);
  resumeFrame(frame, undefined, Mode.Next);
  setOwner(before);
  return d;
}

/**
 * The generator object of a call of a generator (ECMAScript 27.5). Its frame is
 * a private property, and the frame's `d` is the generator: a property alone
 * could be inherited.
 */
export class Generator {}

function frameOf(generator: any): Frame {
  // What else has this slot is no frame, and has no d. A primitive value has none.
  const frame = generator === undefined || generator === null ? undefined : generator[symIterator];
  if (frame === undefined || frame.d !== generator) throw new TypeError("not a generator");
  return frame;
}

function resumeGenerator(generator: any, value: unknown, mode: Mode): IteratorResult<unknown> {
  const frame = frameOf(generator);
  if (frame.pc === -1) return finished(value, mode);
  if (frame.s === undefined) throw new TypeError("Generator is already running");
  if (frame.pc === 0 && mode !== Mode.Next) {
    finish(frame);
    return finished(value, mode);
  }
  let result: unknown;
  try {
    result = steps[frame.fn]!(frame, value, mode);
  } catch (e) {
    finish(frame);
    throw e;
  }
  const operand = frame.a;
  frame.a = undefined;
  if (result === YIELD) return { value: operand, done: false };
  if (result === DELEGATE) return operand as IteratorResult<unknown>;
  finish(frame);
  return { value: result, done: true };
}

function finished(value: unknown, mode: Mode): IteratorResult<unknown> {
  if (mode === Mode.Throw) throw value;
  return { value: mode === Mode.Return ? value : undefined, done: true };
}

// The iterators' common prototype; methods are taken from a literal, so that they are no constructors.
Object.setPrototypeOf(Generator.prototype, getPrototypeOf(getPrototypeOf([][Symbol.iterator]()))!);
const generatorMethods: Record<string, Function> = {
  next(this: unknown, value: unknown) {
    return resumeGenerator(this, value, Mode.Next);
  },
  return(this: unknown, value: unknown) {
    return resumeGenerator(this, value, Mode.Return);
  },
  throw(this: unknown, value: unknown) {
    return resumeGenerator(this, value, Mode.Throw);
  },
};
for (const name of ["next", "return", "throw"]) {
  defineProperty(Generator.prototype, name, { value: generatorMethods[name], writable: true, enumerable: false, configurable: true });
}
defineProperty(Generator.prototype, Symbol.toStringTag, { value: "Generator", writable: false, enumerable: false, configurable: true });

/** %AsyncFunction.prototype% and %GeneratorFunction.prototype%, ECMAScript 27.7.3 and 27.3.3. goja has them, for its own functions. */
export const asyncFunctionPrototype: any = getPrototypeOf(async function () {});
export const generatorFunctionPrototype: any = getPrototypeOf(function* () {});
defineProperty(generatorFunctionPrototype, "prototype", { value: Generator.prototype, writable: false, enumerable: false, configurable: true });
defineProperty(Generator.prototype, "constructor", { value: generatorFunctionPrototype, writable: false, enumerable: false, configurable: true });

/** Makes an async function of the function that takes its place. */
export function asyncFunction(made: any): any {
  return setPrototypeOf(made, asyncFunctionPrototype);
}

/** Makes a generator function: ECMAScript 15.5.3 InstantiateGeneratorFunctionObject. */
export function generatorFunction(made: any): any {
  defineProperty(made, "prototype", { value: createWith(Generator.prototype, symPrototypeOf, made), writable: true, enumerable: false, configurable: false });
  return setPrototypeOf(made, generatorFunctionPrototype);
}

/** The prototype of the generator object of a call of made. */
function prototypeOf(made: any): object {
  const own = made.prototype;
  if (!isObject(own)) return Generator.prototype;
  // Earlier builds made an ordinary function of a generator that says its own name.
  if (getPrototypeOf(own) === objectPrototype && (own as any).constructor === made) return Generator.prototype;
  return own;
}

export function generator(fn: number, env: unknown, self: unknown, slots: unknown[], made: any): unknown {
  const frame = new Frame(fn, env, self);
  frame.s = slots;
  return (frame.d = createWith(prototypeOf(made), symIterator, frame));
}

/** A generator that takes its parameters apart before its first next(). */
export function generatorStart(fn: number, env: unknown, self: unknown, slots: unknown[], made: any): unknown {
  const frame = new Frame(fn, env, self);
  frame.s = slots;
  steps[fn]!(frame, undefined, Mode.Next);
  frame.a = undefined;
  return (frame.d = createWith(prototypeOf(made), symIterator, frame));
}

/** Gives a function that a computed key names its name (ECMAScript 10.2.9 SetFunctionName). */
export function named(fn: Function, key: string | symbol, prefix = ""): Function {
  let name = typeof key === "symbol" ? (key.description === undefined ? "" : "[" + key.description + "]") : key;
  if (prefix !== "") name = prefix + " " + name;
  const own = getOwnPropertyDescriptor(fn, "name");
  if (own === undefined || own.value === "") {
    defineProperty(fn, "name", { value: name, writable: false, enumerable: false, configurable: true });
  }
  return fn; // with its own name if it is a class with a static member `name`
}

/** Adds the properties of an object literal from its first accessor on. */
export function object(made: any, ...parts: any[]): object {
  mark(made);
  for (let i = 0; i < parts.length; i += 3) {
    const key = parts[i + 1];
    const value = parts[i + 2];
    switch (parts[i]) {
      case Part.Get:
        defineProperty(made, key, { get: value, enumerable: true, configurable: true });
        break;
      case Part.Set:
        defineProperty(made, key, { set: value, enumerable: true, configurable: true });
        break;
      case Part.Spread: {
        const copy: any = { ...value }; // runs getters, once
        for (const k of ownKeys(copy)) defineField(made, k, copy[k]);
        break;
      }
      case Part.Proto:
        if (value === null || isObject(value)) Object.setPrototypeOf(made, value);
        break;
      default:
        defineField(made, key, value);
    }
  }
  return made;
}

export function delegateDone(result: any): boolean {
  return !!result.done;
}

/** Classes of the kernel whose objects can be part of a continuation, by the name that it holds. Append only. */
export const classes = { Frame, Generator, Iteration, KeyList };
