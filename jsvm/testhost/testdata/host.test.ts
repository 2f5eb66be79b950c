// What a host does by the workflow protocol.
import { test, workflow, assert } from "kont/test";
import { prices } from "./saga";

test("a thread asks, and ends when it has its replies", () => {
  const host = workflow("./saga.ts");
  const ann = host.start("ann", ["car", "hotel"]);
  assert.equal(ann.status, "running");
  assert.deepEqual(host.threads, ["ann"]);
  assert(ann.bytes > 0);
  assert.deepEqual(ann.refs, ["1:car:1", "1:hotel:2", "1:sleep:3"]);
  assert.deepEqual(ann.take("requests").map((r) => [r.key, r.value.kind, r.value.ref]), [["ann", "car", "1:car:1"], ["ann", "hotel", "1:hotel:2"]]);
  assert.deepEqual(host.timers, [{ thread: "ann", ref: "1:sleep:3", value: '{"ref":"1:sleep:3"}', due: host.now + 60_000 }]);
  host.advance(1500);
  ann.resume("car", { price: prices.car });
  assert.equal(ann.result, undefined);
  ann.resume("1:hotel:2", { price: prices.hotel });
  assert.equal(ann.status, "ended");
  assert.deepEqual(ann.result, { total: 80, at: "2020-01-01T00:00:01.500Z" });
  assert.equal(ann.error, undefined);
  assert.equal(ann.bytes, 0);
  assert.deepEqual(ann.refs, []);
  assert.deepEqual(host.threads, []);
  assert.deepEqual(host.timers, [], "the sleep of the branch that lost is cancelled");
  assert.deepEqual(host.logs, [{ level: "info", text: "car for 30", thread: "ann" }, { level: "info", text: "hotel for 50", thread: "ann" }]);
  assert.deepEqual(ann.take(), host.records("workflow-result"));
  assert.deepEqual(host.records().map((r) => r.time - Date.UTC(2020, 0)), [0, 0, 1500]);
});

test("time passes by advance and settle only", () => {
  const host = workflow("./saga.ts", { now: "2021-06-01T12:00:00Z" });
  const bob = host.start("bob");
  host.advance("59s");
  assert.equal(bob.status, "running");
  host.advance("1 second");
  assert.equal(bob.error, "Error: too late");
  assert.equal(bob.status, "ended");
  assert.equal(new Date(host.now).toISOString(), "2021-06-01T12:01:00.000Z");
  bob.start();
  assert.equal(bob.error, undefined, "it is the last run that counts");
  assert.equal(host.settle(), 1);
  assert.equal(bob.error, "Error: too late");
  assert.equal(new Date(host.now).toISOString(), "2021-06-01T12:02:00.000Z");
  assert.equal(host.settle(), 0);
});

test("timers fire in due order, and in the order of setting where that is the same", () => {
  const host = workflow("./timers.ts", { now: 1_000_000 });
  const t = host.start("t", [30, 10, 30, 20, 10]);
  assert.deepEqual(host.timers.map((timer) => timer.due - 1_000_000), [10, 10, 20, 30, 30]);
  assert.equal(host.settle(2), 2);
  assert.deepEqual(t.take("fired").map((r) => r.text), ["1 at 1000010", "4 at 1000010"]);
  host.advance(15);
  assert.equal(host.now, 1_000_025);
  assert.deepEqual(t.take("fired").map((r) => r.text), ["3 at 1000020"]);
  host.settle();
  assert.deepEqual(t.take("fired").map((r) => r.text), ["0 at 1000030", "2 at 1000030"]);
  assert.equal(t.status, "ended");
});

test("a scheduler record sets, replaces and cancels a timer", () => {
  const host = workflow("./version1.ts");
  const t = host.start("t");
  const key = 't|{"ref":"word","value":"tick"}';
  const set = (value: unknown) => host.send("workflow-scheduler", key, value);
  set(50);
  set("70");
  assert.deepEqual(host.timers.map((timer) => [timer.thread, timer.ref, timer.due - host.now]), [["t", "word", 70]]);
  for (const cancel of ["0", 0, "", null]) {
    set(20);
    assert.equal(host.timers.length, 1);
    set(cancel);
    assert.deepEqual(host.timers, []);
  }
  for (const refused of ["-1", "1.5", "soon", "1e3", " 5"]) set(refused);
  host.send("workflow-scheduler", "no bar", "5");
  host.send("workflow-scheduler", "|x", "5");
  assert.deepEqual(host.timers, []);
  assert.equal(host.logs.length, 7);
  assert.deepEqual(host.logs[0], { level: "warn", text: 'scheduler record rejected: "-1" is no number of milliseconds', thread: "t" });
  host.send("workflow-scheduler", "t|not a ref", "5");
  assert.deepEqual(host.timers.map((timer) => [timer.ref, timer.value]), [[undefined, "not a ref"]]);
  set(5);
  host.advance(5);
  assert.deepEqual(t.records("said").map((r) => r.text), ["one: tick"]);
  assert.deepEqual(host.unmatched.map((u) => [u.thread, u.event]), [["t", "not a ref"]]);
});

test("what fits nothing is unmatched, with the reason", () => {
  const host = workflow("./version1.ts");
  const t = host.start("t");
  const events: [string, string, string | null, RegExp][] = [
    ["workflow-resume", "t", "init:1", /^thread exists already: init is ignored$/],
    ["workflow-resume", "u", '{"ref":"word"}', /^no such thread$/],
    ["workflow-resume", "t", '{"ref":"other"}', /^ref "other" is not pending$/],
    ["workflow-resume", "t", "{", /^invalid JSON: /],
    ["workflow-resume", "t", "new:{", /^invalid JSON in the start's argument$/],
    ["workflow-resume", "t", "[1]", /^value is neither a start nor an object$/],
    ["workflow-resume", "t", '{"value":1}', /^object has no ref$/],
    ["workflow-resume", "t", '{"ref":1}', /^ref is no string$/],
    ["workflow-resume", "t", null, /^record has no value$/],
    ["workflow-resume", "", "new:1", /^record has an empty key$/],
  ];
  for (const [topic, key, event] of events) host.send(topic, key, event);
  assert.equal(host.unmatched.length, events.length);
  host.unmatched.forEach(({ thread, event, reason }, i) => {
    assert.deepEqual([thread, event], [events[i][1], events[i][2] ?? ""]);
    assert.match(reason, events[i][3]);
  });
  assert.equal(t.status, "running");
  assert.deepEqual(host.records(), []);
});

test("new replaces a thread that runs, init does not", () => {
  const host = workflow("./version1.ts");
  const t = host.start("t");
  t.init();
  assert.equal(host.unmatched.length, 1);
  const { bytes } = t;
  t.start();
  assert.equal(host.unmatched.length, 1);
  assert.equal(t.bytes, bytes);
  t.resume("word", "end");
  assert.equal(t.status, "ended");
  t.init();
  assert.equal(t.status, "running");
});

test("a result is a record, an error is another, and undefined is none", () => {
  const host = workflow("./thrower.ts");
  assert.equal(host.thread("text").status, "absent");
  assert.equal(host.start("text", "text").error, "no reason");
  assert.equal(host.start("error", "error").error, "TypeError: a reason");
  const nothing = host.start("nothing", "nothing").resume("go");
  assert.deepEqual([nothing.status, nothing.result, nothing.error, nothing.records()], ["ended", undefined, undefined, []]);
  assert.match(host.start("bigint", "bigint").error, /^the result has no JSON text: /);
  const aside = host.start("unhandled", "unhandled");
  assert.deepEqual([aside.status, aside.error], ["running", "Error: aside"]);
  aside.resume("go");
  assert.deepEqual([aside.status, aside.error, aside.result], ["ended", "Error: aside", "went on"]);
});

test("a value that cannot be kept is a fault with its path, and the thread stays as it was", () => {
  const host = workflow("./thrower.ts");
  const t = host.start("t", "proxy");
  assert.equal(t.status, "faulted");
  assert.match(t.fault!, /^thrower\.ts:9:63: "main\.held\.cart" is a Proxy, which cannot be kept across this await/);
  assert.equal(t.bytes, 0);
  assert.deepEqual(host.threads, ["t"]);
  t.retry();
  assert.equal(t.status, "faulted");
  t.start("text");
  assert.deepEqual([t.status, t.fault, t.error], ["ended", undefined, "no reason"]);
});

test("await is a place where a thread may be stored, unless one says otherwise", () => {
  for (const restore of ["await", "step", "never"] as const) {
    const t = workflow("./thrower.ts", { restore }).start("t", "once").resume("go");
    if (restore === "await") assert.match(t.fault!, /"main\.seen" is a Proxy[^]*\(this await is over within its step; with restore: "step", only/);
    else assert.deepEqual([t.status, t.result], ["ended", "object"]);
  }
});

test("a faulted thread keeps its events for a retry", () => {
  const host = workflow("./thrower.ts");
  const t = host.start("t", "undeclared").resume("go");
  assert.match(t.fault!, /output topic "nowhere" is not declared/);
  assert.deepEqual(t.refs, ["1:go:1"]);
  t.resume("go").init("x").send('{"ref":"later"}');
  assert.deepEqual(host.unmatched.map((u) => u.reason), ["thread exists already: init is ignored"]);
  t.retry();
  assert.match(t.fault!, /nowhere/);
  assert.throws(() => host.thread("u").retry(), 'thread "u" is not faulted, it is absent');
});

test("threads exchange records in one order", () => {
  const host = workflow("./peer.ts");
  host.start("a", { peer: "b", count: 1000, begins: true });
  assert.deepEqual([host.thread("a").result, host.thread("b").result], [500, 500]);
  assert.deepEqual(host.records().map((r) => r.key), ["b", "a"]);
  assert.deepEqual(host.unmatched, []);
});

test("a running thread stays on its bundle, a new one takes the newest", () => {
  const host = workflow("./version1.ts");
  const old = host.start("old");
  host.deploy("./version2.ts");
  const young = host.start("young");
  for (const t of [old, young]) t.resume("word", "hi").resume("word", "end");
  assert.deepEqual(host.records("said").map((r) => r.text), ["one: hi", "one: end", "two: hi", "two: end"]);
  old.start();
  old.resume("word", "again");
  assert.equal(host.take("said").at(-1)!.text, "two: again");
});

test("applications on two topics are apart", () => {
  const host = workflow("./version1.ts", { topic: "first" });
  host.deploy("./timers.ts", { topic: "second" });
  const one = host.start("t");
  const two = host.start("t", [5], { topic: "second" });
  assert.deepEqual([one.refs, two.refs], [["word"], ["tick"]]);
  host.send("second-scheduler", 't|{"ref":"tick","value":"early"}', 1);
  host.settle();
  assert.deepEqual(two.records("fired").map((r) => r.text), [`early at ${host.now - 4}`]);
  host.send("first", "t", { ref: "word", value: "end" });
  assert.deepEqual([one.status, two.status], ["ended", "ended"]);
  assert.throws(() => host.thread("t", { topic: "third" }), 'nothing is deployed on topic "third", only on first, second');
  assert.throws(() => host.send("workflow-resume", "t", "new:1"), 'there is no topic "workflow-resume"');
  assert.throws(() => host.deploy("./timers.ts", { topic: "workflow-scheduler" }), "it has a meaning of its own");
  assert.throws(() => host.deploy("./timers.ts", { topic: "a b" }), "topic");
});

test("take gives each record once, for each reader", () => {
  const host = workflow("./version1.ts");
  const t = host.start("t");
  t.resume("word", "a");
  assert.deepEqual(host.take("said").map((r) => r.text), ["one: a"]);
  assert.deepEqual(t.take().map((r) => r.text), ["one: a"]);
  assert.deepEqual(host.take("said"), []);
  t.resume("word", "b");
  assert.deepEqual(host.take().map((r) => r.text), ["one: b"]);
  assert.deepEqual(host.take("said"), []);
  assert.deepEqual(t.take("said").map((r) => r.text), ["one: b"]);
  assert.deepEqual(host.records().length, 2);
});

test("refs are named by id, or by a name that one has", () => {
  const host = workflow("./saga.ts");
  const t = host.start("t", ["car", "car", "hotel"]);
  assert.throws(() => t.resume("car"), '2 pending refs of thread "t" are named "car": 1:car:1, 1:car:2; name one by its id');
  assert.throws(() => t.resume("plane"), 'thread "t" has no pending ref "plane": pending are 1:car:1, 1:car:2, 1:hotel:3, 1:sleep:4');
  t.reject("hotel", { reason: "full" });
  assert.equal(t.error, "[object Object]");
  t.resume("1:car:1", 1);
  assert.deepEqual(host.unmatched.map((u) => u.reason), ["no such thread"]);
  assert.throws(() => t.resume("car"), "the thread is ended");
  assert.throws(() => t.reject("car", new Error("x")), /carries JSON/);
  assert.throws(() => t.resume("car", 1n), /no pending ref|no JSON/);
});

test("durations are numbers or texts", () => {
  const host = workflow("./version1.ts");
  const after = (duration: any) => { const { now } = host; host.advance(duration); return host.now - now; };
  assert.deepEqual(["250ms", "1h 30m", "3 days", "1 day, 2 hours and 3 min", "0.5s", " 2 w ", 7.9, 0].map(after),
    [250, 5_400_000, 259_200_000, 93_780_000, 500, 1_209_600_000, 7, 0]);
  for (const refused of ["", "3", "soon", "1 fortnight", "-1s", -1, NaN, Infinity]) assert.throws(() => host.advance(refused as any), /is no (duration|number of milliseconds)/);
});

test("wrong arguments are told", () => {
  assert.throws(() => workflow("./nowhere.ts"), /nowhere\.ts: cannot be read: no such file/);
  assert.throws(() => workflow("./saga.ts", { restore: "always" as any }), 'restore is "always"');
  assert.throws(() => workflow("./saga.ts", { now: "noon" }), 'now is no time: "noon"');
  assert.throws(() => workflow("./saga.ts", { topic: "a b" }), "topic");
  const host = workflow("./saga.ts");
  assert.throws(() => host.send("workflow-resume", "t", undefined), "the value is undefined");
  assert.throws(() => host.send("nowhere", "t", "x"), 'there is no topic "nowhere"');
  assert.throws(() => host.start("t", () => {}), "has no JSON text");
  assert.throws(() => (host as any).start(1), "the key is no text: 1");
});
