// Iterators of collections held across awaits while the collection changes.
import { log } from "./log";
export default async function main() {
  const m = new Map<any, any>([["a", 1], ["b", 2], ["c", 3]]), mi = m.entries(), mk = m.keys(), mv = m.values(); log(mi.next().value, mk.next().value, mv.next().value);
  m.delete("a"); await null; m.set("d", 4); m.delete("b"); await null; log([...mi], [...mk]); m.set("late", 5); await null; log(mi.next(), [...mv]);
  const s = new Set([1, 2, 3]); const out: any[] = []; for (const x of s) { await null; out.push(x); if (x < 4) { s.delete(x); s.add(x + 3) } await null } log(out, [...s]);
  const s2 = new Set(["x"]), si = s2[Symbol.iterator](); s2.clear(); await null; s2.add("y"); await null; log(si.next(), si.next()); s2.add("z"); log(si.next());
  const a: any[] = [1, 2, 3], ai = a.entries(), ak = a.keys(); ai.next(); a.push(4); a.shift(); await null; log([...ai], [...ak].length); a.push(9); await null; log(ai.next());
  for (const x of a) { await null; if (a.length < 8) a.push(x * 2) } log(a); const holes = [1, , 3]; for (const h of holes) { await null; log(h) }
  const t = new Uint8Array([1, 2, 3]), ti = t.values(); ti.next(); t[1] = 9; await null; t[2] = 8; log([...ti]); const str = "a😀b"[Symbol.iterator](); str.next(); await null; log([...str]);
  const re = /(\d)/g, ms = "1a2b3".matchAll(re); ms.next(); re.lastIndex = 4; await null; log([...ms].map((x) => x.index)); const o: any = { a: 1, b: 2, c: 3 }; for (const k in o) { await null; log(k); delete o.c; o.d = 4 }
  const e = Object.entries({ x: 1, y: 2 })[Symbol.iterator](); e.next(); await null; log(e.next().value); const nested = new Map([["k", new Set([1, 2])]]); for (const [k, set] of nested) for (const x of set) { await null; log(k, x); set.delete(2) }
  const all = new Map([[1, 1]]); let n = 0; for (const [k] of all) { await null; if (n++ < 5) { all.delete(k); all.set(k, n) } } log(n, [...all]); const w = new WeakMap(), ws = new WeakSet(), key = {}; w.set(key, mi); ws.add(mi); await null; log(w.get(key) === mi, ws.has(mi));
}
