package jsvm

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dop251/goja"
)

// packageFixture is a project whose files below node_modules are single modules: name, text pairs.
func packageFixture(source string, packages ...string) fstest.MapFS {
	files := fixtureFiles(source)
	for i := 0; i < len(packages); i += 2 {
		files["node_modules/"+packages[i]+"/index.js"] = &fstest.MapFile{Data: []byte(packages[i+1])}
	}
	return files
}

func compilePackages(t testing.TB, source string, packages ...string) *Bundle {
	t.Helper()
	b, err := Compile(context.Background(), CompileOptions{Entry: "app.ts", Files: packageFixture(source, packages...)})
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return b
}

// The names of intrinsics are found once a process. What the first bundle's packages add to the intrinsics is no part of them.
func TestOneBundlesPatchesAreNotExpectedOfTheNext(t *testing.T) {
	intrinsicsOnce.Lock()
	intrinsicsOnce.table = nil
	intrinsicsOnce.Unlock()
	compilePackages(t, `import "patch"; export default async () => 1`,
		"patch", `Array.prototype.last = function () { return this[this.length - 1] }; new WeakMap([[Object.prototype, 1]]); Math.nothing = {}; export {}`)
	b := compileFixture(t, `export default async () => 1`)
	if _, err := newVM(b, goja.New(), Limits{}.withDefaults()); err != nil {
		t.Error(err)
	}
}

// What packages hang on the language's own objects keeps its identity, as what they have in variables does.
func TestWhatPackagesAddToIntrinsicsIsNamed(t *testing.T) {
	const patch = `Object.defineProperty(Array.prototype, "last", { value() { return this[this.length - 1] } });
		globalThis.__registry = { known: new Map([["a", { n: 1 }]]), on() { return this } };
		Object.defineProperty(globalThis, Symbol.for("patch"), { value: { list: [] } });
		const hidden = (n => () => n)({}); Object.defineProperty(Map.prototype, "hidden", { get: hidden, configurable: true }); export {}`
	b := compilePackages(t, `import "patch"; import { log } from "./log";
		export default async function main() {
			const last = ([] as any).last, g: any = globalThis, registry = g.__registry, entry = registry.known.get("a"), shared = g[Symbol.for("patch")], hidden = (new Map() as any).hidden;
			await null;
			log(last === ([] as any).last, registry === g.__registry, entry === registry.known.get("a"), shared === g[Symbol.for("patch")], hidden === (new Map() as any).hidden, ([1, 2] as any).last());
			entry.n++; shared.list.push(1); await null; return registry.on() === g.__registry;
		}`, "patch", patch)
	o, _ := run(t, b, true, nil)
	if want := "true true true true true 2\n= true\n"; o.String() != want {
		t.Errorf("got\n%s\nwant\n%s", o, want)
	}
	own := compileFixture(t, `(globalThis as any).store = { n: 0 }; export default async function main() { (globalThis as any).store.n++ }`)
	if o, _ := run(t, own, false, nil); o.String() != "! TypeError: Cannot assign to read only property 'n'\n" {
		t.Errorf("without packages: %s", o)
	}
}

// Continuations hold the names of module objects: reading properties and asking for their descriptors must find the same ones in the same order.
func TestModuleObjectsHaveTheNamesThatDescriptorsGive(t *testing.T) {
	bundles := map[string]*Bundle{"values": compileFile(t, "testdata/values.ts"), "saga": compileFile(t, "testdata/saga.ts"), "kinds": compilePackages(t, `
		import { log } from "./log"; import * as p from "p";
		class A { static s = { a: 1 }; #n = { b: 1 }; get g() { return this.#n } static get h() { return [1] } m() {} [Symbol.iterator]() { return [][Symbol.iterator]() } }
		class B extends A { x = new Map<any, any>([[{}, []], ["k", new Set([{}])]]) }
		const list: any = [1, , { deep: [() => log] }]; list.extra = { a: [] }; list[Symbol("s")] = {};
		const view = new DataView(new ArrayBuffer(8)), bytes = new Uint8Array(4), instance = new B(), bound = list.push.bind({ to: 1 });
		const odd = Object.defineProperties({ plain: {} }, { hidden: { value: {} }, [Symbol("h")]: { value: {} }, both: { get: () => ({}), set: (v) => {} } });
		const literal = { get a() { return 1 }, set a(v) {}, "\ud800": {}, b: {} }, frozen = Object.freeze({ c: { d: {} } });
		const weak = new WeakMap([[list, { w: 1 }]]), error = Object.assign(new Error("x"), { info: {} }), made = Object.create({ inherited: {} }, { own: { value: {} } });
		const given = (function (a: any) { return arguments })({ first: {} });
		function F(this: any) { this.f = {} } F.prototype.method = () => {}; F.config = {}; const f = new (F as any)();
		export default async () => [A, B, list, view, bytes, instance, bound, odd, literal, frozen, weak, error, made, f, given, p]`,
		"p", `export const cache = new Map(), keyed = new WeakMap([[cache, {}]]); export function make() { return cache } make.cache = { get lazy() { return 1 } }`)}
	names := func(b *Bundle) map[string]string {
		v, err := newVM(b, goja.New(), Limits{}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]string{}
		for name, o := range v.heap.objects {
			kinds[name] = o.ClassName()
		}
		for name := range v.heap.symbols {
			kinds[name] = "symbol"
		}
		return kinds
	}
	for name, b := range bundles {
		quick := names(b)
		was := readsAllDescriptors
		readsAllDescriptors = true
		slow := names(b)
		readsAllDescriptors = was
		if !reflect.DeepEqual(quick, slow) {
			for k := range slow {
				if quick[k] != slow[k] {
					t.Errorf("%s: %s is %q, want %q", name, k, quick[k], slow[k])
				}
			}
			t.Errorf("%s: %d names, want %d", name, len(quick), len(slow))
		}
	}
}

const lentPackage = `
	const metadata = new WeakMap();
	export class Schema {
		constructor(check) { this.check = check; this.known = new Set(["a"]); this.list = [1]; this.calls = 0; this.cached = null; this.parse = (v) => (this.parse = this.check, this.check(v)); this.dirty = true; this.label = "schema"; }
		get shape() { const value = { lazy: this.check }; Object.defineProperty(this, "shape", { value }); return value; }
		get keys() { return this.cached ??= Object.keys(this.shape); }
		clean() { this.dirty = false; return this; }
		count() { return ++this.calls; }
		grow() { this.list.push(2); return this.list.length; }
		learn(v) { this.known.add(v); return this.known.size; }
		rename(v) { this.label = v; }
	}
	export function lazily(make) { let made, ready = false, at = new Date(0), count = 0; return { get: () => { at = new Date(); ready = true; return made ??= make(); }, count: () => ++count }; }
	export function store(state) { const listeners = []; return { get: () => state, set(v) { state = v }, on(f) { listeners.push(f) } }; }
	export function memo(key, make) { let m = metadata.get(key); if (!m) metadata.set(key, m = {}); return m.made ??= make(); }
	export class Counter { #n = 0; #seen; up() { return ++this.#n } see(v) { this.#seen ??= v; return this.#seen } }
	export const make = (C, ...a) => new C(...a);`

// What packages make for variables of the author's computes much of itself when it is used. That works, in every thread and in every VM; what would
// be state of a thread throws.
func TestWhatPackagesMadeWhileLoadingCanBeCompletedButNotChanged(t *testing.T) {
	const module = `import { Schema, lazily, store, memo, Counter, make } from "lent"; import { log } from "./log";
		class Own { #p = 1; get p() { return this.#p } } class Special extends Schema { extra = 1; keep(v: any) { this.extra = v } }
		const schema: any = new Schema((v: number) => v + 1), box = lazily(() => ({ big: 1 })), shop = store({ n: 0 }), own = new Own(), limits = { max: 3 }, counter: any = new Counter();
		const special: any = new Special(() => 1), made: any = make(Schema, () => 2), holder = { inner: new Schema(() => 3), plain: { n: 0 } }, shared = { n: 0 }, wrapped: any = new Schema(shared as any);`
	for name, test := range map[string]struct{ body, want string }{
		"accessor becomes value":     {`log(schema.shape === schema.shape); const s = schema.shape; await null; log(Object.keys(schema.shape), Object.keys(s))`, "true\n[lazy] [lazy]"},
		"null becomes value":         {`await null; log(schema.keys)`, "[lazy]"},
		"function replaces itself":   {`log(schema.parse(1), schema.parse(1)); await null; log(schema.parse(1))`, "2 2\n2"},
		"boolean":                    {`log(schema.clean().dirty)`, "false"},
		"captured":                   {`log(box.get() === box.get()); const a = box.get(); await null; log(box.get(), a)`, "true\n{big: 1} {big: 1}"},
		"inside the author's object": {`log(holder.inner.keys)`, "[lazy]"},
		"made through a function":    {`log(made.keys)`, "[lazy]"},
		"cache by the author's key":  {`const a = memo(limits, () => ({})); log(a === memo(limits, () => 1), typeof memo(own, () => ({})), own.p)`, "true object 1"},
		"key of a thread's map":      {`const w = new WeakMap<any, number>([[own, 5], [limits, 6]]); await null; log(w.get(own), w.get(limits), own.p)`, "5 6 1"},
		"private, filled":            {`log(counter.see(3), counter.see(4))`, "3 3"},
		"number":                     {`schema.count()`, "! TypeError: Cannot assign to read only property 'calls': a part of what a package has made while the module loaded and shared by all threads"},
		"text":                       {`schema.rename("x")`, "! TypeError: Cannot assign to read only property 'label'"},
		"items":                      {`schema.grow()`, "! TypeError: Cannot add property 1, object is not extensible"},
		"members":                    {`schema.learn(1)`, "! TypeError: schema.known is shared by all threads and cannot be changed"},
		"captured number":            {`box.count()`, "! TypeError: Cannot assign to read only property 'count': a part of box, made while the module loaded and shared by all threads; make it in the entry function"},
		"captured state":             {`shop.set({ n: 1 })`, "! TypeError: Cannot assign to read only property 'state': a part of shop, made while"},
		"captured list":              {`shop.on(log)`, "! TypeError: Cannot add property 0, object is not extensible"},
		"private, changed":           {`counter.up()`, "! TypeError: counter (its private members) is shared by all threads"},
		"the author's subclass":      {`special.keep(1)`, "! TypeError: Cannot assign to read only property 'extra'"},
		"the author's part":          {`holder.plain.n = 1`, "! TypeError: Cannot assign to read only property 'n': holder was made"},
		"the author's, lent":         {`wrapped.check.n = 1`, "! TypeError: Cannot assign to read only property 'n'"},
		"the author's, lent, later":  {`await null; shared.n = 1`, "! TypeError: Cannot assign to read only property 'n': shared was made"},
	} {
		t.Run(name, func(t *testing.T) {
			b := compilePackages(t, module+"\nexport default async function main() { "+test.body+" }", "lent", lentPackage)
			live, _ := run(t, b, false, nil)
			restored, _ := run(t, b, true, nil)
			if live.String() != restored.String() || !strings.HasPrefix(live.String(), test.want) {
				t.Errorf("got\n%s\nrestored\n%s\nwant\n%s", live, restored, test.want)
			}
		})
	}
}

// Packages count on these of every engine that they meet.
func TestWhatPackagesCountOn(t *testing.T) {
	threeWaysRestored(t, compilePackages(t, `import { log } from "./log"; import { codes, quiet } from "p";
		export default async function main() { const from = Uint8Array.from; await null; log(codes("af"), quiet().message, from === Uint8Array.from, Uint8Array.from.length, Float64Array.from([1, 2], (v) => v / 2)[1], Uint8Array.from(new Set([3]))[0]) }`,
		"p", `const table = Uint8Array.from("0123456789abcdef", (c) => c.charCodeAt(0));
			export const codes = (text) => [...Uint8Array.from(text, (c) => parseInt(c, 16)), table[10]];
			export function quiet() { const limit = Error.stackTraceLimit; Error.stackTraceLimit = 0; try { return new Error("quiet") } finally { Error.stackTraceLimit = limit } }`),
		"[10, 15, 97] quiet true 1 1 3\n= undefined\n")
}

func threeWaysRestored(t *testing.T, b *Bundle, want string) {
	t.Helper()
	live, _ := run(t, b, false, nil)
	restored, _ := run(t, b, true, nil)
	if live.String() != want || restored.String() != want {
		t.Errorf("got\n%s\nrestored\n%s\nwant\n%s", live, restored, want)
	}
}

// A pool of random bytes and the number of those used belong together: threads that share a VM, and one that moves to another, get no id twice.
func TestPoolsOfPackagesGiveNoIdTwice(t *testing.T) {
	const pool = `const size = 64, pool = new Uint8Array(size), scratch = new Uint32Array(4); let used = size;
		export function id() { if (used + 8 > size) { crypto.getRandomValues(pool); used = 0 } return Array.from(pool.subarray(used, used += 8), (b) => b.toString(16).padStart(2, "0")).join("") }
		`
	const scratch = `const table = new Uint32Array(4); export function sum(n) { table.fill(n); return table.reduce((a, b) => a + b, 0) } export const peek = () => table[0]`
	b := compilePackages(t, `import * as W from "kont"; import { id } from "pool"; import { sum, peek } from "scratch"; export default async function main() {
		const ids: string[] = []; for (let i = 0; i < 5; i++) { if (peek() !== 0) throw "scratch is not put back"; sum(3); ids.push(id(), id(), id()); await W.ref("more") } return ids }`, "pool", pool, "scratch", scratch)
	p := NewPool(b, PoolOptions{VMsMax: 1})
	defer p.Close()
	other := NewPool(b, PoolOptions{VMsMax: 1})
	defer other.Close()
	seen := map[string]bool{}
	effects := map[string]Effects{}
	threads := []string{"a", "b", "c"}
	for step := uint64(1); step <= 6; step++ {
		for i, thread := range threads {
			in := Input{Thread: thread, StepID: step, Event: []byte("null")}
			if step > 1 {
				if len(effects[thread].Refs) == 0 {
					t.Fatalf("thread %s ended with %s", thread, effects[thread].Outputs)
				}
				in.Continuation, in.Event = effects[thread].Continuation, []byte(`{"ref":"`+effects[thread].Refs[0]+`"}`)
			}
			host := p
			if (int(step)+i)%3 == 0 {
				host = other
			}
			e, err := host.Step(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			effects[thread] = e
		}
	}
	for _, thread := range threads {
		var ids []string
		if err := json.Unmarshal(effects[thread].Outputs[0].Value, &ids); err != nil {
			t.Fatalf("%s: %v", effects[thread].Outputs[0].Value, err)
		}
		for _, id := range ids {
			if seen[id] || id == "0000000000000000" {
				t.Errorf("thread %s: %s again", thread, id)
			}
			seen[id] = true
		}
	}
	if len(seen) != 45 {
		t.Errorf("%d ids", len(seen))
	}
}

// Many packages have `Function("return this")()` for engines without globalThis. A warning is for who can mend it.
func TestOnlyTheAuthorsSourcesGetWarnings(t *testing.T) {
	const probe = `export const root = typeof globalThis === "object" ? globalThis : Function("return this")();`
	if b := compilePackages(t, `import { root } from "p"; export default async () => typeof root`, "p", probe); len(b.Warnings()) != 0 {
		t.Errorf("package: %v", b.Warnings())
	}
	if b := compileFixture(t, probe+` export default async () => typeof root`); len(b.Warnings()) != 1 {
		t.Errorf("own: %v", b.Warnings())
	}
}
