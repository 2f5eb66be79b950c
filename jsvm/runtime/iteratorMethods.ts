// The methods of %Iterator.prototype%, ECMAScript 27.1.4. Every iterator inherits them, so they are there from the beginning; what they do is in a family (iterators.ts).

import { useFamily } from "./family";

const iteratorPrototype: any = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

function call(name: string, receiver: any, argument: any): any {
  return useFamily("iterators").internal![name](receiver, argument);
}

const methods: any = {
  map(this: any, mapper: any) {
    return call("map", this, mapper);
  },
  filter(this: any, predicate: any) {
    return call("filter", this, predicate);
  },
  take(this: any, limit: any) {
    return call("take", this, limit);
  },
  drop(this: any, limit: any) {
    return call("drop", this, limit);
  },
  flatMap(this: any, mapper: any) {
    return call("flatMap", this, mapper);
  },
  reduce(this: any, reducer: any) {
    return useFamily("iterators").internal!.reduce(this, reducer, arguments.length > 1, arguments[1]);
  },
  toArray(this: any) {
    return call("toArray", this, undefined);
  },
  forEach(this: any, procedure: any) {
    return call("forEach", this, procedure);
  },
  some(this: any, predicate: any) {
    return call("some", this, predicate);
  },
  every(this: any, predicate: any) {
    return call("every", this, predicate);
  },
  find(this: any, predicate: any) {
    return call("find", this, predicate);
  },
  /** ECMAScript 27.1.4.14 (explicit resource management). */
  [(Symbol as any).dispose](this: any) {
    const method = this.return;
    if (method !== undefined && method !== null) Reflect.apply(method, this, []);
  },
};

/** SetterThatIgnoresPrototypeProperties, ECMAScript 27.1.4.1.2: `constructor` and the tag of an iterator can be assigned, as if the prototype had data properties. */
function weird(key: PropertyKey, get: () => unknown): void {
  Object.defineProperty(iteratorPrototype, key, {
    get,
    set(this: any, value: unknown) {
      if (this === null || (typeof this !== "object" && typeof this !== "function")) throw new TypeError("the receiver is no object");
      if (this === iteratorPrototype) throw new TypeError("Cannot assign to a property of Iterator.prototype");
      if (Object.prototype.hasOwnProperty.call(this, key)) this[key] = value;
      else Object.defineProperty(this, key, { value, writable: true, enumerable: true, configurable: true });
    },
    enumerable: false,
    configurable: true,
  });
}

export function installIteratorMethods(): void {
  const keys = Reflect.ownKeys(methods);
  for (let i = 0; i < keys.length; i++) {
    Object.defineProperty(iteratorPrototype, keys[i], { value: methods[keys[i]], writable: true, enumerable: false, configurable: true });
  }
  weird("constructor", () => useFamily("iterators").globals.Iterator);
  weird(Symbol.toStringTag, () => "Iterator");
}
