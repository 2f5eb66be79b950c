// Reflection: objects that may have other than plain data properties are marked for the codec; private symbols are hidden.

import { isObject, mark, privateSymbols } from "./object";

const apply = Reflect.apply;
const defineProperty = Object.defineProperty;

type Chosen = (self: any, args: any[], result: any) => any;

/** Replaces host[name] by a function that calls it and marks what choose gives, before (so that a frozen object has its mark) or after. */
function marking(host: any, name: string, choose: Chosen, after = false): void {
  const native = host[name];
  if (native === undefined) return; // goja lacks it
  const { [name]: replacement } = {
    [name](this: any, ...args: any[]) {
      if (!after) {
        const object = choose(this, args, undefined);
        if (isObject(object)) mark(object);
        return apply(native, this, args);
      }
      const result = apply(native, this, args);
      const object = choose(this, args, result);
      if (isObject(object)) mark(object);
      return result;
    },
  } as any;
  defineProperty(replacement, "length", { value: native.length, configurable: true });
  defineProperty(host, name, { value: replacement, writable: true, enumerable: false, configurable: true });
}

const hidden = new Set<unknown>(Object.keys(privateSymbols).map((name) => privateSymbols[name]));
const isHidden = hidden.has.bind(hidden);

function hiding(host: any, name: string): void {
  const native = host[name];
  const { [name]: replacement } = {
    [name](this: any, object: any) {
      const keys: any = apply(native, this, [object]);
      let shown = 0;
      for (let i = 0; i < keys.length; i++) if (!isHidden(keys[i])) keys[shown++] = keys[i];
      keys.length = shown;
      return keys;
    },
  } as any;
  defineProperty(host, name, { value: replacement, writable: true, enumerable: false, configurable: true });
}

export function installReflection(): void {
  const first: Chosen = (_, args) => args[0];
  const names = ["defineProperty", "defineProperties", "freeze", "seal", "preventExtensions"];
  for (let i = 0; i < names.length; i++) marking(Object, names[i], first);
  marking(Reflect, "defineProperty", first);
  marking(Reflect, "preventExtensions", first);
  marking(Object, "create", (_, args, result) => (args[1] !== undefined ? result : undefined), true);
  marking(Object.prototype, "__defineGetter__", (self) => self);
  marking(Object.prototype, "__defineSetter__", (self) => self);
  hiding(Object, "getOwnPropertySymbols");
  hiding(Reflect, "ownKeys");
  const descriptors = Object.getOwnPropertyDescriptors;
  const symbols = Object.keys(privateSymbols).map((name) => privateSymbols[name]);
  const replacement = {
    getOwnPropertyDescriptors(object: any) {
      const all: any = descriptors(object);
      for (let i = 0; i < symbols.length; i++) delete all[symbols[i]];
      return all;
    },
  }.getOwnPropertyDescriptors;
  defineProperty(Object, "getOwnPropertyDescriptors", { value: replacement, writable: true, enumerable: false, configurable: true });
}
