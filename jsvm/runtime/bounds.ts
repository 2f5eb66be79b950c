// Bounds of what one native operation can make at once, where neither an interrupt nor the limit of the heap comes in between: the process would be out of
// memory before. jsvm/guards.go has those of single natives, this file what compiled code calls (jsvm/lower/bound.go) and what is called too often to go
// through Go. All are far beyond what a continuation can hold.

import { isObject, theHost } from "./object";

const { apply, construct, defineProperty } = Reflect;
const { isArray } = Array;
const { trunc } = Math;

/** Bits of a BigInt: a power of that size takes some seconds. */
const bigIntBitsMax = 1 << 26;
const bigIntBits = BigInt(bigIntBitsMax);
/** Arguments of one call of apply or construct; they are copied to the engine's stack. */
const argumentsMax = 1 << 20;
/** Length of an array made at once. */
const arrayLengthMax = 1 << 26;

function tooBig(): RangeError {
  return new RangeError("Maximum BigInt size exceeded");
}

/** ToNumeric, ECMAScript 7.1.3. */
function numeric(value: any): any {
  return isObject(value) ? -(-(value as any)) : value;
}

/** left ** right */
export function power(left: any, right: any): any {
  if (typeof left === "number" && typeof right === "number") return left ** right;
  const base = numeric(left);
  const count = numeric(right);
  if (typeof base === "bigint" && typeof count === "bigint" && count > 1n && (base > 1n || base < -1n) && BigInt(theHost.bitLength(base)) * count > bigIntBits) throw tooBig();
  return base ** count;
}

/** The right side of `a.b **= right`. */
export function exponent(right: any): any {
  const count = numeric(right);
  if (typeof count === "bigint" && count > bigIntBits) throw tooBig();
  return count;
}

/** The right side of a shift, which may go either way. An object becomes a number after the left side (ECMAScript 13.15.4), so by one in its place. */
export function shiftCount(right: any): any {
  return isObject(right) ? { [Symbol.toPrimitive]: () => boundCount(numeric(right)) } : boundCount(right);
}

function boundCount(count: any): any {
  if (typeof count === "bigint" && (count > bigIntBits || count < -bigIntBits)) throw tooBig();
  return count;
}

/** The only argument of Array. */
export function arrayLength(length: any): any {
  if (typeof length === "number" && length > arrayLengthMax) throw new RangeError("Invalid array length");
  return length;
}

function tooMany(): RangeError {
  return new RangeError("too many arguments: at most " + argumentsMax);
}

/** The arguments in a list. Those of anything but an array are copied: its length may be another one when the engine reads it. */
function boundArguments(list: any): any {
  if (isArray(list)) {
    if (list.length > argumentsMax) throw tooMany();
    return list;
  }
  const length = trunc(+list.length) || 0;
  if (length > argumentsMax) throw tooMany();
  const copy: any[] = [];
  for (let i = 0; i < length; i++) copy[i] = list[i];
  return copy;
}

const functionMethods: any = {
  apply(this: any, self: any, list: any) {
    if (list === undefined || list === null) return apply(this, self, []);
    return apply(this, self, typeof this === "function" && isObject(list) ? boundArguments(list) : list);
  },
};

const reflectMethods: any = {
  apply(target: any, self: any, list: any) {
    return apply(target, self, typeof target === "function" && isObject(list) ? boundArguments(list) : list);
  },
  construct(target: any, list: any, newTarget: any) {
    if (typeof target === "function" && isObject(list)) list = boundArguments(list);
    return arguments.length > 2 ? construct(target, list, newTarget) : construct(target, list);
  },
};

export function installBounds(): void {
  defineProperty(Function.prototype, "apply", { value: functionMethods.apply, writable: true, configurable: true });
  defineProperty(reflectMethods.construct, "length", { value: 2, configurable: true });
  defineProperty(Reflect, "apply", { value: reflectMethods.apply, writable: true, configurable: true });
  defineProperty(Reflect, "construct", { value: reflectMethods.construct, writable: true, configurable: true });
}
