import * as W from "kont";
import { log } from "./log";

// What programs are made of, a pattern a case.
const v = async (x: any): Promise<any> => { await null; return x };
const s = (x: any) => { log("s", x); return x };

const cases: Record<string, () => Promise<any>> = {
  "restore Map subclass and iteration with delete & ref": async () => {
    const m = new Map([[1, "a"], [2, "b"]]); for (const [k] of m) { await W.ref(); m.delete(k); if (k < 4) m.set(k + 2, "c") } return [...m]
  },
  "timed out race like": async () => {
    const out: any[] = []; const p = W.ref("a"), q = W.ref("b"); const r = await Promise.all([p, q.then((x: any) => x * 2), (async () => { const x: any = await p; return x + 1 })()]); return r
  },
  "async stack deep mutual": async () => {
    const even = async (n: number): Promise<boolean> => n === 0 ? (await W.ref(), true) : odd(n - 1); const odd = async (n: number): Promise<boolean> => { try { return n === 0 ? false : await even(n - 1) } finally { if (n % 10 === 1) log(n) } }; return [await even(40), await odd(3)]
  },
  "promise subclass": async () => {
    class P extends Promise<any> { static tag = "P"; get me() { return "me" } } const p = new P((ok) => ok(1)); const q: any = p.then((x: any) => x + 1); await null; return [q instanceof P, q.me, await q, (await P.all([1, p])), (P as any).resolve(3) instanceof P]
  },
  "mutex and queue": async () => {
    class Mutex { #q: (() => void)[] = []; #locked = false; async run<T>(f: () => Promise<T>): Promise<T> { if (this.#locked) await new Promise<void>((r) => this.#q.push(r)); this.#locked = true; try { return await f() } finally { this.#locked = false; this.#q.shift()?.() } } } const mu = new Mutex(), order: any[] = []; await Promise.all([1, 2, 3].map((i) => mu.run(async () => { order.push("in" + i); await W.ref(); order.push("out" + i) }))); return order
  },
  "event loop channel": async () => {
    class Chan<T> { buf: T[] = []; wait: ((x: T) => void)[] = []; send(x: T) { const w = this.wait.shift(); w ? w(x) : this.buf.push(x) } recv(): Promise<T> { return this.buf.length ? Promise.resolve(this.buf.shift()!) : new Promise((r) => this.wait.push(r)) } async *[Symbol.asyncIterator]() { for (;;) { const x = await this.recv(); if (x === ("end" as any)) return; yield x } } } const c = new Chan<any>(); const got: any[] = []; const reader = (async () => { for await (const x of c) got.push(x) })(); c.send(1); await W.ref(); c.send(2); await W.ref(); c.send("end"); await reader; return got
  },
  "async generator with finally and return": async () => {
    async function* g() { try { yield 1; await W.ref(); yield 2 } finally { await null; log("closed") } } for await (const x of g()) { log(x); if (x === 2) break } const it = g(); await it.next(); log(await it.return(9 as any)); return await it.next()
  },
  "async generator delegates": async () => {
    async function* a(): any { const x = yield 1; log("x", x); return "ra" } async function* b(): any { const r = yield* a(); log("r", r); yield* [Promise.resolve(5), 6] } const it = b(); const o: any[] = []; o.push(await it.next()); await W.ref(); o.push(await it.next("sent")); o.push(await it.next()); o.push(await it.next()); return o
  },
  "async generator queue": async () => {
    async function* g() { let i = 0; for (;;) { await null; yield i++ } } const it = g(); const r = await Promise.all([it.next(), it.next(), it.next(), it.return(7 as any), it.next()]); return r
  },
  "getter returning closure env after resume; setter chain": async () => {
    const mk = () => { let log_: string[] = []; const api = { get entries() { return log_.slice() }, set entry(x: string) { log_ = [...log_, x] }, reset: () => { log_ = [] } }; return api }; const a = mk(), b = mk(); a.entry = "1"; await W.ref(); a.entry = "2"; b.entry = "x"; await W.ref(); a.reset(); a.entry = "3"; return [a.entries, b.entries, Object.keys(a)]
  },
  "object with null proto, class instance w/ private method & static method saved in Map by key symbol": async () => {
    class K { #v: number; constructor(v: number) { this.#v = v } #dbl() { return this.#v * 2 } get dbl() { return this.#dbl() } set v(x: number) { this.#v = x } static #make(v: number) { return new K(v) } static of(v: number) { return K.#make(v) } equals(o: any) { return #v in o && o.#v === this.#v } } const m = new Map<any, any>([[K, K.of], [Symbol.for("x"), K.of(2)]]); await W.ref(); const k = m.get(K)(3), o = m.get(Symbol.for("x")); o.v = 3; return [k.dbl, o.equals(k), k.equals({}), o.dbl]
  },
  "try in loops with returns inside nested async arrow in finally": async () => {
    const f = async () => { const r: any[] = []; for (const x of [1, 2, 3]) { try { if (x === 2) continue; r.push(await v(x)); if (x === 3) return r } catch { r.push("c") } finally { await (async () => { try { return await W.ref() } finally { r.push("ff" + x) } })() } } }; return f()
  },
  "comma and in/instanceof/bitops with await": async () => {
    let a: any = 5; a |= await v(8); a <<= await v(1); a >>>= (await v(2)) as number; a ^= a & (await v(3)); return [a, (await v("x")) in { x: 1 }, [] instanceof (await v(Array)), (await v(3)) ** (await v(2)) % 4, +(await v("7")), ~(await v(1)), (await v(1)) < (await v(2)) === true]
  },
  "delete and optional with await key": async () => {
    const o: any = { a: { b: { c: 1 } } }; delete o[await v("a")][await v("b")].c; log(o); return [o?.[await v("a")]?.b?.c ?? "none", o.x?.[await v("never")], delete o[await v("a")]]
  },
  "exceptions inside await operand order": async () => {
    const o: any = null; const r: any[] = []; try { o[s("k")] = await v(s(1)) } catch (e: any) { r.push(e.name) } try { o.x.y(await v(s(2))) } catch (e: any) { r.push(e.name) } try { (undefined as any)(await v(s(3))) } catch (e: any) { r.push(e.name) } try { o?.x.y.z(await v(s(4))); r.push("fine") } catch (e: any) { r.push(e.name) } return r
  },
  "big switch fallthrough with lets and closures": async () => {
    const fs: any[] = []; for (const x of [0, 1, 2, 3]) { switch (x) { case 0: { let q = await v(x); fs.push(() => q++); } case 1: const z = await W.ref(); fs.push(() => [x, z]); break; case 2: fs.push(() => "two"); default: fs.push(() => x * 100) } } return fs.map((f) => [f(), f()])
  },
  "this capture in nested functions": async () => {
    class S { n = 1; async go() { const self = this; const inner = async () => { await W.ref(); this.n++; const deep = () => async () => { await null; return [this === self, this.n] }; return deep()() }; function plain(this: any) { return this } return [await inner(), plain(), plain.call(5 as any)] } } return new S().go()
  },
  "for await over sync iterables of promises with rejection": async () => {
    const r: any[] = []; try { for await (const x of [v(1), Promise.reject(new Error("bad")), v(3)]) r.push(x) } catch (e: any) { r.push(e.message) } return r
  },
  "error stack lines exist and toString override": async () => {
    class E extends Error { override toString() { return "E!" } } try { await v(1); throw new E("m") } catch (e: any) { await W.ref(); return [String(e), `${e}`, e.message, e.stack.includes("m"), Object.prototype.hasOwnProperty.call(e, "message"), JSON.stringify(e)] }
  },
  "regexp sticky in loop with exec": async () => {
    const re = /(\w)(\d)?/g; let m; const out: any[] = []; while ((m = re.exec("a1b2c"))) { out.push([m[0], m[2], m.index]); await W.ref() } return [out, "x".replace(/x/, () => "y"), re.lastIndex]
  },
  "typed arrays shared": async () => {
    const b = new ArrayBuffer(8), a = new Uint8Array(b), c = new Uint16Array(b, 2, 2), d = a.subarray(2, 4); a[2] = 255; await W.ref(); d[1] = 1; c[1] = 513; log(a, c, d.byteOffset, d.buffer === c.buffer, b.byteLength); class U extends Uint8Array { sum() { return this.reduce((x, y) => x + y, 0) } } const u = new U([1, 2]); await W.ref(); return [u.sum(), u instanceof U, Array.from(a)]
  },
};

export default async function main() {
  for (const [name, run] of Object.entries(cases)) {
    try { log(name, JSON.stringify(await run())) } catch (e: any) { log(name, "threw", e) }
  }
}
