package runtime

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

// orderPrelude is what the programs of the tests below may use. They run on goja's own Promise, the oracle, and on ours.
const orderPrelude = `var lines = []; var log = (...a) => { lines.push(a.map(String).join(" ")) };
	var thenable = (f, name) => ({ then(...a) { log("then of", name); return f(...a) }, toString() { return "thenable " + name } });
	var show = (v) => Array.isArray(v) ? "[" + v.map(show) + "]" : v instanceof AggregateError ? "all(" + show(v.errors) + ")" : v instanceof TypeError ? "TypeError" : v && v.status ? JSON.stringify(v) : String(v);
	var watch = (name, p) => p.then(v => log(name, "fulfilled", show(v)), e => log(name, "rejected", show(e)));
`

func nativeLines(t *testing.T, source string) string {
	t.Helper()
	vm := goja.New()
	if _, err := vm.RunString(orderPrelude + source); err != nil {
		t.Fatalf("goja's own: %v\n%s", err, source)
	}
	return vm.Get("lines").String()
}

func ownLines(t *testing.T, source string) string {
	t.Helper()
	h := newBareHost(t)
	h.eval(`rt.begin("T", "1")`)
	if _, err := h.vm.RunString(orderPrelude + source); err != nil {
		t.Fatalf("ours: %v\n%s", err, source)
	}
	h.eval(`while (rt.drainOne()) {}`)
	return h.vm.Get("lines").String()
}

func TestPromiseDoesWhatTheStandardSays(t *testing.T) {
	for name, source := range map[string]string{
		"then order": `
			for (const p of [Promise.resolve(1), Promise.reject(2), new Promise(r => r(Promise.resolve(3))), new Promise((_, r) => r(4))])
				p.then(v => { log("a", v); return v }, e => { log("b", e); throw e }).then(v => log("c", v)).catch(e => log("d", e)).finally(() => log("e"))`,
		"resolve with promise takes two more jobs": `
			watch("direct", Promise.resolve(1)); watch("inner", new Promise(r => r(Promise.resolve(2)))); watch("thenable", new Promise(r => r(thenable(f => f(3), "x"))));
			let p = Promise.resolve(); for (let i = 0; i < 8; i++) p = p.then(() => log("tick", i))`,
		"finally": `
			watch("a", Promise.resolve(1).finally(() => 2)); watch("b", Promise.resolve(1).finally(() => { throw 2 })); watch("c", Promise.reject(1).finally(() => Promise.reject(3)));
			watch("d", Promise.reject(1).finally(() => thenable(f => f(9), "fin"))); watch("e", Promise.resolve(4).finally(5))`,
		"executor": `
			watch("throws", new Promise(() => { throw 1 })); watch("throws late", new Promise(r => { r(1); throw 2 })); let f; const p = new Promise((r, j) => { f = r; log(r.length, j.length, r.name === "", j.name === "") });
			f(p); watch("self", p.catch(e => e.constructor.name)); for (const x of [undefined, 1, {}]) try { new Promise(x) } catch (e) { log(e.constructor.name) } try { Promise(() => {}) } catch (e) { log(e.constructor.name) }`,
		"throwing then getter": `
			const bad = { get then() { log("get"); throw "got" } }; watch("a", Promise.resolve(bad)); watch("b", Promise.resolve().then(() => bad)); watch("c", Promise.all([bad, 1]))`,
		"thenable settles twice": `
			watch("a", Promise.resolve(thenable((f, r) => { f(1); f(2); r(3); throw 4 }, "t"))); watch("b", Promise.all([thenable((f, r) => { f(1); r(2) }, "u")]));
			watch("c", Promise.any([thenable((f, r) => { r(1); f(2) }, "v")])); watch("d", Promise.allSettled([thenable((f, r) => { f(1); r(2) }, "w")]))`,
		"combinators of plain values": `
			for (const name of ["all", "race", "any", "allSettled"]) { watch(name + "0", Promise[name]([])); watch(name + "1", Promise[name]([1, Promise.resolve(2), Promise.reject(3)]));
				watch(name + "2", Promise[name](new Set([Promise.reject(1), thenable(f => f(2), name)]))); watch(name + "3", Promise[name]("ab")); watch(name + "4", Promise[name](5)) }
			let p = Promise.resolve(); for (let i = 0; i < 8; i++) p = p.then(() => log("tick", i))`,
		"combinators close iterators": `
			const it = (n) => ({ [Symbol.iterator]() { let i = 0; return { next() { log("next"); if (i++ === n) throw "next"; return { value: i, done: false } }, return() { log("return"); return {} } } } });
			watch("a", Promise.all(it(1))); const R = Promise.resolve; Promise.resolve = () => { throw "resolve" }; const p = Promise.race(it(3)); Promise.resolve = R; watch("b", p);
			Promise.resolve = 1; watch("c", Promise.any(it(3))); Promise.resolve = R`,
		"patched then is seen": `
			const p = Promise.resolve(1); p.then = function (...a) { log("own then", a.length, typeof a[0], a[0].length, a[0].name === "", typeof a[1]); return Promise.prototype.then.apply(this, a) };
			for (const name of ["all", "race", "any", "allSettled"]) watch(name, Promise[name]([p])); watch("await", Promise.resolve().then(() => p))`,
		"subclass": `
			class Mine extends Promise { constructor(f) { super(f); log("new Mine") } then(...a) { log("Mine.then"); return super.then(...a) } }
			const p = Mine.resolve(1); log(p instanceof Mine, p.then() instanceof Mine, Promise.resolve(p) === p, Mine.resolve(p) === p);
			for (const name of ["all", "race", "any", "allSettled"]) { const q = Mine[name]([Promise.resolve(1), p]); log(q instanceof Mine); watch(name, q) } watch("fin", p.finally(() => 2)); watch("rej", Mine.reject(3))`,
		"species": `
			class Other { constructor(f) { log("Other"); f(v => log("res", show(v)), e => log("rej", e)) } then() { return "other's then" } }
			const p = Promise.resolve(1); p.constructor = { [Symbol.species]: Other }; log(p.then(v => v + 1) instanceof Other); const q = Promise.resolve(2); q.constructor = undefined; log(q.then() instanceof Promise);
			const r = Promise.resolve(3); r.constructor = { [Symbol.species]: null }; log(r.then() instanceof Promise); for (const c of [1, { [Symbol.species]: 1 }]) { const s = Promise.resolve(); s.constructor = c; try { s.then() } catch (e) { log(e.constructor.name) } }`,
		"foreign constructor": `
			function C(f) { f(v => log("C res", show(v)), e => log("C rej", show(e))); } C.resolve = x => { log("C.resolve", x); return Promise.resolve(x) };
			for (const name of ["all", "race", "any", "allSettled"]) { log(Promise[name].call(C, [1, Promise.reject(2)]) instanceof C) } Promise.resolve.call(C, 1); Promise.reject.call(C, 2);
			for (const bad of [undefined, 1, {}, () => {}, function (f) { f() }, function (f) { f(() => {}, () => {}); f(() => {}, () => {}) }]) for (const name of ["all", "reject", "resolve"]) try { Promise[name].call(bad, []); log("fine") } catch (e) { log(e.constructor.name) }`,
		"shape": `
			const d = (o, k) => { const x = Object.getOwnPropertyDescriptor(o, k); return [String(k), x.writable, x.enumerable, x.configurable, typeof x.value, typeof x.get, x.value && x.value.length, x.value && x.value.name].join() };
			for (const k of ["then", "catch", "finally", "constructor", Symbol.toStringTag]) log(d(Promise.prototype, k)); for (const k of ["all", "race", "any", "allSettled", "resolve", "reject", "prototype", "length", "name", Symbol.species]) log(d(Promise, k));
			log(Object.prototype.toString.call(Promise.resolve()), Object.keys(Promise.resolve()).length, Reflect.ownKeys(Promise.resolve()).length, JSON.stringify({ p: Promise.resolve() }), Object.getPrototypeOf(Promise) === Function.prototype);
			for (const bad of [undefined, 1, {}, Object.create(Promise.resolve())]) for (const m of ["then", "finally"]) try { Promise.prototype[m].call(bad); log("fine") } catch (e) { log(m, e.constructor.name) }
			try { new Promise.prototype.then() } catch (e) { log(e.constructor.name) }`,
	} {
		t.Run(name, func(t *testing.T) {
			if own, native := ownLines(t, source), nativeLines(t, source); own != native {
				t.Errorf("ours\n  %s\ngoja's\n  %s", strings.ReplaceAll(own, ",", "\n  "), strings.ReplaceAll(native, ",", "\n  "))
			}
		})
	}
}

// randomProgram makes a program of promises that depend on each other, on thenables and on the resolving functions of others.
func randomProgram(r *rand.Rand) string {
	var b strings.Builder
	n := 3 + r.Intn(8)
	fmt.Fprintf(&b, "var p = [], f = [];\n")
	uncancellable := map[int]bool{} // promises that are no branch: nothing of ours settles them
	one := func(i int) string {
		if i == 0 || r.Intn(3) == 0 {
			return []string{"1", "undefined", `Promise.reject("r")`, "Promise.resolve(7)", `thenable(f => f(5), "t")`, `thenable((f, r) => r(6), "u")`, `thenable((f, r) => { Promise.resolve().then(() => f(8)) }, "late")`}[r.Intn(7)]
		}
		return fmt.Sprintf("p[%d]", r.Intn(i))
	}
	argument := func(i int, name string) string {
		for {
			a := one(i)
			var j int
			if _, err := fmt.Sscanf(a, "p[%d]", &j); err != nil || name == "allSettled" || uncancellable[j] {
				return a
			}
		}
	}
	for i := range n {
		kind := r.Intn(9)
		uncancellable[i] = kind == 0 || kind == 8
		switch kind {
		case 0:
			fmt.Fprintf(&b, "p[%d] = new Promise((y, n) => { f.push(y, n) });\n", i)
		case 1:
			fmt.Fprintf(&b, "p[%d] = Promise.resolve(%s).then(v => { log(%d, show(v)); return %s });\n", i, one(i), i, one(i))
		case 2:
			fmt.Fprintf(&b, "p[%d] = Promise.resolve(%s).catch(e => { log(%d, show(e)); throw %d });\n", i, one(i), i, i)
		case 3:
			fmt.Fprintf(&b, "p[%d] = Promise.resolve(%s).finally(() => { log('fin', %d); return %s });\n", i, one(i), i, one(i))
		case 4:
			fmt.Fprintf(&b, "p[%d] = new Promise(y => y(%s));\n", i, one(i))
		case 5, 6:
			name := []string{"all", "race", "any", "allSettled"}[r.Intn(4)]
			fmt.Fprintf(&b, "p[%d] = Promise.%s([%s, %s]);\n", i, name, argument(i, name), argument(i, name))
		case 7:
			fmt.Fprintf(&b, "p[%d] = Promise.resolve(%s);\n", i, one(i))
		case 8:
			fmt.Fprintf(&b, "p[%d] = new Promise(() => { throw %d });\n", i, i)
		}
	}
	fmt.Fprintf(&b, "p.forEach((q, i) => watch('p' + i, q)); f.forEach((g, i) => { if (i %% 3) g(i) });")
	return b.String()
}

// The programs cancel nothing (allSettled never does, and the other combinators get no branch of ours), so they must run as on goja's own Promise.
func TestRandomProgramsRunInTheStandardsOrder(t *testing.T) {
	for seed := range 200 {
		source := randomProgram(rand.New(rand.NewSource(int64(seed))))
		if own, native := ownLines(t, source), nativeLines(t, source); own != native {
			t.Fatalf("seed %d\n%s\nours   %s\ngoja's %s", seed, source, own, native)
		}
	}
}

func TestAdditionsThatGojaLacks(t *testing.T) {
	got := ownLines(t, `
		const { promise, resolve, reject } = Promise.withResolvers(); watch("with", promise); resolve(1); reject(2); log(resolve.length);
		class Mine extends Promise {} log(Mine.withResolvers().promise instanceof Mine);
		watch("try", Promise.try((a, b) => a + b, 1, 2)); watch("try throws", Promise.try(() => { throw 3 })); log(Promise.try.length);
		log(JSON.stringify(Object.groupBy([1, 2, 3], x => x % 2 ? "odd" : "even")), Map.groupBy([1, 2], x => x).get(2));
		queueMicrotask(() => log("micro")); const o = { d: new Date(5), m: new Map([[1, { x: [1, , 2] }]]), e: new TypeError("t"), b: new Uint8Array([1, 2]) }; o.self = o;
		const c = structuredClone(o); log(c !== o, c.self === c, c.d.getTime(), JSON.stringify(c.m.get(1)), 1 in c.m.get(1).x, c.e instanceof TypeError, c.b[1], c.b.buffer !== o.b.buffer);
		for (const bad of [() => {}, Symbol(), Promise.resolve()]) try { structuredClone({ bad }) } catch (e) { log(e.name) }
		log(typeof Symbol.asyncIterator, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()), crypto.randomUUID() !== crypto.randomUUID());
		for (const f of [setTimeout, setInterval, setImmediate, fetch]) try { f(() => {}, 1) } catch (e) { log(e.name, e.message) } clearTimeout(1)`)
	for _, want := range []string{"with fulfilled 1", "true", "try fulfilled 3", "try throws rejected 3", `{"odd":[1,3],"even":[2]} 2`, "micro", `true true 5 {"x":[1,null,2]} false true 2 true`,
		"DataCloneError,DataCloneError,DataCloneError", "symbol true true", "W.sleep", "there is no network"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
}
