// Classes: how lowered code makes one, and the codec makes it again. A part of the kernel, see there.

import { define, isConstructor, isObject, symClass, symFunction, symPrototypeOf } from "./object";
import { registerFunction } from "./function";
import { functionTag } from "./source";
import * as kernel from "./kernel";

const { apply, construct, getPrototypeOf, ownKeys } = Reflect;
const { defineProperty, getOwnPropertyDescriptor, setPrototypeOf } = Object;

/**
 * Evaluates a class: makes it, tags it and its methods for the codec, puts it
 * where its members look for it, and runs its static initialisers.
 */
export function defineClass(
  id: number,
  env: any,
  heritage: unknown,
  keys: unknown[],
  factory: (env: unknown, heritage: unknown, keys: unknown[]) => any,
  names: string[],
  init?: (env: unknown, keys: unknown[]) => void,
): object {
  const made = factory(env, heritage, keys);
  tagClass(made, { id, env, heritage, keys });
  for (let i = 0; i < names.length; i++) env[names[i]] = made;
  if (init !== undefined) apply(init, made, [env, keys]);
  return made;
}

/**
 * Makes a class again that a continuation holds: without filling in its name and without its static initialisers, for both
 * have their values. The heritage may have lost since what a heritage needs; what it gave to the prototype object then is restored afterwards.
 */
export function restoreClass(
  id: number,
  env: unknown,
  heritage: any,
  keys: unknown[],
  factory: (env: unknown, heritage: unknown, keys: unknown[]) => any,
): object {
  let base = heritage;
  if (isObject(heritage)) {
    const own = getOwnPropertyDescriptor(heritage, "prototype");
    const isUsable = own !== undefined && "value" in own && (own.value === null || isObject(own.value));
    if (!isUsable) base = function () {};
  }
  const made = factory(env, base, keys);
  if (base !== heritage) setPrototypeOf(made, heritage);
  tagClass(made, { id, env, heritage, keys });
  return made;
}

function tagClass(made: any, tag: object): void {
  // Not writable: what is frozen later must look frozen when it has been restored.
  defineProperty(made, symClass, { value: tag });
  defineProperty(made.prototype, symPrototypeOf, { value: made });
  tagMembers(made, made);
  tagMembers(made.prototype, made);
}

/** Tags the methods and accessors of a class, by index: packages define hundreds of classes while they load, and `for … of` calls this library. */
function tagMembers(holder: any, made: any): void {
  const keys = ownKeys(holder);
  for (let i = 0; i < keys.length; i++) {
    const d: any = getOwnPropertyDescriptor(holder, keys[i]);
    if (typeof d.value === "function" && d.value !== made) defineProperty(d.value, symClass, { value: made });
    if (typeof d.get === "function") defineProperty(d.get, symClass, { value: made });
    if (typeof d.set === "function") defineProperty(d.set, symClass, { value: made });
  }
}

/** Gives the async methods and the generators of a class the prototypes of such functions; kinds tells by id which are generators, and own gets those. */
export function steppedMembers(made: any, own: any, kinds: Record<string, boolean>): any {
  for (const holder of [made, made.prototype]) {
    for (const key of ownKeys(holder)) {
      const method = getOwnPropertyDescriptor(holder, key)!.value;
      if (typeof method !== "function" || method === made) continue;
      const id = functionTag(method).slice(1);
      if (kinds[id] === true) own[id] = kernel.generatorFunction(method);
      else if (kinds[id] === false) kernel.asyncFunction(method);
    }
  }
  return made;
}

/**
 * What an arrow in a constructor calls super by. Where it is made, the constructor's own code does it; the continuation holds what is needed to go on without.
 */
export function superCaller(native: (...list: unknown[]) => unknown, home: object, newTarget: Function, env: any): unknown {
  define(native, symFunction, { id: "class.superCall", state: { home, newTarget, env } });
  return native;
}

registerFunction("class.superCall", (state: any) => (...list: unknown[]) => {
  const parent: any = getPrototypeOf(state.home);
  if (!isConstructor(parent)) throw new TypeError("Super constructor is not a constructor");
  const made = construct(parent, list, state.newTarget);
  if (state.env["%this"] !== kernel.TDZ) throw new ReferenceError("Super constructor may only be called once");
  // Only the constructor's own code could give the object its fields, and it has ended.
  throw new TypeError("super() called for the first time when the constructor had ended and the thread had been saved: " + kernel.describe(made));
});
