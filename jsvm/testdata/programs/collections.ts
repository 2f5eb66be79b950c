import * as W from "kont";
import { log } from "./log";

export default async function main() {
  const m = new Map<any, any>([["a", 1], ["b", 2], ["c", 3]]);
  for (const [k, x] of m) { const got = await W.ref(); log(k, x, got); if (k === "a") { m.delete("a"); m.delete("b"); m.set("d", 4) } if (k === "c") m.set("a", 9) }
  log(m);
  const s = new Set([1, 2, 3]);
  for (const x of s) { await null; s.delete(x); if (x < 6) s.add(x + 3); log(x) }
  const it = m.entries(), ks = m.keys();
  it.next();
  m.delete("d"); m.set("z", 0);
  await W.ref();
  log(it.next(), [...ks], [...it], [...m.values()]);
  const arr: any = [3, 1, 2];
  for (const x of arr) { await null; if (arr.length < 5) arr.push(x * 10) }
  log(arr);
  const big = Array.from({ length: 10000 }, (_, i) => ({ i, s: "n" + (i % 7) })), half = big[5000];
  const sparse: any[] = []; sparse[5] = 1; sparse.length = 9; (sparse as any).note = "x";
  const str = "a\ud800b\udc00\u{1F600}\0\u2028", nums = [-0, NaN, Infinity, 1e21, 5e-324, 2 ** 53, -(2 ** 31), 0.1];
  const buf = new ArrayBuffer(16), u8 = new Uint8Array(buf, 4, 8), f64 = new Float64Array(buf, 8), dv = new DataView(buf);
  f64[0] = -1.5; u8[0] = 7;
  const big64 = new BigInt64Array(2); big64[1] = -5n;
  const d = new Date(86400000 * 365.25), re = /(?<y>\d{4})-(\d\d)/giy;
  re.lastIndex = 3;
  const sym = Symbol("private"), o: any = { [sym]: 1, [Symbol.for("reg")]: 2, __proto__: { inherited: 3 }, 2: "two", 1: "one", z: undefined };
  const cyc: any = { o, m, self: null as any }; cyc.self = cyc; m.set(cyc, [cyc]);
  await W.ref();
  log(big.length, big[5000] === half, big[9999], sparse.length, 4 in sparse, sparse, (sparse as any).note);
  log(str.length, [...str].map((c) => c.codePointAt(0)!.toString(16)), nums.map((n) => Object.is(n, -0) ? "-0" : String(n)));
  dv.setUint8(5, 200);
  log(u8, f64[0], u8[1], dv.getUint8(4), u8.buffer === buf, f64.byteOffset, big64);
  log(d, d.toISOString(), re, re.lastIndex, re.flags, o[sym], o[Symbol.for("reg")], o.inherited, Object.keys(o), Object.getOwnPropertySymbols(o).length);
  log(cyc.self === cyc, m.get(cyc)[0] === cyc, [...m.keys()].length);
  const groups = "2024-05".match(/(?<y>\d{4})-(?<m>\d\d)/)!;
  const frozen = Object.freeze({ deep: [1] }), sealed = Object.seal({ a: 1 }), nx = Object.preventExtensions([1]);
  const wm = new WeakMap<object, any>([[frozen, "f"], [o, "o"]]), ws = new WeakSet([o]);
  const acc: any = Object.defineProperties({}, { hid: { value: 1, enumerable: false, writable: true }, ro: { value: 2, enumerable: true }, g: { get() { return this.hid * 10 }, configurable: true } });
  const args = (function (..._: any[]) { return arguments })(1, "x", o);
  await W.ref();
  log(groups.groups!.y, groups.index, groups.length, Object.isFrozen(frozen), Object.isSealed(sealed), Object.isExtensible(nx), wm.get(frozen), wm.get(o), ws.has(o));
  acc.hid = 4;
  log(Object.keys(acc), acc.g, (() => { try { acc.ro = 1; return "no" } catch (e: any) { return e.name } })(), args.length, args[2] === o, [...args].length, Object.prototype.toString.call(args));
  const boxed: any = [Object(1), Object("s"), Object(true), Object(Symbol.iterator), Object(5n)];
  const err: any = new AggregateError([new Error("e1"), 2], "agg", { cause: { why: 1 } });
  const url = encodeURIComponent("ä €"), json = JSON.parse('{"a":[1,{"__proto__":1}],"b":"\\ud83d"}');
  const text = "abcabc".matchAll(/(b)(c)/g); text.next();
  const entries = [1, 2, 3].entries(); entries.next();
  await W.ref();
  log(boxed.map((b: any) => typeof b + ":" + typeof b.valueOf()), err.errors.length, err.cause.why, err.message, url, json, [...text][0].index, [...entries]);
  const sorted = [...big].sort((a, b) => a.s < b.s ? -1 : a.s > b.s ? 1 : b.i - a.i)[0];
  const grouped: any = {};
  for (const x of big) (grouped[x.s] ??= []).push(x.i);
  await W.ref();
  return [sorted, Object.keys(grouped), grouped.n3.length, structuredCloneish(cyc) === cyc];
}
function structuredCloneish(x: any) { return x.self.self.self }
