package runtime

import (
	"strings"
	"testing"
)

func TestOutcomeRecords(t *testing.T) {
	for name, c := range map[string]struct{ main, want string }{
		"undefined":            {`undefined`, ""},
		"null":                 {`null`, "workflow-result T = null"},
		"function":             {`() => 1`, ""},
		"object":               {`({ a: [1, undefined], toJSON() { return { a: this.a } } })`, `workflow-result T = {"a":[1,null]}`},
		"BigInt":               {`1n`, `workflow-error T = "the result has no JSON text: TypeError:`},
		"cycle":                {`(() => { const a = {}; a.a = a; return a })()`, `workflow-error T = "the result has no JSON text: TypeError:`},
		"thrown text":          {`(() => { throw "timeout" })()`, `workflow-error T = "timeout"`},
		"thrown error":         {`(() => { throw new RangeError("x") })()`, `workflow-error T = "RangeError: x"`},
		"thrown symbol":        {`(() => { throw Symbol("s") })()`, `workflow-error T = "Symbol(s)"`},
		"thrown without text":  {`(() => { throw Object.create(null) })()`, `workflow-error T = "a value that has no text"`},
		"rejected with object": {`Promise.reject({})`, `workflow-error T = "[object Object]"`},
		"promise of promise":   {`Promise.resolve(Promise.resolve(5))`, `workflow-result T = 5`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, program := range []string{`const main = () => ` + c.main, `const main = async$(function* () { yield 1; return ` + c.main + ` })`} {
				h := newHost(t)
				got := h.run(program)
				if first, ended := strings.CutSuffix(got, "ended"); !ended || !strings.HasPrefix(first, c.want) || (c.want == "") != (first == "") {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

func TestTopicsOfOutcomesCanBeConfigured(t *testing.T) {
	h := newHost(t)
	h.eval(`W.config.resultTopic = "r"; W.config.outputTopics.add("more"); rt.setOutputTopics(["a"])`)
	h.want(h.run(`const main = () => { W.outputJSON([W.threadId, W.stepId], "a"); W.output("x", "more", "k"); W.output("5", "workflow-scheduler", "k|v"); W.ensureThread({ a: 1 }, "child"); W.config.outputTopics.add("late"); W.output("", "late"); return 1 }`),
		`a T = ["T","1"]`, "more k = x", "workflow-scheduler k|v = 5", `workflow-resume child = init:{"a":1}`, "late T = ", "r T = 1", "ended")
	if got := h.eval(`JSON.stringify([rt.outputTopics(), [...W.config.outputTopics]])`).String(); got != `[["a","more"],["more","late"]]` {
		t.Error(got)
	}
	h.eval(`rt.begin("U", "2")`)
	if got := h.eval(`JSON.stringify([...W.config.outputTopics, W.config.errorTopic, W.threadId])`).String(); got != `["more","workflow-error","U"]` {
		t.Errorf("a fresh thread has the configuration of another: %s", got)
	}
}

func TestUndeclaredTopicFailsTheStepWhateverTheWorkflowDoes(t *testing.T) {
	h := newHost(t)
	h.eval(`rt.begin("T", "1"); rt.start(async$(function* () { try { W.output("x", "secret") } catch (e) { log(e.message) } yield 1; log("not reached") }), {}); rt.drain();
		try { rt.takeEffects() } catch (e) { log("fault", e.message) }`)
	h.want(h.lines(), `output topic "secret" is not declared: add it to manifest.outputTopics`, `fault output topic "secret" is not declared: add it to manifest.outputTopics`)
	h.eval(`rt.begin("T", "2")`)
	h.want(h.run(`const main = () => 1`), "workflow-result T = 1", "ended")
}

func TestWrongArgumentsThrow(t *testing.T) {
	h := newHost(t)
	h.want(h.run(`rt.setOutputTopics(["t"]); const main = () => { for (const f of [() => W.output(1, "t"), () => W.output("", 1), () => W.output("", "t", 1), () => W.outputJSON(undefined, "t"), () => W.outputJSON(1n, "t"), () => W.sleep(-1), () => W.sleep("1"),
		() => W.sleep(NaN), () => W.sleep(Infinity), () => W.refId(1), () => W.inbox(), () => W.cancelScope({}), () => W.withCancellationScope({}, () => 1), () => W.withCancellationScope(undefined), () => W.addCanceler(1)]) try { f(); log("no error", f) } catch (e) { if (!(e instanceof TypeError || e instanceof RangeError)) log(e) } }`), "ended")
	h = newHost(t)
	for _, source := range []string{`W.ref()`, `W.sleep(1)`, `W.inbox("x")`, `W.outputJSON(1, "workflow-resume")`} {
		if got := h.eval(`try { ` + source + `; "no error" } catch (e) { e.message }`).String(); !strings.Contains(got, "while the bundle loads") {
			t.Errorf("%s while loading: %s", source, got)
		}
	}
}

func TestAPendingRefThatNothingAwaitsKeepsNoThreadAlive(t *testing.T) {
	h := newHost(t)
	h.want(h.run(`const main = async$(function* () { W.ref("never"); W.inbox("box"); return 1 })`), "workflow-result T = 1", "ended")
	h = newHost(t)
	h.want(h.run(`const main = async$(function* () { W.refId("r").then(v => log("late", v)); async$(function* () { log("box", yield W.inbox("box").next()) })(); return 1 })`), "refs r box")
	h.want(h.event("2", "r", "2"), "late 2", "refs box")
	h.want(h.event("3", "box", "3"), "box 3", "workflow-result T = 1", "ended")
}

func TestUnhandledRejectionsOfBranches(t *testing.T) {
	h := newHost(t)
	h.want(h.run(`const fail = async$(function* (v) { yield W.refId("r" + v); throw v });
		const main = async$(function* () { fail(1); fail(2).catch(e => log("handled", e)); const p = fail(3); Promise.resolve().then(() => Promise.reject("soon")).catch(() => {}); yield W.refId("end") })`), "refs r1 r2 r3 end")
	h.want(h.event("2", "r1", "0"), `workflow-error T = "1"`, "refs r2 r3 end")
	h.want(h.event("3", "r2", "0"), "handled 2", "refs r3 end")
	h.want(h.event("4", "end", "0"), "refs r3")
	if len(h.logs) != 1 || h.logs[0] != "error: unhandled rejection: 1" {
		t.Errorf("logs %q", h.logs)
	}
}

func TestAnErrorEventMayComeBeforeTheAwait(t *testing.T) {
	h := newHost(t)
	h.run(`const main = async$(function* () { const a = W.refId("a"); yield W.refId("b"); try { yield a } catch (e) { return [e] } })`)
	h.want(h.event("2", "a", `!{"x":1}`), "refs b")
	h.want(h.event("3", "b", "0"), `workflow-result T = [{"x":1}]`, "ended")
}

func TestRefIdsCountFromOneInEachStep(t *testing.T) {
	h := newHost(t)
	h.want(h.run(`const main = async$(function* () { yield [W.ref(), W.ref("x"), W.sleep(1)][0]; yield W.suspend(); new W.Ref("own"); try { W.refId("own").then(); W.refId("own") } catch (e) { log(e.message) } })`),
		`workflow-scheduler T|{"ref":"1:sleep:3"} = 1`, "refs 1:ref:1 1:x:2 1:sleep:3")
	h.want(h.event("44", "1:ref:1", "0"), "refs 1:x:2 1:sleep:3 44:ref:1")
	h.want(h.event("45", "44:ref:1", "0"), "ref own is pending and awaited already", "refs 1:x:2 1:sleep:3 own")
}

func TestInboxLosesNothing(t *testing.T) {
	h := newHost(t)
	h.want(h.run(`const main = async$(function* () { const box = W.inbox("m"); log(W.inbox("m") === box, box.key); yield W.refId("busy"); log("size", box.size);
		for (let i = 0; i < 2; i++) log(yield box.next()); try { yield box.next() } catch (e) { log("error", e) }
		log(yield Promise.race([box.next(), W.refId("other")])); const it = box[Symbol.asyncIterator](); log(it[Symbol.asyncIterator]() === it, yield it.next()); log(yield it.return(5)); log(yield box.next()); box.close(); box.next() })`), `true T|{"ref":"m"}`, "refs m busy")
	h.want(h.event("2", "m", "1"), "refs m busy")
	h.event("3", "m", "2")
	h.event("4", "m", "!3")
	h.want(h.event("5", "busy", "0"), "size 3", "1", "2", "error 3", "refs m other")
	h.want(h.event("6", "other", `"o"`), "o", "refs m")
	h.want(h.event("7", "m", "4"), "true { value: 4, done: false }", "{ value: 5, done: true }", "refs m")
	h.want(h.event("8", "m", "6"), "6", `workflow-error T = "Error: inbox m is closed"`, "ended")
	h.want(h.event("9", "m", "6"), "unmatched")
}

func TestAThreadThatNothingCanResumeIsReported(t *testing.T) {
	h := newHost(t)
	h.want(h.run(`const main = () => new Promise(() => {})`), "")
	if len(h.logs) != 1 || !strings.Contains(h.logs[0], "no pending ref") {
		t.Errorf("logs %q", h.logs)
	}
}

func TestExportsAreChecked(t *testing.T) {
	h := newHost(t)
	for source, want := range map[string]string{
		`({ default: f })`:            "[]",
		`({ main: f, manifest: {} })`: "[]",
		`f`:                           "[]",
		`({ __esModule: true, default: f, manifest: { outputTopics: ["a", "b"] } })`: `["a","b"]`,
		`({})`:                       "the entry file exports neither `default` nor `main`",
		`undefined`:                  "the entry file exports nothing",
		`({ default: 1 })`:           "the export `default` is no function",
		`({ main: "x" })`:            "the export `main` is no function",
		`({ main: f, manifest: 1 })`: "the export `manifest` is no object",
		`({ main: f, manifest: { outputTopics: "a" } })`: "manifest.outputTopics is no array of topic names",
		`({ main: f, manifest: { outputTopics: [1] } })`: "manifest.outputTopics is no array of topic names",
	} {
		got := h.eval(`{ const f = () => 1; try { JSON.stringify(rt.exports(` + source + `).outputTopics) } catch (e) { e.message } }`).String()
		if got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}
