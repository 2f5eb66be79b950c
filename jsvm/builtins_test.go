package jsvm

import (
	"strings"
	"testing"

	"github.com/dop251/goja"
)

// What the library adds to the language and Node.js 20 does not have, or has otherwise than the standard says; the rest is in testdata/programs/builtins_*.ts. The
// expected lines are worked out from the algorithms of the specification. Each program runs as steps, and saved and restored before every job: the other VM has not
// evaluated the family that the object held belongs to.
var builtinFixtures = map[string]struct{ source, want string }{
	"iterator helpers part-way": {body(`
		const closed: any[] = []; const source = (n: number) => ({ i: 0, __proto__: Iterator.prototype, next() { return { value: this.i, done: this.i++ >= n } }, return() { closed.push(n); return {} } }) as any;
		const h = { map: source(9).map((x: any, i: any) => [x, i]), filter: source(9).filter((x: any) => x % 2), take: source(9).take(2), drop: source(4).drop(2), flat: source(9).flatMap((x: any) => [x, x * 10]), from: Iterator.from({ next: () => ({ value: 7, done: false }) }) } as any;
		log(h.map.next().value, h.filter.next().value, h.take.next().value, h.drop.next().value, h.flat.next().value, h.from.next().value); await null;
		log(h.map.next().value, h.filter.next().value, h.take.next().value, h.drop.next().value, h.flat.next().value, h.from.next().value); await null;
		log(h.map.return(), closed.join(), h.map.next(), h.take.next(), closed.join(), h.take.return(), h.drop.next(), h.flat.next().value, h.flat.return(), closed.join(), [...h.from.take(2)]);
		const gen = (function* () { yield* [1, 2, 3, 4] })(); const sum = gen.map((x: any) => x + 1); await null; log(sum.next().value, [...sum], String(sum), sum instanceof Iterator, gen instanceof Iterator);`),
		`[0, 0] 1 0 2 0 7
[1, 1] 3 1 3 0 7
{value: undefined, done: true} 9 {value: undefined, done: true} {value: undefined, done: true} 9,9 {value: undefined, done: true} {value: undefined, done: true} 1 {value: undefined, done: true} 9,9,9 [7, 7]
2 [3, 4, 5] [object Iterator Helper] true true`},
	"iterator helpers that consume": {body(`
		const it = () => [1, 2, 3][Symbol.iterator](); const seen: any[] = [];
		it().forEach((x, i) => { seen.push(x, i) }); await null;
		log(it().toArray(), it().reduce((a, x) => a + x), it().reduce((a: any, x: any, i: any) => a + x + i, "s"), it().some((x) => x > 2), it().every((x) => x < 3), it().find((x) => x > 1), it().find((x) => x > 5), seen);
		let closed = 0; const s: any = { __proto__: Iterator.prototype, n: 0, next() { return { value: this.n++, done: false } }, return() { closed++; return {} } };
		log(s.some((x: any) => x === 2), s.every((x: any) => x < 4), s.find((x: any) => x === 7), closed);
		for (const f of [() => s.map(1), () => s.take(-1), () => s.take(NaN), () => s.drop("x"), () => it().reduce.call([][Symbol.iterator](), () => 1), () => s.forEach(() => { throw new Error("cb") }), () => s.flatMap(() => 5).next(), () => s.flatMap(() => "str").next(), () => (Iterator as any)(), () => new (Iterator as any)(), () => Iterator.from(5 as any), () => Iterator.prototype.map.call(1 as any, () => 1)])
			try { f(); log("fine") } catch (e: any) { log(e.name) }
		log(closed, Iterator.from("ab").toArray(), Iterator.from([1]) instanceof Iterator, Iterator.prototype[Symbol.toStringTag], Iterator.prototype.constructor === Iterator, Iterator.from.length);
		class Own extends Iterator<number> { n = 0; next() { return { value: this.n++, done: this.n > 3 } as any } } const own = new Own(); own.next(); await null; log([...own.map((x) => x * 2)], String(own), own instanceof Own);
		const tagged: any = Object.create(Iterator.prototype); tagged[Symbol.toStringTag] = "Mine"; tagged.constructor = 1; log(String(tagged), tagged.constructor);
		const self: any = { __proto__: Iterator.prototype, next: () => ({ value: outer.next(), done: false }) }, outer: any = self.map((x: any) => x); try { outer.next() } catch (e: any) { log(e.name) }`),
		`[1, 2, 3] 6 s102132 true false 2 undefined [1, 0, 2, 1, 3, 2]
true false 7 3
TypeError
RangeError
RangeError
RangeError
TypeError
Error
TypeError
TypeError
TypeError
TypeError
TypeError
TypeError
10 [a, b] true Iterator true 1
[2, 4] [object Iterator] true
[object Mine] 1
TypeError`},
	"closing a flatMap": {body(`
		const order: any[] = []; const make = (name: string, values: any[]) => ({ __proto__: Iterator.prototype, i: 0, next() { return { value: values[this.i], done: this.i++ >= values.length } }, return() { order.push(name); return {} } }) as any;
		const h = make("outer", [1, 2]).flatMap((x: any) => make("inner" + x, [x, x])); h.next(); await null; h.return(); log(order);
		const g = make("o2", [1]).flatMap((x: any) => ({ [Symbol.iterator]: () => make("i2", ["v"]) })); log(g.next().value); await null; log(g.next(), order);
		const bad = make("o3", [1]).flatMap(() => ({ __proto__: Iterator.prototype, next() { throw new Error("inner next") } })); try { bad.next() } catch (e: any) { log(e.message, order) } await null; log(bad.next());`),
		`[inner1, outer]
v
{value: undefined, done: true} [inner1, outer]
inner next [inner1, outer, o3]
{value: undefined, done: true}`},
	"Array.fromAsync": {body(`
		async function* agen() { try { yield 1; await null; yield 2; yield 3 } finally { log("agen closed") } }
		log(await Array.fromAsync(agen()), await Array.fromAsync([Promise.resolve(1), 2]), await Array.fromAsync({ length: 2, 0: "a", 1: Promise.resolve("b") } as any), await Array.fromAsync("xy"));
		log(await Array.fromAsync(new Set([1, 2]), async function (this: any, x: any, i: any) { await null; return [x, i, this.t] }, { t: 9 }));
		class Mine extends Array {} const m = await (Mine as any).fromAsync([1, 2]); log(m instanceof Mine, m.length);
		for (const f of [() => Array.fromAsync(agen(), () => { throw new Error("mapper") }), () => Array.fromAsync(agen(), async (x) => { if (x === 2) throw new Error("later"); return x }), () => Array.fromAsync(null as any), () => Array.fromAsync([], 5 as any), () => Array.fromAsync([Promise.reject(new Error("item"))])])
			try { await f(); log("fine") } catch (e: any) { log(e.message.replace(/.*: /, "")) }
		let closed = 0; const sync = { [Symbol.iterator]() { return { next: () => ({ value: Promise.reject(new Error("v")), done: false }), return: () => { closed++; return {} } } } }; try { await Array.fromAsync(sync as any) } catch (e: any) { log(e.message, closed) }
		const pending = Array.fromAsync(agen()); await null; await null; log(await pending);`),
		`agen closed
[1, 2, 3] [1, 2] [a, b] [x, y]
[[1, 0, 9], [2, 1, 9]]
true 2
agen closed
mapper
agen closed
later
null has no items
the callback is no function
item
v 1
agen closed
[1, 2, 3]`},
	"disposable stacks": {body(`
		const log2: any[] = []; const res = (n: string, fail = false) => ({ n, [Symbol.dispose]() { log2.push(this.n); if (fail) throw new Error(n) } });
		const stack = new DisposableStack(); const a = stack.use(res("a")); stack.adopt("v", (v) => log2.push("adopted " + v)); stack.defer(() => log2.push("deferred")); stack.use(null); stack.use(undefined); await null;
		log(a.n, stack.disposed, String(stack)); const moved = stack.move(); log(stack.disposed, moved.disposed); await null; moved.dispose(); moved.dispose(); log(log2.splice(0), moved.disposed);
		for (const f of [() => stack.use(res("late")), () => moved.defer(() => {}), () => stack.move(), () => new DisposableStack().use({} as any), () => new DisposableStack().use(1 as any), () => new DisposableStack().adopt(1, 2 as any), () => (DisposableStack as any)()]) try { f(); log("fine") } catch (e: any) { log(e.name) }
		const failing = new DisposableStack(); for (const n of ["1", "2", "3"]) failing.use(res(n, true)); await null; try { failing.dispose() } catch (e: any) { log(e.name, e instanceof SuppressedError, e instanceof Error, e.error.message, e.suppressed.error.message, e.suppressed.suppressed.message, log2.splice(0)) }
		const s = new SuppressedError(1, 2, "m"), t: any = (SuppressedError as any)(1, 2); await null; log(s.error, s.suppressed, s.message, Object.keys(s), s.name, t instanceof SuppressedError, t.message, Object.hasOwn(t, "message"), SuppressedError.length);
		log(DisposableStack.prototype[Symbol.dispose] === DisposableStack.prototype.dispose, typeof Symbol.dispose, String(Symbol.asyncDispose));
		{ using x = res("using"); using y = new DisposableStack(); y.defer(() => log2.push("inner")); await null; log(x.n) } log(log2.splice(0));`),
		`a false [object DisposableStack]
true false
[deferred, adopted v, a] true
ReferenceError
ReferenceError
ReferenceError
TypeError
TypeError
TypeError
TypeError
SuppressedError true true 1 2 3 [3, 2, 1]
1 2 m [] SuppressedError true  false 3
true symbol Symbol(Symbol.asyncDispose)
using
[inner, using]`},
	"asynchronous disposable stacks": {body(`
		const out: any[] = []; const res = (n: string, fail = false) => ({ async [Symbol.asyncDispose]() { out.push("begin " + n); await null; await null; out.push("end " + n); if (fail) throw new Error(n) } });
		const stack = new AsyncDisposableStack(); stack.use(res("a")); stack.use({ [Symbol.dispose]() { out.push("sync") } } as any); stack.defer(async () => { await null; out.push("deferred") }); stack.adopt(5, async (v) => { out.push("adopted " + v) }); stack.use(null as any); await null;
		const p = stack.disposeAsync(); log(stack.disposed, out.length); await null; await p; log(out.splice(0), await stack.disposeAsync());
		const bad = new AsyncDisposableStack(); bad.use(res("x", true)); bad.use({ [Symbol.dispose]() { throw new Error("y") } } as any); bad.use(res("z", true)); try { await bad.disposeAsync() } catch (e: any) { log(e.name, e.error.message, e.suppressed.error.message, e.suppressed.suppressed.message) }
		try { await AsyncDisposableStack.prototype.disposeAsync.call({}) } catch (e: any) { log(e.name) } try { stack.use(res("late")) } catch (e: any) { log(e.name) }
		out.length = 0; { await using q = res("q"); await using r = new AsyncDisposableStack(); r.use(res("r")); await null; out.push("body") } log(out, AsyncDisposableStack.prototype[Symbol.asyncDispose] === AsyncDisposableStack.prototype.disposeAsync);
		const m = new AsyncDisposableStack(); m.defer(() => { out.push("m") }); const n = m.move(); await null; await n.disposeAsync(); log(out.at(-1), m.disposed, n.disposed)`),
		`true 1
[adopted 5, deferred, sync, begin a, end a] undefined
SuppressedError x y z
TypeError
ReferenceError
[body, begin r, end r, begin q, end q] true
m true true`},
	"the console's memory": {body(`
		console.count(); console.count("x"); await null; console.count(); console.countReset("x"); console.count("x"); console.countReset("none"); console.group("outer %d", 1); log("in"); await null; console.groupCollapsed(); log("two\nlines"); console.groupEnd(); await null; log("one"); console.groupEnd(); console.groupEnd(); log("out");
		console.time("t"); await null; console.time("t"); console.timeEnd("u"); console.table([{ a: 1, b: "x" }, { b: 2, c: [3] }]); console.table(new Map<any, any>([["k", 1], [2, { v: null }]])); console.table([[1, 2], [3]], ["0"]); console.table(5); console.clear(); console.dirxml("d"); console.assert(true, "no"); console.assert(false, "yes %s", 1);`),
		`default: 1
x: 1
default: 2
x: 1
console.countReset: there is no counter none
outer 1
  in
    two
    lines
  one
out
console.time: the timer t runs already
console.timeEnd: there is no timer u
(index) | a | b   | c
0       | 1 | "x" |
1       |   | 2   | [3]
(index) | v    | Values
k       |      | 1
2       | null |
(index) | 0
0       | 1
1       | 3
5
d
Assertion failed: yes 1`},
	"Set methods": {body(`
		const a = new Set([1, 2, 3]), b = new Set([3, 4]); await null;
		log(a.union(b), a.intersection(b), a.difference(b), a.symmetricDifference(b), a.isSubsetOf(b), new Set([3]).isSubsetOf(a), a.isSupersetOf(new Set([1])), a.isDisjointFrom(b), a.isDisjointFrom(new Set([9])));
		const like: any = { size: 2, has: (x: any) => x === 1 || x === 9, keys: () => [1, 9].values() }; log(a.union(like), a.intersection(like), a.difference(like), a.isSupersetOf(like)); const kept = a.union(b); await null; kept.add(5); log(kept, a.size);
		for (const bad of [[1], { size: NaN, has() {}, keys() {} }, { size: 1, has: 1, keys() {} }, null]) try { a.union(bad as any); log("fine") } catch (e: any) { log(e.name) }`),
		`Set{1, 2, 3, 4} Set{3} Set{1, 2} Set{1, 2, 4} false true true false true
Set{1, 2, 3, 9} Set{1} Set{2, 3} false
Set{1, 2, 3, 4, 5} 3
TypeError
TypeError
TypeError
TypeError`},
	"promise statics": {body(`
		const { promise, resolve, reject } = Promise.withResolvers<number>(); await null; resolve(5); reject(1); await null; log(await promise, Object.keys(Promise.withResolvers()));
		const r: any[] = []; for (const p of [(Promise as any).try((a: any, b: any) => a + b, 1, 2), (Promise as any).try(() => { throw new Error("sync") }), (Promise as any).try(async () => { await null; return "async" })]) { await null; try { r.push(await p) } catch (e: any) { r.push(e.message) } } log(r);
		log(Object.groupBy([1, 2, 3], (x) => x % 2 ? "odd" : "even"), Map.groupBy([1, 2, 3], (x) => x > 1).get(true), Object.getPrototypeOf(Object.groupBy([], () => "")))`),
		`5 [promise, resolve, reject]
[3, sync, async]
{odd: [1, 3], even: [2]} [2, 3] null`},
	"detached buffers": {body(`
		const b = new ArrayBuffer(4), u = new Uint8Array(b); u.set([1, 2, 3, 4]); const c = b.transfer(6), d = new DataView(c); await null;
		log(b.detached, b.byteLength, u.length, u[0], u.byteLength, c.byteLength, [...new Uint8Array(c)], d.getUint8(3)); await null;
		const e = c.transferToFixedLength(2); log(c.detached, [...new Uint8Array(e)], e.resizable, e.maxByteLength, b.detached);
		for (const f of [() => b.transfer(), () => d.getUint8(0), () => e.resize(9), () => (ArrayBuffer.prototype as any).transfer.call({}), () => e.transfer(-1)]) try { f(); log("fine") } catch (x: any) { log(x.name) } await null; log(e.detached, u.length)`),
		`true 0 0 undefined 0 6 [1, 2, 3, 4, 0, 0] 4
true [1, 2] false 2 true
TypeError
TypeError
TypeError
TypeError
RangeError
false 0`},
	"events as the standard says": {body(`
		const t = new EventTarget(), o: any[] = []; t.addEventListener("x", () => o.push("bubble")); t.addEventListener("x", (e) => { o.push("capture"); }, true); t.addEventListener("x", (e) => { o.push("capture 2"); if (stop) e.stopPropagation() }, { capture: true }); let stop = false;
		t.dispatchEvent(new Event("x")); await null; stop = true; t.dispatchEvent(new Event("x")); log(o); const e = new Event("x"); t.addEventListener("again", (ev) => { try { t.dispatchEvent(ev) } catch (x: any) { log(x.name, x.code) } }); t.dispatchEvent(new Event("again"));
		let self: any; t.addEventListener("obj", { handleEvent(ev) { self = [this === (ev as any).never, ev.currentTarget === t] } } as any); t.dispatchEvent(new Event("obj")); log(self);
		try { structuredClone(1, { transfer: [{}] } as any) } catch (x: any) { log(x.name) } const copy: any = structuredClone(new DOMException("m", "AbortError")); await null; log(copy.name, copy.code, copy instanceof DOMException);
		const w = new TextDecoder("latin1"); await null; log(w.encoding, [...w.decode(new Uint8Array([0x80, 0x99, 0xe9]))].map((c) => c.codePointAt(0)));
		try { structuredClone({ a: [1, { "odd key": new Map([["k", () => 1]]) }] }) } catch (x: any) { log(x.message) } try { structuredClone(new URL("http://a")) } catch (x: any) { log(x.message) }`),
		`[capture, capture 2, bubble, capture, capture 2]
InvalidStateError 11
[false, true]
DataCloneError
AbortError 20 true
windows-1252 [8364, 8482, 233]
the function could not be cloned: it is at a[1]["odd key"].values()[0]
a URL could not be cloned`},
	"globals that are made when they are read": {body(`
		log(typeof URL, typeof WeakRef, "AbortController" in globalThis, typeof (globalThis as any).notThere, URL === globalThis.URL, Object.getOwnPropertyNames(URL.prototype).length > 10, Object.isFrozen(URL), Object.isFrozen(URL.prototype)); await null;
		const held = [URL, URL.prototype, Object.getOwnPropertyDescriptor(URL.prototype, "href")!.get, atob, Iterator.prototype.map, new URLSearchParams("a=1").entries()] as any; await null;
		log(held[0] === URL, held[1] === URL.prototype, held[2].call(new URL("http://x/")), held[3]("YQ=="), held[4] === Iterator.prototype.map, [...held[5]]);
		for (const f of [() => { (globalThis as any).URL = 1 }, () => { (URL as any).extra = 1 }, () => { (URL.prototype as any).href2 = 1 }, () => { (globalThis as any).JSON = {} }, () => { (globalThis as any).Array = 1 }]) try { f(); log("fine") } catch (e: any) { log(e.name) }
		class Sub extends URLSearchParams { toString() { return "sub " + super.toString() } } const s = new Sub("q=1"); s.append("r", "2"); await null; log(String(s), s.size, s instanceof URLSearchParams); try { crypto.subtle } catch (e: any) { log(e.message) }`),
		`function function true undefined true true true true
true true http://x/ a true [[a, 1]]
TypeError
TypeError
TypeError
TypeError
TypeError
sub q=1&r=2 2 true
crypto.subtle: keys and hashes are not part of a workflow: ask a service, or use a package written in plain JavaScript`},
}

func TestBuiltinsAreAsSpecified(t *testing.T) {
	defer func() { readsAllDescriptors = false }()
	for name, test := range builtinFixtures {
		t.Run(name, func(t *testing.T) {
			b := compileFixture(t, test.source)
			want := strings.TrimSpace(test.want)
			for _, how := range []struct{ perJob, oracle bool }{{false, false}, {true, false}, {true, true}} {
				readsAllDescriptors = how.oracle
				o, _ := run(t, b, how.perJob, nil)
				if difference := firstOther(want+"\n= undefined\n", o.String()); difference != "" {
					t.Errorf("%+v: %s", how, strings.ReplaceAll(difference, "node:", "want:"))
				}
			}
		})
	}
}

// A family that a thread makes use of is named and frozen in a VM that has been hardened already, and the next thread sees the same.
func TestFamiliesAreNamedAndFrozenWhenTheyAreMade(t *testing.T) {
	v, err := newVM(compileText(t, smallWorkflow), goja.New(), Limits{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := v.heap.objects["URL"]; ok {
		t.Error("URL is there before anybody has read it")
	}
	prototype, ok := v.heap.named("URL.prototype")
	if !ok {
		t.Fatal("URL.prototype is not found by its name")
	}
	if url := v.rt.GlobalObject().Get("URL").(*goja.Object); url.Get("prototype") != goja.Value(prototype) || v.heap.names[url] != "URL" {
		t.Errorf("global URL is another one, called %q", v.heap.names[url])
	}
	for name, o := range v.heap.objects {
		if strings.HasPrefix(name, "URL") {
			if frozen, err := v.heap.natives.isFrozen(nil, o); err != nil || !frozen.ToBoolean() {
				t.Errorf("%s is not frozen: %v", name, err)
			}
		}
	}
	if _, ok := v.heap.named("URL.prototype.nothing"); ok {
		t.Error("found what is not there")
	}
}
