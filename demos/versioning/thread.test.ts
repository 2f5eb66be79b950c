// A thread hands off. What else happens at the same time happens before, after, and between the hand-off and the successor's start.

import { assert, test } from "kont/test";
import { Fleet } from "./testing/fleet";
import { HAND_OFF } from "./messages";
import type { Letter } from "./testing/together";

function counters(...versions: string[]): Fleet {
  const fleet = new Fleet("counters");
  for (const version of versions) fleet.deploy(`./counter/${version}.ts`);
  return fleet;
}

/** A counter of 1.0 that has the sum 5, and 1.1 deployed. */
function counter(): Fleet {
  const fleet = counters("v1.0");
  fleet.start("ann", "1.0.0", { from: 5 });
  fleet.deploy("./counter/v1.1.ts");
  return fleet;
}

test("a thread stays on its version until it is asked", () => {
  const fleet = counter();
  fleet.thread("ann").resume("numbers", 1);
  fleet.thread("ann").resume("numbers", "sum");
  assert.equal(fleet.thread("ann").result, 6);
});

test("a thread that hands off goes on with its state, under its key", () => {
  const fleet = counter();
  fleet.thread("ann").resume("numbers", 1);
  fleet.askToHandOff("ann", "1.1.0");
  assert.deepEqual(fleet.published(), [{ is: "started", thread: "ann", version: "1.1.0", from: "1.0.0" }]);
  fleet.thread("ann").resume("numbers", 2);
  fleet.thread("ann").resume("numbers", "sum");
  assert.deepEqual(fleet.thread("ann").result, { sum: 8, count: 1, isCountComplete: false });
  assert.equal(fleet.thread("ann").status, "ended");
  assert.deepEqual(fleet.host.unmatched, []);
});

test("a new thread runs the newest version, also with an argument for an older one", () => {
  const fleet = counters("v1.0", "v1.1");
  fleet.start("ann", "1.0.0", { from: 5 });
  fleet.thread("ann").resume("numbers", "sum");
  assert.deepEqual(fleet.thread("ann").result, { sum: 5, count: 0, isCountComplete: true });
});

test("a start that the newest version does not read is an error record", () => {
  const fleet = counters("v1.1");
  for (const [version, error] of [
    ["2.0.0", "Error: version 1.1.0 does not read what is for 2.0.0"],
    ["1.2.0", "Error: version 1.1.0 does not read what is for 1.2.0"],
    ["latest", 'Error: "latest" is no version, such as "1.2.3"'],
  ]) {
    const thread = fleet.start("ann", version, {});
    assert.equal(thread.error, error);
    assert.equal(thread.status, "ended");
  }
  for (const argument of [undefined, null, {}, 7, "1.0.0"]) {
    assert.equal(fleet.host.start("ann", argument, { topic: "counters" }).status, "ended");
  }
  assert.deepEqual(fleet.host.threads, ["counters"]); // the manager, which has heard of none
});

// All orders of a request to hand off, two numbers, and the question for the sum behind them.
for (let place = 0; place <= 3; place++) {
  test(`nothing is lost, repeated or overtaken when the request is number ${place + 1} of what comes at once`, () => {
    const fleet = counter();
    const events = [fleet.letter("ann", "numbers", 30), fleet.letter("ann", "numbers", 7), fleet.letter("ann", "numbers", "sum")];
    events.splice(place, 0, fleet.letter("ann", HAND_OFF, { to: "1.1.0" }));
    fleet.together(...events);
    const { result, status } = fleet.thread("ann");
    assert.equal(status, "ended");
    if (place === 3) {
      // It has ended before the request comes.
      assert.equal(result, 42);
      assert.deepEqual(fleet.host.unmatched.map(({ event }) => event), [JSON.stringify({ ref: HAND_OFF, value: { to: "1.1.0" } })]);
    } else {
      assert.deepEqual(result, { sum: 42, count: 2 - place, isCountComplete: false });
      assert.deepEqual(fleet.host.unmatched, []);
    }
  });
}

test("what comes to the successor does not overtake what came to its predecessor", () => {
  const fleet = counter();
  // The letter in the middle is written when the request has been handled, so it lies behind the start of the successor; the 7 is passed on behind that.
  fleet.together(
    fleet.letter("ann", HAND_OFF, { to: "1.1.0" }),
    ["together", "later", `new:${JSON.stringify([fleet.letter("ann", "numbers", "sum")])}`],
    fleet.letter("ann", "numbers", 7),
  );
  assert.deepEqual(fleet.thread("ann").result, { sum: 12, count: 1, isCountComplete: false });
});

test("a request that is repeated at once moves the thread once", () => {
  const fleet = counter();
  const request = fleet.letter("ann", HAND_OFF, { to: "1.1.0" });
  fleet.together(request, fleet.letter("ann", "numbers", 1), request, fleet.letter("ann", "numbers", 2));
  assert.deepEqual(fleet.published(), [
    { is: "started", thread: "ann", version: "1.1.0", from: "1.0.0" },
    { is: "refused", thread: "ann", version: "1.1.0", to: "1.1.0", reason: "it is on that version" },
  ]);
  fleet.thread("ann").resume("numbers", "sum");
  assert.equal(fleet.thread("ann").result.sum, 8);
});

test("a thread that is asked again while it moves hands on what its predecessor passed to it", () => {
  const again = counter().letter("ann", HAND_OFF, { to: "1.2.0" }); // 1.1 is the newest, so it goes there once more
  for (const letters of [
    (fleet: Fleet) => [fleet.letter("ann", "numbers", 7), again],
    (fleet: Fleet) => [again, fleet.letter("ann", "numbers", 7)],
    (fleet: Fleet): Letter[] => [["together", "later", `new:${JSON.stringify([again])}`], fleet.letter("ann", "numbers", 7)],
  ]) {
    const fleet = counter();
    fleet.together(fleet.letter("ann", HAND_OFF, { to: "1.1.0" }), ...letters(fleet), fleet.letter("ann", "numbers", 30));
    fleet.thread("ann").resume("numbers", "sum");
    assert.equal(fleet.thread("ann").result.sum, 42);
    assert.deepEqual(fleet.published().map(({ version, from }) => [from, version]), [["1.0.0", "1.1.0"], ["1.1.0", "1.1.0"]]);
    assert.deepEqual(fleet.host.unmatched, []);
  }
});

test("an event that is an error is passed on as one", () => {
  const fleet = counter();
  fleet.together(fleet.letter("ann", HAND_OFF, { to: "1.1.0" }), ["counters", "ann", { ref: "numbers", error: "no number" }]);
  assert.equal(fleet.thread("ann").error, "no number");
});

test("a thread refuses what it cannot do, and goes on", () => {
  const fleet = counter();
  const thread = fleet.thread("ann");
  for (const to of ["1.0.0", "2.0.0", "0.9.0", "newest", undefined]) fleet.askToHandOff("ann", to as string);
  thread.resume(HAND_OFF).resume(HAND_OFF, null).reject(HAND_OFF, "what?");
  const refusals = fleet.published();
  assert(refusals.every(({ is, thread, version }) => is === "refused" && thread === "ann" && version === "1.0.0"));
  assert.deepEqual(
    refusals.map(({ reason }) => reason.replace(/^TypeError.*/, "TypeError")),
    [
      "it is on that version",
      "version 2.0.0 does not read what is for 1.0.0",
      "version 0.9.0 does not read what is for 1.0.0",
      'Error: "newest" is no version, such as "1.2.3"',
      'Error: undefined is no version, such as "1.2.3"',
      "TypeError",
      "TypeError",
      "what?",
    ],
  );
  thread.resume("numbers", "sum");
  assert.equal(thread.result, 5);
});

test("a hand-off that meets a version that does not read it is kept, with all that comes, for one that does", () => {
  const fleet = counter();
  // Another deployer has been quicker.
  fleet.deploy("./counter/v2.0.ts");
  fleet.together(fleet.letter("ann", "numbers", 1), fleet.letter("ann", HAND_OFF, { to: "1.1.0" }), fleet.letter("ann", "numbers", 2));
  fleet.thread("ann").resume("numbers", 3);
  assert.deepEqual(fleet.published(), [
    { is: "parked", thread: "ann", version: "1.0.0", by: "2.0.0", reason: "Error: version 2.0.0 does not read what is for 1.0.0" },
  ]);
  // It does not go where it can't, and new threads are of 2.0.
  fleet.askToHandOff("ann", "2.0.0");
  assert.deepEqual(fleet.published().map(({ is, version }) => [is, version]), [["refused", "1.0.0"]]);
  fleet.start("zoe", "2.0.0", { from: 6 }).resume("numbers", 7).resume("numbers", "product");
  assert.equal(fleet.thread("zoe").result, 42);

  fleet.deploy("./counter/v1.1.ts");
  fleet.together(fleet.letter("ann", "numbers", 4), fleet.letter("ann", HAND_OFF, { to: "1.1.0" }), fleet.letter("ann", "numbers", 5), fleet.letter("ann", "numbers", "sum"));
  assert.deepEqual(fleet.thread("ann").result, { sum: 5 + 1 + 2 + 3 + 4 + 5, count: 4, isCountComplete: false });
  assert.deepEqual(fleet.host.unmatched, []);
});

test("after a roll-back, a parked thread comes back to its own version", () => {
  const fleet = counters("v1.1");
  fleet.start("ann", "1.1.0", {}).resume("numbers", 1);
  fleet.deploy("./counter/v1.0.ts");
  fleet.askToHandOff("ann", "1.1.1"); // to a version that is not there any more
  assert.deepEqual(fleet.published().map(({ is, version, by }) => [is, version, by]), [["parked", "1.1.0", "1.0.0"]]);
  fleet.deploy("./counter/v1.1.ts");
  fleet.announce("1.1.0");
  fleet.thread("ann").resume("numbers", "sum");
  assert.deepEqual(fleet.thread("ann").result, { sum: 1, count: 1, isCountComplete: true });
});
