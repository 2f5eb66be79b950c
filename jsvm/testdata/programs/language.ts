import * as W from "kont";
import { log } from "./log";

// One feature of the language a case.
const v = async (x: any): Promise<any> => { await null; return x };
const s = (x: any) => { log("s", x); return x };

const cases: Record<string, () => Promise<any>> = {
  "super in field arrow": async () => {
    class A { hi() { return "A" } } class B extends A { hi() { return "B" } f = () => super.hi(); g = async () => { await null; return super.hi() } } const b = new B(); await null; return [b.f(), await b.g()]
  },
  "super in static": async () => {
    class A { static hi() { return "A" + this.n } static n = 1 } class B extends A { static n = 2; static async hi() { await null; return super.hi() } static f = () => super.hi(); static { this.g = super.hi() } static g: any } await null; return [await B.hi(), B.f(), B.g]
  },
  "arguments in arrow loop": async () => {
    function f() { return (async () => { const o: any[] = []; for (const x of arguments as any) { await null; o.push(x, arguments[0]) } return [...arguments as any, o] })() } return (f as any)(1, 2)
  },
  "spread getter twice": async () => {
    let n = 0; const src = { get a() { return ++n } }; const o = { get x() { return 1 }, ...src }; await null; return [n, o.a, n]
  },
  "class int keys": async () => {
    const base = 1; class B { 42() { return base } get double() { return 2 * base } [Symbol.iterator]() { return [1, 2][Symbol.iterator]() } static 7 = 8; static get st() { return base } "quoted key"() { return 3 } set w(x: any) { (this as any).ww = x } } const b: any = new B(); await null; b.w = 4; return [b[42](), b.double, [...b], (B as any)[7], B.st, b["quoted key"](), b.ww, Object.getOwnPropertyNames(B.prototype)]
  },
  "computed method names": async () => {
    const k = "dyn", sy = Symbol("sy"); const o: any = { [k]() { return 1 }, [sy]: () => 1, get [k + "G"]() { return 1 }, async [k + "A"]() {}, *[k + "B"]() {} }; class C { [k]() {} static [sy]() {} get [k + 1]() { return 1 } async [k + "x"]() {} } await null; return [o[k].name, o[sy].name, o.dynA.name, o.dynB.name, Object.getOwnPropertyDescriptor(o, "dynG")!.get!.name, new C()[k].name, (C as any)[sy].name, Object.getOwnPropertyDescriptor(C.prototype, "dyn1")!.get!.name, (new C() as any).dynx.name]
  },
  "switch scoping": async () => {
    const f = () => "outer"; switch (f()) { case "outer": log("hit", f()); function f() { return "inner" } } await null
  },
  "switch let tdz": async () => {
    const g = (n: number) => { switch (n) { case 0: let a = 1; return () => a; case 1: try { return a! } catch (e: any) { return e.name } default: a = 5; return a } }; await null; try { log((g as any)(0)(), g(1)); g(2) } catch (e: any) { log(e.name) }
  },
  "error text: call non-function": async () => {
    const o: any = { a: {} }; try { o.a.b(await v(1)) } catch (e: any) { log(e.name) } try { (await v(o)).a.c(1) } catch (e: any) { log(e.name) } try { await o.q.z } catch (e: any) { log(e.name) } try { for (const x of await v(5)) {} } catch (e: any) { log(e.name) } try { const [a] = await v(null) } catch (e: any) { log(e.name) } try { const { a } = await v(null) } catch (e: any) { log(e.name) } try { new (await v(5))() } catch (e: any) { log(e.name) }
  },
  "getter setter async obj": async () => {
    const o: any = { _v: 1, get v() { return this._v }, set v(x) { log("set", x); this._v = x }, async *gen() { yield this.v; yield await v(9) } }; o.v += await v(2); o.v++; o.v ||= await v("no"); const r: any[] = []; for await (const x of o.gen()) r.push(x); await null; return [o.v, r, Object.keys(o)]
  },
  "labelled continue in switch in for of w/ finally": async () => {
    const out: any[] = []; a: for (const x of [1, 2, 3]) { try { switch (x) { case 1: await null; continue a; case 2: break; default: for (const y of [1, 2]) { if (y === 2) { await null; break a } out.push(y) } } out.push("x" + x) } finally { await null; out.push("f" + x) } } return out
  },
  "new.target": async () => {
    class A { t: any; constructor() { const f = () => new.target; this.t = f().name } } class B extends A {} function F(this: any) { const g = () => new.target; return { n: g() === F } } await null; return [new A().t, new B().t, new (F as any)().n, (F as any)().n]
  },
  "class method not constructor": async () => {
    class A { m() {} async am() {} } const o = { m() {}, a: () => 1, async am() {} }; const t = (f: any) => { try { new f(); return "ok" } catch (e: any) { return e.name } }; await null; return [t(new A().m), t(new A().am), t(o.m), t(o.a), t(o.am), t(async function () {}), t(function () {}), t(A)]
  },
  "class call without new": async () => {
    class A {} try { (A as any)() } catch (e: any) { log(e.name) } await null
  },
  "function props length": async () => {
    const fs: any[] = [(a: any, b = 1, c: any) => 1, async (a: any, b = 1) => 1, function (a: any, ...b: any[]) {}, async ({ a }: any, [b]: any, c: any) => 1, function* (a = 1) {}, class { constructor(a: any, b: any) {} }]; await null; return fs.map((f) => f.length)
  },
  "delete in loop for in": async () => {
    const o: any = { a: 1, b: 2, c: 3 }; Object.setPrototypeOf(o, { d: 4, a: 5 }); const r: any[] = []; for (const k in o) { r.push(k); await null; if (k === "a") { delete o.b; o.z = 1 } } for (const k in "ab") r.push(k); for (const k in [7, , 8]) { await null; r.push(k) } for (const k in null as any) r.push(k); return r
  },
  "var hoist in for": async () => {
    const fs: any[] = []; for (var i = 0; i < 2; i++) { await null; fs.push(() => i) } { function h() { return i } } for (var q of [5, 6]) fs.push(() => q); return [fs.map((f) => f()), h(), q!]
  },
  "let closure continue": async () => {
    const fs: any[] = []; for (let i = 0; i < 4; i++) { if (i % 2) continue; fs.push(() => i); i += await v(0) } return fs.map((f) => f())
  },
  "for of closure mutated": async () => {
    const fs: any[] = [], gs: any[] = []; for (let x of [1, 2, 3]) { fs.push(() => x); gs.push(() => x++); if (x === 2) await null } gs[0](); await null; gs[1](); return fs.map((f) => f())
  },
  "for closures in head": async () => {
    const fs: any[] = []; for (let i = 0, f = () => i, n = await v(2); i < n; fs.push(f, () => i), i++) { await null } return fs.map((f) => f())
  },
  "while with closure block": async () => {
    let k = 0; const fs: any[] = []; while (k < 3) { const c = k++; let d = c * 2; fs.push(() => [c, d++]); if (c === 1) continue; await null } await null; return fs.map((f) => [...f(), ...f()])
  },
  "symbol wellknown": async () => {
    const o = { [Symbol.asyncIterator]: async function* () { yield 1; yield 2 }, [Symbol.hasInstance]: (x: any) => x === 5 }; const r: any[] = []; for await (const x of o) r.push(x); await null; return [r, 5 instanceof (o as any)]
  },
  "getter on proto chain with symbol; iterator object saved mid for-of of custom generator method": async () => {
    class L { items = [1, 2, 3]; *[Symbol.iterator]() { for (const x of this.items) yield x } async *walk() { for (const x of this) { await null; yield x } } } const l = new L(); const r: any[] = []; for (const x of l) { await null; r.push(x); if (x === 1) l.items.push(4) } for await (const x of l.walk()) r.push(x * 10); return r
  },
};

export default async function main() {
  for (const [name, run] of Object.entries(cases)) {
    try { log(name, JSON.stringify(await run())) } catch (e: any) { log(name, "threw", e) }
  }
}
