package jsvm

import (
	"context"
	"reflect"
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
		function F(this: any) { this.f = {} } F.prototype.method = () => {}; F.config = {}; const f = new (F as any)();
		export default async () => [A, B, list, view, bytes, instance, bound, odd, literal, frozen, weak, error, made, f, p]`,
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
