// Deep equality: the first difference of two values.

import { enumerableKeys, inline, property } from "./print";

export interface Difference {
  path: string;
  why: string;
}

/** The first difference in structure; undefined if there is none. With isPart, actual may have properties that expected has not. */
export function difference(actual: unknown, expected: unknown, isPart = false): Difference | undefined {
  return new Comparison(isPart).values(actual, expected, "");
}

class Comparison {
  /** Pairs that are being compared: cycles are equal where they are of one form. */
  readonly #pairs = new Map<object, Set<object>>();
  readonly #isPart: boolean;
  constructor(isPart: boolean) {
    this.#isPart = isPart;
  }

  values(a: any, b: any, path: string): Difference | undefined {
    if (Object.is(a, b)) return undefined;
    const differ = (why: string) => ({ path, why });
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
      if (typeof a === "function" && typeof b === "function") return differ("they are two functions");
      return differ(`${inline(a)} is not ${inline(b)}`);
    }
    const known = this.#pairs.get(a);
    if (known?.has(b)) return undefined;
    if (known === undefined) this.#pairs.set(a, new Set([b]));
    else known.add(b);
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return differ(`their prototypes differ: ${classOf(a)} is not ${classOf(b)}`);
    return this.#contents(a, b, path) ?? this.#properties(a, b, path);
  }

  /** What is not in properties. */
  #contents(a: any, b: any, path: string): Difference | undefined {
    const differ = (why: string) => ({ path, why });
    if (Array.isArray(a) !== Array.isArray(b)) return differ(`${inline(a)} is not ${inline(b)}`);
    if (Array.isArray(a)) {
      if (a.length !== b.length) return this.#firstOf(a, b, path) ?? differ(`the length ${a.length} is not ${b.length}`);
    } else if (a instanceof Date) {
      if (!(b instanceof Date) || !Object.is(a.getTime(), b.getTime())) return differ(`${inline(a)} is not ${inline(b)}`);
    } else if (a instanceof RegExp) {
      if (String(a) !== String(b) || a.lastIndex !== b.lastIndex) return differ(`${inline(a)} is not ${inline(b)}`);
    } else if (a instanceof Error) {
      if (a.name !== b.name || a.message !== b.message) return differ(`${inline(a)} is not ${inline(b)}`);
      return this.values((a as any).cause, b.cause, path + ".cause");
    } else if (a instanceof Map) return this.#maps(a, b, path);
    else if (a instanceof Set) return this.#sets(a, b, path);
    else if (a instanceof String || a instanceof Number || a instanceof Boolean) {
      if (!Object.is(a.valueOf(), b.valueOf())) return differ(`${inline(a)} is not ${inline(b)}`);
    } else if (a instanceof ArrayBuffer) return this.values(new Uint8Array(a), new Uint8Array(b), path);
    else if (a instanceof DataView) {
      const bytes = (view: DataView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      return this.values(bytes(a), bytes(b), path);
    } else if (ArrayBuffer.isView(a) && (a as any).length !== b.length) return differ(`the length ${(a as any).length} is not ${b.length}`);
    return undefined;
  }

  /** The first item that differs, of two arrays of different lengths. */
  #firstOf(a: any[], b: any[], path: string): Difference | undefined {
    for (let i = 0; i < a.length && i < b.length; i++) {
      const found = this.values(a[i], b[i], `${path}[${i}]`);
      if (found !== undefined) return { path, why: `the length ${a.length} is not ${b.length}, and the items differ from [${i}] on` };
    }
    return undefined;
  }

  #properties(a: any, b: any, path: string): Difference | undefined {
    const at = (key: PropertyKey) => (Array.isArray(a) || ArrayBuffer.isView(a) ? (typeof key === "string" && /^\d+$/.test(key) ? `${path}[${key}]` : property(path, key)) : property(path, key));
    for (const key of enumerableKeys(b)) {
      if (!Object.prototype.propertyIsEnumerable.call(a, key)) return { path: at(key), why: "it is missing" };
      const found = this.values(a[key], b[key], at(key));
      if (found !== undefined) return found;
    }
    if (this.#isPart) return undefined;
    for (const key of enumerableKeys(a)) {
      if (!Object.prototype.propertyIsEnumerable.call(b, key)) return { path: at(key), why: "it is not expected" };
    }
    return undefined;
  }

  #maps(a: Map<any, any>, b: Map<any, any>, path: string): Difference | undefined {
    const rest = new Map(a);
    for (const [key, value] of b) {
      const at = `${path}.get(${inline(key)})`;
      const same = rest.has(key) ? key : this.#search(key, rest.keys());
      if (same === missing) return { path: at, why: "it is missing" };
      const found = this.values(rest.get(same), value, at);
      if (found !== undefined) return found;
      rest.delete(same);
    }
    for (const key of this.#isPart ? [] : rest.keys()) return { path: `${path}.get(${inline(key)})`, why: "it is not expected" };
    return undefined;
  }

  #sets(a: Set<any>, b: Set<any>, path: string): Difference | undefined {
    const rest = new Set(a);
    for (const item of b) {
      const same = rest.has(item) ? item : this.#search(item, rest.keys());
      if (same === missing) return { path, why: `${inline(item)} is missing` };
      rest.delete(same);
    }
    for (const item of this.#isPart ? [] : rest) return { path, why: `${inline(item)} is not expected` };
    return undefined;
  }

  /** An object among the candidates that equals value. */
  #search(value: unknown, candidates: Iterable<unknown>): unknown {
    if (typeof value !== "object" || value === null) return missing;
    for (const candidate of candidates) {
      if (typeof candidate === "object" && candidate !== null && difference(candidate, value) === undefined) return candidate;
    }
    return missing;
  }
}

const missing = Symbol("missing");

function classOf(value: object): string {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null ? "none" : String(prototype.constructor?.name || "one without a name");
}
