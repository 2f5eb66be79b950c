import { assert, test, workflow } from "kont/test";

test("asks with the id of a ref, and returns the answer to it", () => {
  const ann = workflow("./index.ts").start("ann", { name: "Ann" });
  const [question] = ann.take("questions");
  assert.deepEqual(question.value, { text: "What do you like, Ann?", ref: ann.refs[0] });
  assert.equal(ann.status, "running");

  ann.resume(question.value.ref, "trains");
  assert.equal(ann.result, "Ann likes trains");
  assert.equal(ann.status, "ended");
});

test("waits for a year", () => {
  const host = workflow("./index.ts");
  const ann = host.start("ann", { name: "Ann" });
  host.advance("365 days");
  ann.resume("answer", "trains");
  assert.equal(ann.result, "Ann likes trains");
});

test("takes one answer, and only to its own question", () => {
  const host = workflow("./index.ts");
  const ann = host.start("ann", { name: "Ann" });
  const [ref] = ann.refs;
  ann.send(`{"ref":"another","value":"boats"}`);
  assert.equal(ann.status, "running");
  ann.resume(ref, "trains");
  ann.send(`{"ref":"${ref}","value":"planes"}`);
  assert.equal(ann.result, "Ann likes trains");
  assert.equal(host.unmatched.length, 2);
});

test("fails when the answer is an error", () => {
  const ann = workflow("./index.ts").start("ann", { name: "Ann" });
  ann.reject("answer", "none of your business");
  assert.equal(ann.error, "none of your business");
  assert.equal(ann.result, undefined);
});
