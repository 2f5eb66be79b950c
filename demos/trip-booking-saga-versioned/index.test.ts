// Trips move from version to version while their requests are out.

import { assert, test, type Thread } from "kont/test";
import { Fleet } from "../versioning/testing/fleet";
import { HAND_OFF } from "../versioning/messages";
import type { Letter } from "../versioning/testing/together";

const KINDS = ["car", "hotel", "flight", "insurance"];
const MINUTE = 60_000;

/** A trip on `from`, with the newest version deployed. */
function trip(from = "1.0", newest = "1.1"): Trip {
  const fleet = new Trip("trips", "../versioning");
  fleet.deploy(`./v${from}.ts`);
  fleet.start("rome", "1.0.0", { customer: "Ann", city: "Rome" });
  fleet.deploy(`./v${newest}.ts`);
  return fleet;
}

class Trip extends Fleet {
  get rome(): Thread {
    return this.thread("rome");
  }

  /** What was asked of the services since the last call: "reserve car", … */
  asked(): string[] {
    return this.written("reservations").map(({ action, kind }) => `${action} ${kind}`);
  }

  reserved(kind: string, price = 100) {
    this.rome.resume(kind, { id: kind.toUpperCase(), price });
  }

  get timers() {
    return this.host.timers.filter(({ thread }) => thread === "rome");
  }

  /** The pending ref with that name, for what is sent together. */
  id(name: string): string {
    return this.rome.refs.find((ref) => ref.split(":")[1] === name)!;
  }
}

const reservedNow = (kind: string) => ({ id: kind.toUpperCase(), price: 100 });

test("1.0 alone: a trip is booked, refused, or takes too long", () => {
  const booked = trip();
  for (const kind of ["flight", "car", "hotel"]) booked.reserved(kind);
  assert.deepEqual(booked.rome.result, { customer: "Ann", car: "CAR", hotel: "HOTEL", flight: "FLIGHT", total: 300 });
  assert.deepEqual(booked.asked(), ["reserve car", "reserve hotel", "reserve flight"]);
  assert.deepEqual(booked.host.timers, []);

  const refused = trip();
  refused.reserved("hotel");
  refused.reserved("car");
  refused.rome.reject("flight", "sold out");
  refused.rome.resume("cancel car").resume("cancel hotel");
  assert.equal(refused.rome.error, "sold out");
  assert.deepEqual(refused.asked().slice(3), ["cancel car", "cancel hotel"]);

  const obstinate = trip();
  obstinate.reserved("car");
  obstinate.reserved("hotel");
  obstinate.rome.reject("flight", "sold out").reject("cancel hotel", "too late").resume("cancel car");
  assert.equal(obstinate.rome.error, "sold out");
  assert.deepEqual(obstinate.host.logs.map(({ text }) => text), ["too late"]);

  const late = trip();
  late.reserved("hotel");
  late.host.advance(MINUTE);
  late.rome.resume("cancel hotel");
  assert.equal(late.rome.error, "timeout");
  assert.deepEqual(late.asked().slice(3), ["withdraw car", "withdraw flight", "cancel hotel"]);
  assert.deepEqual(late.host.threads, ["trips"]); // the manager
});

test("1.1 alone: a trip is undone on it, the latest first, when it is refused or takes too long", () => {
  const refused = trip("1.1", "1.1.1");
  refused.reserved("insurance");
  refused.reserved("car");
  refused.rome.reject("flight", "sold out");
  refused.askToHandOff("rome", "1.1.1");
  assert.deepEqual(refused.published(), [{ is: "refused", thread: "rome", version: "1.1.0", to: "1.1.1", reason: "it is being undone" }]);
  refused.rome.reject("cancel car", "too late").resume("cancel insurance");
  assert.equal(refused.rome.error, "sold out");
  assert.deepEqual(refused.asked().slice(4), ["withdraw hotel", "cancel car", "cancel insurance"]);

  const late = trip("1.1", "1.1.1");
  late.host.advance(MINUTE - 1);
  assert.equal(late.rome.status, "running");
  late.host.advance(1);
  assert.equal(late.rome.error, "timeout");
});

// Whatever had been reserved when it moved.
for (let made = 0; made < 8; made++) {
  const before = KINDS.slice(0, 3).filter((_, i) => made & (1 << i));
  if (before.length === 3) continue; // then the trip has been booked on 1.0

  test(`a trip with ${before.join(" and ") || "nothing"} moves to 1.1, which asks for the insurance alone`, () => {
    const fleet = trip();
    for (const kind of before) fleet.reserved(kind);
    assert.deepEqual(fleet.asked(), ["reserve car", "reserve hotel", "reserve flight"]);
    fleet.announce("1.1.0");
    assert.deepEqual(fleet.asked(), ["reserve insurance"]);
    for (const kind of KINDS) if (!before.includes(kind)) fleet.reserved(kind);
    assert.deepEqual(fleet.rome.result, { customer: "Ann", car: "CAR", hotel: "HOTEL", flight: "FLIGHT", insurance: "INSURANCE", total: 300 });
    assert.deepEqual([fleet.asked(), fleet.timers, fleet.host.unmatched], [[], [], []]);
  });

  test(`a trip with ${before.join(" and ") || "nothing"} that has moved undoes it, and nothing else, when it takes too long`, () => {
    const fleet = trip();
    for (const kind of before) fleet.reserved(kind);
    fleet.host.advance(20_000);
    fleet.announce("1.1.0");
    fleet.asked();
    fleet.host.advance(MINUTE - 20_000 - 1);
    assert.deepEqual(fleet.asked(), [], "the timer is that of 1.0");
    fleet.host.advance(1);
    const withdrawn = KINDS.filter((kind) => !before.includes(kind)).map((kind) => `withdraw ${kind}`);
    const asked = fleet.asked();
    assert.deepEqual(asked.slice(0, withdrawn.length).sort(), withdrawn.sort());
    for (const kind of [...before].reverse()) fleet.rome.resume(`cancel ${kind}`);
    assert.deepEqual([...asked.slice(withdrawn.length), ...fleet.asked()], [...before].reverse().map((kind) => `cancel ${kind}`));
    assert.equal(fleet.rome.error, "timeout");
    assert.equal(fleet.rome.status, "ended");
  });
}

// A reply in either order with the request to hand off; what comes behind the request still comes to 1.0.
for (const isReplyFirst of [true, false]) {
  const order = isReplyFirst ? "before" : "after";
  function together(fleet: Fleet, request: any, reply: any) {
    fleet.together(...(isReplyFirst ? [reply, request] : [request, reply]));
  }
  const request = (fleet: Fleet) => fleet.letter("rome", HAND_OFF, { to: "1.1.0" });

  test(`a reply ${order} the request to hand off counts once`, () => {
    const fleet = trip();
    together(fleet, request(fleet), fleet.letter("rome", fleet.id("hotel"), reservedNow("hotel")));
    assert.deepEqual(fleet.asked().slice(3), ["reserve insurance"]);
    for (const kind of ["car", "flight", "insurance"]) fleet.reserved(kind);
    assert.deepEqual(fleet.rome.result, { customer: "Ann", car: "CAR", hotel: "HOTEL", flight: "FLIGHT", insurance: "INSURANCE", total: 300 });
    assert.deepEqual(fleet.host.unmatched, []);
  });

  test(`a refusal ${order} the request to hand off undoes the trip once, on ${isReplyFirst ? "1.0" : "1.1"}`, () => {
    const fleet = trip();
    fleet.reserved("hotel");
    together(fleet, request(fleet), ["trips", "rome", { ref: fleet.id("flight"), error: "sold out" }]);
    assert.deepEqual(
      fleet.asked().slice(3),
      isReplyFirst ? ["withdraw car", "cancel hotel"] : ["reserve insurance", "withdraw car", "withdraw insurance", "cancel hotel"],
    );
    fleet.rome.resume("cancel hotel");
    assert.equal(fleet.rome.error, "sold out");
    assert.deepEqual(fleet.published().map(({ is }) => is), [isReplyFirst ? "refused" : "started"]);
  });

  test(`the timeout ${order} the request to hand off undoes the trip once`, () => {
    const fleet = trip();
    fleet.reserved("hotel");
    together(fleet, request(fleet), fleet.letter("rome", fleet.id("timeout")));
    fleet.rome.resume("cancel hotel");
    assert.equal(fleet.rome.error, "timeout");
    assert.equal(fleet.asked().filter((what) => what === "cancel hotel").length, 1);
  });

  test(`the last reply ${order} the request to hand off`, () => {
    const fleet = trip();
    fleet.reserved("car");
    fleet.reserved("hotel");
    together(fleet, request(fleet), fleet.letter("rome", fleet.id("flight"), reservedNow("flight")));
    if (isReplyFirst) {
      assert.equal(fleet.rome.result.total, 300);
      assert.deepEqual(fleet.asked().slice(3), []);
      assert.equal(fleet.host.unmatched.length, 1, "the request, which came too late");
    } else {
      fleet.reserved("insurance");
      assert.equal(fleet.rome.result.insurance, "INSURANCE");
    }
    assert.deepEqual(fleet.timers, []);
  });
}

for (const first of ["hotel", "timeout"]) {
  test(`a reply and the timeout, both behind the request to hand off, the ${first} first: what was reserved is cancelled`, () => {
    const fleet = trip();
    const reply = fleet.letter("rome", fleet.id("hotel"), reservedNow("hotel"));
    const timeout = fleet.letter("rome", fleet.id("timeout"));
    fleet.together(fleet.letter("rome", HAND_OFF, { to: "1.1.0" }), ...(first === "hotel" ? [reply, timeout] : [timeout, reply]));
    assert.deepEqual(fleet.asked().slice(3).sort(), ["cancel hotel", "reserve insurance", "withdraw car", "withdraw flight", "withdraw insurance"]);
    fleet.rome.resume("cancel hotel");
    assert.equal(fleet.rome.error, "timeout");
  });

  test(`the ${first} passed on, and the other directly to the successor: what was reserved is cancelled`, () => {
    const fleet = trip();
    const letters = { hotel: fleet.letter("rome", fleet.id("hotel"), reservedNow("hotel")), timeout: fleet.letter("rome", fleet.id("timeout")) };
    const { [first as "hotel"]: passedOn, ...others } = letters;
    // The letter in the middle is written when the request has been handled, so it lies behind the start of the successor.
    fleet.together(fleet.letter("rome", HAND_OFF, { to: "1.1.0" }), ["together", "later", `new:${JSON.stringify(Object.values(others))}`], passedOn);
    assert.deepEqual(fleet.asked().slice(3).sort(), ["cancel hotel", "reserve insurance", "withdraw car", "withdraw flight", "withdraw insurance"]);
    fleet.rome.resume("cancel hotel");
    assert.equal(fleet.rome.error, "timeout");
  });
}

for (const isReplyFirst of [true, false]) {
  test(`a reply and a refusal, both behind the request to hand off, the ${isReplyFirst ? "reply" : "refusal"} first: what was reserved is cancelled`, () => {
    const fleet = trip();
    const letters: Letter[] = [fleet.letter("rome", fleet.id("hotel"), reservedNow("hotel")), ["trips", "rome", { ref: fleet.id("flight"), error: "sold out" }]];
    fleet.together(fleet.letter("rome", HAND_OFF, { to: "1.1.0" }), ...(isReplyFirst ? letters : letters.reverse()));
    assert.deepEqual(fleet.asked().slice(3).sort(), ["cancel hotel", "reserve insurance", "withdraw car", "withdraw insurance"]);
    fleet.rome.resume("cancel hotel");
    assert.equal(fleet.rome.error, "sold out");
  });
}

for (let place = 0; place <= 3; place++) {
  test(`replies behind one request to hand off, and another request behind ${place} of them`, () => {
    const fleet = trip();
    const letters = ["car", "hotel", "flight"].map((kind) => fleet.letter("rome", fleet.id(kind), reservedNow(kind)));
    letters.splice(place, 0, fleet.letter("rome", HAND_OFF, { to: "1.1.1" })); // to 1.1, which is the newest
    fleet.together(fleet.letter("rome", HAND_OFF, { to: "1.1.0" }), ...letters);
    fleet.reserved("insurance");
    assert.deepEqual(fleet.rome.result, { customer: "Ann", car: "CAR", hotel: "HOTEL", flight: "FLIGHT", insurance: "INSURANCE", total: 300 });
    assert.deepEqual(fleet.published().map(({ from, version }) => [from, version]), [["1.0.0", "1.1.0"], ["1.1.0", "1.1.0"]]);
    assert.deepEqual(fleet.asked(), KINDS.map((kind) => `reserve ${kind}`));
  });
}

test("a reply that comes when its request has been withdrawn changes nothing", () => {
  const fleet = trip();
  const late = fleet.letter("rome", fleet.id("flight"), reservedNow("flight"));
  fleet.reserved("car");
  fleet.announce("1.1.0");
  fleet.host.advance(MINUTE);
  fleet.together(late);
  fleet.rome.resume("cancel car");
  assert.equal(fleet.rome.error, "timeout");
  assert(!fleet.asked().includes("cancel flight"));
});

test("a trip that is being undone ends on its version", () => {
  const fleet = trip();
  fleet.reserved("hotel");
  fleet.rome.reject("flight", "sold out");
  fleet.announce("1.1.0");
  assert.deepEqual(fleet.published(), [
    { is: "deployed", version: "1.1.0" },
    { is: "refused", thread: "rome", version: "1.0.0", to: "1.1.0", reason: "it is being undone" },
  ]);
  fleet.rome.resume("cancel hotel");
  assert.equal(fleet.rome.error, "sold out");
  assert.deepEqual(fleet.asked().slice(3), ["withdraw car", "cancel hotel"]);
});

test("1.1.1 is a patch: new trips run it, those on 1.1.0 stay unless the deployer wants otherwise", () => {
  for (const [policy, total] of [[{}, 300], [{ handOff: "patch" }, 400]] as const) {
    const fleet = trip("1.1", "1.1.1");
    fleet.announce("1.1.1", policy);
    fleet.start("lima", "1.1.0", { customer: "Cem", city: "Lima" });
    for (const kind of KINDS) {
      fleet.reserved(kind);
      fleet.thread("lima").resume(kind, reservedNow(kind));
    }
    assert.equal(fleet.rome.result.total, total, JSON.stringify(policy));
    assert.equal(fleet.thread("lima").result.total, 400);
    const moved = fleet.published().filter(({ is }) => is === "started");
    assert.deepEqual(moved, total === 300 ? [] : [{ is: "started", thread: "rome", version: "1.1.1", from: "1.1.0" }]);
  }
});

test("a trip of 1.0 moves to 1.1.1 as to 1.1.0", () => {
  const fleet = trip("1.0", "1.1.1");
  fleet.announce("1.1.1");
  for (const kind of KINDS) fleet.reserved(kind);
  assert.equal(fleet.rome.result.total, 400);
});

test("a trip moves twice, with its requests", () => {
  const fleet = trip();
  fleet.announce("1.1.0");
  fleet.reserved("insurance");
  fleet.deploy("./v1.1.1.ts");
  fleet.announce("1.1.1", { handOff: "patch" });
  for (const kind of KINDS.slice(0, 3)) fleet.reserved(kind);
  assert.equal(fleet.rome.result.total, 400);
  assert.deepEqual(fleet.asked(), KINDS.map((kind) => `reserve ${kind}`));
});

test("2.0 begins afresh: trips of 1.x are not asked to move, refuse if they are, and end on their version", () => {
  const fleet = trip("1.1", "2.0");
  fleet.announce("2.0.0");
  fleet.askToHandOff("rome", "2.0.0");
  assert.deepEqual(
    fleet.published().filter(({ is }) => is === "refused").map(({ reason }) => reason),
    ["version 2.0.0 does not read what is for 1.1.0"],
  );
  for (const kind of KINDS) fleet.reserved(kind);
  assert.equal(fleet.rome.result.total, 300);
  assert.equal(fleet.start("late", "1.1.0", { customer: "Eve", city: "Paris" }).error, "Error: version 2.0.0 does not read what is for 1.1.0");

  const tour = fleet.start("tour", "2.0.0", { travellers: ["Fay"], cities: ["Pisa", "Siena"] });
  tour.resume("hotel in Pisa", "H1").resume("hotel in Siena", "H2");
  assert.deepEqual(tour.result, { travellers: ["Fay"], hotels: ["H1", "H2"] });
});

test("2.0 undoes a tour whose third hotel is refused, the latest first", () => {
  const fleet = trip("1.1", "2.0");
  const tour = fleet.start("tour", "2.0.0", { travellers: ["Fay"], cities: ["Pisa", "Siena", "Lucca"] });
  tour.resume("hotel in Pisa", "H1").resume("hotel in Siena", "H2").reject("hotel in Lucca", "full");
  fleet.askToHandOff("tour", "2.0.1");
  tour.reject("cancel hotel in Siena", "too late").resume("cancel hotel in Pisa");
  assert.equal(tour.error, "full");
});

test("a trip that is handed off into 2.0 by mistake loses nothing", () => {
  const fleet = trip("1.0", "2.0");
  fleet.reserved("car");
  fleet.together(fleet.letter("rome", HAND_OFF, { to: "1.1.0" }), fleet.letter("rome", fleet.id("hotel"), reservedNow("hotel")));
  fleet.reserved("flight"); // comes while it is parked
  assert.deepEqual(fleet.asked(), ["reserve car", "reserve hotel", "reserve flight"]);
  fleet.deploy("./v1.1.ts");
  fleet.announce("1.1.0");
  assert.deepEqual(fleet.asked(), ["reserve insurance"]);
  fleet.reserved("insurance");
  assert.deepEqual(fleet.rome.result, { customer: "Ann", car: "CAR", hotel: "HOTEL", flight: "FLIGHT", insurance: "INSURANCE", total: 300 });
});

for (const handOff of ["minor", "none"] as const) {
  test(`when the last trip has left a version, it is released: ${handOff === "none" ? "it has ended" : "it has moved"}`, () => {
    const fleet = trip();
    fleet.announce("1.0.0", { releaseAfter: MINUTE, handOff });
    fleet.announce("1.1.0");
    for (const kind of handOff === "none" ? KINDS.slice(0, 3) : KINDS) fleet.reserved(kind);
    assert.equal(fleet.rome.status, "ended");
    fleet.host.advance(MINUTE);
    assert.deepEqual(fleet.written("releases").map(({ app, version }) => [app, version]), [["trips", "1.0.0"]]);
    fleet.release("1.0.0").resume("clean up");
    assert.equal(fleet.release("1.0.0").result, "released");
  });
}

test("index.ts is the newest version", () => {
  const fleet = new Fleet("trips", "../versioning");
  fleet.deploy("./index.ts");
  fleet.start("tour", "2.0.0", { travellers: [], cities: [] });
  assert.deepEqual(fleet.thread("tour").result, { travellers: [], hotels: [] });
});
