package jsvm

import (
	"strings"
	"testing"
)

// One operation that would need more memory than there is throws before it begins.
func TestOneOperationCannotTakeAllMemory(t *testing.T) {
	for name, source := range map[string]string{
		"power":            `2n ** (2n ** 33n)`,
		"power, names":     `const a = 3n; let b = 2n ** 40n; a ** b`,
		"power, later":     `(await two) ** await (2n ** 40n)`,
		"power, assigned":  `let a = 2n; a **= 2n ** 40n`,
		"power, property":  `o.n **= 2n ** 40n`,
		"power, await":     `o.n **= await (2n ** 40n)`,
		"power, big base":  `(two ** 1000000n) ** 1000000n`,
		"power, boxed":     `two ** Object(2n ** 40n)`,
		"shift":            `1n << (2n ** 40n)`,
		"shift, names":     `const by = 2n ** 40n; two << by`,
		"shift, assigned":  `let a = 1n; a <<= 2n ** 40n`,
		"shift, property":  `o.n <<= 2n ** 40n`,
		"shift, back":      `two >> -(2n ** 40n)`,
		"shift, await":     `two << await (2n ** 40n)`,
		"asUintN":          `BigInt.asUintN(2 ** 50, -1n)`,
		"asIntN":           `BigInt.asIntN(2 ** 50, -1n)`,
		"apply":            `Math.max.apply(null, new Array(5e7))`,
		"apply, like":      `Math.max.apply(null, { length: 1e9 } as any)`,
		"Reflect.apply":    `Reflect.apply(Math.max, null, { length: 1e9 } as any)`,
		"apply, getter":    `Math.max.apply(null, { get length() { return 1e9 } } as any)`,
		"construct":        `Reflect.construct(Array, { length: 1e9 } as any)`,
		"array filled":     `new Array(2 ** 32 - 1).fill(0)`,
		"array called":     `Array(1e9)`,
		"array, await":     `new Array(await 1e9)`,
		"filled":           `const a: any[] = []; a.length = 2 ** 31; a.fill(0)`,
		"Array.from":       `Array.from({ length: 1e9 })`,
		"Array.from array": `const a: any[] = []; a.length = 2 ** 31; Array.from(a)`,
		"repeat":           `"ab".repeat(2 ** 27)`,
		"repeat, boxed":    `Object("ab").repeat(2 ** 27)`,
		"sort holes":       `const a: any[] = []; a.length = 2 ** 31; (a as any).sort()`,
		"toSorted holes":   `const a: any[] = []; a.length = 2 ** 31; (a as any).toSorted()`,
		"toReversed holes": `const a: any[] = []; a.length = 2 ** 31; (a as any).toReversed()`,
		"toSpliced holes":  `const a: any[] = []; a.length = 2 ** 31; (a as any).toSpliced(0, 1)`,
		"with holes":       `const a: any[] = []; a.length = 2 ** 31; (a as any).with(0, 1)`,
		"buffer":           `new ArrayBuffer(2 ** 36)`,
		"buffer, boxed":    `new ArrayBuffer([2 ** 36] as any)`,
		"buffer, converts": `new ArrayBuffer({ valueOf: () => 2 ** 36 } as any)`,
		"typed array":      `new Float64Array(2 ** 30)`,
		"typed array like": `new Uint8Array({ length: 2 ** 36 } as any)`,
		"padEnd":           `"ab".padEnd(2 ** 28)`,
		"padStart":         `"ab".padStart(2 ** 28, "xy")`,
		"concat":           `const s = "x".repeat(2 ** 26); s.concat(s, s)`,
		"join":             `new Array(1e6).join("x".repeat(1000))`,
		"join nothing":     `const a: any[] = []; a.length = 2 ** 31; a.join()`,
		"stringify":        `let a: any = [1]; for (let i = 0; i < 40; i++) a = [a, a]; JSON.stringify(a)`,
		"stringify nest":   `let a: any = [1]; for (let i = 0; i < 2e5; i++) a = [a]; JSON.stringify(a)`,
		"nested texts":     `let a: any = [1]; for (let i = 0; i < 2e5; i++) a = [a]; String(a)`,
		"stringify texts":  `const s = "x".repeat(1e6), a: any[] = []; for (let i = 0; i < 1000; i++) a.push({ s }); JSON.stringify({ a })`,
		"replaceAll":       `"x".repeat(1e5).replaceAll("x", "y".repeat(1e5))`,
		"replace":          `"x".repeat(1e5).replace(/x/g, "y".repeat(1e5))`,
		"replace by tails": "\"x\".repeat(1e5).replace(/x/g, \"$`\")",
	} {
		t.Run(name, func(t *testing.T) {
			b := compileFixture(t, `import { log } from "./log"; const two = 2n; const tail = "";
export default async function main() { const o = { n: 2n }; try { const made = await (async () => { `+lastReturned(source)+` })(); return "made " + typeof made } catch (e: any) { await null; return e.name } }`)
			o, _ := run(t, b, true, nil)
			if got := strings.TrimSpace(o.String()); got != `= "RangeError"` {
				t.Errorf("got %s", got)
			}
		})
	}
}

// Groups that would overflow Go's stack throw where a pattern is made.
func TestDeepPatternsAreRefused(t *testing.T) {
	for name, source := range map[string]string{
		"new":              `new RegExp(deep)`,
		"new, flags":       `new RegExp(deep, "g")`,
		"new, await":       `new RegExp(await deep)`,
		"new, spread":      `new RegExp(...[deep])`,
		"called":           `RegExp(deep)`,
		"called, flags":    `RegExp(deep, "u")`,
		"look-around":      `new RegExp("(?=".repeat(4e5) + ")".repeat(4e5))`,
		"match":            `"a".match(deep)`,
		"matchAll":         `"a".matchAll(deep)`,
		"search":           `"a".search(deep)`,
		"compiled anew":    `/a/.compile(deep)`,
		"just too deep":    `new RegExp("(".repeat(1001) + ")".repeat(1001) + "\\1")`,
		"of another alias": `(String.prototype as any).match.call("a", deep)`,
	} {
		t.Run(name, func(t *testing.T) {
			b := compileFixture(t, `const deep = "(".repeat(4e5) + ")".repeat(4e5) + "\\1";
export default async function main() { try { const made = await (async () => { `+lastReturned("; "+source)+` })(); return "made " + typeof made } catch (e: any) { await null; return e.name } }`)
			o, _ := run(t, b, true, nil)
			if got := strings.TrimSpace(o.String()); got != `= "SyntaxError"` {
				t.Errorf("got %s", got)
			}
		})
	}
}

// lastReturned returns the value of the last of some statements.
func lastReturned(source string) string {
	at := strings.LastIndex(source, "; ") + 1
	return source[:at] + " return " + source[at:]
}

// What a program does with reasonable sizes is as ever.
func TestGuardedOperationsAreTheLanguages(t *testing.T) {
	source := body(`const r: any[] = []; const n = 5, m = 3n, neg = -2n, o: any = { n: 2, m: 2n, get k() { return 3 } }; const f = (x: any) => x;
		r.push(2 ** n, n ** 2, f(2) ** f(0.5), 2n ** m, f(neg) ** f(3n), (-1n) ** (2n ** 70n), 0n ** (2n ** 70n), 1n ** (2n ** 70n), f(Object(2)) ** f({ valueOf: () => 3 }), f(Object(2n)) ** f(3n), f("2") ** f("3"), f(undefined) ** 2, f(null) ** f(0));
		r.push(1 << n, f(1) << f(n), f(1n) << f(70n), f(2n) >> f(1n), f(2n) >> f(-3n), f(-1) >> n, f(-1) >>> n, f("8") << f("1"), f(3n) << f(-1n), f(1) << f({ valueOf: () => 2 }), f(1n) << f(Object(2n)));
		for (const g of [() => f(1n) ** f(1), () => f(1) << f(1n), () => f(1n) ** -1n, () => f(1n) << f(1), () => f(1) ** f(1n), () => f(Symbol()) ** f(1)]) try { r.push(g()) } catch (e: any) { r.push(e.name) }
		let a: any = 2; a **= n; a <<= n; a >>= 2; r.push(a); a = 3n; a **= m; a <<= 70n; a >>= m; r.push(a); o.n **= f(3); o.n <<= f(2); o.m **= f(3n); o.m <<= f(2n); o["m"] >>= f(1n); r.push(o.n, o.m, o.n ** o.k);
		a = 2; a **= await 3; a <<= await 2; o.n **= await 2; o.m **= await 2n; o.m <<= await 1n; r.push(a, o.n, o.m, (await 2) ** (await 3), (await 2n) ** (await 3n), f(1n) << (await 3n), f(2) ** f(await 3) >> f(1));
		r.push(new Array(3).length, Array(f(3)).length, new Array("3").length, new Array(f("x")), Array(1, 2), new Array(...[4]).length, new Array(await 2).length, new Array(), [..."ab"].join(f(undefined)), [1, [2, null]].join("-"));
		try { new Array(-1) } catch (e: any) { r.push(e.name) } try { new Array(f(1.5)) } catch (e: any) { r.push(e.name) }
		r.push(Math.max.apply(null, [1, 2]), Math.max.apply(null), Math.max.apply(null, undefined as any), Math.max.apply(null, { length: 2, 0: 5, 1: 6 } as any), (function (this: any) { return [this.v, arguments.length] }).apply({ v: 1 }, [1, 2] as any), Reflect.apply(Math.max, null, [1, 2]));
		class A { v: any; constructor(...x: any[]) { this.v = new.target.name; r.push(x.length) } } class B extends A {} r.push(Reflect.construct(A, [1, 2]).v, Reflect.construct(A, [], B).v); for (const g of [() => (Function.prototype.apply as any).call(1), () => Reflect.apply(Math.max, null, 1 as any), () => Reflect.construct(A, 1 as any), () => Reflect.construct(A, [], 1 as any)]) try { g(); r.push("fine") } catch (e: any) { r.push(e.name) }
		const counted = () => { let n = 0; return { 0: 9, get length() { return ++n } } as any }; function late(this: any) { return Math.max.apply(null, arguments as any) } r.push(Math.max.apply(null, counted()), Reflect.apply(Math.max, null, counted()), Reflect.construct(Array, counted()), Array.apply(null, { length: 2 } as any), Math.min.apply(null, new Uint8Array([3, 2]) as any), Math.max.apply(null, { length: "2", 0: 1, 1: 4 } as any), Math.max.apply(null, { length: -1 } as any), (late as any)(1, 7), Math.max.apply(null, function (a: any) {} as any));
		const sorted: any = [3, , 1]; r.push(sorted.sort() === sorted, sorted, sorted.toSorted((x: any, y: any) => y - x), sorted.toReversed(), sorted.toSpliced(0, 1, 7, 8), sorted.with(-1, 5), Array.prototype.sort.call({ length: 2, 0: "b", 1: "a" } as any), [Array.prototype.sort, (Array.prototype as any).with, (Array.prototype as any).toSpliced].map((f) => f.name + f.length)); try { [2, 1].sort(() => { throw new RangeError("mine") }) } catch (e: any) { r.push(e.message) }
		r.push(Function.prototype.apply.name, Function.prototype.apply.length, Reflect.apply.length, Reflect.construct.length, Reflect.construct.name, "prototype" in Function.prototype.apply);
		const steps: any[] = []; r.push(String.prototype.repeat.call({ toString: () => (steps.push("text"), "ab") } as any, { valueOf: () => (steps.push("count"), 2) } as any), steps, "ab".repeat("2" as any), "".repeat(2 ** 40), "ab".repeat(undefined as any)); for (const g of [() => "a".repeat(-1), () => "".repeat(Infinity), () => "a".repeat(2n as any), () => "a".repeat(Symbol() as any), () => String.prototype.repeat.call(null as any, 1), () => String.prototype.repeat.call(Symbol() as any, 1)]) try { r.push(g()) } catch (e: any) { r.push(e.name) }
		r.push([...new Uint8Array(new Set([1, 2]) as any)], [...new Uint16Array({ length: "2", 1: 3 } as any)], [...new Uint8Array([1, , 3] as any)], [...new Uint8Array(new Uint16Array([1, 258]))], new Uint8Array(new ArrayBuffer(8), 2, 3).length, new Uint8Array({ length: -1 } as any).length, new Uint8Array({} as any).length, new Uint8Array(new Proxy([4, 5], {})).length, new ArrayBuffer([8] as any).byteLength, new ArrayBuffer({ valueOf: () => (steps.push("size"), 3) } as any).byteLength, [...new Uint8Array(function (a: any) {} as any)], steps, new (class extends Uint8Array {})(2).length, [...new BigInt64Array([1n])]);
		for (const g of [() => new Uint8Array({ length: 1n } as any), () => new ArrayBuffer({ valueOf: () => 1n } as any), () => new ArrayBuffer(-1), () => new Uint8Array(Symbol() as any), () => (Uint8Array as any)(1), () => new Uint8Array({ [Symbol.iterator]: 1 } as any)]) try { g(); r.push("fine") } catch (e: any) { r.push(e.name) }
		r.push(Array.from({ length: 2, 0: 1, 1: 2 }), Array.from(new Set([1, 2]), (x) => x * 2), Array.from("ab"), Array.from([1, , 3]), (class extends Array {} as any).from([1]).length, BigInt.asUintN(8, 257n), BigInt.asIntN(8, 255n));
		const big = "ab\u00e9".repeat(50000); r.push(big.replace(/b/g, "[$&]").length, big.replaceAll("b", "12345").length, big.replace(/(a)/g, "<$1>" + "x".repeat(1000)).length, big.replace("b", "$'").length, "aXb".replace(/x/i, (m) => m + m), "a.b.c".replace(".", "$$"), "abc".concat("d", 1 as any, null as any));
		const seen: any[] = []; r.push(JSON.stringify({ a: [1, undefined, () => 1], u: undefined, d: new Date(0), n: { toJSON() { return JSON.stringify({ in: 1 }) } }, b: Object("s"), x: NaN }), JSON.stringify([1, { a: 2 }], null, 2), JSON.stringify({ a: 1, b: { a: 2, c: 3 } }, ["b", "a"]), JSON.stringify({ a: 1 }, function (this: any, k, v) { seen.push(k, this.a === 1); return v }), seen, String(JSON.stringify(undefined)), JSON.stringify("x"), JSON.stringify.length);
		let deep: any = [1]; for (let i = 0; i < 4000; i++) deep = [deep, 2]; r.push(String(deep).length, JSON.stringify({ deep, again: [deep, deep] }).length);
		r.push(new RegExp("(".repeat(1000) + "a" + ")".repeat(1000) + "\\1").test("aa"), new RegExp("[(]".repeat(2000)).test("("), "ab".match("b")!.index, [..."abab".matchAll("b" as any)].length, "ab".search("b"), (/a/ as any).compile("b").test("b"), [new (RegExp as any)(), new RegExp(/a/g), new (RegExp as any)(...["a", "gi"]), (RegExp as any)(...[]), RegExp(undefined as any), RegExp("x")].map(String), "a".match.length, "a".match.name);
		{ const re = /a/g; r.push(RegExp(re) === re, new RegExp(re) === re, RegExp(re, "i").flags) } for (const g of [() => new RegExp("("), () => RegExp("a", "xx"), () => "a".match("("), () => RegExp(Symbol() as any)]) try { g(); r.push("fine") } catch (e: any) { r.push(e.name) }
		try { const c: any = {}; c.c = c; JSON.stringify(c) } catch (e: any) { r.push(e.name) } try { JSON.stringify({ a: 1n }) } catch (e: any) { r.push(e.name) } try { JSON.stringify({ get a() { throw new RangeError("own") } }) } catch (e: any) { r.push(e.message) }
		for (const value of r) log(value); return r.length`)
	if plain := runPlain(t, source); !strings.Contains(plain.String(), "\n= ") {
		t.Errorf("the fixture ends early: %s", plain)
	}
	threeWays(t, source)
}
