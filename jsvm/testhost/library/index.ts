// What a test imports as kont/test. It runs on the engine's own promises, in the VM of the test file; host.ts talks to the Go side.

import { assert } from "./assert";
import { workflow } from "./host";
import { engine } from "./engine";
import { inline } from "./print";

interface Registered {
  name: string;
  mode: "" | "only" | "skip";
  body: (() => unknown) | undefined;
  /** Where it was registered: the stack of the call. */
  stack: string;
}

const tests: Registered[] = [];

function register(name: unknown, body: unknown, mode: Registered["mode"]): void {
  if (typeof name !== "string" || name.trim() === "") throw new TypeError("test: the name is no text");
  if (typeof body !== "function" && !(mode === "skip" && body === undefined)) throw new TypeError(`test ${JSON.stringify(name)}: the body is no function`);
  if (!engine.isLoading()) throw new Error(`test ${JSON.stringify(name)}: tests are registered while the file loads, not by a test`);
  if (tests.some((other) => other.name === name)) throw new Error(`there is a test named ${JSON.stringify(name)} already`);
  tests.push({ name, mode, body: body as any, stack: String(new Error().stack) });
}

function test(name: string, body: () => unknown): void {
  register(name, body, "");
}
test.only = (name: string, body: () => unknown) => register(name, body, "only");
test.skip = (name: string, body?: () => unknown) => register(name, body, "skip");

/** Runs a test; done is called once, now or by a promise job. */
function run(index: number, done: (failed: boolean, error?: unknown) => void): void {
  let result: any;
  try {
    result = tests[index].body!();
  } catch (error) {
    return done(true, error);
  }
  if (result !== null && typeof result === "object" && typeof result.then === "function") {
    Promise.resolve(result).then(
      () => done(false),
      (error) => done(true, error),
    );
  } else done(false);
}

export default { module: { test, workflow, assert }, tests, run, inspect: inline };
