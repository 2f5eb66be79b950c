import { assert, test, workflow } from "kont/test";
import type { Decision, Expense, Notice } from "./index";

const INTERVAL = 1000;

/** An expense, and the people who are asked. */
function startExpense(more: Partial<Expense> = {}) {
  const host = workflow("./index.ts");
  const claim = host.start("taxi", {
    employee: "Ann", purpose: "taxi", amount: 30, approvers: ["lead", "head"], reminders: 2, interval: INTERVAL, ...more,
  });
  const notices = (): Notice[] => claim.take("approvals").map((record) => record.value);
  return {
    host,
    claim,
    notices,
    /** What approvers have been told since the last look. */
    told: () => notices().map(({ action, approver }) => `${action} ${approver}`),
    /** Sends a decision, whether anybody waits for it or not. */
    decide: (ref: string, decision: Decision) => claim.send(JSON.stringify({ ref, value: decision })),
  };
}

test("asks the first approver, with the id of a ref", () => {
  const { claim, notices } = startExpense();
  assert.deepEqual(notices(), [{ action: "decide", approver: "lead", ref: claim.refs[0], employee: "Ann", purpose: "taxi", amount: 30 }]);
});

test("is approved", () => {
  const { host, claim } = startExpense();
  claim.resume("decision", { approved: true });
  assert.deepEqual(claim.result, { status: "approved", approver: "lead" });
  assert.equal(claim.status, "ended");
  assert.deepEqual(host.timers, []);
});

test("is rejected, with a comment", () => {
  const { host, claim } = startExpense();
  claim.resume("decision", { approved: false, comment: "take the bus" });
  assert.deepEqual(claim.result, { status: "rejected", approver: "lead", comment: "take the bus" });
  assert.deepEqual(host.timers, []);
});

test("takes nothing but a clear decision", () => {
  for (const decision of [undefined, null, true, {}, { approved: "no" }]) {
    const { claim } = startExpense();
    claim.resume("decision", decision);
    assert.equal(claim.error, `Error: ${JSON.stringify(decision)} is no decision`);
    assert.equal(claim.result, undefined);
  }
});

test("reminds at intervals, and can be decided after each reminder", () => {
  for (const reminders of [0, 1, 2, 3]) {
    const { host, claim, notices } = startExpense({ reminders: 3 });
    const [{ ref }] = notices();
    for (let reminder = 1; reminder <= reminders; reminder++) {
      host.advance(INTERVAL - 1);
      assert.deepEqual(notices(), []);
      host.advance(1);
      assert.deepEqual(notices(), [{ action: "remind", approver: "lead", ref, reminder }]);
    }
    claim.resume(ref, { approved: true });
    assert.equal(claim.result.status, "approved");
    assert.deepEqual(host.timers, []);
    assert.deepEqual(notices(), []);
  }
});

test("reminds twice, a day apart, if nothing else is said", () => {
  const host = workflow("./index.ts");
  const claim = host.start("taxi", { employee: "Ann", purpose: "taxi", amount: 30, approvers: ["lead"] });
  const start = host.now;
  host.settle();
  const day = 24 * 60 * 60 * 1000;
  assert.deepEqual(
    claim.records("approvals").map(({ value, time }) => [value.action, (time - start) / day]),
    [["decide", 0], ["remind", 1], ["remind", 2], ["withdraw", 3]],
  );
});

test("goes to the next approver, who gets a ref and reminders of their own", () => {
  const { host, claim, notices, told } = startExpense();
  const [{ ref }] = notices();
  host.advance(2 * INTERVAL);
  assert.deepEqual(told(), ["remind lead", "remind lead"]);
  host.advance(INTERVAL);
  const [withdrawal, request] = notices();
  assert.deepEqual(withdrawal, { action: "withdraw", approver: "lead", ref });
  assert.deepEqual(request, { action: "decide", approver: "head", ref: claim.refs[0], employee: "Ann", purpose: "taxi", amount: 30 });
  assert.notEqual(request.ref, ref);
  host.advance(INTERVAL);
  assert.deepEqual(notices(), [{ action: "remind", approver: "head", ref: request.ref, reminder: 1 }]);
  claim.resume(request.ref, { approved: true });
  assert.deepEqual(claim.result, { status: "approved", approver: "head" });
});

test("expires when nobody has decided", () => {
  const { host, claim, told } = startExpense({ reminders: 1 });
  host.advance(4 * INTERVAL - 1);
  assert.equal(claim.status, "running");
  host.advance(1);
  assert.deepEqual(claim.result, { status: "expired" });
  assert.equal(claim.status, "ended");
  assert.deepEqual(told(), ["decide lead", "remind lead", "withdraw lead", "decide head", "remind head", "withdraw head"]);
  assert.deepEqual(host.timers, []);
});

test("without reminders there is one interval for each", () => {
  const { host, claim, told } = startExpense({ reminders: 0 });
  assert.equal(host.settle(), 2);
  assert.deepEqual(told(), ["decide lead", "withdraw lead", "decide head", "withdraw head"]);
  assert.equal(claim.result.status, "expired");
});

test("a second decision is unmatched", () => {
  const { host, claim, notices, decide } = startExpense();
  const [{ ref }] = notices();
  decide(ref, { approved: true });
  decide(ref, { approved: false });
  assert.equal(claim.result.status, "approved");
  assert.deepEqual(host.unmatched.map(({ event }) => JSON.parse(event)), [{ ref, value: { approved: false } }]);
});

test("a decision comes just before a reminder: the timer that fires nonetheless is late", () => {
  const { host, claim, notices, told, decide } = startExpense();
  const [{ ref }] = notices();
  const { value } = host.timers[0];
  decide(ref, { approved: true });
  claim.send(value);
  assert.equal(claim.result.status, "approved");
  assert.deepEqual(told(), []);
  assert.equal(host.unmatched.length, 1);
});

test("a decision comes just after a reminder: it counts", () => {
  const { host, claim, notices, decide } = startExpense();
  const [{ ref }] = notices();
  host.advance(INTERVAL);
  decide(ref, { approved: true });
  assert.equal(claim.result.status, "approved");
  assert.equal(host.unmatched.length, 0);
});

test("a decision comes just before the next approver is asked: it counts, and nobody else is asked", () => {
  const { host, claim, notices, told, decide } = startExpense({ reminders: 0 });
  const [{ ref }] = notices();
  const { value } = host.timers[0];
  decide(ref, { approved: false });
  claim.send(value);
  assert.deepEqual(claim.result, { status: "rejected", approver: "lead" });
  assert.deepEqual(told(), []);
  assert.equal(host.unmatched.length, 1);
});

test("a decision comes just after the next approver was asked: it is late", () => {
  const { host, claim, notices, decide } = startExpense({ reminders: 0 });
  const [{ ref }] = notices();
  host.advance(INTERVAL);
  decide(ref, { approved: true });
  assert.equal(claim.status, "running");
  assert.equal(host.unmatched.length, 1);
  claim.resume("decision", { approved: false });
  assert.deepEqual(claim.result, { status: "rejected", approver: "head" });
});

test("a decision comes just before the end: it counts", () => {
  const { host, claim, notices, decide } = startExpense({ approvers: ["lead"], reminders: 0 });
  const [{ ref }] = notices();
  host.advance(INTERVAL - 1);
  decide(ref, { approved: true });
  host.advance(1);
  assert.equal(claim.result.status, "approved");
});

test("a decision comes just after the end: it is late", () => {
  const { host, claim, notices, decide } = startExpense({ approvers: ["lead"], reminders: 0 });
  const [{ ref }] = notices();
  host.advance(INTERVAL);
  decide(ref, { approved: true });
  assert.deepEqual(claim.result, { status: "expired" });
  assert.equal(host.unmatched.length, 1);
});
