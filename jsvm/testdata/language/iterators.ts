// Generators and iterators by hand, part-way across awaits.
import { log } from "./log";
function* tree(n: number): Generator<number, string, string> {
  if (n > 0) { const l: string = yield* tree(n - 1); log("left", l); yield n; }
  return "r" + n;
}
export default async function main() {
  const t = tree(2), a = [t.next()];
  await null;
  a.push(t.next("x")); await null; a.push(t.next()); log(a);
  function* guard() { try { yield 1; yield 2 } finally { yield "cleanup"; log("closed") } }
  const g = guard(); g.next(); await null; log(g.return("r" as any), g.next(), g.next());
  const g2 = guard(); g2.next(); await null; log(g2.throw(new Error("in")), (() => { try { return g2.next() } catch (e: any) { return e.message } })());
  const range = { from: 1, to: 4, [Symbol.iterator]() { let i = this.from; return { next: () => (i <= this.to ? { value: i++, done: false } : { value: undefined, done: true }), return: () => { log("range closed"); return {} } } } };
  for (const x of range as any) { await null; if (x === 2) continue; if (x === 4) break; log(x) }
  const [p, , q = await Promise.resolve("d"), ...rest] = range as any; log(p, q, rest);
  const [first] = range as any; log(first);
  const methods = { *gen() { yield this.v; yield* [this.v + 1, this.v + 2] }, v: 5 }; const m = methods.gen(); m.next(); await null; log([...m]);
  class Col { #items = [1, 2, 3]; *[Symbol.iterator]() { for (const i of this.#items) yield i * 2 } static *of() { yield "s" } *pairs() { for (const i of this) yield [i, i] } }
  const it = new Col().pairs(); it.next(); await null; log([...it], [...Col.of()], Math.max(...new Col()));
  const args = (function* (...a: any[]) { yield arguments.length; yield a })(1, 2); args.next(); await null; log(args.next().value);
  const lazy = (function* () { let n = 0; while (true) { const reset: any = yield n++; if (reset) n = 0 } })(); lazy.next(); lazy.next(); await null; log(lazy.next().value, lazy.next(true).value, lazy.next().value);
  try { const busy: any = (function* () { yield busy.next() })(); busy.next() } catch (e: any) { log(e.name) }
}
