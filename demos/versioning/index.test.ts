// The manager alone: its threads are made up, so what it asks of them shows as unmatched events.

import { assert, test } from "kont/test";
import { Fleet } from "./testing/fleet";
import { HAND_OFF, type News } from "./messages";

const MINUTE = 60_000;

/** An application whose version is 1.1.0, and threads that have been told of. */
function managed(threads: { [key: string]: string } = {}): Managed {
  const fleet = new Managed("counters");
  fleet.deploy("./counter/v1.1.ts");
  for (const [thread, version] of Object.entries(threads)) fleet.tell({ is: "started", thread, version });
  return fleet;
}

class Managed extends Fleet {
  #seen = 0;

  /** The threads that were asked to hand off since the last call, with the version. */
  asked(): string[] {
    const { unmatched } = this.host;
    const events = unmatched.slice(this.#seen).map(({ thread, event }) => ({ thread, event: JSON.parse(event) }));
    this.#seen = unmatched.length;
    return events.filter(({ event }) => event.ref === HAND_OFF).map(({ thread, event }) => `${thread} to ${event.value.to}`);
  }

  moved(thread: string, from: string, version: string) {
    this.tell({ is: "handed off", thread, version: from, to: version });
    this.tell({ is: "started", thread, version, from });
  }
}

test("older threads of the same major version are asked, others are not", () => {
  const fleet = managed({ a: "1.0.0", b: "1.0.3", c: "1.1.0", d: "1.1.0-rc.1", e: "0.9.0", f: "2.0.0", g: "1.2.0" });
  fleet.announce("1.1.0");
  assert.deepEqual(fleet.asked(), ["a to 1.1.0", "b to 1.1.0"]);
});

test("a patch is for new threads, unless the deployer wants more", () => {
  const threads = { a: "1.0.0", b: "1.1.0", c: "1.1.1" };
  for (const [handOff, asked] of [
    [undefined, ["a to 1.1.1"]],
    ["minor", ["a to 1.1.1"]],
    ["patch", ["a to 1.1.1", "b to 1.1.1"]],
    ["none", []],
  ] as const) {
    const fleet = managed(threads);
    fleet.announce("1.1.1", handOff && { handOff });
    assert.deepEqual(fleet.asked(), [...asked], handOff);
  }
});

test("a policy stays until it is changed", () => {
  const fleet = managed({ a: "1.1.0" });
  fleet.announce("1.1.1", { handOff: "patch", atOnce: 1 });
  fleet.moved("a", "1.1.0", "1.1.1");
  fleet.announce("1.1.2");
  assert.deepEqual(fleet.asked(), ["a to 1.1.1", "a to 1.1.2"]);
});

test("a thread that tells of its start after the announcement is asked as well", () => {
  const fleet = managed();
  fleet.announce("1.1.0");
  fleet.tell({ is: "started", thread: "late", version: "1.0.0" });
  fleet.tell({ is: "started", thread: "new", version: "1.1.0" });
  assert.deepEqual(fleet.asked(), ["late to 1.1.0"]);
});

test("a few are asked at once, and each answer lets another be asked", () => {
  const fleet = managed({ a: "1.0.0", b: "1.0.0", c: "1.0.0", d: "1.0.0", e: "1.0.0", f: "1.0.0", g: "1.0.0" });
  fleet.announce("1.1.0", { atOnce: 2, patience: MINUTE });
  assert.deepEqual(fleet.asked(), ["a to 1.1.0", "b to 1.1.0"]);
  fleet.tell({ is: "handed off", thread: "a", version: "1.0.0", to: "1.1.0" });
  assert.deepEqual(fleet.asked(), [], "the successor has not started");
  fleet.tell({ is: "started", thread: "a", version: "1.1.0", from: "1.0.0" });
  assert.deepEqual(fleet.asked(), ["c to 1.1.0"]);
  fleet.tell({ is: "refused", thread: "b", version: "1.0.0", to: "1.1.0", reason: "busy" });
  assert.deepEqual(fleet.asked(), ["d to 1.1.0"]);
  fleet.tell({ is: "ended", thread: "c", version: "1.0.0" });
  assert.deepEqual(fleet.asked(), ["e to 1.1.0"]);
  fleet.tell({ is: "parked", thread: "d", version: "1.0.0", by: "2.0.0", reason: "too old" });
  assert.deepEqual(fleet.asked(), ["f to 1.1.0"]);
  fleet.tell({ is: "started", thread: "e", version: "1.1.0" }); // anew, by a client
  assert.deepEqual(fleet.asked(), ["g to 1.1.0"]);
  assert.equal(fleet.host.timers.length, 2, "an answer cancels its timer");
  // Both that are left stay silent. No one is left to be asked; nobody is asked twice.
  fleet.host.advance(MINUTE);
  assert.deepEqual(fleet.asked(), []);
  assert.deepEqual(fleet.published().filter(({ is }) => is === "overdue").map(({ thread }) => thread), ["f", "g"]);
  assert.deepEqual(fleet.host.timers, []);
});

test("ten are asked at once, a minute each, and a version is kept for an hour, if nothing else is said", () => {
  const fleet = managed(Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`t${i}`, "1.0.0"])));
  fleet.announce("1.1.0");
  assert.equal(fleet.asked().length, 10);
  fleet.host.advance(MINUTE - 1);
  assert.deepEqual(fleet.asked(), []);
  fleet.host.advance(1);
  assert.deepEqual(fleet.asked(), ["t10 to 1.1.0"]);
  for (let i = 0; i < 11; i++) fleet.moved(`t${i}`, "1.0.0", "1.1.0");
  fleet.host.advance(60 * MINUTE - 1);
  assert.deepEqual(fleet.written("releases"), []);
  fleet.host.advance(1);
  assert.deepEqual(fleet.written("releases").map(({ version }) => version), ["1.0.0"]);
});

test("a thread that ends, or moves by itself, before its turn is not asked", () => {
  const fleet = managed({ a: "1.0.0", b: "1.0.0", c: "1.0.0", d: "1.0.0" });
  fleet.announce("1.1.0", { atOnce: 1 });
  fleet.tell({ is: "ended", thread: "b", version: "1.0.0" });
  fleet.tell({ is: "handed off", thread: "c", version: "1.0.0", to: "1.1.0" });
  fleet.moved("a", "1.0.0", "1.1.0");
  assert.deepEqual(fleet.asked(), ["a to 1.1.0", "d to 1.1.0"]);
  assert.deepEqual(fleet.published().filter(({ is }) => is === "not understood"), []);
});

test("the timer of an earlier request does not end the patience with a later one", () => {
  const fleet = managed({ a: "1.0.0" });
  fleet.announce("1.1.0", { atOnce: 1 });
  fleet.tell({ is: "refused", thread: "a", version: "1.0.0", to: "1.1.0", reason: "busy" });
  fleet.announce("1.2.0");
  fleet.tell({ is: "started", thread: "b", version: "1.0.0" });
  fleet.tell({ is: "overdue", thread: "a", request: 1 });
  assert.deepEqual(fleet.asked(), ["a to 1.1.0", "a to 1.2.0"]);
});

test("a thread that does not answer holds nobody up for longer than a while", () => {
  const fleet = managed({ a: "1.0.0", b: "1.0.0" });
  fleet.announce("1.1.0", { atOnce: 1, patience: MINUTE });
  fleet.host.advance(MINUTE - 1);
  assert.deepEqual(fleet.asked(), ["a to 1.1.0"]);
  fleet.host.advance(1);
  assert.deepEqual(fleet.asked(), ["b to 1.1.0"]);
  // a was only slow.
  fleet.moved("a", "1.0.0", "1.1.0");
  assert.deepEqual(fleet.asked(), [], "b has not answered");
  fleet.moved("b", "1.0.0", "1.1.0");
  fleet.announce("1.2.0");
  assert.deepEqual(fleet.asked(), ["a to 1.2.0"]);
});

for (const isAnswerFirst of [true, false]) {
  test(`an answer and the end of patience at the same time, the ${isAnswerFirst ? "answer" : "timer"} first`, () => {
    const fleet = managed({ a: "1.0.0", b: "1.0.0", c: "1.0.0" });
    fleet.announce("1.1.0", { atOnce: 1, patience: MINUTE });
    assert.deepEqual(fleet.asked(), ["a to 1.1.0"]);
    const overdue: News = { is: "overdue", thread: "a", request: 1 };
    if (!isAnswerFirst) fleet.tell(overdue);
    fleet.moved("a", "1.0.0", "1.1.0");
    if (isAnswerFirst) fleet.tell(overdue);
    assert.deepEqual(fleet.asked(), ["b to 1.1.0"], "one answer is one more that is asked");
    fleet.moved("b", "1.0.0", "1.1.0");
    assert.deepEqual(fleet.asked(), ["c to 1.1.0"]);
  });
}

test("an announcement between a request and its answer changes nothing about the answer", () => {
  const fleet = managed({ a: "1.0.0", b: "1.0.0" });
  fleet.announce("1.1.0", { atOnce: 1 });
  fleet.announce("1.2.0");
  assert.deepEqual(fleet.asked(), ["a to 1.1.0"]);
  fleet.tell({ is: "refused", thread: "a", version: "1.0.0", to: "2.0.0", reason: "somebody else has asked for that" });
  assert.deepEqual(fleet.asked(), []);
  fleet.tell({ is: "refused", thread: "a", version: "1.0.0", to: "1.1.0", reason: "busy" });
  assert.deepEqual(fleet.asked(), ["b to 1.2.0"]);
  fleet.moved("b", "1.0.0", "1.2.0");
  assert.deepEqual(fleet.asked(), ["a to 1.2.0"]);
});

test("nobody is asked twice for the same version, until it is announced again", () => {
  const fleet = managed({ a: "1.0.0", b: "1.0.0" });
  // It was announced too early: 1.0 is the newest yet, and the thread comes back on it.
  fleet.announce("1.1.0");
  fleet.moved("a", "1.0.0", "1.0.0");
  fleet.tell({ is: "refused", thread: "b", version: "1.0.0", to: "1.1.0", reason: "busy" });
  fleet.tell({ is: "started", thread: "c", version: "1.1.0" });
  assert.deepEqual(fleet.asked(), ["a to 1.1.0", "b to 1.1.0"]);
  fleet.announce("1.1.0");
  assert.deepEqual(fleet.asked(), ["a to 1.1.0", "b to 1.1.0"]);
});

test("a thread that is new under its key is asked as if none had been there", () => {
  const fleet = managed({ a: "1.0.0" });
  fleet.announce("1.1.0");
  fleet.tell({ is: "refused", thread: "a", version: "1.0.0", to: "1.1.0", reason: "busy" });
  fleet.tell({ is: "started", thread: "a", version: "1.0.0" });
  assert.deepEqual(fleet.asked(), ["a to 1.1.0", "a to 1.1.0"]);
});

test("a parked thread is asked when a version comes that reads it", () => {
  const fleet = managed();
  fleet.announce("2.0.0");
  fleet.tell({ is: "parked", thread: "a", version: "1.1.0", by: "2.0.0", reason: "too old" });
  assert.deepEqual(fleet.asked(), []);
  fleet.announce("1.1.0", { handOff: "none" });
  assert.deepEqual(fleet.asked(), ["a to 1.1.0"], "it can do nothing where it is");
});

test("a thread that has ended is asked nothing", () => {
  const fleet = managed({ a: "1.0.0", b: "1.0.0" });
  fleet.tell({ is: "ended", thread: "a", version: "1.0.0" });
  fleet.announce("1.1.0");
  fleet.tell({ is: "ended", thread: "b", version: "1.0.0" });
  fleet.announce("1.2.0");
  assert.deepEqual(fleet.asked(), ["b to 1.1.0"]);
});

test("what is no news changes nothing", () => {
  const fleet = managed({ a: "1.0.0" });
  const newsless = [
    undefined,
    null,
    7,
    {},
    { is: "deployed" },
    { is: "deployed", version: "latest" },
    { is: "deployed", version: "1.1.0", atOnce: 0 },
    { is: "started", thread: "x", version: "?" },
    { is: "started", version: "1.0.0" },
  ];
  for (const news of newsless) fleet.tell(news as News);
  fleet.manager.reject("news", "what?");
  assert.deepEqual(fleet.asked(), []);
  assert.equal(fleet.published().filter(({ is }) => is === "not understood").length, newsless.length + 1);
  fleet.announce("1.1.0");
  assert.deepEqual(fleet.asked(), ["a to 1.1.0"]);
});

test("a job that is none is an error", () => {
  const fleet = managed();
  assert.equal(fleet.host.start("x", { do: "nothing" }, { topic: "upgrades" }).error, 'Error: {"do":"nothing"} is no job');
});
