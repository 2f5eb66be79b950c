package jsvm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// body wraps statements into a fixture.
func body(statements string) string {
	return `import { log } from "./log";
export default async function main() {
` + statements + `
}`
}

var threeWayFixtures = map[string]string{
	"locals":               body(`let a = 1, b = "x"; await null; a++; await 1; log(a, b); return a`),
	"await in expressions": body(`const f = async (x: any) => { await null; return x }; return [await f(1) + await f(2) * await f(3), [await f(4), ...[await f(5)]], {k: await f(6), [await f("p")]: 7}, (await f("abc")).length]`),
	"evaluation order":     body(`const t = (x: any) => { log("t", x); return x }; const r = t(1) + await t(2) + t(3); return r`),
	"for loop closures":    body(`const fs: any[] = []; for (let i = 0; i < 3; i++) { await null; fs.push(() => i++) } log(fs.map(f => f()), fs.map(f => f())); await null; return fs.map(f => f())`),
	"shared variable":      body(`let n = 0; const up = () => ++n, down = () => --n; up(); await null; up(); up(); await null; down(); return n`),
	"nested closures":      body(`const mk = (a: number) => { let b = a * 2; return { get: () => a + b, set: (x: number) => { b = x } } }; const o = mk(1), p = mk(10); await null; o.set(5); await null; return [o.get(), p.get()]`),
	"try catch finally":    body(`const f = async (x: any) => { try { await null; if (x) throw new Error("e" + x); return "ok" } catch (e: any) { log("caught", e.message); await null; return "c" } finally { await null; log("fin", x) } }; return [await f(0), await f(1)]`),
	"finally overrides":    body(`const f = async () => { for (;;) { try { await null; return 1 } finally { await null; break } } return 2 }; return await f()`),
	"finally and throw":    body(`const f = async () => { try { await null; throw new Error("a") } finally { await null; log("f") } }; try { await f() } catch (e: any) { return e.message }`),
	"labelled":             body(`const out: any[] = []; outer: for (let i = 0; i < 4; i++) { for (let j = 0; j < 4; j++) { await null; if (j === 2) continue outer; if (i === 2) break outer; out.push(i * 10 + j) } } return out`),
	"switch":               body(`const f = async (x: any) => { const o: any[] = []; switch (await x) { case 1: o.push(1); await null; case 2: o.push(2); break; case await 3: o.push(3); default: o.push("d") } return o }; return [await f(1), await f(2), await f(3), await f(4)]`),
	"for of":               body(`const m = new Map([["a", 1], ["b", 2]]); const o: any[] = []; for (const [k, v] of m) { await null; o.push(k, v); if (k === "a") m.set("c", 3) } for (const c of "h\u{1F600}i") { await null; o.push(c) } for (const x of new Set([1, 2])) { await null; o.push(x) } return o`),
	"for in":               body(`const o: any = {a: 1, b: 2, c: 3}; const r: any[] = []; for (const k in o) { await null; r.push(k); delete o.c } return r`),
	"while":                body(`let i = 0; do { await null; i++; if (i === 2) continue; log(i) } while (i < 4); while (await (i-- > 2)) log("w", i); return i`),
	"destructuring":        body(`const src = async () => ({a: 1, b: {c: [2, 3, 4]}, d: undefined}); const {a, b: {c: [x, ...ys]}, d = await Promise.resolve(9), ...rest} = await src() as any; return [a, x, ys, d, rest]`),
	"default parameters":   body(`const f = async (a: any, b = a + 1, {c = b} = {} as any, ...r: any[]) => { await null; return [a, b, c, r] }; return [await f(1), await f(1, 2, {c: 3}, 4, 5)]`),
	"arguments and this":   `import { log } from "./log"; class A { n = 5; async m(..._: any[]) { await null; const f = () => [this.n, arguments.length, arguments[1]]; await null; return f() } } export default async function main() { return await new A().m(7, 8) }`,
	"classes":              `import { log } from "./log"; class A { x: number; constructor(x: number) { this.x = x } async get() { await null; return this.x } static async make(x: number) { await null; return new this(x) } toString() { return "A" + this.x } get double() { return this.x * 2 } } class B extends A { y = 2; async get() { const s = await super.get(); await null; return s + this.y } } export default async function main() { const b: any = await B.make(1), a = new A(3); await null; log(String(b), b instanceof A, b.constructor.name, b.double); return [await b.get(), await a.get(), Object.keys(b)] }`,
	"private fields":       `import { log } from "./log"; class C { #n = 1; static #made = 0; #bump() { return ++this.#n } async up() { await null; this.#bump(); await null; return this.#n } has(o: any) { return #n in o } } export default async function main() { const c = new C(), d = new C(); await c.up(); await null; return [await c.up(), await d.up(), c.has(d), c.has({})] }`,
	"private names twice": `import { log } from "./log"; class A { #n = 1; get() { return this.#n } } class B extends A { #n = "b"; #m() { return this.#n } z() { return this.#m() } } class E { #n = 4; static #k = 5; e() { return this.#n + E.#k } }
		export default async function main() { const a = new B(), e = new E(); await null; log(a.get(), a.z(), e.e()); class C { #n = 2; c() { return this.#n } } class D extends C { #n = 3; d() { return this.#n } } const d = new D(); await null; return [a.get(), a.z(), d.c(), d.d(), e.e()] }`,
	"nested class":         body(`const base = 10; class P { v = base; async m() { await null; return this.v + base } static s = 5; get g() { return base } } class Q extends P { async m() { return await super.m() + 1 } } const p = new P(), q = new Q(); await null; log(p instanceof P, q instanceof P, P.s, q.g, Q.name); const m = q.m; await null; return [await p.m(), await q.m(), m === q.m, new P().v, Object.getPrototypeOf(q) === Q.prototype, Q.prototype.constructor === Q]`),
	"constructor function": body(`function F(this: any, x: number) { this.x = x } F.prototype.get = function () { return this.x }; const f = new (F as any)(3); await null; return [f.get(), f instanceof (F as any), Object.keys(f), new (F as any)(4).get()]`),
	"function properties":  body(`const base = 1; const f: any = () => base; f.extra = {n: 1}; f.self = f; await null; f.extra.n++; await null; return [f.extra.n, f.self === f, f.name, f.length]`),
	"generators":           body(`function* g(n: number): any { try { for (let i = 0; i < n; i++) { const x = yield i; log("got", x) } } finally { log("closed") } } const it = g(3); log(it.next("a")); await null; log(it.next("b")); await null; log(it.return("r")); await null; return it.next()`),
	"generator delegation": body(`function* inner() { const x: any = yield 1; yield x * 2; return "r" } function* outer(): any { const r = yield* inner(); yield r } const it = outer(); const o: any[] = [it.next().value]; await null; o.push(it.next(21).value); await null; o.push(it.next().value); await null; return [o, it.next().done]`),
	"generator prototypes": `import { log } from "./log"; function* top() { yield 1 } const of = Object.getPrototypeOf; class M { *m() { yield 1 } static *s() { yield 2 } }
		export default async function main() { const base = 1, g: any = function* () { yield base }, named: any = function* self(): any { yield self === named }, held: any = function* () { yield base }; class C { *m() { yield base } }
			const o = { *m() { yield base } }, fs: any[] = [top, g, named, held, new M().m, M.s, new C().m, o.m], its = fs.map((f) => f()), held2 = held(); g.prototype.extra = () => base; named.prototype = null; await null;
			log(fs.map((f, i) => [i, f.prototype && its[i] instanceof f, f.prototype && of(its[i]) === f.prototype, f.hasOwnProperty("prototype"), Object.keys(f).length]));
			await null; log(its[1].extra(), g().extra(), its[2] instanceof g, of(named()) === of(top.prototype), held2 instanceof held, [...held2, ...named()]);
			log(fs.map((f) => [of(f) === of(top), f.constructor.name, String(its[0]), Object.prototype.toString.call(f)]), [main, async function () {}, async () => base].map((f) => [of(f) === of(main), f.constructor.name, Object.prototype.toString.call(f), "prototype" in f]));
			await null; const d = Object.getOwnPropertyDescriptor(held, "prototype")!; return [d.writable, d.enumerable, d.configurable, fs.map((f) => { try { new f() } catch (e: any) { return e.name } }), of(of(top.prototype)) === of(of([][Symbol.iterator]())), of(top).prototype === of(top.prototype)] }`,
	"generator not started": body(`function* g(a: any, b = a) { yield a + b } const it = g(3); await null; return [...it]`),
	"iterators held":        body(`const a = [1, 2, 3][Symbol.iterator](), m = new Map([[1, 2], [3, 4]]).entries(), s = new Set([5, 6]).values(), t = "xyz"[Symbol.iterator](), r = "a1b2".matchAll(/[a-z](\d)/g); a.next(); m.next(); s.next(); t.next(); r.next(); await null; return [[...a], [...m], [...s], [...t], [...r].map(x => x[1])]`),
	"values":                body(`const v = {z: -0, n: NaN, i: Infinity, b: 12345678901234567890n, d: new Date(5), r: /a+/gi, u: undefined, h: [1,,3], m: new Map<any, any>([[NaN, -0]]), s: new Set(["x"])}; v.r.lastIndex = 2; await null; log(v); return [Object.is(v.z, -0), 1 in v.h, v.b * 2n === 24691357802469135780n]`),
	"identity and cycles":   body(`const a: any = {}, b: any = {a}; a.b = b; a.list = [a, b, a]; await null; return [a.b.a === a, a.list[0] === a, a.list[1] === b, a.list[2] === a.list[0]]`),
	"errors":                body(`class E extends Error { code = 7; constructor(m: string) { super(m, {cause: new TypeError("deep")}); this.name = "E" } } let e: any; try { throw new E("boom") } catch (x) { e = x } await null; return [e instanceof E, e instanceof Error, String(e), e.code, e.cause.message, typeof e.stack, Object.keys(e)]`),
	"aggregate error":       body(`try { await Promise.any([Promise.reject(1), Promise.reject(new Error("two"))]) } catch (e: any) { await null; return [e.constructor.name, e.errors.length, e.errors[1].message] }`),
	"symbols":               body(`const s = Symbol("s"), o = {[s]: 1, [Symbol.for("r")]: 2, [Symbol.iterator]: 3}; await null; return [o[s], o[Symbol.for("r")], (o as any)[Symbol.iterator], s.description, Object.getOwnPropertySymbols(o).length]`),
	"accessors in literals": body(`let n = 1; const o = {get x() { return n }, set x(v) { n = v }, y: 2, get z() { return this.y }}; await null; o.x = 5; await null; return [o.x, n, o.z, Object.keys(o), typeof Object.getOwnPropertyDescriptor(o, "x")!.get]`),
	"attributes":            body(`const o: any = Object.defineProperty({a: 1}, "h", {value: 2}); const f = Object.freeze({x: [1]}); await null; let e = ""; try { (f as any).x = 1 } catch (x: any) { e = x.constructor.name } return [Object.keys(o), o.h, Object.isFrozen(f), e, Object.isExtensible(o)]`),
	"prototypes":            body(`const p = {hi() { return "hi " + this.n }, n: 0}; const o = Object.create(p); o.n = 3; const bare = Object.create(null); bare.k = 1; await null; return [o.hi(), Object.getPrototypeOf(o) === p, Object.getPrototypeOf(bare), bare.k]`),
	"super in literal":      body(`const p = {m() { return 1 }}; const o = {__proto__: p, async m() { await null; return super.m() + 1 }}; await null; return await (o as any).m()`),
	"weak maps":             body(`const w = new WeakMap(), k = {}, ws = new WeakSet(); w.set(k, {v: 1}); ws.add(k); await null; w.get(k).v++; await null; return [w.get(k).v, w.has({}), ws.has(k)]`),
	"weak map keys of every kind": body(`const list: any[] = [[1], () => 1, function f() {}, class K { static s = 1 }, new Date(0), /r/, new Map(), new Set(), new Error("e"), new Uint8Array(1), new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), Object(1), Object("s"), (() => 1).bind(null), Object.create(null), Promise.resolve(1), [][Symbol.iterator](), new Proxy({}, {}), async () => {}, (function* () {})(), Object.freeze({}), JSON.parse("[]"), (function (..._: any[]) { return arguments })(1), (function () {} as any).prototype, class {}.prototype];
		list.splice(18, 1); const w = new WeakMap(), ws = new WeakSet(); list.forEach((k, i) => { w.set(k, i); ws.add(k) }); class A extends Array { #n = 5; get() { return this.#n } } class F { #g = () => 6; static take(o: any) { return o.#g() } } const a = new A(), f = new F(); await null; await null; return [list.map((k, i) => w.get(k) === i && ws.has(k)).join(), a.get(), F.take(f)]`),
	"arguments extras":     body(`const a = (function (..._: any[]) { return arguments as any })(1, 2); a.note = { a }; const b = (function (..._: any[]) { return arguments as any })(); b[Symbol.for("k")] = 3; await null; return [a.note.a === a, a.length, a[1], Object.keys(a), b[Symbol.for("k")], b.length]`),
	"bind":                 body(`const b = function (this: any, a: number, c: number) { return this.n + a + c }.bind({n: 1}, 2); await null; return [b(3), b.name, b.length]`),
	"typed arrays":         body(`const u = new Uint8Array([1, 2, 3, 4]), w = new Uint16Array(u.buffer, 2, 1), d = new DataView(u.buffer); await null; u[3] = 9; return [w[0], d.getUint8(3), u.length]`),
	"promise combinators":  body(`const d = async (x: any, n: number) => { for (let i = 0; i < n; i++) await null; if (x === "bad") throw new Error(x); return x }; return [await Promise.all([d(1, 3), d(2, 1), 3]), await Promise.race([d("slow", 5), d("fast", 1)]), await Promise.allSettled([d(1, 1), d("bad", 1)]).then(r => r.map(x => x.status)), await Promise.any([d("bad", 1), d("good", 2)])]`),
	"promise chains":       body(`const r: any[] = []; const p = new Promise<number>(ok => { r.push("ex"); ok(1) }); p.then(x => { r.push("then", x); return x + 1 }).then(x => r.push(x)).finally(() => { r.push("fin") }); await p; r.push("main"); await null; await null; await null; await null; return r`),
	"thenables":            body(`const t = {then(ok: any) { log("then"); ok(5) }}; return await (t as any) + await Promise.resolve(t as any)`),
	"microtask order":      body(`const a = async (n: string) => { log(n, 1); await null; log(n, 2); await null; log(n, 3) }; await Promise.all([a("x"), a("y"), Promise.resolve().then(() => log("z"))]); queue(); await null; function queue() { Promise.resolve().then(() => log("q")) }`),
	"unhandled in between": body(`const p = Promise.reject(new Error("later")); p.catch(() => {}); await null; try { await p } catch (e: any) { return e.message }`),
	"rejection":            body(`await null; throw new RangeError("out")`),
	"throw a string":       body(`await null; throw "plain"`),
	"deep recursion":       body(`const fib = async (n: number): Promise<number> => n < 2 ? n : await fib(n - 1) + await fib(n - 2); return await fib(6)`),
	"tdz":                  body(`const f = () => x; await null; try { f(); } catch (e: any) { log(e.constructor.name) } let x = 1; await null; return f()`),
	"parameters' dead zone": body(`const go = async (f: any, ...a: any[]) => { try { const r = f(...a); log(r && r.next ? [...r] : await r) } catch (e: any) { log(e.name) } await null };
		let u = 1; for (const f of [async (a: any = b, b = 1) => [a, b], (a: any = b, b = 1) => () => [a, b], function* (a: any = b, b = 1) { yield a }, async ({ x = y, y = 1 }: any = {}) => [x, y],
			async ([x = z, y = x]: any = [], z = y) => [x, y, z], async (a: any = typeof b, b = 1) => a, async (a: any = (b = 2), b = 1) => a, async (a: any = (b += 2), b = 1) => a, async (a: any = b++, b = 1) => a, async (a: any = (b ||= 2), b = 1) => a,
			async (a: any = ([b] = [2]), b = 1) => a, async (a: any = 1, b = a, { c = b, d: { e } = { e: c } }: any = {}) => { const k = () => [a, b, c, e, u]; await null; return k() }]) { await go(f); await go(f, 5); await go(f, undefined, 6) }`),
	"patterns' dead zone": body(`const r: any[] = []; const it = () => { let n = 0; return { [Symbol.iterator]() { return this }, next() { r.push("next"); return { value: n++, done: false } }, return() { r.push("return"); return {} } } as any }; const t = (x: any) => { r.push(x); return x };
		const go = async (f: any) => { try { await f() } catch (e: any) { r.push(e.name) } await null };
		await go(async () => { let a: any; const put = () => { [a, x, a] = it() }; await null; try { put() } finally { r.push(a) } let x = 1; });
		await go(async () => { let a: any; const f = () => x; await null; try { ({ a, x = t("default"), b: a = t("never") } = {} as any) } finally { r.push(a) } let x = 1; f() });
		await go(async () => { let a: any; const f = () => x; let x: any = 1; await null; r.push(([a, x = t("d"), ...a] = [1, undefined, 3]), a, x, f()) });
		await go(async () => { const f = () => { for ([x] of [[1]]) r.push("never") }; await null; f(); let x: any = 1; }); return r`),
	"template literals":    body("const tag = (s: any, ...v: any[]) => s.raw.join(\"|\") + v.join(); return `a${await 1}b${await 2}` + tag`x${await 3}\\n${4}`"),
	"optional chaining":    body(`const o: any = {a: {f: async (x: any) => x}}; return [await o?.a?.f?.(await 1), await o.b?.f(await 2), (await o.c) ?? "d"]`),
	"compound assignment":  body(`const o: any = {n: 1, a: [1]}; o.n += await 2; o.a[await 0] *= await 5; o.x ??= await "new"; o.x &&= await "and"; o.n **= await 2; return o`),
	"sequence and comma":   body(`let i = 0; return (await null, i++, await i, i)`),
	"async arrow in class": `import { log } from "./log"; class T { n = 1; f = async () => { await null; return this.n }; run() { return [1, 2].map(async x => { await null; return this.n + x }) } } export default async function main() { const t = new T(); return [await t.f(), await Promise.all(t.run())] }`,
	"async generator":      body(`async function* g(n: number) { for (let i = 0; i < n; i++) { await null; yield i } } const o: any[] = []; for await (const x of g(3)) { await null; o.push(x) } return o`),
	"for await":            body(`const o: any[] = []; for await (const x of [Promise.resolve(1), 2, Promise.resolve(3)]) { o.push(x) } return o`),
	"module variables":     `import { log } from "./log"; let count = 0, list: any[] = []; const K = {deep: [1, {x: 2}]}; function up() { count++; list = [...list, count] } export default async function main() { up(); await null; up(); await null; log(K.deep[1]); return [count, list, K.deep[0]] }`,
	"module functions":     `import { log } from "./log"; const table: any = {add: (a: number, b: number) => a + b, neg(x: number) { return -x }}; class S { static k = {v: 1} } const made = (() => { const secret = 4; return () => secret })(); export default async function main() { const f = table.add, g = table.neg, k = S.k; await null; return [f(1, 2), g(3), k === S.k, f === table.add, made()] }`,
	"class expression":     body(`const mix = (B: any, k: string) => class extends B { get [k]() { return k + this.n } }; class Root { n = 1 } const C = mix(mix(Root, "a"), "b"); const c = new C(); await null; return [c.a, c.b, c instanceof Root, Object.getPrototypeOf(C).name === C.name]`),
	"static members":       body(`class A { static n = 0; static inc() { return ++A.n } static { A.n = 10 } } A.inc(); await null; A.inc(); await null; return [A.n, A.inc()]`),
	"super in arrows": body(`const base = 1, kept: any = {}; class A { a: any; constructor(...list: any[]) { this.a = list; log("A", new.target.name, list) } }
		class B extends A { f = base; constructor(x: any, y = () => super(x, "default")) { const early = () => this; try { early() } catch (e: any) { log(e.name) } if (x === 1) y(); else if (x === 2) (() => (() => super(x, base))())(); else super(...[x, x]); log(this === early(), this.f); kept[x] = () => super("again") } }
		class C extends B { constructor() { const init = () => super(1); init(); log(this.a) } } class D extends (null as any) { constructor() { const f = () => super(); kept.d = f; return {} } }
		for (const x of [1, 2, 3]) { const b = new B(x); await null; log(b.a, b.f); try { kept[x]() } catch (e: any) { log(e.name) } } new C(); new D(); await null; for (const k in kept) try { kept[k]() } catch (e: any) { log(k, e.name) } await null; return 1`),
	"changed prototypes": body(`const one = 1; class A { m() { return one } static s() { return one } } class B extends A {} (A.prototype as any).x = 5; (B.prototype as any).y = "b"; (A.prototype.m as any).tag = "t"; (A.s as any).tag = "u";
		class S extends Object { v() { return one } } Object.setPrototypeOf(S, { z: one }); Object.setPrototypeOf(S.prototype, { w: one });
		const sym = Symbol("sym"), o: any = { [sym]: class { v = one } }; class K { ["constructor"]() { return one } } class L {} (L.prototype as any).constructor = A; class F { m() { return one } } Object.freeze(F.prototype);
		const bound: any = function () {}.bind(null); bound.prototype = { q: one }; class Q extends bound {} bound.prototype = 7; await null;
		log((B.prototype as any).x, (B.prototype as any).y, (A.prototype.m as any).tag, (A.s as any).tag, (S as any).z, (S.prototype as any).w, "v" in S.prototype, o[sym].name, new o[sym]().v, (new K() as any).constructor(), (L.prototype as any).constructor === A, Object.isFrozen(F.prototype), (Q.prototype as any).q, Object.getPrototypeOf(Q) === bound);
		await null; return [new (B as any)().m(), Object.getPrototypeOf(B.prototype) === A.prototype, K.prototype.constructor !== K as any, new F().m(), Object.getOwnPropertyNames(A.prototype), Object.getOwnPropertyNames(L.prototype)]`),
	"weak keys of all kinds": body(`const m = new WeakMap<any, any>(), s = new WeakSet<any>(), base = 1; class C { k() { return base } } function f() { return base } const keys: any[] = [[], [1, 2], f, () => base, async () => base, C, C.prototype, C.prototype.k, f.prototype, new Uint8Array(2), new Date(0), /x/, new Error("e"), new Map(), new Set(), Object("s"), Object(1), (function (..._: any[]) { return arguments })(1), new Promise(() => {}), new ArrayBuffer(1), [1, , 3], function* () { yield base }];
		keys.forEach((k, i) => { m.set(k, i); s.add(k) }); await null; log(keys.map((k) => m.get(k)), keys.every((k) => s.has(k))); await null; return keys.map((k) => m.delete(k) && !m.has(k) && s.delete(k))`),
	"changed arguments": body(`const f: any = (...names: any[]) => (function (this: any, ..._: any[]) { const a: any = arguments; a.extra = names; a[7] = "seven"; return a })(1, 2); const a = f("n"); await null; return [a.length, a[0], a.extra, a[7], Object.keys(a), [...a], Object.prototype.toString.call(a)]`),
	"getters on functions and arguments": body(`const seen: any[] = []; const f: any = () => 1; Object.defineProperty(f, "name", { get() { seen.push("name"); return "g" }, configurable: true }); const b: any = f.bind(null), g: any = function () {}; delete b.length; delete g.name; delete g.length;
		const a: any = (function (..._: any[]) { return arguments })(1, 2); Object.defineProperty(a, "0", { get() { seen.push("item"); return 9 }, enumerable: true, configurable: true }); await null; log(seen.length); await null; return [f.name, b.hasOwnProperty("length"), b.name, g.hasOwnProperty("name"), g.hasOwnProperty("length"), a[0], a[1], a.length, Object.keys(a), seen]`),
	"changed classes":        body(`const one = 1; class A { m() { return one } n() { return 2 } static s() { return 3 } static t = one } delete (A.prototype as any).n; (A.prototype as any).extra = () => 4; delete (A as any).s; (A as any).late = 5; Object.defineProperty(A.prototype, "m", {value: () => 9}); const a: any = new A(); await null; return [a.m(), typeof a.n, a.extra(), typeof (A as any).s, (A as any).late, A.t, Object.getOwnPropertyNames(A.prototype)]`),
	"named by computed key":  body(`const k = "dyn"; const o: any = {[k]: () => 1, [k + 2]() { return 2 }}; const f = o.dyn; Object.defineProperty(f, "name", {value: "renamed"}); await null; return [o.dyn.name, o.dyn2(), f()]`),
	"shared prototype":       body(`const make = () => { function P(this: any) {} P.prototype.hi = function () { return "hi" }; return P as any }; const P = make(), Q = make(); const p = new P(); await null; return [p.hi(), p instanceof P, p instanceof Q, P.prototype !== Q.prototype]`),
	"extend builtins":        body(`class L extends Array { sum() { return this.reduce((a: any, b: any) => a + b, 0) } } class M extends Map { inc(k: any) { this.set(k, (this.get(k) || 0) + 1) } } const l: any = L.from([1, 2, 3]), m = new M(); m.inc("a"); await null; m.inc("a"); l.push(4); return [l.sum(), l instanceof L, m.get("a"), m.size, l.length]`),
	"json round":             body(`const o = JSON.parse('{"a":[1,{"b":null}],"__proto__":{"x":1}}'); await null; return [JSON.stringify(o), Object.keys(o)]`),
	"regexp state":           body(`const re = /a(.)/g, s = "axayaz"; const o: any[] = [re.exec(s)![1]]; await null; o.push(re.exec(s)![1]); const m = /(?<y>\d+)/.exec("on 42")!; await null; return [o, re.lastIndex, m.groups!.y, m.index, m.input]`),
	"getter on class":        body(`let calls = 0; class G { get v() { calls++; return 1 } } const g = new G(); await null; await null; return [calls, g.v, calls]`),
	"array extras":           body(`const a: any = [1, 2]; a.note = "n"; a.self = a; await null; return [a.note, a.self === a, a.length, Object.keys(a)]`),
	"delete and order":       body(`const o: any = {a: 1, b: 2, c: 3}; delete o.b; o.b = 4; await null; o.d = 5; return Object.keys(o)`),
	"boxed":                  body(`const s: any = Object("str"), n: any = new Number(-0); s.x = 1; await null; return [s + "", s.x, Object.is(n.valueOf(), -0), typeof s]`),
	"catch variable":         body(`const fs: any[] = []; for (const x of [1, 2]) { try { throw x } catch (e: any) { await null; fs.push(() => e * 10) } } await null; return fs.map(f => f())`),
	"async iterator by hand": body(`const it: any = {i: 0, [Symbol.iterator]() { return this }, next() { return {value: this.i++, done: this.i > 3} }, return() { log("ret"); return {} }}; for (const x of it) { await null; if (x === 1) break } return it.i`),
}

func TestThreeWays(t *testing.T) {
	readsAllDescriptors = true
	defer func() { readsAllDescriptors = false }()
	for name, source := range threeWayFixtures {
		t.Run(name, func(t *testing.T) { threeWays(t, source) })
	}
}

// The compiler's own fixtures, which it runs plain and rewritten, are restored before every job here.
func TestCompilerFixturesThreeWays(t *testing.T) {
	files, err := filepath.Glob("compile/testdata/fixtures/*.js")
	if err != nil || len(files) == 0 {
		t.Skipf("no fixtures: %v", err)
	}
	readsAllDescriptors = true
	defer func() { readsAllDescriptors = false }()
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".js")
		if name == "tdz" {
			continue // esbuild refuses its assignments to constants
		}
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			threeWays(t, `import { log } from "./log";
export default async function entry() {
`+string(text)+`
return main();
}`)
		})
	}
}

// The bundler makes the body of an async generator method a plain function, which goja could not run.
func TestSuperInAsyncGeneratorMethods(t *testing.T) {
	b := compileFixture(t, `import { log } from "./log";
class A { async *g(): any { yield 1 } n = 3; get v() { return this.n } async *h(): any { yield* [1, 2] } }
class B extends A {
	async *g(): any { yield 0; yield* super.g(); const f = async () => super.v; yield await f(); yield super.v; }
	async *h(): any { for await (const x of super.h()) yield x * 2; super.n = await 5; yield this.n }
	static async *s(): any { yield super.name }
}
export default async function main() {
	const r: any[] = []; for (const list of [new B().g(), new B().h(), B.s()]) for await (const x of list) r.push(x);
	const o: any = { __proto__: { m() { return 7 } }, async *g(): any { yield super.m() } }; for await (const x of o.g()) r.push(x); return r
}`)
	for _, perJob := range []bool{false, true} {
		if o, _ := run(t, b, perJob, nil); strings.TrimSpace(o.String()) != `= [0,1,3,3,2,4,5,"A",7]` {
			t.Errorf("restored %v: %s", perJob, o)
		}
	}
}

// A module that is required is run by a function, which gives its variables their values.
func TestPrivateNamesOfARequiredModule(t *testing.T) {
	files := fixtureFiles(`import { log } from "./log"; const { Y, Z } = require("./y");
export default async function main() { const y = new Y(), z = new Z(); await null; log(y.get(), z.get()) }`)
	files["y.ts"] = &fstest.MapFile{Data: []byte(`export class Y { #n = 7; get() { return this.#n } } export class Z extends Y { #n = 8; get() { return super.get() + this.#n } }`)}
	b, err := Compile(t.Context(), CompileOptions{Entry: "app.ts", Files: files})
	if err != nil {
		t.Fatal(err)
	}
	if o, _ := run(t, b, true, nil); o.String() != "7 15\n= undefined\n" {
		t.Errorf("got %q", o)
	}
}

// Modules that only a thread asks for have run by then: their variables are the bundle's, and what they make is frozen.
func TestModulesThatAThreadAsksFor(t *testing.T) {
	files := fixtureFiles(`import { log } from "./log";
export default async function main() {
	const { up } = await import("./count"), { second } = require("./second.cjs");
	await null;
	log(up(), (await import("./count")).n, up(), second());
	for (let i = 0; i < 2; i++) for (const ask of [() => import("./bad"), async () => require("./worse.cjs")])
		try { await ask(); log("asked") } catch (e: any) { log(e.message) }
}`)
	for name, text := range map[string]string{
		"count.ts":   `export let n = 0; export const up = () => ++n`,
		"second.cjs": `const { third } = require("./third.cjs"); exports.second = () => third`,
		"third.cjs":  `exports.third = 3`,
		"bad.ts":     `export const bad = 1; throw new Error("bad")`,
		"worse.cjs":  `throw new Error("worse")`,
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	b, err := Compile(t.Context(), CompileOptions{Entry: "app.ts", Files: files})
	if err != nil {
		t.Fatal(err)
	}
	for _, perJob := range []bool{false, true} {
		if o, _ := run(t, b, perJob, nil); o.String() != "1 1 2 3\nbad\nworse\nbad\nworse\n= undefined\n" {
			t.Errorf("perJob %t: got %q", perJob, o)
		}
	}
}
