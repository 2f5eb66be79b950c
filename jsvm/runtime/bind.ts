// Function.prototype.bind: ECMAScript 20.2.3.2, with a target and arguments that can be read.
//
// The bound function is a native bound function of a dispatcher that calls the target, so it has no `prototype` and is a
// constructor exactly if its target is one.

import { isConstructor } from "./object";
import { makeFunction, registerFunction } from "./function";

const apply = Reflect.apply;
const construct = Reflect.construct;
const nativeBind = Function.prototype.bind;
const hasOwnProperty = Object.prototype.hasOwnProperty;
const concat = Array.prototype.concat;

interface Bound {
  target: any;
  self: unknown;
  args: unknown[];
}

registerFunction("function.bound", ({ target, self, args }: Bound) => {
  const withArguments = (more: unknown[]): unknown[] => (args.length === 0 ? more : apply(concat, args, [more]));
  if (!isConstructor(target)) return apply(nativeBind, (...more: unknown[]) => apply(target, self, withArguments(more)), []);
  const dispatcher: any = function (...more: unknown[]) {
    if (new.target === undefined) return apply(target, self, withArguments(more));
    return construct(target, withArguments(more), new.target === dispatcher ? target : new.target);
  };
  Object.defineProperty(dispatcher, Symbol.hasInstance, { value: (object: unknown) => object instanceof target });
  return apply(nativeBind, dispatcher, []);
});

const bindHolder = {
  bind(this: any, self: unknown, ...args: unknown[]): any {
    const target = this;
    if (typeof target !== "function") throw new TypeError("Bind must be called on a function");
    const bound = makeFunction("function.bound", { target, self, args });
    let length = 0;
    if (apply(hasOwnProperty, target, ["length"])) {
      const its = target.length;
      if (typeof its === "number") length = its === Infinity ? Infinity : its === -Infinity ? 0 : Math.max(0, Math.trunc(its) - args.length || 0);
    }
    const name = target.name;
    Object.defineProperty(bound, "length", { value: length, configurable: true });
    Object.defineProperty(bound, "name", { value: "bound " + (typeof name === "string" ? name : ""), configurable: true });
    return bound;
  },
};

export function installBind(): void {
  Object.defineProperty(bindHolder.bind, "length", { value: 1, configurable: true });
  Object.defineProperty(Function.prototype, "bind", { value: bindHolder.bind, writable: true, configurable: true });
}
