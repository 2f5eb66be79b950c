package runtime

import (
	"flag"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

// The replaced natives must do what goja's own do: each program runs on both.
func TestReplacedNativesDoWhatGojasDo(t *testing.T) {
	for name, source := range map[string]string{
		"arrays": `
			for (const a of [[1, 2, , 3], "aé😀\ud800z", new Uint8Array([1, 2]), new Float64Array(2), (function () { return arguments })(5, 6)]) { log([...a]); const [x, ...y] = a; log(x, y.length); for (const z of a) { log(z); break } }
			log([...[7, 8].entries()].join("|"), [...[7, 8].keys()], Array.from([1, 2].values()), [...new Uint8Array([3]).entries()].join());
			const grow = [1]; for (const g of grow) { if (grow.length < 4) grow.push(g + 1); log(g) } const it = [1][Symbol.iterator](); it.next(); it.next(); log(JSON.stringify(it.next()), it[Symbol.iterator]() === it, String(it));
			log(Array.prototype[Symbol.iterator] === Array.prototype.values, Array.prototype.values.name, Array.prototype.values.length, Set.prototype.keys === Set.prototype.values, Map.prototype[Symbol.iterator] === Map.prototype.entries);
			log([...Array.prototype.values.call({ length: 2, 0: "a", 1: "b" })], [...Array.prototype.keys.call("ab")]); log(Object.keys([][Symbol.iterator]()).length, Reflect.ownKeys([].values()).length);`,
		"map and set with changes": `
			const m = new Map([[1, "a"], [2, "b"], [3, "c"]]); for (const [k, v] of m) { log(k, v); if (v === "a") { m.delete(1); m.delete(2); m.set(4, "d"); m.set(1, "again") } } log([...m.keys()], [...m.values()], [...m]);
			const s = new Set([1, 2]); for (const x of s) { log(x); if (x < 6) { s.delete(x); s.add(x + 2) } } log([...s.entries()].join("|")); const it = m.values(); m.clear(); log(JSON.stringify(it.next())); m.set(9, 9); log(JSON.stringify(it.next()));
			const late = m.keys(); m.set(10, 1); log([...late]); log(new Map(m).size, new Set(m.keys()).has(9), String(m.keys()), String(s.values()), Object.fromEntries(m)[9])`,
		"matchAll": `
			const r = /(?<a>.)(.)?/g; r.lastIndex = 1; for (const m of "abcde".matchAll(r)) log(m[0], m.index, m.groups.a, m[2]); log(r.lastIndex, [..."aXbX".matchAll(/X|$/g)].map(m => m.index), [..."😀a".matchAll(/(?:)/gu)].map(m => m.index), [..."😀".matchAll(/(?:)/g)].map(m => m.index));
			try { "a".matchAll(/a/) } catch (e) { log(e.name) } log([.../a/[Symbol.matchAll]("aa")].length, RegExp.prototype[Symbol.matchAll].name, RegExp.prototype[Symbol.matchAll].length)`,
		"wrong receivers": `
			for (const [proto, own] of [[Object.getPrototypeOf([].values()), [].values()], [Object.getPrototypeOf(new Map().keys()), new Map().keys()], [Object.getPrototypeOf(new Set().keys()), new Set().keys()], [Object.getPrototypeOf(""[Symbol.iterator]()), ""[Symbol.iterator]()]])
				for (const bad of [undefined, 1, {}, Object.create(own), new Set().keys() === own ? 1 : [][Symbol.iterator].call("")]) try { proto.next.call(bad); log("fine") } catch (e) { log(e.name) }
			for (const f of [() => Map.prototype.keys.call(new Set()), () => Set.prototype.values.call(new Map()), () => Object.getPrototypeOf(Int8Array.prototype).values.call([]), () => [].values.call(null), () => ""[Symbol.iterator].call(undefined)]) try { f(); log("fine") } catch (e) { log(e.name) }
			try { new ([].values)() } catch (e) { log(e.name) } try { new (Object.getPrototypeOf([].values()).next)() } catch (e) { log(e.name) }`,
		"bind": `
			function f(a, b, c) { return [new.target === undefined ? this : new.target === f, a, b, c].join() } const g = f.bind("self", 1); log(g(2, 3), g.name, g.length, new g(5) instanceof f, new g() instanceof g, f.prototype.isPrototypeOf(new g(1)), g.hasOwnProperty("prototype"));
			class A { constructor(x) { this.x = x } static make() { return new this(1) } } const B = A.bind(null, 7); log(new B().x, new B() instanceof A); try { B() } catch (e) { log(e.name) } try { class C extends B { } } catch (e) { log(e.name) }
			const arrow = (() => 1).bind(); log(arrow.name === "bound ", arrow.length, arrow()); try { new arrow() } catch (e) { log(e.name) } try { Function.prototype.bind.call({}) } catch (e) { log(e.name) }
			log(f.bind().bind().name, Math.max.bind(null, 1, 2)(0), Function.prototype.bind.length, Function.prototype.bind.name, f.bind(1, 2, 3, 4, 5).length); const h = function () {}; Object.defineProperty(h, "length", { value: -3 }); Object.defineProperty(h, "name", { value: 5 }); log(h.bind().length, h.bind().name)`,
		"weak": `
			const w = new WeakMap(), k = {}, f = () => 1, frozen = Object.freeze({}); w.set(k, 1).set(f, 2).set(frozen, 3); log(w.get(k), w.get(f), w.get(frozen), w.has({}), w.get({}), w.has(1), w.delete(k), w.has(k), w.delete(k), w.get(Object.create(f)));
			w.set(k, 5); Object.freeze(k); w.set(k, 6); log(w.get(k), Reflect.ownKeys(k).length, JSON.stringify({ ...f })); for (const bad of [1, "a", null, undefined, Symbol.for("x")]) try { w.set(bad, 1) } catch (e) { log(e.name) }
			const w2 = new WeakMap([[k, 9], [f, 8]]), s = new WeakSet([k]); log(w2.get(k), w.get(k), s.has(k), s.has(f), s.add(f) === s, s.has(f), s.delete(f), String(w), String(s), WeakMap.length, WeakMap.name, WeakSet.name);
			for (const f of [() => WeakMap(), () => new WeakMap(1), () => new WeakMap([1]), () => WeakMap.prototype.get.call(new WeakSet(), 1), () => WeakSet.prototype.has.call({}, 1)]) try { f(); log("fine") } catch (e) { log(e.name) } class M extends WeakMap {} log(new M([[k, 1]]).get(k))`,
		"reflection": `
			const o = Object.create({}, { a: { value: 1 }, b: { get() { return 2 }, enumerable: true } }); log(Object.getOwnPropertySymbols(o).length, Reflect.ownKeys(o), Object.keys(Object.getOwnPropertyDescriptors(Object.freeze(o))), Object.isFrozen(o));
			log(Object.defineProperty.length, Object.defineProperty.name, Object.freeze(5), Reflect.defineProperty({}, "x", { value: 1 }), Object.getOwnPropertySymbols({ [Symbol.iterator]: 1 }).length); const p = new Proxy({}, {}); new WeakMap().set(p, 1); Object.freeze(p); log(Reflect.ownKeys(p).length)`,
	} {
		t.Run(name, func(t *testing.T) {
			if own, native := ownLines(t, source), nativeLines(t, source); own != native {
				t.Errorf("ours\n  %s\ngoja's\n  %s", own, native)
			}
		})
	}
}

// After quiesce an iterator is a position only; going on must give what an undisturbed iterator gives.
func TestIteratorsGoOnFromAPosition(t *testing.T) {
	h := newHost(t)
	h.want(h.eval(`{ const out = []; for (const saves of [false, true]) {
			const m = new Map(); for (let i = 0; i < 10; i++) m.set(i, i); const s = new Set(m.keys()); const mi = m.entries(), si = s[Symbol.iterator](), all = [];
			const step = (it) => { const r = it.next(); all.push(r.done ? "end" : String(r.value)); if (saves) rt.quiesce() };
			for (let i = 0; i < 14; i++) { step(mi); step(si); if (i === 3) { m.delete(0); m.delete(2); m.delete(5); s.delete(1); s.delete(9) } if (i === 5) { m.set(0, "back"); s.add(1) } if (i === 6) { s.clear(); s.add(77) } }
			out.push(all.join(" ")) } String(out[0] === out[1]) + " " + out[0].includes("0,back") + " " + out[0].includes("77") }`).String(), "true true true")
}

func TestFunctionsShowTheAuthorsText(t *testing.T) {
	h := newHost(t)
	h.eval(`rt.setFunctionText((id) => id === "7" ? "async () => 1" : undefined)`)
	for source, want := range map[string]string{
		`Promise.all.toString()`:                  "function all() { [native code] }",
		`String([].map)`:                          "function map() { [native code] }",
		`String((() => {}).bind())`:               "function bound () { [native code] }",
		`Function.prototype.toString.call(W.ref)`: "function ref() { [native code] }",
	} {
		if got := h.eval(source).String(); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

func TestConsoleLinesReachTheHost(t *testing.T) {
	h := newHost(t)
	h.eval(`const o = { a: 1, b: [1, , "x"], c: { d: { e: { f: {} } } }, m: new Map([[1, { x: 1n }]]), s: new Set(["q"]), f() {}, [Symbol.iterator]: 1, "k-k": null, u: undefined, z: -0 }; o.self = o;
		console.log("a %s %d %i %j %o %%", "b", "4.5", 4.5, { x: 1 }, [2], "rest", 5); console.warn(o); console.error(Promise.resolve(5), class A {}, new (class B { x = 1 })(), Object.create(null), new Date(0), /x/g, Symbol("s"), new Proxy({}, {}));
		console.debug("%s"); console.info(); console.assert(1, "no"); console.assert(0, "yes"); console.group(); console.groupEnd(); console.log("x".repeat(20000).length, "x".repeat(20000))`)
	want := []string{
		`info: a b 4.5 4 {"x":1} [2] % rest 5`,
		`warn: { a: 1, b: [1, <empty>, "x"], c: { d: { e: { f: [Object] } } }, m: Map(1) { 1 => { x: 1n } }, s: Set(1) { "q" }, f: [Function f], "k-k": null, u: undefined, z: -0, self: [Circular] }`,
		`error: Promise { 5 } [Function A] B { x: 1 } [null prototype] {} 1970-01-01T00:00:00.000Z /x/g Symbol(s) [Proxy]`,
		"debug: %s", "info: ", "error: Assertion failed: yes", "info: 20000 " + strings.Repeat("x", 16378) + "…",
	}
	h.want(strings.Join(h.logs, "\n"), want...)
}

var update = flag.Bool("update", false, "add new intrinsics to testdata/intrinsics.txt")

// Continuations name intrinsics: a name in the golden file must exist for ever. New ones are added with -update.
func TestIntrinsicNamesAreKept(t *testing.T) {
	vm := goja.New()
	rt, err := Install(vm, Host{})
	if err != nil {
		t.Fatal(err)
	}
	names := rt.Get("intrinsics").ToObject(vm).Keys()
	namesOf, _ := goja.AssertFunction(rt.Get("namesOf"))
	use, _ := goja.AssertFunction(rt.Get("useFamily"))
	for _, family := range Families {
		made, err := use(nil, vm.ToValue(family.Name))
		if err != nil {
			t.Fatal(err)
		}
		for kind, want := range map[string][]string{"globals": family.Globals, "hidden": family.Hidden} {
			var has []string
			if o, ok := made.ToObject(vm).Get(kind).(*goja.Object); ok {
				has = o.Keys()
			}
			if strings.Join(has, " ") != strings.Join(want, " ") {
				t.Errorf("family %s has the %s %v, its table says %v", family.Name, kind, has, want)
			}
		}
		byName, err := namesOf(nil, vm.ToValue(family.Name))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range byName.ToObject(vm).Keys() {
			if names = append(names, name); FamilyOf(name) != family.Name {
				t.Errorf("%s is found in the family %q", name, FamilyOf(name))
			}
		}
	}
	now := map[string]bool{}
	for _, name := range names {
		now[name] = true
	}
	for _, kind := range []string{"functions", "privateSymbols"} {
		for _, id := range rt.Get(kind).ToObject(vm).Keys() {
			now[kind+" "+id] = true
		}
	}
	const golden = "testdata/intrinsics.txt"
	text, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	kept := map[string]bool{}
	for _, name := range strings.Fields(strings.ReplaceAll(string(text), " ", "\x01")) {
		kept[strings.ReplaceAll(name, "\x01", " ")] = true
	}
	for name := range kept {
		if !now[name] {
			t.Errorf("%q is gone: continuations may name it", name)
		}
	}
	var all []string
	for name := range now {
		all = append(all, name)
		if !kept[name] && !*update {
			t.Errorf("%q is not in %s: run the test with -update", name, golden)
		}
	}
	if *update && !t.Failed() {
		sort.Strings(all)
		if err := os.WriteFile(golden, []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkInstall(b *testing.B) {
	for range b.N {
		if _, err := Install(goja.New(), Host{}); err != nil {
			b.Fatal(err)
		}
	}
}
