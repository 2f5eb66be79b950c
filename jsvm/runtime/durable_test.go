package runtime_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dop251/goja"

	"kont/jsvm"
	"kont/jsvm/runtime"
)

// These tests run compiled TypeScript, each step from the bytes of the one before, in VMs taken in turn.

const service = `import * as W from "kont";
	export const manifest = { outputTopics: ["log"] };
	const log = (...a: unknown[]) => W.output(a.map(String).join(" "), "log");
	async function call(name: string, cleanup?: string) {
		try { const v = await W.refId(name); log(name, "got", v); return v }
		catch (e: any) { log(name, e instanceof W.CancelToken ? e.name : "threw " + e); if (cleanup) log(name, "cleaned", await W.refId(cleanup)); throw e }
		finally { log(name, "done") }
	}
	`

// story runs a workflow. Each event is "ref value", or "ref !value" for an error; the answer has a line an event: what came of it.
func story(t *testing.T, source string, events ...string) string {
	t.Helper()
	b, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: "app.ts", Files: fstest.MapFS{"app.ts": {Data: []byte(service + source)}}})
	if err != nil {
		t.Fatal(err)
	}
	pools := []*jsvm.Pool{jsvm.NewPool(b, jsvm.PoolOptions{}), jsvm.NewPool(b, jsvm.PoolOptions{})}
	var lines []string
	var continuation []byte
	for i, e := range append([]string{""}, events...) {
		in := jsvm.Input{Thread: "T", StepID: uint64(i + 1), Continuation: continuation, Event: []byte("{}")}
		if i > 0 {
			ref, value, _ := strings.Cut(e, " ")
			key := "value"
			if v, isError := strings.CutPrefix(value, "!"); isError {
				key, value = "error", v
			}
			in.Event = fmt.Appendf(nil, `{"ref":%q,%q:%s}`, ref, key, value)
		}
		effects, err := pools[i%2].Step(t.Context(), in)
		if err != nil {
			lines = append(lines, err.Error())
			continue
		}
		continuation = effects.Continuation
		var line []string
		for _, o := range effects.Outputs {
			text := string(o.Value)
			if o.Topic != "log" {
				text = strings.TrimPrefix(o.Topic, "workflow-") + "=" + text
			}
			line = append(line, text)
		}
		if continuation == nil {
			line = append(line, "ended")
		}
		lines = append(lines, strings.Join(line, "; "))
	}
	return strings.Join(lines, "\n")
}

func TestCompiledWorkflowsAreCancelled(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		events []string
		want   []string
	}{
		"race, with cleanup that waits": {`export default async () => await Promise.race([call("a", "a.undo"), call("b"), W.sleep(5)])`,
			[]string{"b 1", "a.undo 2"},
			[]string{`scheduler=5`, `b got 1; b done; scheduler=0; a CancelToken`, `a cleaned 2; a done; result=1; ended`}},
		"a branch that returns its ref": {`async function ask() { const r = W.refId("r"); return r } export default async () => Promise.race([ask(), call("a")])`,
			[]string{"a 1"}, []string{``, `a got 1; a done; result=1; ended`}},
		"nested, cleanup is not interrupted": {`export default async () => Promise.race([Promise.all([call("a", "a.undo"), call("b")]), call("timer")])`,
			[]string{"b !0", "timer 9", "a.undo 1"},
			[]string{``, `b threw 0; b done; a CancelToken`, `timer got 9; timer done`, `a cleaned 1; a done; result=9; ended`}},
		"shielded part": {`export default async () => Promise.race([(async () => { const v = await W.withCancellationScope(undefined, () => call("safe")); log("safe part", v); await call("next") })(), call("a")])`,
			[]string{"a 1", "safe 2"}, []string{``, `a got 1; a done`, `safe got 2; safe done; safe part 2; next CancelToken; next done; result=1; ended`}},
		"explicit scope": {`export default async () => { const scope = new W.CancellationScope(); W.withCancellationScope(scope, () => { W.addCanceler(e => log("canceler", e.name)) });
				const inside = W.withCancellationScope(scope, () => call("in")); await W.refId("go"); W.cancelScope(scope); return (await Promise.allSettled([inside]))[0].status }`,
			[]string{"go 0"}, []string{``, `canceler CancelToken; in CancelToken; in done; result="rejected"; ended`}},
		"async generator": {`async function* ticks() { try { for (let i = 0; ; i++) yield await call("tick" + i) } finally { log("generator ends") } }
				async function sum() { let s = 0; for await (const v of ticks()) { s += v as number; log("sum", s) } } export default async () => Promise.race([sum(), call("stop")])`,
			[]string{"tick0 1", "tick1 2", "stop 0"}, []string{``, `tick0 got 1; tick0 done; sum 1`, `tick1 got 2; tick1 done; sum 3`,
				`stop got 0; stop done; tick2 CancelToken; tick2 done; generator ends; result=0; ended`}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := story(t, c.source, c.events...), strings.Join(c.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// The same workflows as in TestRandomBranchesAllEnd, compiled, and restored at every event, do the same.
func TestRandomBranchesAreTheSameCompiledAndRestored(t *testing.T) {
	compared := 0
	for seed := range 25 {
		program, events, logs := runtime.PlayRandomBranches(t, int64(1000+seed))
		source := strings.NewReplacer("async$(body)", "body", "async$(function* (", "(async function (", "function* ()", "async function ()", "yield ", "await ").Replace(program)
		source = strings.ReplaceAll(source, "const state = new Map();", "let state: any; ") // what a thread changes at module level is its own
		source = strings.Replace(source, "const main = (async function () {", "const main = (async function () { state = new Map(); ", 1) + " export default main;"
		source = regexp.MustCompile(`= \((name|name, \w+)\) =>`).ReplaceAllString(source, "= (name: any, how?: any, body = how, undo = how) =>")
		got := strings.Split(story(t, source, events...), "\n")
		for i, line := range got {
			var logged []string
			for _, part := range strings.Split(line, "; ") {
				if part != "ended" && !strings.HasPrefix(part, "scheduler=") && !strings.HasPrefix(part, "result=") && !strings.HasPrefix(part, "error=") {
					logged = append(logged, part)
				}
			}
			compared += len(logged)
			if i >= len(logs) || strings.Join(logged, "; ") != logs[i] {
				t.Fatalf("seed %d, after %s:\n%s\nwant\n%s\n%s", 1000+seed, events[:i], got, logs, source)
			}
		}
	}
	if compared < 200 {
		t.Errorf("only %d lines were compared", compared)
	}
}

// A loop may delete what it has just worked on, add, and leave and come back: positions hold over steps.
func TestIterationGoesOnWithChangesAcrossSteps(t *testing.T) {
	got := story(t, `export default async () => {
		const jobs = new Map([["a", 1], ["b", 2], ["c", 3], ["d", 4]]);
		for (const [k, v] of jobs) { log(k, v, await W.refId(k)); jobs.delete(k); if (k === "a") { jobs.delete("b"); jobs.set("e", 5) } if (k === "c") jobs.set("c", 6) } }`, "a 0", "c 0", "d 0", "e 0", "c 1")
	if want := "\na 1 0\nc 3 0\nd 4 0\ne 5 0\nc 6 1"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got = story(t, `export default async () => {
		const s = new Set([1, 2, 3]), it = s.values(), a = [10, 20, 30].entries(), t = "xyz"[Symbol.iterator](), m = "a1b2".matchAll(/[a-z](\d)/g);
		for (let i = 0; i < 4; i++) { await W.refId("go" + i); log(it.next().value, a.next().value, t.next().value, m.next().value?.[1]); if (i === 1) { s.delete(1); s.delete(2); s.add(4) } } }`,
		"go0 0", "go1 0", "go2 0", "go3 0")
	if want := "\n1 0,10 x 1\n2 1,20 y 2\n3 2,30 z undefined\n4 undefined undefined undefined; ended"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPlacesThatHideStateAreKept(t *testing.T) {
	got := story(t, `class Account { #balance = 0; static #made = 0; add(n: number) { this.#balance += n; return this } get balance() { return this.#balance } }
		export default async () => {
			const w = new WeakMap<object, string>(), key = Object.freeze({}), account = new Account().add(5), key2 = {}; w.set(key, "frozen").set(account, "account").set(key2, "plain"); const seen = new WeakSet([account]);
			const bound = account.add.bind(account, 7), box = W.inbox<number>("m"), { promise, resolve } = Promise.withResolvers<number>(); const chained = promise.then(v => v * 2).finally(() => log("fin"));
			await W.refId("go"); bound(); log(account.balance, w.get(key), w.get(account), w.get(key2), seen.has(account), seen.has(key), bound.name, account.add.bind(account)(1) === account);
			resolve(21); log(await chained); let n = 0; for await (const m of box) { n += m; if (n > 5) break } log(n); box.close() }`, "m 1", "go 0", "m 2", "m 3", "m 9")
	if want := "\n\n12 frozen account plain true false bound add true; fin; 42\n\n6; ended"; !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// One VM serves many threads, so what all of them share must not change; what a workflow makes of its own may have any name.
func TestSharedObjectsCanBeOverriddenButNotChanged(t *testing.T) {
	got := story(t, `export default async () => { const out: unknown[] = [];
		class E extends Error { constructor(m: string) { super(m); this.name = "Mine"; this.message = m + "!" } } const e = new E("x"); out.push(e.name, e.message, String(e));
		const o: any = {}; o.toString = () => "own"; o.constructor = 5; out.push(String(o), Object.keys(o).join("+")); function F() {} F.prototype = { constructor: F }; out.push(new (F as any)().constructor === F);
		await W.refId("go"); out.push(e.name, String(e), e instanceof E, String(o));
		const g: any = globalThis; for (const f of [() => { Array.prototype.map = 1 as any }, () => { g.Object.prototype.x = 1 }, () => { g.Math.PI = 3 }, () => { Object.prototype.toString = 1 as any }, () => { Promise.prototype.then = 1 as any }, () => { g.W2 = 1 },
			() => { delete (Array.prototype as any).map }, () => { g.JSON.x = 1 }, () => { Array.from = 1 as any }]) try { f(); out.push("changed " + f) } catch (e) { if (!(e instanceof TypeError)) out.push(e) }
		return out.join(" ") }`, "go 0")
	if want := "\nresult=\"Mine x! Mine: x! own toString+constructor true Mine Mine: x! true own\"; ended"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExampleOfTheGuideCompiles(t *testing.T) {
	page, err := os.ReadFile("../../docs/javascript.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```ts\n(import .*?)```").FindSubmatch(page)
	if example == nil {
		t.Fatal("docs/javascript.md begins with no example")
	}
	if _, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: "app.ts", Files: fstest.MapFS{"app.ts": {Data: example[1]}}}); err != nil {
		t.Error(err)
	}
}

// An await that does not leave the step: rewritten code on this library beside goja's own. Processor time, the collector's included, because the
// machine may be shared.
func BenchmarkAwait(b *testing.B) {
	const awaits = 20_000
	const loop = `async function one(i) { await null; return i } async function all() { let s = 0; for (let i = 0; i < 10000; i++) s += await one(i); return s }`
	measure := func(b *testing.B, run func() error) {
		before := processorTime()
		for b.Loop() {
			if err := run(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(processorTime()-before)/float64(b.N)/awaits, "cpu-ns/await")
	}
	b.Run("own", func(b *testing.B) {
		bundle, err := jsvm.Compile(b.Context(), jsvm.CompileOptions{Entry: "app.js", Files: fstest.MapFS{"app.js": {Data: []byte(loop + "; export default all")}}})
		if err != nil {
			b.Fatal(err)
		}
		pool := jsvm.NewPool(bundle, jsvm.PoolOptions{VMsMax: 1})
		measure(b, func() error {
			_, err := pool.Step(b.Context(), jsvm.Input{Thread: "T", StepID: 1, Event: []byte("{}")})
			return err
		})
	})
	b.Run("goja", func(b *testing.B) {
		vm := goja.New()
		if _, err := vm.RunString(loop); err != nil {
			b.Fatal(err)
		}
		measure(b, func() error {
			_, err := vm.RunString("all()")
			return err
		})
	})
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Module code may use promises as long as it waits for no event: they settle while the bundle loads, and all threads share them.
func TestPromisesOfModuleCodeSettleWhileTheBundleLoads(t *testing.T) {
	got := story(t, `const five = (async () => { await null; return 5 })(), six = Promise.resolve(6), seven = Promise.reject(7); const chain = five.then(async (v) => v * 2);
		export default async () => { const r = await W.refId("r"); try { await seven } catch (e) { log("caught", e) } return [await five, await six, await chain, r, await Promise.all([five, six])] }`, "r 1")
	if want := "\ncaught 7; result=[5,6,10,1,[5,6]]; ended"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	_, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: "app.ts", Files: fstest.MapFS{"app.ts": {Data: []byte(`
		const gate = new Promise(() => {}); const waits = (async () => { await gate })(); export default () => waits`)}}})
	if err == nil || !strings.Contains(err.Error(), "waits for something") {
		t.Errorf("a module that waits: %v", err)
	}
}
