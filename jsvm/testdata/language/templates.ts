// Tagged templates: one template object for each place, also across restores; raw strings; awaits in between.
import { log } from "./log";
const seen = new WeakMap<object, number>();
const tag = (strings: TemplateStringsArray, ...values: any[]) => ({ strings, text: strings.raw.join("|") + "/" + values.join() });
const here = (n: any) => tag`a${n}b\n`;
export default async function main() {
  const kept: any[] = [];
  for (let i = 0; i < 3; i++) { kept.push(here(i).strings); await null }
  log(kept[0] === kept[1], kept[1] === kept[2], Object.isFrozen(kept[0]), kept[0].raw[1], kept[0][1].length, here(9).strings === kept[0]);
  const local = async (n: number) => tag`x${await Promise.resolve(n)}y`; const l1 = await local(1), l2 = await local(2); await null; log(l1.strings === l2.strings, l1.text, l2.text, tag`x${1}y`.strings === l1.strings);
  const ids = new Map<object, string>(); const cached = (s: TemplateStringsArray, ...v: any[]) => { if (!ids.has(s)) ids.set(s, "t" + ids.size); return ids.get(s) + v.join("") };
  const r: any[] = []; for (const x of [1, 2]) { r.push(cached`p${x}`, cached`q${x}`); await null } log(r);
  const o = { n: 5, tag(s: TemplateStringsArray, ...v: any[]) { return [this.n, s.length, ...v] } }; log(o.tag`${await Promise.resolve(1)}${2}`, String.raw`\u00e9${1}\n`, ((s: any) => s[0])`\unicode`, `nested ${`in ${await Promise.resolve("x")}`}`);
  class T { static make(s: TemplateStringsArray) { return s } m() { return T.make`in method` } } await null; log(new T().m() === new T().m());
}
