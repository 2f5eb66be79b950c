import { assert, test, workflow } from "kont/test";

type Kind = "car" | "hotel" | "flight";
const KINDS: Kind[] = ["car", "hotel", "flight"];

/** A trip after its first step, and the services that it asks. */
function startTrip(more: { budget?: number; patience?: number } = {}) {
  const host = workflow("./index.ts");
  const trip = host.start("rome", { customer: "Ann", city: "Rome", ...more });
  const requests = trip.take("reservations").map((record) => record.value);
  assert.deepEqual(
    requests,
    KINDS.map((kind, i) => ({ action: "reserve", kind, ref: trip.refs[i], customer: "Ann", city: "Rome" })),
  );
  const timer = host.timers[0];
  assert.equal(timer.due, host.now + (more.patience ?? 60_000));
  const refOf = (kind: Kind) => requests.find((request) => request.kind === kind).ref;

  return {
    host,
    trip,
    timer,
    reserved(kind: Kind, price = 1) {
      trip.send(JSON.stringify({ ref: refOf(kind), value: { id: `${kind}-id`, price } }));
    },
    refused(kind: Kind, reason: string) {
      trip.reject(refOf(kind), reason);
    },
    timerFires() {
      trip.send(timer.value);
    },
    /** What the services have been asked for since the last look. A withdrawal names the ref of the request, a cancellation what was reserved. */
    asked(): string[] {
      return trip.take("reservations").map(({ value: { action, kind, ref, id } }) => {
        if (action === "withdraw") assert.equal(ref, refOf(kind));
        else assert.equal(id, `${kind}-id`);
        return `${action} ${kind}`;
      });
    },
    /** Answers each cancellation when it is asked for; these must be they, in this order. */
    confirmCancellations(kinds: Kind[]) {
      for (const kind of kinds) {
        assert.deepEqual(this.asked(), [`cancel ${kind}`]);
        trip.resume(kind, null);
      }
      assert.deepEqual(this.asked(), []);
    },
    /** Nothing is left of the trip but its result or error. */
    assertEnd() {
      assert.equal(trip.status, "ended");
      assert.deepEqual(host.timers, []);
      assert.deepEqual(this.asked(), []);
    },
  };
}

const withdrawn = (kinds: Kind[]) => kinds.map((kind) => `withdraw ${kind}`);
const without = (kinds: Kind[]) => KINDS.filter((kind) => !kinds.includes(kind));

/** All orders of some kinds. */
function orders(kinds: Kind[]): Kind[][] {
  if (kinds.length === 0) return [[]];
  return kinds.flatMap((kind) => orders(kinds.filter((other) => other !== kind)).map((rest) => [kind, ...rest]));
}

/** All choices of some kinds. */
function choices(kinds: Kind[]): Kind[][] {
  if (kinds.length === 0) return [[]];
  const [first, ...others] = kinds;
  return choices(others).flatMap((rest) => [rest, [first, ...rest]]);
}

for (const order of orders(KINDS)) {
  test(`is booked when the replies are ${order.join(", ")}`, () => {
    const t = startTrip({ budget: 600 }); // just enough
    t.reserved(order[0], 100);
    t.reserved(order[1], 200);
    assert.equal(t.trip.result, undefined);
    assert.equal(t.host.timers.length, 1);
    t.reserved(order[2], 300);
    assert.deepEqual(t.trip.result, { customer: "Ann", car: "car-id", hotel: "hotel-id", flight: "flight-id", total: 600 });
    t.assertEnd();
  });
}

test("cancels what was reserved, and withdraws what was not, when one is refused", () => {
  const t = startTrip();
  t.reserved("hotel");
  t.refused("flight", "sold out");
  assert.deepEqual(t.host.timers, []);
  assert.deepEqual(t.asked(), ["withdraw car", "cancel hotel"]);
  assert.equal(t.trip.error, undefined); // not before the hotel has confirmed
  t.trip.resume("hotel", null);
  assert.equal(t.trip.error, "sold out");
  t.assertEnd();
});

for (const kind of KINDS) {
  test(`has nothing to cancel when the ${kind} is refused at once`, () => {
    const t = startTrip();
    t.refused(kind, "none left");
    assert.deepEqual(t.asked(), withdrawn(without([kind])));
    assert.equal(t.trip.error, "none left");
    t.assertEnd();
  });
}

test("does not cancel what is confirmed after it was withdrawn: the service has been told", () => {
  const t = startTrip();
  t.reserved("hotel");
  t.refused("flight", "sold out");
  assert.deepEqual(t.asked(), ["withdraw car", "cancel hotel"]);
  t.reserved("car");
  assert.equal(t.host.unmatched.length, 1);
  t.trip.resume("hotel", null);
  assert.equal(t.trip.error, "sold out");
  t.assertEnd();
});

test("a failure of its own code after a reply cancels that reservation too", () => {
  const t = startTrip({ budget: 250 });
  t.reserved("car", 100);
  t.reserved("hotel", 200);
  assert.deepEqual(t.host.timers, []);
  assert.deepEqual(t.asked(), ["withdraw flight", "cancel hotel"]);
  t.trip.resume("hotel", null);
  t.confirmCancellations(["car"]);
  assert.equal(t.trip.error, "Error: the hotel is too expensive: 300 of 250");
  t.assertEnd();
});

test("a refused cancellation keeps no other from being asked for", () => {
  const t = startTrip();
  t.reserved("car");
  t.reserved("hotel");
  t.refused("flight", "sold out");
  assert.deepEqual(t.asked(), ["cancel hotel"]);
  t.trip.reject("hotel", "it is too late to cancel");
  t.confirmCancellations(["car"]);
  assert.equal(t.trip.error, "sold out");
  assert.matches(t.host.logs, [{ level: "error", text: "it is too late to cancel", thread: "rome" }]);
  t.assertEnd();
});

for (const made of choices(KINDS)) {
  if (made.length === KINDS.length) continue; // then it is booked
  test(`undoes ${made.join(" and ") || "nothing"} when the time is up`, () => {
    const t = startTrip({ patience: 5000 });
    for (const kind of made) t.reserved(kind);
    t.host.advance(4999);
    assert.deepEqual(t.asked(), []);
    t.host.advance(1);
    const undone = [...made].reverse();
    const [first, ...others] = undone;
    assert.deepEqual(t.asked(), [...withdrawn(without(made)), ...(first ? [`cancel ${first}`] : [])]);
    if (first) t.trip.resume(first, null);
    t.confirmCancellations(others);
    assert.equal(t.trip.error, "timeout");
    t.assertEnd();
  });

  for (const racing of without(made)) {
    const before = made.length === 0 ? "" : ` after ${made.join(" and ")}`;

    test(`the reply of the ${racing} comes just before the timeout${before}`, () => {
      const t = startTrip();
      for (const kind of made) t.reserved(kind);
      t.reserved(racing);
      t.timerFires();
      if (made.length === 2) {
        assert.equal(t.trip.result.total, 3);
        assert.equal(t.host.unmatched.length, 1);
      } else {
        const all = [...made, racing];
        assert.deepEqual(t.asked(), [...withdrawn(without(all)), `cancel ${racing}`]);
        t.trip.resume(racing, null);
        t.confirmCancellations([...made].reverse());
        assert.equal(t.trip.error, "timeout");
      }
      assert.equal(t.trip.status, "ended");
    });

    test(`the reply of the ${racing} comes just after the timeout${before}`, () => {
      const t = startTrip();
      for (const kind of made) t.reserved(kind);
      t.timerFires();
      t.reserved(racing);
      assert.equal(t.host.unmatched.length, 1);
      const [first, ...others] = [...made].reverse();
      assert.deepEqual(t.asked(), [...withdrawn(without(made)), ...(first ? [`cancel ${first}`] : [])]);
      if (first) t.trip.resume(first, null);
      t.confirmCancellations(others);
      assert.equal(t.trip.error, "timeout");
      assert.equal(t.trip.status, "ended");
    });
  }
}
