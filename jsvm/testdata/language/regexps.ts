// Regular expressions: property escapes, literals and constructed, held across awaits.
import { log } from "./log";
export default async function main() {
  const word = /^[\p{L}\p{M}'-]+$/u, upper = /\p{Lu}/gu, not = /\P{ASCII}+/u, greek = new RegExp("\\p{Script=Greek}", "gu"), made = RegExp("^\\p{Nd}+$", "u"), none = new RegExp("[^\\p{White_Space}]+", "u");
  await null;
  log(["José", "O'Brien", "名前", "a1", "p{L}", ""].map((x) => word.test(x)), "aÉbÑ".match(upper), not.exec("ascii ünï ok")![0], "αβγ abc".replace(greek, "*"), made.test("٣4"), none.exec("  x y")![0]);
  const flags = await Promise.resolve("u"); log(new RegExp("\\p{L}", flags).test("ß"), new RegExp("\\p{L}").test("p{L}"), /\p{L}/.test("p{L}"), new RegExp(/x/g, "u").flags, RegExp("a", "g").global, new RegExp("a").source);
  try { new RegExp(await Promise.resolve("\\p{Nope}"), "u"); log("fine") } catch (e: any) { log(e.name) } const sets = [/\p{Lowercase}/u, /\p{Alphabetic}/u, /\p{gc=Sc}/u, /[\p{P}_]/u]; await null; log("aA€-".split("").map((c) => sets.map((s) => s.test(c)).join()));
  const sticky = /\p{L}/uy; sticky.lastIndex = 1; await null; log(sticky.test("1é"), sticky.lastIndex, "x-é".split(/[^\p{L}]/u), "ab".replace(/(?<l>\p{L})/gu, "<$<l>>"), [..."a1é2".matchAll(/\p{L}(\d)/gu)].map((m) => m[1]), "É".search(/\p{Ll}/iu));
}
