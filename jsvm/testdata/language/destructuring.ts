// Patterns with defaults and awaits inside, in declarations, parameters, assignments, loops and catch; the order of evaluation.
import { log } from "./log";
const t = (x: any) => { log("t", x); return x };
const later = async (x: any) => { await null; return x };
export default async function main() {
  const { a, b: { c = await later("c"), ...d } = await later({ x: 1, y: 2 }), [t("k")]: e = t("e"), ...rest } = (await later({ a: 1, z: 9, k: undefined, w: 8 })) as any;
  log(a, c, d, e, rest);
  const [f = await later(1), [g, h = await later(g)] = await later([2]), , ...[i, ...j]] = [undefined, undefined, 0, "i", "j", "k"] as any;
  log(f, g, h, i, j);
  const o: any = { get p() { log("get p"); return undefined }, arr: [] };
  ({ p: t(o).q = await later("def"), ["p"]: o.r = t("r") } = o); log(o.q, o.r);
  [t(o).s, o.arr[t(0)], o.arr[await later(1)] = "one"] = [1, 2]; log(o.s, o.arr);
  const fn = async ({ x, y: [z = x, u = z] = [] as any[] }: any = {}, [v]: any = [x], ...{ length, 0: w }: any[]) => { await null; return [x, z, u, v, length, w] };
  log(await fn(), await fn({ x: 1, y: [2] }, "st", 5, 6), await fn({ x: 3 }, undefined, 7));
  for (const { k, n: [m] } of [{ k: 1, n: [2] }, { k: 3, n: [4] }]) { await null; log(k, m) }
  for (const [i2, { v: v2 = await later(i2) }] of [{ v: 5 }, {}].entries() as any) log(i2, v2);
  for await (const { q = 5 } of [Promise.resolve({ q: 1 }), {}] as any) log(q);
  try { throw { code: 1, detail: { m: "x" } } } catch ({ code, detail: { m = await later("no"), n = await later("n") } }: any) { log(code, m, n) }
  let x = 1, y = 2; [x, y] = [y, await later(x)]; log(x, y); const { length } = "four", { [Symbol.iterator]: it } = [] as any; await null; log(length, it === [][Symbol.iterator]);
  for (const bad of [() => { const { z } = null as any }, () => { const [z] = {} as any }, () => { const { z: { y } } = {} as any }]) try { bad(); log("fine") } catch (err: any) { log(err.name) }
  const swap = async ([a1, b1] = [1, 2]) => { [a1, b1] = [b1, a1]; await null; return { a1, b1 } }; log(await swap(), await swap([3, 4]));
  const src: any = { get a() { log("a"); return 1 }, get b() { log("b"); return 2 }, c: 3 }; const { c: only, ...others } = src; await null; log(only, others);
  const nested = async ({ y: [z1 = t(1), { w: [w1 = (2, 3)] = [] } = {}, ...[last = "l"]] = [] }: any = {}) => { await null; return [z1, w1, last] }; log(await nested(), await nested({ y: [5, { w: [6] }, 7] }));
  for (const { q: [k1 = "k"] = [] } of [{}, { q: ["v"] }] as any) { await null; log(k1) } class P { async m({ a: [x1 = this] = [] as any[] } = {}) { await null; return x1 === this } } log(await new P().m(), ((f) => f())(({ b: [y1 = 9] = [] }: any = {}) => y1));
  const fs: any[] = []; for (let { i: [n1 = 0] = [] }: any = {}; n1 < 3; n1++) { fs.push(() => n1); await null } log(fs.map((f) => f())); const gen = function* ({ a: [v1 = 1] = [] }: any = {}): any { yield v1; yield* [v1 + 1] }; log([...gen()]); const { r: [late = await later("awaited"), later2 = late] = [] } = {} as any; log(late, later2);
}
