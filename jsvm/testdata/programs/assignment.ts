import * as W from "kont";
import { log } from "./log";

// Order of evaluation, targets of assignments and the heads of loops.
const v = async (x: any): Promise<any> => { await null; return x };
const s = (x: any) => { log("s", x); return x };

const cases: Record<string, () => Promise<any>> = {
  "default params order": async () => {
    const f = async (a = s(1), { b = s(2), ...r } = s({ b: undefined, q: 3 }), [c = s(4), ...d] = s([undefined, 5, 6]), e = (() => a + b)()) => { await null; a = 10; return [a, b, c, d, e, r] };
    return [await f(), await f(7, { b: 8 } as any, [9] as any)];
  },
  "await in default param refs later": async () => {
    const f = async (a: any, b: any = (async () => { await null; return a })()) => { a = 5; return [a, await b] };
    return await f(1);
  },
  "default closures see params": async () => {
    const f = async (a: any, g = () => a, h = (x: any) => { a = x }) => { const before = a; a = 2; h(9); await null; return [before, a, g()] };
    return await f(1);
  },
  "sync throw in async params": async () => {
    let p: any; const f = async ({ a }: any) => a; try { p = f(null); log("no throw") } catch (e: any) { log("sync") } try { await p } catch (e: any) { log(e.name) }
    function* g({ a }: any) { yield a } try { g(null as any); log("no") } catch (e: any) { log("gen sync", e.name) }
    async function* h({ a }: any) { yield a } try { h(null as any); log("no") } catch (e: any) { log("agen sync", e.name) }
  },
  "computed keys order": async () => {
    const o = { [s("a")]: s(1), [await v(s("b"))]: s(2), async [s("c")]() { await null; return 3 }, get [await v("d")]() { return s(4) }, [await v("e")]: await v(5), ["__proto__"]: 6 };
    await null; return [Object.keys(o), await o.c(), o.d, Object.getPrototypeOf(o) === Object.prototype];
  },
  "computed class keys with await": async () => {
    class A { static [s("x")] = s("X"); [await v(s("y"))] = s("Y"); static async [await v("m")]() { await null; return this.name } static { s("static block") } }
    await null; const a: any = new A(); return [Object.keys(a), (A as any).x, await (A as any).m()];
  },
  "tagged template identity": async () => {
    const seen: any[] = []; const tag = (st: any, ...xs: any[]) => { seen.push(st); return st.raw.join("_") + xs };
    const r: any[] = []; for (let i = 0; i < 3; i++) { r.push(tag`a${await v(i)}\n${i}b`); await null }
    return [r, seen[0] === seen[1], seen[1] === seen[2], Object.isFrozen(seen[0]), seen[0].raw[1]];
  },
  "tag is member with await": async () => {
    const o = { n: 3, tag(st: any, x: any) { return this.n + st[0] + x } }; return [o.tag`k${await v(1)}`, (await v(o)).tag`z${2}`, (await v(o))[await v("tag")]`q${await v(3)}`];
  },
  "switch await everywhere": async () => {
    const f = async (x: any) => { const o: any[] = []; switch (await v(x)) { default: o.push("d"); await null; case await v(s(1)): o.push(1); break; case s(2): { let z = await v("z"); o.push(() => z); } case await v(s(3)): o.push(3) } return o.map(x => typeof x === "function" ? x() : x) };
    return [await f(1), await f(2), await f(3), await f(4)];
  },
  "finally overrides return": async () => {
    const f = async (k: number) => { let i = 0; out: for (;;) { try { try { await null; if (k === 0) return s("r"); if (k === 1) throw s("t"); if (k === 2) break out; if (k === 3) { i++; if (i < 3) continue out; return i } } finally { await null; s("f1"); if (k === 1) return "over"; if (k === 0 && i++ < 1) continue out } } finally { s("f2"); await v(0); if (k === 2) throw "thrown" } } return "end" };
    const r: any[] = []; for (let k = 0; k < 4; k++) try { r.push(await f(k)) } catch (e) { r.push("!" + e) } return r;
  },
  "return value evaluated before finally": async () => {
    let x = 1; const f = async () => { try { return x } finally { x = 2; await null; x = 3 } }; const g = async () => { try { return { x } } finally { x = 9; await null } }; return [await f(), x, await g(), x];
  },
  "labelled continue through finally in loops": async () => {
    const o: any[] = []; a: for (let i = 0; i < 3; i++) { b: for (const j of [0, 1, 2]) { try { try { if (j === 1) continue a; if (i === 2) break a; o.push([i, j]); await null; continue b } finally { o.push("in" + i + j); await null } } finally { o.push("out" + i + j); if (i === 1 && j === 0) continue a } } } return o;
  },
  "nested labelled blocks": async () => {
    const o: any[] = []; x: { y: { try { await null; o.push(1); break x } finally { o.push(2); await null; break y } } o.push(3) } o.push(4); return o;
  },
  "destructuring targets with side effects": async () => {
    const o2: any = { set w(x: any) { log("set w2", x) } }; const o: any = { get t() { return o2 }, set w(x: any) { log("set w", x) }, arr: [] }; let a: any, rest: any;
    [(s("o"), o).t.w, o[s("k")], a = await v(s("dflt")), ...o.arr] = [await v(1), s(2), undefined, 3, 4] as any;
    ({ [await v(s("p"))]: o[await v(s("q"))], z: o.t.w = await v(s("zd")), ...rest } = { p: 1, r: 5 } as any);
    return [o.k, a, o.arr, o.q, rest];
  },
  "swap with awaits": async () => {
    let a = 1, b = 2; const arr = [1, 2, 3]; [a, b] = [b, await v(a)]; [arr[0], arr[await v(2)]] = [arr[2], arr[0]]; return [a, b, arr];
  },
  "iterator close on destructuring": async () => {
    const mk = () => { let i = 0; return { [Symbol.iterator]() { return this }, next() { return { value: i++, done: false } }, return() { log("closed at", i); return {} } } };
    const [a, b] = mk() as any; await null; let c: any; [c = await v(5)] = mk() as any; try { [((): any => { throw "x" })().y] = mk() as any } catch (e) { log(e) } const [, , d] = mk() as any; return [a, b, c, d];
  },
  "closures in loop heads": async () => {
    const fs: any[] = []; for (let i = 0, g = () => i, h = () => ++i; h(), g() < 5; fs.push(() => i)) { await null; fs.push(g) } return fs.map(f => f());
  },
  "for-let copy with closures changing": async () => {
    const fs: any[] = []; for (let i = 0, inc = () => { i += 10 }; i < 3; inc(), i++) { fs.push(() => i, () => i++); await null } return fs.map(f => f());
  },
  "for const/var without init": async () => { let n = 0; for (; ;) { if (n++ > 3) break; await null } for (var q; n < 8; n++) { await null; q = n } return [n, q]; },
  "for-in with member target": async () => { const o: any = {}; for (o[await v("k")] in { a: 1, b: 2 }) { await null; log(o.k) } for ([o.x, o.y] of [[1, 2], [3, 4]]) { await null; log(o.x, o.y) } for ({ a: o.z = await v(7) } of [{ a: 1 }, {}] as any) { log(o.z) } return o; },
  "exponent & compound with await in both": async () => { const o: any = { get a() { log("ga"); return 2 }, set a(x) { log("sa", x) } }; o.a **= await v(3); o.a <<= await v(1); o[await v("a")] += (await v(1)) + o.a; let u: any; u ??= (u ||= await v(0)) || (await v(4)); u &&= await v(u + 1); return u; },
  "logical assignment short-circuits": async () => { const o: any = { a: 1, b: 0, get c() { return null }, set c(x) { log("set c", x) } }; o.a ||= await v(s(9)); o.b &&= await v(s(8)); o.a ??= await v(s(7)); o.c ??= await v(s(6)); let z = 1; z ||= await v(s(1)); return o; },
  "comma conditional nesting": async () => { const f = (...a: any[]) => a; return f((s(1), await v(2)), await v(false) ? s(3) : await v(s(4)), s(5) && (await v(0)) || s(6), !(await v(1)), typeof await v("x"), void await v(1), -(await v(3)), [...await v([1, 2]), ...(await v("ab"))]); },
  "delete with await": async () => { const o: any = { a: 1, b: { c: 2, d: 3 } }; const r = [delete o[await v("a")], delete (await v(o)).b.c, delete o?.b?.d]; return [r, o]; },
  "in/instanceof with await": async () => { class A { #p = 1; static has(x: any) { return #p in x } } return [(await v("a")) in { a: 1 }, new A() instanceof (await v(A)), A.has(await v(new A())), "x" in (await v({}))]; },
  "optional call chain preserve this": async () => { const o: any = { n: 1, f() { return this?.n }, g: { h() { return this === o.g } } }; return [o?.f(), (o?.f)(), o.f?.(await v(0)), (await v(o))?.g?.h(), o.zz?.(await v(s(1))), o?.[await v("f")]?.(), (await v(null))?.x.y.z(await v(s("no")))]; },
  "new with await and spread": async () => { class P { a; constructor(...a: any[]) { this.a = a } } return [new P(await v(1), ...await v([2, 3]), s(4)).a, new (await v(P))().a, new (class extends P { constructor() { super(7, ...[8]) } })().a]; },
  "sequence in call args order": async () => { let o: any = { f: (...a: any[]) => a.join() }; const r = o.f(s(1), (o = { f: () => "other" }, await v(2)), s(3)); return r; },
  "callee evaluated before args": async () => { let f = (x: any) => "old" + x; const p = f(await (async () => { f = (x: any) => "new" + x; return 1 })()); const o: any = { m: (x: any) => "m" + x }; const q = o.m(await (async () => { o.m = (x: any) => "n" + x; return 2 })()); return [p, q]; },
  "left operand saved": async () => { let x = 1; const f = async () => { x = 10; return 1 }; const a = x + await f(); x = 1; const b = [x, await f(), x]; x = 1; const c = `${x}${await f()}${x}`; x = 1; x += await f(); let o: any = { k: 1 }; const oo = o; o.k += await (async () => { o = { k: 100 }; return 5 })(); return [a, b, c, x, o.k, oo.k]; },
  "postfix in await operand": async () => { let i = 0; const a = [i++, await v(i++), i++, await v(i--), --i]; const o: any = { n: 5n }; const p = o.n++; await null; return [a, i, p, o.n, -(await v(o)).n]; },
};

export default async function main() {
  for (const [name, run] of Object.entries(cases)) {
    try { log(name, await run()) } catch (e: any) { log(name, "threw", e) }
  }
  return await W.ref();
}
