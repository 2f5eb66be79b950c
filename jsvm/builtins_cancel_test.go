package jsvm

import (
	"strings"
	"testing"
)

// byName settles the first pending ref with one of the names, in their order; a name with "!" fails it.
func byName(names ...string) answers {
	return func(pending []string, step int) (ref, value string, isError bool) {
		for len(names) > 0 {
			name, isError := strings.CutPrefix(names[0], "!")
			names = names[1:]
			for _, id := range pending {
				if strings.Contains(id, ":"+name+":") {
					return id, `"` + name + `"`, isError
				}
			}
		}
		return pending[0], "null", false
	}
}

var abortFixtures = map[string]struct {
	source  string
	answers string // the names of refs in the order in which they are settled
	want    string
}{
	"a timeout is a timer of the scheduler": {`
		const signal = AbortSignal.timeout(5000); signal.addEventListener("abort", () => log("aborted")); const both = AbortSignal.any([signal, new AbortController().signal]);
		log(await W.ref("x"), signal.aborted); log(await W.ref("y"), signal.aborted, signal.reason.name, signal.reason.code, both.aborted); try { both.throwIfAborted() } catch (e: any) { return e.message }`,
		"x sleep y",
		`> workflow-scheduler T|{"ref":"1:sleep:1"} 5000
# [1:sleep:1 1:x:2] <- 1:x:2 "x"
x false
# [1:sleep:1 2:y:1] <- 1:sleep:1 "sleep"
aborted
# [2:y:1] <- 2:y:1 "y"
y true TimeoutError 23 true
= "The operation was aborted due to timeout"`},
	"a timeout does not keep the thread": {`const signal = AbortSignal.timeout(10); signal.onabort = () => log("never"); await W.ref("x"); return signal.aborted`, "x",
		`> workflow-scheduler T|{"ref":"1:sleep:1"} 10
# [1:sleep:1 1:x:2] <- 1:x:2 "x"
= false`},
	"a timeout is stopped with its branch": {`
		const work = async () => { const signal = AbortSignal.timeout(10); signal.onabort = () => log("never"); await W.ref("work"); }; await Promise.race([work(), W.ref("first")]); return "done"`, "first",
		`> workflow-scheduler T|{"ref":"1:sleep:1"} 10
# [1:sleep:1 1:work:2 1:first:3] <- 1:first:3 "first"
> workflow-scheduler T|{"ref":"1:sleep:1"} 0
= "done"`},
	"cancelling a branch aborts its signal": {`
		const work = async (name: string) => { const signal = W.abortSignal(); log(signal === W.abortSignal(), signal.aborted); signal.onabort = () => log(name, "aborted", signal.reason instanceof W.CancelToken);
			try { return await W.ref(name) } catch (e) { log(name, e === signal.reason); throw e } finally { log(name, signal.aborted) } };
		return await Promise.race([work("a"), work("b")])`, "b",
		`true false
true false
# [1:a:1 1:b:2] <- 1:b:2 "b"
b false
a aborted true
a true
a true
= "b"`},
	"a scope's own signal": {`
		const scope = new W.CancellationScope(), signal = W.abortSignal(scope); signal.addEventListener("abort", () => log("aborted"));
		const p = W.withCancellationScope(scope, async () => { try { await W.ref("inner") } finally { log("cleaned") } }); p.catch(() => {}); await W.ref("go");
		log(signal.aborted, W.abortSignal().aborted); W.cancelScope(scope, "why"); log(signal.aborted, signal.reason.cause, W.abortSignal(scope).aborted, W.abortSignal(scope).reason === signal.reason); try { await p } catch (e: any) { return e.name }`, "go",
		`# [1:inner:1 1:go:2] <- 1:go:2 "go"
false false
aborted
true why true true
cleaned
= "CancelToken"`},
	"aborting a controller cancels what it is linked with": {`
		const c = new AbortController(), scope = new W.CancellationScope(); W.cancelOnAbort(c.signal, scope); W.cancelOnAbort(AbortSignal.any([c.signal]), scope);
		const p = W.withCancellationScope(scope, async () => { try { await W.ref("inner") } catch (e: any) { log(e instanceof W.CancelToken, e.cause); throw e } }); p.catch(() => {}); await W.ref("go");
		c.abort("reason"); log(scope.cancelled); try { await p } catch (e: any) { log(e.name) } const late = new W.CancellationScope(); W.cancelOnAbort(c.signal, late); log(late.cancelled);
		for (const f of [() => W.cancelOnAbort({} as any), () => W.cancelOnAbort(c.signal, {} as any), () => W.abortSignal({} as any), () => W.withCancellationScope(undefined, () => W.cancelOnAbort(c.signal))]) try { f(); log("fine") } catch (e: any) { log(e.name) }
		log(W.withCancellationScope(undefined, () => W.abortSignal()).aborted)`, "go",
		`# [1:inner:1 1:go:2] <- 1:go:2 "go"
true
true reason
CancelToken
true
TypeError
TypeError
TypeError
TypeError
false
= undefined`},
	"a branch cancels itself by a timeout": {`
		const within = async <T>(ms: number, fn: () => Promise<T>) => { const scope = new W.CancellationScope(); W.cancelOnAbort(AbortSignal.timeout(ms), scope); return await W.withCancellationScope(scope, fn) };
		try { return await within(50, async () => { try { return await W.ref("slow") } finally { log("cleanup"); await W.ref("undo") } }) } catch (e: any) { return [e.name, e.cause.name] }`, "sleep undo",
		`> workflow-scheduler T|{"ref":"1:sleep:1"} 50
# [1:sleep:1 1:slow:2] <- 1:sleep:1 "sleep"
cleanup
# [2:undo:1] <- 2:undo:1 "undo"
= ["CancelToken","TimeoutError"]`},
	"a listener that throws is reported": {`
		const c = new AbortController(); c.signal.addEventListener("abort", () => { throw new Error("in a listener") }); c.signal.addEventListener("abort", () => log("next")); await W.ref("x"); c.abort(); await W.ref("y"); return 1`, "x y",
		`# [1:x:1] <- 1:x:1 "x"
next
! Error: in a listener
# [2:y:1] <- 2:y:1 "y"
= 1`},
}

func TestAbortSignalsAndCancellation(t *testing.T) {
	for name, test := range abortFixtures {
		t.Run(name, func(t *testing.T) {
			b := compileFixture(t, `import * as W from "kont"; `+body(test.source))
			for _, perJob := range []bool{false, true} {
				o, _ := run(t, b, perJob, byName(strings.Fields(test.answers)...))
				var lines []string
				for _, line := range o.lines {
					if !strings.HasPrefix(line, "unhandled rejection") && !strings.HasPrefix(line, "Uncaught") {
						lines = append(lines, line)
					}
				}
				if got := strings.Join(lines, "\n"); got != test.want || o.end != "" {
					t.Errorf("restored %t: got\n%s\n%s\nwant\n%s", perJob, got, o.end, test.want)
				}
			}
		})
	}
}
