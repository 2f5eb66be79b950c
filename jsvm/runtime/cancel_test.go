package runtime

import "testing"

// The workflows of these tests share call: it asks a service, and logs how its await ended.
const call = `rt.setOutputTopics(["ask"]);
	const call = async$(function* (name, cleanup) {
		try { const v = yield W.refId(name); log(name, "got", v); return v }
		catch (e) { log(name, e instanceof W.CancelToken ? e.name : "threw " + e); if (cleanup) { log(name, "cleaned", yield W.refId(name + ".undo")) } throw e }
		finally { log(name, "done") }
	});
`

func TestRaceCancelsTheOthersWhereTheyAreBlocked(t *testing.T) {
	h := newHost(t)
	h.want(h.run(call+`const main = async$(function* () { return yield Promise.race([call("a"), call("b"), W.refId("c")]) })`), "refs a b c")
	h.want(h.event("2", "b", "7"), "b got 7", "b done", "a CancelToken", "a done", "workflow-result T = 7", "ended")
}

func TestCleanupMayAwaitAndTheCombinatorWaitsForIt(t *testing.T) {
	h := newHost(t)
	h.want(h.run(call+`const main = async$(function* () { try { return yield Promise.race([call("a", true), call("b")]) } finally { log("main goes on") } })`), "refs a b")
	h.want(h.event("2", "b", "1"), "b got 1", "b done", "a CancelToken", "refs a.undo")
	h.want(h.event("3", "a", "1"), "unmatched")
	h.want(h.event("4", "a.undo", `"u"`), "a cleaned u", "a done", "main goes on", "workflow-result T = 1", "ended")
}

func TestAllCancelsTheOthersWhenOneRejects(t *testing.T) {
	h := newHost(t)
	h.want(h.run(call+`const main = async$(function* () { return yield Promise.all([call("a"), call("b"), call("c")]) })`), "refs a b c")
	h.want(h.event("2", "a", "1"), "a got 1", "a done", "refs b c")
	h.want(h.event("3", "b", `!"no"`), "b threw no", "b done", "c CancelToken", "c done", `workflow-error T = "no"`, "ended")
}

func TestAnyAndAllSettled(t *testing.T) {
	h := newHost(t)
	h.want(h.run(call+`const main = async$(function* () { return [yield Promise.any([call("a"), call("b"), call("c")]), yield Promise.allSettled([call("d"), call("e")])] })`), "refs a b c")
	h.want(h.event("2", "a", `!"no"`), "a threw no", "a done", "refs b c")
	h.want(h.event("3", "c", `3`), "c got 3", "c done", "b CancelToken", "b done", "refs d e")
	h.want(h.event("4", "d", `!4`), "d threw 4", "d done", "refs e")
	h.want(h.event("5", "e", `5`), "e got 5", "e done", `workflow-result T = [3,[{"status":"rejected","reason":4},{"status":"fulfilled","value":5}]]`, "ended")
}

func TestSleepIsStoppedWithItsBranch(t *testing.T) {
	h := newHost(t)
	program := call + `const main = async$(function* () { return yield Promise.race([call("a"), W.sleep(50.5).then(() => { throw "timeout" })]) })`
	h.want(h.run(program), `workflow-scheduler T|{"ref":"1:sleep:1"} = 51`, "refs a 1:sleep:1")
	h.want(h.event("2", "a", "1"), "a got 1", "a done", `workflow-scheduler T|{"ref":"1:sleep:1"} = 0`, "workflow-result T = 1", "ended")
	h = newHost(t)
	h.run(program)
	h.want(h.event("2", "1:sleep:1", "undefined"), "a CancelToken", "a done", `workflow-error T = "timeout"`, "ended")
	h = newHost(t)
	h.want(h.run(call+`const branch = async$(function* () { const t = W.sleep(0); yield call("x"); yield t }); const main = async$(function* () { return yield Promise.race([branch(), call("a")]) })`),
		`workflow-scheduler T|{"ref":"1:sleep:1"} = 1`, "refs 1:sleep:1 x a")
	h.want(h.event("2", "a", "1"), "a got 1", "a done", "x CancelToken", "x done", `workflow-scheduler T|{"ref":"1:sleep:1"} = 0`, "workflow-result T = 1", "ended")
}

// An outer cancellation reaches a combinator inside the branch, and its branches.
func TestCancellationReachesChildren(t *testing.T) {
	h := newHost(t)
	h.want(h.run(call+`const trip = async$(function* () { try { return yield Promise.all([call("car", true), Promise.race([call("h1"), call("h2")]), call("flight")]) } catch (e) { log("trip", e.name); throw e } });
		const main = async$(function* () { return yield Promise.race([trip(), call("timer")]) })`), "refs car h1 h2 flight timer")
	h.want(h.event("2", "timer", "0"), "timer got 0", "timer done", "car CancelToken", "h1 CancelToken", "h1 done", "h2 CancelToken", "h2 done", "flight CancelToken", "flight done", "refs car.undo")
	h.want(h.event("3", "car.undo", "1"), "car cleaned 1", "car done", "trip CancelToken", "workflow-result T = 0", "ended")
}

// A timeout that strikes while a branch already cleans up must not cut the cleanup short.
func TestCleanupIsNotInterruptedByAnOuterCancellation(t *testing.T) {
	h := newHost(t)
	h.run(call + `const main = async$(function* () { return yield Promise.race([Promise.all([call("a", true), call("b")]), call("timer")]) })`)
	h.want(h.event("2", "b", `!"no"`), "b threw no", "b done", "a CancelToken", "refs timer a.undo")
	h.want(h.event("3", "timer", "9"), "timer got 9", "timer done", "refs a.undo")
	h.want(h.event("4", "a.undo", "1"), "a cleaned 1", "a done", "workflow-result T = 9", "ended")
}

func TestEveryAwaitOfABranchIsCancelled(t *testing.T) {
	h := newHost(t)
	h.run(call + `const branch = async$(function* () { const background = call("bg", true); background.catch(() => {}); yield call("front"); yield background });
		const main = async$(function* () { return yield Promise.race([branch(), call("a")]) })`)
	h.want(h.event("2", "a", "1"), "a got 1", "a done", "bg CancelToken", "front CancelToken", "front done", "refs bg.undo")
	h.want(h.event("3", "bg.undo", "1"), "bg cleaned 1", "bg done", "workflow-result T = 1", "ended")
}

// A value that was received in the same step is not lost: the call goes on with it, and the next await that blocks throws.
func TestACallThatIsNotBlockedGetsItsTokenAtTheNextAwait(t *testing.T) {
	h := newHost(t)
	h.want(h.run(call+`const shared = W => null; const both = async$(function* (r, name) { const v = yield r; log(name, "has", v); try { return yield call(name) } catch (e) { log(name, "then", e.name) } });
		const loser = async$(function* (r) { throw yield r });
		const main = async$(function* () { const r = W.refId("r"); return yield Promise.all([loser(r), both(r, "x"), both(r.then(v => v + 1), "y")]) })`), "refs r")
	h.want(h.event("2", "r", "1"), "x has 1", "y has 2", "x CancelToken", "x done", "y CancelToken", "y done", "x then CancelToken", "y then CancelToken", "workflow-error T = \"1\"", "ended")
}

func TestShieldedPartsAreNotCancelled(t *testing.T) {
	h := newHost(t)
	h.run(call + `const branch = async$(function* () { const v = yield W.withCancellationScope(undefined, () => call("safe")); log("safe part", v); yield call("next") });
		const main = async$(function* () { return yield Promise.race([branch(), call("a")]) })`)
	h.want(h.event("2", "a", "1"), "a got 1", "a done", "refs safe")
	h.want(h.event("3", "safe", "2"), "safe got 2", "safe done", "safe part 2", "next CancelToken", "next done", "workflow-result T = 1", "ended")
}

func TestExplicitScopes(t *testing.T) {
	h := newHost(t)
	h.run(call + `const main = async$(function* () {
		const scope = new W.CancellationScope(); const outer = W.currentCancellationScope();
		W.withCancellationScope(scope, () => { log(W.currentCancellationScope() === scope); W.addCanceler(e => log("canceler", e.name)); const c = () => log("never"); W.addCanceler(c); W.removeCanceler(c) });
		log(W.currentCancellationScope() === outer, scope.cancelled);
		const inside = W.withCancellationScope(scope, () => call("in")), out = call("out");
		yield W.refId("go"); W.cancelScope(scope); W.cancelScope(scope); log(scope.cancelled);
		const [a, b] = yield Promise.allSettled([inside, out]); return [a.status, b.value] })`)
	h.want(h.lines(), "")
	h.want(h.event("2", "go", "0"), "canceler CancelToken", "true", "in CancelToken", "in done", "refs out")
	h.want(h.event("3", "out", "3"), "out got 3", "out done", `workflow-result T = ["rejected",3]`, "ended")
}

func TestSharedWorkSurvivesABranchThatOnlyWaitedForIt(t *testing.T) {
	h := newHost(t)
	h.run(call + `const user = async$(function* (name, p) { try { log(name, "has", yield p) } catch (e) { log(name, e.name) } });
		const main = async$(function* () { const p = call("shared"), r = W.refId("r"); const own = user("main", p), own2 = user("main2", r);
			yield Promise.race([user("branch", p), user("branch2", r), call("a")]); yield own; yield own2 })`)
	h.want(h.event("2", "a", "1"), "a got 1", "a done", "branch CancelToken", "branch2 CancelToken", "refs shared r")
	h.want(h.event("3", "shared", "5"), "shared got 5", "shared done", "main has 5", "refs r")
	h.want(h.event("4", "r", "6"), "main2 has 6", "ended")
}

// new Promise(...) belongs to whoever can settle it: the await throws, the promise stays, and a combinator lets go of it.
func TestForeignPromises(t *testing.T) {
	h := newHost(t)
	h.run(call + `let open; const gate = new Promise(r => { open = r }); gate.then(v => log("gate", v));
		const waiter = async$(function* () { try { yield gate } catch (e) { log("waiter", e.name) } });
		const main = async$(function* () { yield Promise.race([waiter(), gate, gate.then(() => 0), call("a")]); open(5); yield null; yield null })`)
	h.want(h.event("2", "a", "1"), "a got 1", "a done", "waiter CancelToken", "gate 5", "ended")
}

func TestThenChainsAreBranches(t *testing.T) {
	h := newHost(t)
	h.run(call + `const main = async$(function* () { return yield Promise.race([call("a").then(() => call("b")).finally(() => log("fin")).catch(e => log("caught", e.name)), W.refId("r").then(() => W.refId("s")), call("c")]) })`)
	h.want(h.event("2", "r", "1"), "refs a c s")
	h.want(h.event("3", "a", "1"), "a got 1", "a done", "refs c s b")
	h.want(h.event("4", "c", "1"), "c got 1", "c done", "b CancelToken", "b done", "fin", "caught CancelToken", "workflow-result T = 1", "ended")
}

func TestABranchMaySwallowTheTokenAndGoOn(t *testing.T) {
	h := newHost(t)
	h.run(call + `const stubborn = async$(function* () { try { yield call("a") } catch { yield call("b") } log("stubborn ends"); return "dropped" });
		const main = async$(function* () { return yield Promise.race([stubborn(), call("c")]) })`)
	h.want(h.event("2", "c", "1"), "c got 1", "c done", "a CancelToken", "a done", "refs b")
	h.want(h.event("3", "b", "2"), "b got 2", "b done", "stubborn ends", "workflow-result T = 1", "ended")
}

func TestACancelledScopeCanBeCancelledFromInside(t *testing.T) {
	h := newHost(t)
	h.want(h.run(call+`const main = async$(function* () { W.cancelScope(W.currentCancellationScope()); log("still runs"); try { yield call("a") } catch (e) { log("main", e.name) } return yield call("b") })`),
		"still runs", "a CancelToken", "a done", "main CancelToken", "refs b")
	h.want(h.event("2", "b", "2"), "b got 2", "b done", "workflow-result T = 2", "ended")
}

// 10,000 rounds of a race with a timer must leave nothing behind.
func TestALoopOfRacesLeavesNothingBehind(t *testing.T) {
	h := newHost(t)
	h.run(call + `const never = new Promise(() => {}); const round = async$(function* (i) { yield Promise.race([never, W.refId("tick" + i), W.sleep(5)]) });
		const main = async$(function* () { for (let i = 0; ; i++) yield round(i) })`)
	h.eval(`for (let i = 0; i < 2000; i++) { rt.attach(rt.thread, "T", String(i + 2)); if (!rt.settle("tick" + i, false, 1)) throw "unmatched"; rt.drain(); if (rt.takeEffects().outputs.length !== 2) throw "outputs" }`)
	if got := h.eval(`const s = never[rt.symPromise].reactions; JSON.stringify([s.length === undefined ? 1 : s.length, rt.thread.refs.size, rt.thread.blocked.size, (rt.quiesce(), rt.thread.aside)])`).String(); got != "[1,2,2,null]" {
		t.Errorf("reactions, refs, blocked, jobs, rejected: %s", got)
	}
}
