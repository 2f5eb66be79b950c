// A version is released when it has been out of use for an hour, and not while anything may come back to it.

import { assert, test } from "kont/test";
import { Fleet } from "./testing/fleet";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** 1.1.0 is the newest version, and one thread, "a", runs on 1.0.0. */
function managed(): Fleet {
  const fleet = new Fleet("counters");
  fleet.deploy("./counter/v1.1.ts");
  fleet.tell({ is: "started", thread: "a", version: "1.0.0" });
  fleet.announce("1.0.0", { handOff: "none", releaseAfter: HOUR });
  fleet.announce("1.1.0");
  return fleet;
}

function aEnds(fleet: Fleet) {
  fleet.tell({ is: "ended", thread: "a", version: "1.0.0" });
}

/** The requests to clean up since the last call. */
function requested(fleet: Fleet): string[] {
  return fleet.written("releases").map(({ app, version }) => `${app} ${version}`);
}

function released(fleet: Fleet): string[] {
  return fleet.published().filter(({ is }) => is === "released").map(({ version }) => version);
}

test("a version that nobody uses is released after an hour, when somebody has cleaned up", () => {
  const fleet = managed();
  fleet.host.advance(5 * HOUR);
  aEnds(fleet);
  fleet.host.advance(HOUR - 1);
  assert.deepEqual(requested(fleet), []);
  fleet.host.advance(1);
  assert.deepEqual(requested(fleet), ["counters 1.0.0"]);
  assert.deepEqual(released(fleet), []);
  fleet.release("1.0.0").resume("clean up");
  assert.deepEqual(released(fleet), ["1.0.0"]);
  assert.equal(fleet.release("1.0.0").result, "released");
  fleet.host.settle();
  assert.deepEqual(requested(fleet), []);
});

test("who does not clean up is reminded each day", () => {
  const fleet = managed();
  aEnds(fleet);
  fleet.host.advance(HOUR);
  fleet.host.advance(48 * HOUR);
  assert.deepEqual(requested(fleet), ["counters 1.0.0", "counters 1.0.0", "counters 1.0.0"]);
  fleet.release("1.0.0").resume("clean up");
  assert.deepEqual(released(fleet), ["1.0.0"]);
  assert.deepEqual(fleet.host.timers, []);
});

test("the newest version is not released, however idle", () => {
  const fleet = managed();
  fleet.host.advance(100 * HOUR);
  assert.deepEqual(requested(fleet), []);
});

test("a version that was idle before its successor came has its hour from then on", () => {
  const fleet = managed();
  fleet.host.advance(100 * HOUR);
  fleet.announce("1.2.0");
  fleet.host.advance(HOUR - 1);
  assert.deepEqual(requested(fleet), []);
  fleet.host.advance(1);
  assert.deepEqual(requested(fleet), ["counters 1.1.0"]);
});

test("nothing is released before it is known what is newest", () => {
  const fleet = new Fleet("counters");
  fleet.tell({ is: "started", thread: "a", version: "1.0.0" });
  aEnds(fleet);
  fleet.host.advance(100 * HOUR);
  assert.deepEqual(requested(fleet), []);
});

test("a version that is used again has its hour anew", () => {
  const fleet = managed();
  aEnds(fleet);
  fleet.host.advance(30 * MINUTE);
  fleet.tell({ is: "parked", thread: "b", version: "1.0.0", by: "2.0.0", reason: "" });
  fleet.host.advance(10 * MINUTE);
  fleet.tell({ is: "ended", thread: "b", version: "1.0.0" });
  fleet.host.advance(HOUR - 1);
  assert.deepEqual(requested(fleet), []);
  fleet.host.advance(1);
  assert.deepEqual(requested(fleet), ["counters 1.0.0"]);
});

test("a version that is in use when its hour is over is released when it is not", () => {
  const fleet = managed();
  aEnds(fleet);
  fleet.tell({ is: "started", thread: "b", version: "1.0.0" });
  fleet.host.advance(2 * HOUR);
  assert.equal(fleet.release("1.0.0").result, "in use again");
  fleet.tell({ is: "ended", thread: "b", version: "1.0.0" });
  fleet.host.advance(HOUR);
  assert.deepEqual(requested(fleet), ["counters 1.0.0"]);
});

test("a roll-back keeps the version, and the next upgrade releases it", () => {
  const fleet = managed();
  aEnds(fleet);
  fleet.announce("1.0.0");
  fleet.host.advance(2 * HOUR);
  assert.deepEqual(requested(fleet), ["counters 1.1.0"]);
  fleet.announce("1.1.0");
  fleet.host.advance(HOUR);
  assert.deepEqual(requested(fleet), ["counters 1.0.0"]);
});

for (const isStartFirst of [true, false]) {
  test(`a thread turns up on the version while it is being cleaned up, ${isStartFirst ? "before" : "after"} that is over`, () => {
    const fleet = managed();
    aEnds(fleet);
    fleet.host.advance(HOUR);
    if (!isStartFirst) fleet.release("1.0.0").resume("clean up");
    fleet.tell({ is: "started", thread: "b", version: "1.0.0" });
    if (isStartFirst) fleet.release("1.0.0").resume("clean up");
    assert.deepEqual(requested(fleet), ["counters 1.0.0"]);
    // What b used will have to be cleaned up again.
    fleet.tell({ is: "ended", thread: "b", version: "1.0.0" });
    fleet.host.advance(HOUR);
    assert.deepEqual(requested(fleet), ["counters 1.0.0"]);
    fleet.release("1.0.0").resume("clean up");
    assert.deepEqual(released(fleet), ["1.0.0", "1.0.0"]);
    fleet.host.advance(100 * HOUR);
    assert.deepEqual(requested(fleet), []);
  });
}

test("a thread comes and goes while the version is being cleaned up", () => {
  const fleet = managed();
  aEnds(fleet);
  fleet.host.advance(HOUR);
  fleet.tell({ is: "started", thread: "b", version: "1.0.0" });
  fleet.tell({ is: "ended", thread: "b", version: "1.0.0" });
  fleet.release("1.0.0").resume("clean up");
  fleet.host.advance(HOUR);
  assert.deepEqual(requested(fleet), ["counters 1.0.0", "counters 1.0.0"]);
  fleet.release("1.0.0").resume("clean up");
  fleet.host.advance(100 * HOUR);
  assert.deepEqual(released(fleet), ["1.0.0", "1.0.0"]);
  assert.deepEqual(requested(fleet), []);
});
