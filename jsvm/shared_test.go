package jsvm

import (
	"strings"
	"testing"
)

// What module code has made is shared by all threads. A thread that changes it gets an error that names the variable, at once or when its step ends; the
// change is never lost in silence and never seen by another thread.
func TestChangesOfModuleObjectsAreNeverSilent(t *testing.T) {
	for name, test := range map[string]struct{ module, body, want string }{
		"generator":        {`const ids = (function* () { let i = 0; for (;;) yield i++ })();`, `ids.next();`, "ids is shared by all threads"},
		"generator, of":    {`const ids = (function* () { yield 1 })();`, `for (const x of ids) log(x);`, "ids is shared by all threads"},
		"array iterator":   {`const list = [1, 2][Symbol.iterator]();`, `list.next();`, "list is shared by all threads"},
		"map iterator":     {`const keys = new Map([[1, 2]]).keys();`, `const [a] = keys;`, "keys is shared by all threads"},
		"matches":          {`const found = "a1b2".matchAll(/\d/g);`, `found.next();`, "found is shared by all threads"},
		"generator's next": {`const ids = (function* () { let i = 0; for (;;) yield i++ })();`, `Object.getPrototypeOf((function* () {}).prototype).next.call(ids);`, "Generator is already running"},
		"iterator's next":  {`const list = [1, 2][Symbol.iterator]();`, `(Object.getPrototypeOf(list) as any).next.call(list);`, "Cannot assign to read only property 'index'"},
		"map's next":       {`const keys = new Map([[1, 2]]).keys();`, `(Object.getPrototypeOf(keys) as any).next.call(keys);`, "TypeError"},
		"map's method":     {`const known = new Map([[1, 2]]);`, `Map.prototype.set.call(known, 1, 3);`, "known is shared by all threads"},
		"map's subclass":   {`class Registry extends Map<any, any> { put(k: any, v: any) { super.set(k, v) } drop(k: any) { super.delete(k) } } const known = new Registry([[1, 2]]);`, `known.put(1, 3);`, "known is shared by all threads"},
		"set's subclass":   {`class Names extends Set<any> { put(v: any) { super.add(v) } } const names = new Names([1]);`, `names.put(2);`, "names is shared by all threads"},
		"date's method":    {`const start = new Date(0);`, `Date.prototype.setTime.call(start, 1);`, "start is shared by all threads"},
		"pattern compiled": {`const word: any = /a/;`, `word.compile("b");`, "word is shared by all threads"},
		"proxy":            {`const store: any = new Proxy({}, {});`, `store.x = 1;`, "store.x changed while a thread ran"},
		"proxy, changed":   {`const store: any = new Proxy({ x: 1 }, { set(to: any, k, v) { to[k] = v + 1; return true } });`, `store.x = 1;`, "store.x changed while a thread ran"},
		"proxy, deleted":   {`const store: any = new Proxy({ x: 1 }, {});`, `delete store.x;`, "store.x changed while a thread ran"},
		"proxy, read":      {`const store: any = new Proxy({ x: 1 }, { get: (on: any, k) => k === "x" ? on.x + 1 : k });`, `if (store.x !== 2 || store.y !== "y") throw 1;`, "= undefined"},
		"typed array":      {`const bytes = new Uint8Array(4);`, `bytes[0] = 1;`, "bytes.buffer changed while a thread ran"},
		"view":             {`const view = new DataView(new ArrayBuffer(4));`, `view.setInt8(0, 1);`, "view.buffer changed while a thread ran"},
		"prototype":        {`class A { m() { return 1 } }`, `(A.prototype as any).m = () => 2;`, "A.prototype.m changed while a thread ran"},
		"prototype grows":  {`class A { m() { return 1 } }`, `(A.prototype as any).n = 2;`, "not extensible"},
		"static":           {`class A { static n = 1 }`, `A.n++;`, "read only property 'n': A was made while the module loaded"},
		"static, inside":   {`class A { static n = 1; static up() { A.n += 1 } }`, `A.up();`, "read only property 'n': A was made"},
		"property":         {`const cache: any = { a: 1, deep: { list: [1] } };`, `cache.a = 2;`, "read only property 'a': cache was made while the module loaded and is shared by all threads; make it in the entry function"},
		"property added":   {`let cache: any = {};`, `cache["b" + 1] = 2;`, "Cannot add property b1, object is not extensible: cache was made"},
		"property, later":  {`const cache: any = { a: 1 };`, `cache.a = await 2;`, "read only property 'a': cache was made"},
		"property, twice":  {`const cache: any = { a: 1 };`, `cache.a += await 2;`, "read only property 'a': cache was made"},
		"property, key":    {`const cache: any = { a: 1 };`, `cache[await "a"]++;`, "read only property 'a': cache was made"},
		"property, or":     {`const cache: any = { a: 0 };`, `cache.a ||= 5;`, "read only property 'a': cache was made"},
		"property deleted": {`const cache: any = { a: 1 };`, `delete cache.a;`, ": cache was made"},
		"pattern":          {`const cache: any = { a: 1 };`, `[cache.a] = [2];`, "read only property 'a': cache was made"},
		"pattern, later":   {`const cache: any = { a: 1 };`, `({ x: cache.a = await 2 } = {} as any);`, "read only property 'a': cache was made"},
		"loop":             {`const cache: any = { a: 1 };`, `for (cache.a of [1]);`, "read only property 'a': cache was made"},
		"function":         {`function f() {}`, `(f as any).n = 1;`, "not extensible: f was made"},
		"array, deep":      {`const cache: any = { a: 1, deep: { list: [1] } };`, `cache.deep.list.push(2);`, ": cache was made"},
		"array, later":     {`const list: any = [2, 1];`, `list.splice(0, await 1);`, ": list was made"},
		"array sorted":     {`const list: any = [2, 1];`, `list.sort();`, ": list was made"},
		"own setter":       {`const o = { set x(v: number) { null!.y } };`, `o.x = 1;`, "property 'y' of"},
		"own push":         {`class Q { n = 0; push(...a: number[]) { return this.n + a.length } } const q = new Q();`, `if (q.push(1, 2) !== 2) throw 1; if (q.push(...[1], await 2) !== 2) throw 1;`, "= undefined"},
		"made while loading": {`const table: any = { n: 0, list: [], o: {} }; function put(k: string) { table[k] = 1; table.n += 2; table.n++; table.list.push(k, ...[k]); table.o.x ??= 7; [table.last] = [k]; delete table[k] } put("x"); put("y");`,
			`if (JSON.stringify(table) !== '{"n":6,"list":["x","x","y","y"],"o":{"x":7},"last":"y"}') throw JSON.stringify(table);`, "= undefined"},
		"captured":                   {`const up = (() => { let n = 0; return () => ++n })();`, `up();`, "read only property 'n'"},
		"private":                    {`class P { #n = 0; up() { return ++this.#n } } const p = new P();`, `p.up();`, "p (its private members) is shared by all threads"},
		"instance":                   {`class Q { n = 0 } const q = new Q();`, `q.n = 1;`, "read only property 'n': q was made"},
		"array":                      {`const list = [1];`, `list.push(2);`, ": list was made"},
		"url":                        {`const u = new URL("http://a/?x=1");`, `u.hash = "x";`, "Cannot assign to read only property 'fragment'"},
		"url, params":                {`const u = new URL("http://a/?x=1");`, `u.searchParams.append("y", "2");`, "Cannot add property 1, object is not extensible"},
		"url, read":                  {`const u = new URL("http://a/?x=1"), it = [1, 2].values().map((x) => x), e = new TextEncoder(), d = new TextDecoder(), registry = new FinalizationRegistry(() => {});`, `const token = {}; registry.register({}, 1, token); if (!registry.unregister(token) || u.searchParams.get("x") !== "1" || new URL("b", u).href !== "http://a/b" || d.decode(e.encode("ü")) !== "ü") throw 1;`, "= undefined"},
		"url, changed while loading": {`const u = new URL("http://a/?x=1"); u.searchParams.set("x", "2"); u.pathname = "p";`, `if (u.href !== "http://a/p?x=2") throw u.href;`, "= undefined"},
		"controller":                 {`const c = new AbortController();`, `c.abort();`, "Cannot assign to read only property 'isAborted'"},
		"iterator helper":            {`const h = [1, 2].values().map((x) => x);`, `h.next();`, "read only property"},
		"stack":                      {`const s = new DisposableStack();`, `s.defer(() => {});`, "object is not extensible"},
		"namespace":                  {`namespace N { export let n = 0; export const up = () => ++n }`, `N.up();`, "Cannot assign to read only property 'n'"},
		"global":                     {``, `(globalThis as any).JSON = { stringify: () => "forged" };`, "Cannot assign to read only property 'JSON'"},
		"globals' prototype":         {``, `Object.setPrototypeOf(Object.getPrototypeOf(globalThis), { leak: 1 });`, "Cannot set the prototype"},
		"globals' prototype, setter": {``, `(Object.getPrototypeOf(globalThis) as any).__proto__ = { leak: 1 };`, "Cannot set the prototype"},
		"globals' prototype, silent": {``, `const before = (globalThis as any).leak; Reflect.setPrototypeOf(Object.getPrototypeOf(globalThis), { leak: 1 }); if (before || (globalThis as any).leak) throw before;`, "= undefined"},
		"global, of a family":        {``, `(globalThis as any).URL = class {};`, "Cannot add property URL"},
		"own method bound":           {`class B { n = 1; constructor() { this.m = this.m.bind(this) } m() { return this.n } }`, `const b = new B(); await null; if (b.m() !== 1) throw 1;`, "= undefined"},
	} {
		for _, last := range []string{"", " await null;"} { // in the last step, and before another
			t.Run(name+last, func(t *testing.T) {
				source := "import { log } from \"./log\";\n" + test.module + "\nexport default async function main() { " + test.body + last + " }"
				b := compileFixture(t, source)
				p := NewPool(b, PoolOptions{})
				defer p.Close()
				for id := uint64(1); id < 3; id++ { // the second thread sees nothing of the first
					e, err := p.Step(t.Context(), Input{Thread: "T", StepID: id, Event: []byte("null")})
					got := "= undefined"
					if err != nil {
						got = err.Error()
					}
					for _, o := range e.Outputs {
						got = string(o.Value)
					}
					if !strings.Contains(got, test.want) {
						t.Errorf("thread %d: got %s, want %s", id, got, test.want)
					}
				}
			})
		}
	}
}

// A class is evaluated again when it is restored, with a prototype object that is known by its constructor.
func TestClassWithoutConstructorIsRefusedWhenSaved(t *testing.T) {
	b := compileFixture(t, `import { log } from "./log";
export default async function main() { const n = 1; class G { m() { return n } } delete (G.prototype as any).constructor; const g = new G(); await null; log(g instanceof G) }`)
	o, _ := run(t, b, true, nil)
	if want := `is a class whose prototype has no constructor, which cannot be kept across this await`; !strings.Contains(o.end, want) {
		t.Errorf("got %s, want %s", o, want)
	}
}
