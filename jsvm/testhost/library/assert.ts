// Assertions. Each throws an AssertionError whose stack leads to the test.

import { engine } from "./engine";
import { difference } from "./equal";
import { enumerableKeys, inline, inlineMax, print } from "./print";
import type { Line } from "./print";

class AssertionError extends Error {
  readonly diff: string | undefined;
  constructor(message: string, diff?: string) {
    super(message);
    this.diff = diff;
  }
}
Object.defineProperty(AssertionError.prototype, "name", { value: "AssertionError", configurable: true, writable: true });

function failed(message: string | undefined, detail: string, diff?: string): AssertionError {
  return new AssertionError(message === undefined ? detail : message + ": " + detail, diff);
}

function diffOf(actual: Line[], expected: Line[]): string | undefined {
  const texts = (lines: Line[]) => lines.map((line) => line.text);
  const paths = (lines: Line[]) => lines.map((line) => line.path);
  return engine.diff(texts(actual), paths(actual), texts(expected), paths(expected)) || undefined;
}

/** The diff of two values, unless it would show no more than the message. */
function diffOfValues(actual: unknown, expected: unknown): string | undefined {
  const lines = print(actual);
  const wanted = print(expected, actual);
  const isWholeInMessage = [lines, wanted].every((of) => of.length === 1 && of[0].text.length <= inlineMax);
  return isWholeInMessage ? undefined : diffOf(lines, wanted);
}

/** Where two long texts differ: nobody finds it by looking at them. */
function place(actual: unknown, expected: unknown): string {
  if (typeof actual !== "string" || typeof expected !== "string" || Math.max(actual.length, expected.length) <= 40) return "";
  let i = 0;
  while (i < actual.length && actual[i] === expected[i]) i++;
  return `; they differ from [${i}] on: ${JSON.stringify(actual.slice(i, i + 20))} is not ${JSON.stringify(expected.slice(i, i + 20))}`;
}

export function assert(value: unknown, message?: string): void {
  if (!value) throw failed(message, `${inline(value)} is not true`);
}

assert.ok = (value: unknown, message?: string): void => {
  if (!value) throw failed(message, `${inline(value)} is not true`);
};

assert.equal = (actual: unknown, expected: unknown, message?: string): void => {
  if (Object.is(actual, expected)) return;
  const areObjects = typeof actual === "object" && typeof expected === "object" && actual !== null && expected !== null;
  if (areObjects && difference(actual, expected) === undefined) throw failed(message, "they are two objects, equal in structure; compare them with assert.deepEqual");
  throw failed(message, `${inline(actual)} is not ${inline(expected)}${place(actual, expected)}`, diffOfValues(actual, expected));
};

assert.notEqual = (actual: unknown, expected: unknown, message?: string): void => {
  if (Object.is(actual, expected)) throw failed(message, `both are ${inline(actual)}`);
};

assert.deepEqual = (actual: unknown, expected: unknown, message?: string): void => {
  const found = difference(actual, expected);
  if (found !== undefined) throw failed(message, (found.path === "" ? "" : "at " + found.path + ": ") + found.why, diffOfValues(actual, expected));
};

assert.notDeepEqual = (actual: unknown, expected: unknown, message?: string): void => {
  if (difference(actual, expected) === undefined) throw failed(message, `both are ${inline(actual)}`);
};

assert.matches = (actual: unknown, expected: unknown, message?: string): void => {
  const found = difference(actual, expected, true);
  if (found !== undefined) throw failed(message, (found.path === "" ? "" : "at " + found.path + ": ") + found.why, diffOfValues(shared(actual, expected, new Map()), expected));
};

/** The part of actual that expected speaks of. */
function shared(actual: any, expected: any, done: Map<object, unknown>): unknown {
  if (typeof actual !== "object" || typeof expected !== "object" || actual === null || expected === null) return actual;
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return actual;
  const before = done.get(actual);
  if (before !== undefined) return before;
  if (Array.isArray(actual)) {
    const items: unknown[] = [];
    done.set(actual, items);
    actual.forEach((item, i) => (items[i] = shared(item, expected[i], done)));
    return items;
  }
  const prototype = Object.getPrototypeOf(actual);
  if (actual instanceof Date || actual instanceof RegExp || actual instanceof Error || actual instanceof Map || actual instanceof Set || ArrayBuffer.isView(actual)) return actual;
  const part = Object.create(prototype);
  done.set(actual, part);
  for (const key of enumerableKeys(actual)) {
    if (Object.prototype.propertyIsEnumerable.call(expected, key)) Object.defineProperty(part, key, { value: shared(actual[key], expected[key], done), enumerable: true });
  }
  return part;
}

assert.match = (text: string, pattern: RegExp, message?: string): void => {
  if (typeof text !== "string") throw failed(message, `${inline(text)} is no text`);
  pattern.lastIndex = 0;
  if (!pattern.test(text)) throw failed(message, `${inline(text)} does not match ${pattern}`);
};

/** Whether what was thrown is what was expected: a pattern of, or a part of, its message or its text. */
function checkThrown(error: unknown, expected: RegExp | string | undefined, message: string | undefined): unknown {
  if (expected === undefined) return error;
  const texts = [String(error)];
  if (error instanceof Error) texts.push(error.message);
  const fits = (text: string) => {
    if (typeof expected === "string") return text.includes(expected);
    expected.lastIndex = 0;
    return expected.test(text);
  };
  if (!texts.some(fits)) throw failed(message, `it threw ${inline(texts[0])}, which ${typeof expected === "string" ? `has no ${inline(expected)} in it` : `does not match ${expected}`}`);
  return error;
}

assert.throws = (body: () => unknown, expected?: RegExp | string, message?: string): unknown => {
  let result: any;
  try {
    result = body();
  } catch (error) {
    return checkThrown(error, expected, message);
  }
  if (result !== null && typeof result === "object" && typeof result.then === "function") {
    result.then(undefined, () => {});
    throw failed(message, "it returned a promise; use `await assert.rejects`");
  }
  throw failed(message, `it returned ${inline(result)} and threw nothing`);
};

assert.rejects = async (body: () => PromiseLike<unknown>, expected?: RegExp | string, message?: string): Promise<unknown> => {
  // Made here: behind the await, no call of the test is on the stack.
  const unmet = failed(message, "");
  let result: unknown;
  try {
    result = await (typeof body === "function" ? body() : body);
  } catch (error) {
    try {
      return checkThrown(error, expected, message);
    } catch (other) {
      unmet.message = (other as Error).message;
      throw unmet;
    }
  }
  unmet.message += `it was fulfilled with ${inline(result)}`;
  throw unmet;
};

assert.fail = (message?: string): never => {
  throw new AssertionError(message === undefined ? "assert.fail was called" : message);
};

assert.snapshot = (value: unknown, name?: string): void => {
  if (name !== undefined && typeof name !== "string") throw new TypeError(`snapshot: the name is no text: ${inline(name)}`);
  const lines = print(value);
  const stored = engine.snapshot(name, lines.map((line) => line.text).join("\n"));
  if (stored === undefined) return;
  const expected = stored.split("\n").map((text) => ({ text, path: "" }));
  throw new AssertionError("the value is not that of the snapshot; if it should be, run `kont test --update`", diffOf(lines, expected));
};
