package runtime_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"kont/jsvm"
)

// What the protocol says of `W`, sentence by sentence, as compiled workflows whose steps run in VMs taken in turn.
func TestProtocolOfW(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		events []string
		want   []string
	}{
		"named imports are live bindings": {`import { stepId, threadId, ref, output as write, Promise as P, config } from "@effectful/kafka-workflow-rt";
				export default async () => { const a = ref("x"), b = ref(); write([threadId, stepId, a.id, b.id, a.key, P === Promise, config.resultTopic].join(" "), "log"); await a; log(stepId, W.stepId, ref().id); }`,
			[]string{"1:x:1 0"},
			[]string{`T 1 1:x:1 1:ref:2 T|{"ref":"1:x:1"} true workflow-result`, `2 2 2:ref:1; ended`}},
		"require": {`declare const require: any; const A = require("kont"), B = require("@effectful/kafka-workflow-rt"); export const main = async () => { log(A === B, A.threadId); return await B.refId("r") }`,
			[]string{"r 5"}, []string{`true T`, `result=5; ended`}},
		"timers of the host throw": {`export default async () => { for (const f of [() => setTimeout(() => {}, 1), () => setInterval(() => {}, 1)]) try { f() } catch (e: any) { log(/W\.sleep/.test(e.message)) } }`,
			nil, []string{`true; true; ended`}},
		"a sleep is cancelled with its branch in a later step": {`export default async () => { const slow = async () => { try { await W.sleep(60_000) } finally { log("slow ends") } }; return await Promise.race([slow(), call("a")]) }`,
			[]string{"a 1"}, []string{`scheduler=60000`, `a got 1; a done; scheduler=0; slow ends; result=1; ended`}},
		"a scope stops its sleep": {`export default async () => { const s = new W.CancellationScope(); const p = W.withCancellationScope(s, async () => { await W.sleep(9) }).catch((e: any) => e.name); await W.refId("go"); W.cancelScope(s); return await p }`,
			[]string{"go 0"}, []string{`scheduler=9`, `scheduler=0; result="CancelToken"; ended`}},
		"a late resume is unmatched": {`export default async () => { await Promise.race([W.refId("a"), W.refId("b")]); await W.refId("c") }`,
			[]string{"a 0", "b 0", "c 0"}, []string{``, ``, `unmatched event: ref "b" is not pending`, `ended`}},
		"all waits for a branch that ignores its token": {`const stubborn = async () => { for (let i = 0; i < 2; i++) try { await call("s" + i) } catch {} ; log("at last") };
				export default async () => { try { await Promise.all([stubborn(), call("bad")]) } catch (e) { log("all", e); return "end" } }`,
			[]string{"bad !0", "s1 0"}, []string{``, `bad threw 0; bad done; s0 CancelToken; s0 done`, `s1 got 0; s1 done; at last; all 0; result="end"; ended`}},
		"nested combinators": {`export default async () => Promise.race([Promise.any([Promise.allSettled([call("a", "a.undo"), call("b")]), Promise.all([call("c"), W.sleep(5)])]), call("stop")])`,
			[]string{"b 1", "stop 2", "a.undo 3"},
			[]string{`scheduler=5`, `b got 1; b done`, `stop got 2; stop done; scheduler=0; a CancelToken; c CancelToken; c done`, `a cleaned 3; a done; result=2; ended`}},
		"any, of which all reject": {`export default async () => { try { await Promise.any([call("a"), call("b")]) } catch (e: any) { return [e.name, e.errors] } }`,
			[]string{"b !2", "a !1"}, []string{``, `b threw 2; b done`, `a threw 1; a done; result=["AggregateError",[1,2]]; ended`}},
		"any cancels and waits": {`export default async () => Promise.any([call("a"), call("b", "b.undo")])`,
			[]string{"a 1", "b.undo 2"}, []string{``, `a got 1; a done; b CancelToken`, `b cleaned 2; b done; result=1; ended`}},
		"what a cancelled branch throws or returns is dropped": {`export default async () => Promise.race([call("a"), call("b").catch(() => { throw new Error("dropped") }), call("c").catch(() => "dropped")])`,
			[]string{"a 1"}, []string{``, `a got 1; a done; b CancelToken; b done; c CancelToken; c done; result=1; ended`}},
		"a winner's error stands": {`export default async () => Promise.race([call("a"), call("b")])`,
			[]string{"a !\"bad\""}, []string{``, `a threw bad; a done; b CancelToken; b done; error="bad"; ended`}},
		"cancelers of a branch": {`const f = async () => { await null; const c = () => log("removed"); W.addCanceler(c); W.addCanceler((e: any) => log("canceler", e.name)); W.removeCanceler(c); await call("a") };
				export default async () => Promise.race([f(), call("b")])`,
			[]string{"b 1"}, []string{``, `b got 1; b done; canceler CancelToken; a CancelToken; a done; result=1; ended`}},
		"cancelers added before the first await": {`const helper = async () => { W.addCanceler(() => log("helper's")) };
				const f = async (name: string) => { const gone = () => log("removed"); W.addCanceler(gone); W.addCanceler((e: any) => log(name, "canceler", e.name)); await helper(); W.removeCanceler(gone); return await call(name) };
				export default async () => { W.addCanceler(() => log("main's")); log(await Promise.race([f("a"), f("b")])); const early = f("c"); await call("d"); log(await Promise.any([early, call("e")])); W.cancelScope(W.currentCancellationScope()!) }`,
			[]string{"a 1", "d 2", "e 3"}, []string{``, `a got 1; a done; b canceler CancelToken; helper's; b CancelToken; b done; 1`, `d got 2; d done`,
				`e got 3; e done; c canceler CancelToken; helper's; c CancelToken; c done; 3; main's; ended`}},
		"one canceler of two branches": {`const shared = () => log("shared"); const f = async (name: string) => { W.addCanceler(shared); if (name === "a") W.removeCanceler(shared); return await call(name) };
				export default async () => { const all = [f("a"), f("b")]; await Promise.race([Promise.all(all), call("c")]) }`,
			[]string{"c 1"}, []string{``, `c got 1; c done; shared; a CancelToken; a done; b CancelToken; b done; ended`}},
		"a scope stops what only somebody outside waits for": {`const name = (e: any) => e.name;
				export default async () => { const s = new W.CancellationScope(); const [sleep, ref, call] = W.withCancellationScope(s, () => [W.sleep(9), W.refId("r"), (async () => W.sleep(8))()]);
				const waits = [sleep, ref, call].map(async (p) => { try { await p } catch (e) { return name(e) } }); await W.refId("go"); W.cancelScope(s); return await Promise.all(waits) }`,
			[]string{"go 0"}, []string{`scheduler=9; scheduler=8`, `scheduler=0; scheduler=0; result=["CancelToken","CancelToken","CancelToken"]; ended`}},
		"a ref that both sides wait for stays": {`const tell = async (who: string, p: any) => { try { log(who, await p) } catch (e: any) { log(who, e.name) } };
				export default async () => { const s = new W.CancellationScope(); const r = W.withCancellationScope(s, () => { const r = W.refId("r"); tell("inside", r); return r }); tell("outside", r); await W.refId("go"); W.cancelScope(s) }`,
			[]string{"go 0", "r 1"}, []string{``, `inside CancelToken`, `outside 1; ended`}},
		"a branch that has not waited for an event yet": {`const f = async (name: string, before: any) => { await before; await null; return await call(name) };
				export default async () => { const r = await Promise.race([f("a", 1), f("b", Promise.resolve()), f("c", Promise.reject(0).catch(() => {})), call("d")]); return await Promise.race([call("e"), W.refId("go").then(() => f("f", 1))]) ?? r }`,
			[]string{"d 1", "e 2"}, []string{``, `d got 1; d done; a CancelToken; a done; b CancelToken; b done; c CancelToken; c done`, `e got 2; e done; result=2; ended`}},
		"a scope's cancellation reaches its children": {`export default async () => { const outer = new W.CancellationScope(); const p = W.withCancellationScope(outer, () => { const inner = new W.CancellationScope(); return W.withCancellationScope(inner, () => { W.addCanceler(() => log("canceler")); return call("deep") }) }); p.catch(() => {}); await call("go"); W.cancelScope(outer); await p.catch((e: any) => log(e.name)) }`,
			[]string{"go 0"}, []string{``, `go got 0; go done; canceler; deep CancelToken; deep done; CancelToken; ended`}},
		"a shield holds in the cleanup and around a combinator": {`export default async () => Promise.race([W.withCancellationScope(undefined, () => Promise.all([call("a"), call("b")])), call("c")])`,
			[]string{"c 1", "a 2", "b 3"}, []string{``, `c got 1; c done`, `a got 2; a done`, `b got 3; b done; result=1; ended`}},
		"branches that outlive main": {`export default async () => { call("a"); W.refId("nobody"); return "main" }`,
			[]string{"a 1"}, []string{``, `a got 1; a done; result="main"; ended`}},
		"a result without JSON text": {`export default async () => { await W.refId("r"); const o: any = {}; o.o = [o]; return o }`,
			[]string{"r 1"}, []string{``, `error="the result has no JSON text: TypeError: Converting circular structure to JSON"; ended`}},
		"topics added in code stay added": {`export default async () => { W.config.outputTopics.add("extra"); await W.refId("r"); W.output("x", "extra", "k"); W.ensureThread({ a: 1 }, "child") }`,
			[]string{"r 1"}, []string{``, `extra=x; resume=init:{"a":1}; ended`}},
		"an inbox keeps what comes while the thread waits elsewhere": {`export default async () => { const box = W.inbox<number>("m"); await call("busy"); const got = [await box.next(), await box.next()]; const r = await Promise.race([box.next(), call("other")]); return [got, r, box.size] }`,
			[]string{"m 1", "m 2", "busy 0", "other 7"}, []string{``, ``, ``, `busy got 0; busy done`, `other got 7; other done; result=[[1,2],7,0]; ended`}},
		"wait and suspend": {`export default async () => { const a = await W.wait({ then(ok: any) { ok(1) } } as any); const s: any = W.suspend("mine"); return [a, await s] }`,
			[]string{"mine 2"}, []string{``, `result=[1,2]; ended`}},
		"what nobody handles goes on to the error topic": {`export default async () => { (async () => { await W.refId("x"); throw new Error("alone") })(); return await W.refId("y") }`,
			[]string{"x 0", "y 1"}, []string{``, `error="Error: alone"`, `result=1; ended`}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := story(t, c.source, c.events...), strings.Join(c.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Module variables that functions reassign are each thread's own, also on one VM, and live in its continuation.
func TestModuleVariablesBelongToTheThread(t *testing.T) {
	b, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: "app.ts", Files: fstest.MapFS{"app.ts": {Data: []byte(`import * as W from "kont";
		let count = 0; var seen: string[] = []; const up = () => { count++; seen = [...seen, W.threadId] };
		export default async () => { up(); await W.refId("r"); up(); return [count, seen] }`)}}})
	if err != nil {
		t.Fatal(err)
	}
	p := jsvm.NewPool(b, jsvm.PoolOptions{VMsMax: 1})
	defer p.Close()
	continuations := map[string][]byte{}
	for i, thread := range []string{"a", "b", "c"} {
		e, err := p.Step(t.Context(), jsvm.Input{Thread: thread, StepID: uint64(i), Event: []byte("1")})
		if err != nil {
			t.Fatal(err)
		}
		continuations[thread] = e.Continuation
	}
	for i, thread := range []string{"b", "c", "a"} {
		e, err := p.Step(t.Context(), jsvm.Input{Thread: thread, StepID: uint64(10 + i), Continuation: continuations[thread], Event: []byte(`{"ref":"r"}`)})
		if err != nil {
			t.Fatal(err)
		}
		if want := `[2,["` + thread + `","` + thread + `"]]`; len(e.Outputs) != 1 || string(e.Outputs[0].Value) != want {
			t.Errorf("thread %s: %q, want %s", thread, e.Outputs, want)
		}
	}
}
