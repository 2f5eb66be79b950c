// What the arguments of RegExp become where compiled code calls it (jsvm/lower/bound.go). goja reads \p as the letter p, has no flag v, and reads groups by
// recursion: a pattern is bounded (jsvm/pattern).

import { theHost } from "./object";
import type { Natives } from "./object";

let lazyNatives: Natives | undefined;

function natives(): Natives {
  if (lazyNatives === undefined) lazyNatives = theHost.natives();
  return lazyNatives;
}

/** A shorter pattern cannot be too deep. */
const depthMax = 1000;

/** Nested classes, differences, intersections and strings, which only the flag v has. */
const setNotation = /(?:^|[^\\])(?:\\\\)*(?:\\q\{|--|&&|\[[^\]]*[^\]\\]\[)/;

export function regexpArguments(pattern: any, flags: any): any[] {
  if (typeof pattern !== "string") return [pattern, flags];
  if (pattern.length > depthMax && natives().isTooDeep(pattern)) throw new SyntaxError("Invalid regular expression: groups are nested more than " + depthMax + " deep");
  if (typeof flags !== "string") return [pattern, flags];
  if (flags.indexOf("v") >= 0 && flags.indexOf("u") < 0) {
    if (setNotation.test(pattern)) throw new SyntaxError("Invalid regular expression: the engine has no set notation (flag v): write the class out, with the flag u");
    flags = flags.replace("v", "u");
  }
  if (flags.indexOf("u") < 0 || pattern.search(/\\[pP]/) < 0) return [pattern, flags];
  const [expanded, problem] = natives().expandProperties(pattern);
  if (problem !== "") throw new SyntaxError("Invalid regular expression: " + problem);
  return [expanded, flags];
}
