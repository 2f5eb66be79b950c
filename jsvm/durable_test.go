package jsvm

import (
	"os"
	"strings"
	"testing"
)

// twoWays runs a fixture that waits for events: with and without restoring before every job.
func twoWays(t *testing.T, b *Bundle, answer answers) outcome {
	t.Helper()
	readsAllDescriptors = true
	defer func() { readsAllDescriptors = false }()
	rewritten, _ := run(t, b, false, answer)
	restored, saves := run(t, b, true, answer)
	if rewritten.String() != restored.String() {
		t.Errorf("rewritten\n%s\n\nrestored %d times\n%s", rewritten, saves, restored)
	}
	return rewritten
}

func first(pending []string, step int) (string, string, bool) { return pending[0], `"v"`, false }

func last(pending []string, step int) (string, string, bool) {
	return pending[len(pending)-1], `"v"`, false
}

// alternate answers from both ends, with an error now and then.
func alternate(pending []string, step int) (string, string, bool) {
	return pending[(step*7)%len(pending)], `{"n":1,"list":[true,null]}`, step%3 == 2
}

func TestSagaRestoredBeforeEveryJob(t *testing.T) {
	text, err := os.ReadFile("testdata/saga.ts")
	if err != nil {
		t.Fatal(err)
	}
	b := compileFixture(t, string(text))
	for name, answer := range map[string]answers{"first": first, "last": last, "alternate": alternate} {
		t.Run(name, func(t *testing.T) { twoWays(t, b, answer) })
	}
}

// durable wraps the body of a workflow that uses the library.
func durable(statements string) string {
	return `import * as W from "kont";
import { log } from "./log";
export const manifest = { outputTopics: ["out"] };
export default async function main(event: any) {
` + statements + `
}`
}

func TestDurableWaits(t *testing.T) {
	for name, test := range map[string]struct {
		source string
		end    string // the last line
		answer answers
	}{
		"one ref":                {`return await W.ref()`, `= "v"`, first},
		"ref made, awaited late": {`const a = W.ref("a"), b = W.ref("b"); const y = await b; return [await a, y]`, `= ["v","v"]`, first},
		"refId and outputs":      {`const r = W.refId("mine"); W.outputJSON({k: r.key}, "out"); W.output("x", "out", "other"); return await r`, `= "v"`, first},
		"error reply":            {`try { await W.ref() } catch (e: any) { return ["caught", e.n] }`, `= ["caught",1]`, func(p []string, _ int) (string, string, bool) { return p[0], `{"n":1}`, true }},
		"parallel":               {`const rs = ["a", "b", "c"].map(n => W.ref(n)); return await Promise.all(rs)`, `= ["v","v","v"]`, last},
		"race cancels":           {`const work = async () => { try { return await W.ref("w") } catch (e: any) { log("cancelled", e instanceof W.CancelToken, e.name); await W.ref("cleanup"); log("clean"); throw e } finally { log("fin") } }; return await Promise.race([work(), W.ref("other")])`, `= "v"`, last},
		"all rejects":            {`const f = async (n: string) => { try { return await W.ref(n) } finally { log("fin", n) } }; try { await Promise.all([f("a"), f("b"), f("c")]) } catch (e) { return "failed" }`, `= "failed"`, func(p []string, _ int) (string, string, bool) { return p[0], `1`, true }},
		"any and allSettled":     {`const a = await Promise.any([W.ref("a"), W.ref("b")]); const s = await Promise.allSettled([W.ref("c"), W.ref("d")]); return [a, s.map(x => x.status)]`, `= ["v",["fulfilled","fulfilled"]]`, first},
		"sleep in a race":        {`const r = await Promise.race([W.sleep(5000).then(() => "late"), W.ref("job")]); return r`, `= "v"`, last},
		"scope":                  {`const scope = new W.CancellationScope(); const p = W.withCancellationScope(scope, async () => { try { return await W.ref("in") } catch (e: any) { log(e.name); return "gone" } }); const q = await W.ref("go"); W.cancelScope(scope); return [await p, q]`, `= ["gone","v"]`, last},
		"shield":                 {`const f = async () => { try { await W.ref("a") } finally { await W.withCancellationScope(undefined, async () => { await W.ref("undo"); log("undone") }) } }; return await Promise.race([f(), W.ref("b")])`, `= "v"`, last},
		"inbox":                  {`const box = W.inbox<any>("box"); const got: any[] = []; for (let i = 0; i < 3; i++) got.push(await box.next()); box.close(); return got`, `= ["v","v","v"]`, first},
		"inbox as iterable":      {`const box = W.inbox<any>("box"); const got: any[] = []; for await (const m of box) { got.push(m); if (got.length === 3) break } box.close(); return got`, `= ["v","v","v"]`, first},
		"deleting while looping": {`const map = new Map([["a", 1], ["b", 2], ["c", 3]]); const seen: any[] = []; for (const [k] of map) { await W.ref(); map.delete(k); seen.push(k) } return [seen, map.size]`, `= [["a","b","c"],0]`, first},
		"growing while looping":  {`const set = new Set([1, 2]); const seen: any[] = []; for (const x of set) { await W.ref(); seen.push(x); if (x < 5) set.add(x + 2); set.delete(x) } return seen`, `= [1,2,3,4,5,6]`, first},
		"ids":                    {`const a = W.ref(), b = W.ref("n"); log(a.id, b.id, a.key, W.threadId, W.stepId); await b; log(W.stepId); const c = W.ref(); log(c.id); await c; return await a`, `= "v"`, last},
		"config":                 {`W.config.resultTopic = "out"; await W.ref(); return 1`, `> out T 1`, first},
		"bigint result":          {`await W.ref(); return 1n`, ``, first},
		"unhandled branch":       {`const f = async () => { await W.ref("x"); throw new Error("alone") }; f(); await W.ref("y"); return 1`, `= 1`, first},
		"branches outlive main":  {`const f = async (n: string) => { await W.ref(n); log("done", n) }; f("a"); f("b"); return 1`, `= 1`, first},
		"thrown":                 {`await W.ref(); throw new TypeError("bad")`, `! TypeError: bad`, first},
		"thenable wait":          {`return await W.wait({then(ok: any) { ok(7) }})`, `= 7`, nil},
		"recursion of calls":     {`const f = async (n: number): Promise<number> => n === 0 ? (await W.ref(), 1) : 1 + await f(n - 1); return await f(30)`, `= 31`, first},
		"generator with refs":    {`function* asks() { for (let i = 0; i < 3; i++) { const x: any = yield W.ref("g" + i); log("got", x) } return "end" } const it = asks(); let r: any = it.next(); while (!r.done) r = it.next(await r.value); return r.value`, `= "end"`, first},
		"class with state":       {`class Cart { #items = new Map<string, number>(); owner: Cart | undefined = this; async add(s: string) { const n: any = await W.ref(s); this.#items.set(s, n); return this } get size() { return this.#items.size } } const c = await (await new Cart().add("a")).add("b"); return [c.size, c.owner === c]`, `= [2,true]`, first},
		"replaced handler":       {`const handlers: Record<string, () => Promise<any>> = { a: async () => { const x = await W.ref("h"); handlers.a = async () => "second"; return x } }; return [await handlers.a(), await handlers.a()]`, `= ["v","second"]`, first},
	} {
		t.Run(name, func(t *testing.T) {
			o := twoWays(t, compileFixture(t, durable(test.source)), test.answer)
			if test.end == "" {
				return
			}
			found := false
			for _, line := range o.lines {
				found = found || line == test.end
			}
			if !found || o.end != "" {
				t.Errorf("ended with\n%s\nwant %s", o, test.end)
			}
		})
	}
}

// What an author does to shared objects is refused where it happens.
func TestModuleObjectsAreShared(t *testing.T) {
	for name, test := range map[string]struct{ module, statement, want string }{
		"object":       {`const limits = {max: 1, deep: {list: [1]}};`, `limits.max = 2`, "TypeError"},
		"nested":       {`const limits = {max: 1, deep: {list: [1]}};`, `limits.deep.list.push(2)`, "TypeError"},
		"new key":      {`const cache: any = {};`, `cache.x = 1`, "TypeError"},
		"map":          {`const seen = new Map();`, `seen.set(1, 2)`, `TypeError: seen is shared by all threads`},
		"set":          {`const seen = {ids: new Set()};`, `seen.ids.add(1)`, `TypeError: seen.ids is shared by all threads`},
		"date":         {`const began = new Date(0);`, `began.setTime(5)`, `TypeError: began is shared by all threads`},
		"class field":  {`class Counter { static n = 0 }`, `Counter.n++`, "TypeError"},
		"closure":      {`const next = (() => { let n = 0; return () => ++n })();`, `next()`, "TypeError"},
		"prototype":    {`class A {}`, `(A.prototype as any).x = 1`, "TypeError"},
		"intrinsic":    {``, `(Array.prototype as any).map = null`, "TypeError"},
		"new global":   {``, `(globalThis as any).leak = 1`, "TypeError"},
		"new on proto": {``, `(Object.prototype as any).leak = 1`, "TypeError"},
		"instance":     {`class A { n = 0; up() { return ++this.n } } const a = new A();`, `a.up()`, "TypeError"},
		"function":     {`function f() {}`, `(f as any).calls = 1`, "TypeError"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, compileText(t, test.module+` export default async function main() { `+test.statement+` }`))
			if err := h.start(`null`); err != nil {
				t.Fatal(err)
			}
			// The first line is in the log, with the place.
			if len(h.lines) != 2 || !strings.Contains(h.lines[0], "(app.ts:1:") || !strings.HasPrefix(h.lines[1], `workflow-error T "`+test.want) {
				t.Errorf("got %q, want %s", h.lines, test.want)
			}
		})
	}
}

// Freezing must not forbid what is allowed elsewhere: own properties with inherited names.
func TestInheritedNamesCanBeOverridden(t *testing.T) {
	h := newHost(t, compileText(t, `
class Failure extends Error { constructor(m: string) { super(m); this.name = "Failure"; this.message = m + "!" } }
class Money { constructor(public n: number) {} toString() { return "$" + this.n } }
function Old(this: any) { this.toString = () => "own"; this.constructor = 1 }
Old.prototype.valueOf = function () { return 7 };
const table = { toString: () => "table", hasOwnProperty: 1 };
export default async function main() {
	const o: any = {}; o.toString = () => "o"; o.valueOf = () => 3; o.name = 1;
	const f: any = () => 1; f.toString = () => "f"; Object.defineProperty(f, "name", {value: "g"});
	const e: any = new Failure("x"); await null; e.name = "Renamed"; const old = new (Old as any)();
	const a: any = []; a.toString = () => "a"; const d: any = Object.create({}); d.constructor = 5;
	return [String(o), o + 1, String(f), f.name, String(e), e.message, Object.keys(e), String(new Money(2)), String(table), String(old), +old, String(a), d.constructor, Object.keys(d)];
}`))
	if err := h.start(`null`); err != nil {
		t.Fatal(err)
	}
	if want := `workflow-result T ["o",4,"f","g","Renamed: x!","x!",["name"],"$2","table","own",7,"a",5,["constructor"]]`; len(h.lines) != 1 || h.lines[0] != want {
		t.Errorf("got %q\nwant %s", h.lines, want)
	}
}
