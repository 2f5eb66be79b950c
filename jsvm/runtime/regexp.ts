// What the arguments of RegExp become where compiled code calls it (jsvm/lower/bound.go). goja reads \p as the letter p, and has no flag v.

import { theHost } from "./object";
import type { Natives } from "./object";

let natives: Natives | undefined;

/** Nested classes, differences, intersections and strings, which only the flag v has. */
const setNotation = /(?:^|[^\\])(?:\\\\)*(?:\\q\{|--|&&|\[[^\]]*[^\]\\]\[)/;

export function regexpArguments(pattern: any, flags: any): any[] {
  if (typeof pattern !== "string" || typeof flags !== "string") return [pattern, flags];
  if (flags.indexOf("v") >= 0 && flags.indexOf("u") < 0) {
    if (setNotation.test(pattern)) throw new SyntaxError("Invalid regular expression: the engine has no set notation (flag v): write the class out, with the flag u");
    flags = flags.replace("v", "u");
  }
  if (flags.indexOf("u") < 0 || pattern.search(/\\[pP]/) < 0) return [pattern, flags];
  if (natives === undefined) natives = theHost.natives();
  const [expanded, problem] = natives.expandProperties(pattern);
  if (problem !== "") throw new SyntaxError("Invalid regular expression: " + problem);
  return [expanded, flags];
}
