// What a bundle exports: its entry function and its manifest.

import { isObject } from "./object";
import { inspect, log } from "./console";
import { drain } from "./job";
import { stateOf } from "./promise";
import { isLoading, now, thread } from "./thread";

export interface Entry {
  entry: Function;
  /** The topics that manifest.outputTopics declares, checked to be texts; names are checked by the host. */
  outputTopics: string[];
}

/**
 * Runs the promise jobs of module code, so that its promises are settled before threads share them. Module code that waits for more than
 * jobs is refused: no event will come for it. The host calls it when the module code has run; a second call does nothing.
 */
export function finishLoading(): void {
  const loader = thread();
  if (!isLoading()) return;
  drain();
  for (const rejected of now.rejected) if (!stateOf(rejected).handled) log("error", "unhandled rejection while the bundle loads: " + inspect(stateOf(rejected).value));
  now.rejected = [];
  if (loader.blocked.size > 0) throw new Error("module code waits for something that no event can settle: await it in the entry function");
}

/** Reads module.exports after the bundle has run. A CommonJS module may export the function itself. */
export function entryOf(exports: any): Entry {
  finishLoading();
  if (!isObject(exports)) throw new TypeError("the entry file exports nothing");
  const e: any = exports;
  let entry = e.default;
  if (isObject(entry) && typeof entry !== "function" && e.__esModule !== true) entry = (entry as any).default;
  if (entry === undefined) entry = e.main;
  if (entry === undefined && typeof e === "function") entry = e;
  if (typeof entry !== "function") {
    throw new TypeError(entry === undefined ? "the entry file exports neither `default` nor `main`" : "the export `" + (e.default === undefined ? "main" : "default") + "` is no function");
  }
  const manifest = e.manifest;
  if (manifest === undefined) return { entry: entry as Function, outputTopics: [] };
  if (!isObject(manifest)) throw new TypeError("the export `manifest` is no object");
  const topics = (manifest as any).outputTopics;
  if (topics === undefined) return { entry: entry as Function, outputTopics: [] };
  if (!Array.isArray(topics) || !topics.every((topic) => typeof topic === "string")) throw new TypeError("manifest.outputTopics is no array of topic names");
  return { entry: entry as Function, outputTopics: topics.slice() };
}
