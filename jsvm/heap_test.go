package jsvm

import (
	"strings"
	"testing"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// A heap of its own for tests of the codec: no compiler, no runtime library. The
// stand-in patches the functions that mark objects, as the library does.
func newDataHeap(t testing.TB) *heap {
	t.Helper()
	rt := goja.New()
	h, err := newHeap(rt, &layout{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.layout.index()
	for _, name := range []string{"Object", "Function", "Array", "Map", "Set", "Date", "RegExp", "Error", "TypeError", "RangeError",
		"AggregateError", "ArrayBuffer", "DataView", "Uint8Array", "Int32Array", "Float64Array", "BigInt64Array", "Number", "String", "Boolean", "Symbol", "BigInt"} {
		o := rt.GlobalObject().Get(name).(*goja.Object)
		h.name(o, name)
		h.name(o.Get("prototype").(*goja.Object), name+".prototype")
	}
	h.name(rt.GlobalObject(), "globalThis")
	if err := rt.Set("mark", func(call goja.FunctionCall) goja.Value {
		if o, ok := call.Argument(0).(*goja.Object); ok {
			h.mark(o)
		}
		return call.Argument(0)
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := rt.RunString(`"use strict"; (() => {
		const { defineProperty, apply } = Reflect;
		const patch = (host, name, target) => {
			const native = host[name];
			defineProperty(host, name, { value(...args) { const o = target(args, this); if (o) mark(o); return apply(native, this, args) }, writable: true, configurable: true });
		};
		for (const n of ["defineProperty", "defineProperties", "freeze", "seal", "preventExtensions"]) patch(Object, n, a => a[0]);
	})()`); err != nil {
		t.Fatal(err)
	}
	if _, err := rt.RunString(describeSource); err != nil {
		t.Fatal(err)
	}
	return h
}

// describeSource is the codec's dumb twin: it writes a heap as text by reflection only.
const describeSource = `function describe(root) {
	const seen = new Map(), out = [];
	const G = globalThis, known = new Map();
	for (const n of Object.getOwnPropertyNames(G)) if (n !== "root" && Object(G[n]) === G[n]) known.set(G[n], n);
	for (const [f, n] of [...known]) if (typeof f === "function" && f.prototype && !known.has(f.prototype)) known.set(f.prototype, n + ".prototype");
	const show = v => {
		if (v === null || typeof v !== "object" && typeof v !== "function")
			return typeof v === "string" ? JSON.stringify(v) : typeof v === "symbol" ? sym(v) : Object.is(v, -0) ? "-0" : typeof v === "bigint" ? v + "n" : String(v);
		if (known.has(v)) return known.get(v);
		if (!seen.has(v)) { seen.set(v, seen.size); queue.push(v) }
		return "#" + seen.get(v);
	};
	const syms = new Map();
	const sym = s => {
		if (Symbol.keyFor(s) !== undefined) return "registered " + Symbol.keyFor(s);
		for (const n of Object.getOwnPropertyNames(Symbol)) if (Symbol[n] === s) return "wellknown " + n;
		if (!syms.has(s)) syms.set(s, syms.size); return "symbol" + syms.get(s) + " " + s.description;
	};
	const queue = [];
	show(root);
	for (let i = 0; i < queue.length; i++) {
		const o = queue[i], lines = [];
		const tag = Object.prototype.toString.call(o);
		lines.push("#" + i + " " + tag + " proto " + show(Object.getPrototypeOf(o)) + (Object.isExtensible(o) ? "" : " fixed"));
		if (tag === "[object Map]") Map.prototype.forEach.call(o, (v, k) => lines.push("  " + show(k) + " => " + show(v)));
		if (tag === "[object Set]") Set.prototype.forEach.call(o, v => lines.push("  * " + show(v)));
		if (tag === "[object Date]") lines.push("  time " + show(+o));
		if (tag === "[object RegExp]") lines.push("  " + String(o));
		if (tag === "[object ArrayBuffer]") lines.push("  " + new Uint8Array(o).join());
		if (ArrayBuffer.isView(o)) lines.push("  view " + show(o.buffer) + " " + o.byteOffset + " " + o.byteLength);
		if (/Number|String|Boolean|Symbol|BigInt/.test(tag)) try { lines.push("  boxed " + show(o.valueOf())) } catch {}
		for (const k of Reflect.ownKeys(o)) {
			if (typeof k === "symbol" && k.description === "mark") continue;
			const d = Object.getOwnPropertyDescriptor(o, k);
			const flags = (d.writable ? "w" : "-") + (d.enumerable ? "e" : "-") + (d.configurable ? "c" : "-");
			lines.push("  " + (typeof k === "symbol" ? sym(k) : JSON.stringify(k)) + " " + flags + " " + ("value" in d ? show(d.value) : show(d.get) + " " + show(d.set)));
		}
		out.push(lines.join("\n"));
	}
	return out.join("\n");
}`

func (h *heap) describe(t testing.TB, root goja.Value) string {
	t.Helper()
	f, _ := goja.AssertFunction(h.rt.Get("describe"))
	v, err := f(nil, root)
	if err != nil {
		t.Fatal(err)
	}
	return v.String()
}

// carry saves the root in one heap and restores it from the bytes alone in another.
func carry(t testing.TB, from, to *heap, root goja.Value) (goja.Value, []byte) {
	t.Helper()
	g, err := from.save(root.(*goja.Object), nil)
	if err != nil {
		t.Fatal(err)
	}
	data := g.Marshal(nil)
	if err := to.graph.Unmarshal(data, to.graph.Dictionary, continuation.DefaultLimits); err != nil {
		t.Fatal(err)
	}
	again := to.graph.Marshal(nil)
	if string(again) != string(data) {
		t.Fatalf("marshalling what was read gives other bytes:\n%x\n%x", data, again)
	}
	restored, _, err := to.restore(&to.graph)
	if err != nil {
		t.Fatal(err)
	}
	return restored, data
}

func TestDataGraphsSurviveInAFreshHeap(t *testing.T) {
	defer func() { readsAllDescriptors = false }()
	readsAllDescriptors = true
	for name, source := range map[string]string{
		"primitives":             `({u: undefined, n: null, t: true, f: false, i: 1, neg: -7, big: 2**53, max: 2**53-1, min: -(2**53), d: 1.5, z: -0, nan: NaN, inf: Infinity, ninf: -Infinity, tiny: 5e-324, b: 123456789012345678901234567890n, nb: -5n})`,
		"strings":                `({e: "", a: "ascii", u: "é漢字😀", lone: "\ud800", pair: "\ud83d\ude00", rev: "\ude00\ud83d", fffd: "\ufffd", nul: "a\0b", long: "x".repeat(1000), lu: "\udfffé".repeat(50)})`,
		"odd keys":               `({["é"]: 1, ["\ud800"]: 2, [""]: 3, ["a b"]: 4, toString: 5, constructor: 6, valueOf: 7, hasOwnProperty: 8, ["\ufffd"]: 9})`,
		"own __proto__":          `({["__proto__"]: 1, x: 2})`,
		"order":                  `({z: 1, a: 2, 10: 3, 2: 4, m: 5})`,
		"cycle and identity":     `(() => { const a = {}, b = {a}; a.b = b; a.self = a; return {a, b, list: [a, b, a]} })()`,
		"self root":              `(() => { const a = []; a.push(a, a); return a })()`,
		"deep list":              `(() => { let l = null; for (let i = 0; i < 20000; i++) l = {i, l}; return l })()`,
		"deep arrays":            `(() => { let l = []; for (let i = 0; i < 20000; i++) l = [l]; return l })()`,
		"holes":                  `[1,,3,,]`,
		"trailing holes":         `(() => { const a = new Array(5); a[1] = 1; return a })()`,
		"sparse":                 `(() => { const a = []; a[100000] = 1; a[5] = 2; return a })()`,
		"long hole":              `new Array(4294967295)`,
		"array extras":           `(() => { const a = [1, 2]; a.extra = "x"; a[Symbol.for("s")] = 3; a["-1"] = 4; return a })()`,
		"match result":           `/(?<y>\d+)-(\d+)/.exec("on 2024-05")`,
		"frozen":                 `Object.freeze({a: 1, b: [Object.freeze([1, 2, Object.freeze([])])]})`,
		"sealed":                 `Object.seal({a: 1})`,
		"not extensible":         `Object.preventExtensions({a: 1, b: Object.preventExtensions([1,,2])})`,
		"attributes":             `Object.defineProperties({}, {a: {value: 1}, b: {value: 2, writable: true}, c: {value: 3, enumerable: true, configurable: true}, [Symbol.for("q")]: {value: 4}})`,
		"hidden array item":      `Object.defineProperty([1, 2, 3], 1, {value: 9, enumerable: false, writable: false, configurable: false})`,
		"fixed length":           `Object.defineProperty([1, 2, 3], "length", {writable: false})`,
		"null prototype":         `Object.assign(Object.create(null), {a: 1, __proto__x: 2})`,
		"object as prototype":    `(() => { const p = {x: 1}; return [Object.create(p), p, Object.create(Object.create(p))] })()`,
		"array with prototype":   `Object.setPrototypeOf([1], Object.create(Array.prototype))`,
		"symbols":                `(() => { const s = Symbol("local"), t = Symbol("local"); return {[s]: s, [t]: s, [Symbol.for("reg")]: Symbol.for("reg"), it: Symbol.iterator, s, t, u: Symbol()} })()`,
		"maps and sets":          `(() => { const k = {}; const m = new Map([[k, 1], [NaN, 2], [-0, 3], ["s", k]]); m.set(m, m); return {m, s: new Set([k, m, 1, "1"]), empty: new Map, extra: Object.assign(new Map, {note: 1})} })()`,
		"map after deletion":     `(() => { const m = new Map([[1,1],[2,2],[3,3]]); m.delete(1); m.set(1, 4); return m })()`,
		"dates":                  `[new Date(0), new Date(NaN), new Date(-1), new Date(8.64e15), Object.assign(new Date(5), {zone: "x"})]`,
		"regexps":                `(() => { const r = /a(b)?c/gi; r.lastIndex = 3; return [r, /\//, new RegExp(""), /\u{1F600}/u, /^x$/my] })()`,
		"errors":                 `(() => { const e = new TypeError("bad", {cause: new RangeError("deep")}); e.code = 7; const a = new AggregateError([e, 1], "many"); delete a.stack; return [e, a, new Error] })()`,
		"buffers":                `(() => { const b = new Uint8Array([1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]).buffer; return {b, u: new Uint8Array(b, 1, 3), i: new Int32Array(b), f: new Float64Array(b, 8, 1), v: new DataView(b, 2, 5), g: new BigInt64Array(2), all: new DataView(b), n: Object.assign(new Uint8Array(2), {extra: 1})} })()`,
		"boxed":                  `[Object(1), Object(-0), Object("str"), Object("\ud800"), Object(true), Object(Symbol.for("z")), Object(10n), Object.assign(Object("x"), {y: 1})]`,
		"many of a shape":        `Array.from({length: 300}, (_, i) => ({id: i, name: "n" + i, tags: ["a", "b"]}))`,
		"big array":              `Array.from({length: 5000}, (_, i) => i)`,
		"intrinsics by name":     `({Map, p: Map.prototype, g: globalThis, nested: [Object.prototype]})`,
		"odd value in a prop":    `({x: Object.defineProperty({}, "y", {value: 1})})`,
		"map with frozen object": `new Map([[Object.freeze({}), Object.freeze([])]])`,
	} {
		t.Run(name, func(t *testing.T) {
			from, to := newDataHeap(t), newDataHeap(t)
			root, err := from.rt.RunString(source)
			if err != nil {
				t.Fatal(err)
			}
			restored, data := carry(t, from, to, root)
			want := from.describe(t, root) // after saving, which gives errors the stacks that authors see
			got := to.describe(t, restored)
			if got != want {
				t.Errorf("restored as\n%s\nwas\n%s\n%d bytes", clip(got), clip(want), len(data))
			}
			second, dataAgain := carry(t, to, newDataHeap(t), restored)
			_ = second
			if string(data) != string(dataAgain) {
				t.Errorf("saving what was restored gives other bytes: %d, then %d", len(data), len(dataAgain))
			}
		})
	}
}

func clip(s string) string {
	if len(s) > 3000 {
		return s[:3000] + "…"
	}
	return s
}

// An earlier build left property escapes to the engine, which reads them as the letter p.
func TestRestoredRegExpsHaveTheirPropertyEscapes(t *testing.T) {
	from, to := newDataHeap(t), newDataHeap(t)
	root, err := from.rt.RunString(`({r: new RegExp("^\\p{L}$", "u")})`)
	if err != nil {
		t.Fatal(err)
	}
	restored, _ := carry(t, from, to, root)
	_ = to.rt.Set("root", restored)
	if v, err := to.rt.RunString(`[root.r.test("é"), root.r.test("1"), root.r.flags].join()`); err != nil || v.String() != "true,false,u" {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestUnsavableValuesAreNamedByPath(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"proxy":           {`({cart: {items: [0, new Proxy({}, {})]}})`, `"cart.items[1]" is a Proxy`},
		"function proxy":  {`({f: new Proxy(function () {}, {})})`, `"f" is a Proxy`},
		"native promise":  {`({p: Promise.resolve(1)})`, `"p" is a native Promise`},
		"weak map":        {`({"a b": [new WeakMap]})`, `"[\"a b\"][0]" is a WeakMap`},
		"iterator":        {`({it: [][Symbol.iterator]()})`, `"it" is a native array iterator`},
		"generator":       {`({g: (function* () {})()})`, `"g" is a native generator`},
		"native function": {`({list: [Math.max]})`, `"list[0]" is the native function max`},
		"closure":         {`({deep: {f: () => 1}})`, `"deep.f" is the native function f`},
		"map value":       {`({m: new Map([["k", new WeakSet]])})`, `"m[0]" is a WeakSet`},
		"root":            {`new WeakMap`, `"the thread" is a WeakMap`},
		"throwing getter": {`({o: Object.defineProperty(mark({}), "x", {get() { throw 1 }})})`, `"o.x" is the native function get`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newDataHeap(t)
			root, err := h.rt.RunString(test.source)
			if err != nil {
				t.Fatal(err)
			}
			_, err = h.save(root.(*goja.Object), nil)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s…", err, test.want)
			}
		})
	}
}

// Without a mark, an accessor would be flattened to its value. The oracle must see it.
func TestUnmarkedAttributesAreCaughtByTheOracle(t *testing.T) {
	defer func() { readsAllDescriptors = false }()
	readsAllDescriptors = true
	h := newDataHeap(t)
	root, err := h.rt.RunString(`({o: {get x() { return 1 }}})`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = h.save(root.(*goja.Object), nil); err == nil || !strings.Contains(err.Error(), "was not marked") {
		t.Errorf("got %v", err)
	}
}
