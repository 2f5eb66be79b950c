import * as W from "kont";
import { log } from "./log";

type Tree = { v: number; l?: Tree; r?: Tree };
function* walk(t?: Tree): Generator<number, string, any> {
  if (!t) return "leaf";
  const a = yield* walk(t.l);
  const got = yield t.v;
  if (got) log("got", got, "after", t.v, a);
  yield* walk(t.r);
  return "node " + t.v;
}
function* guarded(name: string): Generator<any, any, any> {
  try {
    for (let i = 0; ; i++) {
      try { log(name, "sent", yield i) }
      catch (e) { log(name, "caught", e); if (e === "stop") throw new Error(name + " stopped") }
    }
  } finally { log(name, "cleanup"); yield name + " last"; log(name, "gone") }
}
function* outer(): Generator<any, any, any> {
  try { const r = yield* guarded("in"); log("r", r) } catch (e: any) { log("outer", e.message); yield "rescued" } finally { log("outer fin") }
  return "done";
}
class Range {
  constructor(public from: number, public to: number) {}
  *[Symbol.iterator]() { for (let i = this.from; i <= this.to; i++) yield i * (yield* this.scale()) }
  *scale(): Generator<number, number, any> { return 2 }
  static *of(...xs: number[]) { yield* xs; yield arguments.length }
}
const lazy = {
  *map<T, U>(it: Iterable<T>, f: (x: T) => U) { for (const x of it) yield f(x) },
  *take<T>(it: Iterable<T>, n: number) { if (n <= 0) return; for (const x of it) { yield x; if (--n <= 0) return } },
};
function* naturals(a = 1, { step = 1 } = {}) { try { for (let n = a; ; n += step) yield n } finally { log("naturals closed") } }

export default async function main() {
  const t: Tree = { v: 4, l: { v: 2, l: { v: 1 }, r: { v: 3 } }, r: { v: 6 } };
  const w = walk(t), seen: any[] = [];
  for (let r = w.next(); !r.done; r = w.next(await W.ref())) seen.push(r.value);
  log(seen, w.next());
  const g = outer();
  log(g.next(), g.next("a"));
  await W.ref();
  log(g.throw("soft"));
  await W.ref();
  log(g.throw("stop"));
  await W.ref();
  log(g.next(), g.next(), g.next(), g.return(1));
  const h = outer();
  h.next();
  await null;
  log(h.return("bye"));
  await W.ref();
  log(h.next("x"), h.next());
  const r = new Range(1, 3), it = r[Symbol.iterator]();
  log(it.next());
  await W.ref();
  log([...it], [...r], [...Range.of(7, 8)], Math.max(...r));
  for (const x of lazy.take(lazy.map(naturals(3, { step: 2 }), (x) => x * 10), 3)) { log("x", x, await W.ref()) }
  const [a, , b, ...c] = lazy.take(naturals(), 5);
  log(a, b, c);
  const spare = naturals(undefined, undefined);
  const e = Object.entries({ p: 1, q: 2 })[Symbol.iterator]();
  e.next(); spare.next();
  await W.ref();
  log(spare.next(), e.next(), e.next(), spare.return(9), spare.next());
  let broke = 0;
  for (const n of naturals()) { await null; if (n > 3) break; broke += n }
  try { for (const n of naturals(5)) { await null; throw n } } catch (x) { log("thrown", x) }
  const running: any = (function* (): any { try { running.next() } catch (x: any) { log(x.name); yield 1 } })();
  log(running.next(), Object.prototype.toString.call(running), typeof running.next, running[Symbol.iterator]() === running);
  return broke;
}
