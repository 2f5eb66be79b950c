// Carts move from version to version with what is in them.

import { assert, test, type Thread } from "kont/test";
import { Fleet } from "../versioning/testing/fleet";
import { HAND_OFF } from "../versioning/messages";
import type { Letter } from "../versioning/testing/together";

const DAY = 24 * 60 * 60 * 1000;

/** A cart on `from`, with the newest version deployed. */
function cart(from = "1.0", newest = "1.1"): Shop {
  const fleet = new Shop("shop", "../versioning");
  fleet.deploy(`./v${from}.ts`);
  fleet.start("ann", "1.0.0", { email: "ann@example.com" });
  fleet.deploy(`./v${newest}.ts`);
  return fleet;
}

class Shop extends Fleet {
  get ann(): Thread {
    return this.thread("ann");
  }

  request(action: string, item?: string, more: object = {}) {
    this.ann.resume("cart", { action, item, ...more });
  }

  /** A request for `together`. */
  requestLetter(action: string, item?: string, more: object = {}): Letter {
    return this.letter("ann", "cart", { action, item, ...more });
  }

  handOffLetter(to = "1.1.0"): Letter {
    return this.letter("ann", HAND_OFF, { to });
  }

  get idle(): string {
    return this.ann.refs.find((ref) => ref.split(":")[1] === "idle")!;
  }
}

const email = "ann@example.com";

test("1.0 alone: items come and go, and are ordered or abandoned", () => {
  const fleet = cart();
  fleet.request("add", "tea");
  fleet.request("add", "tea");
  fleet.request("add", "cup");
  fleet.request("remove", "tea");
  fleet.request("remove", "hat");
  fleet.request("query");
  fleet.ann.resume("cart").resume("cart", null); // no requests
  assert.deepEqual(fleet.written("carts").pop(), { items: ["tea", "cup"] });
  fleet.request("checkout");
  assert.deepEqual(fleet.ann.result, { status: "ordered", email, items: ["tea", "cup"] });
  assert.deepEqual(fleet.host.timers, []);

  const idle = cart();
  idle.request("add", "tea");
  idle.host.advance(DAY - 1);
  idle.request("query");
  idle.host.advance(DAY - 1);
  assert.equal(idle.ann.status, "running");
  idle.host.advance(1);
  assert.deepEqual(idle.ann.result, { status: "abandoned", email, items: ["tea"] });
});

test("1.1 alone: items are counted, and the customer is reminded before the cart is abandoned", () => {
  const fleet = cart("1.1");
  fleet.request("add", "tea", { quantity: 3 });
  fleet.request("remove", "tea");
  fleet.request("add", "cup");
  fleet.request("remove", "cup");
  fleet.host.advance(DAY);
  assert.deepEqual(fleet.written("emails"), [{ template: "reminder", email, quantities: { tea: 2 } }]);
  fleet.request("query");
  fleet.host.advance(2 * DAY - 1);
  assert.deepEqual(fleet.written("emails").length, 1);
  fleet.host.advance(1);
  assert.deepEqual(fleet.ann.result, { status: "abandoned", email, quantities: { tea: 2 } });
});

test("a cart that moves keeps its items, counted", () => {
  const fleet = cart();
  for (const item of ["tea", "cup", "tea"]) fleet.request("add", item);
  fleet.announce("1.1.0");
  fleet.written("carts");
  fleet.request("query");
  assert.deepEqual(fleet.written("carts"), [{ quantities: { tea: 2, cup: 1 } }]);
  fleet.request("add", "tea", { quantity: 10 });
  fleet.request("checkout");
  assert.deepEqual(fleet.ann.result, { status: "ordered", email, quantities: { tea: 12, cup: 1 } });
  assert.deepEqual(fleet.host.unmatched, []);
});

test("an empty cart moves, too", () => {
  const fleet = cart();
  fleet.announce("1.1.0");
  fleet.request("checkout");
  assert.deepEqual(fleet.ann.result, { status: "ordered", email, quantities: {} });
});

// All orders of a request to hand off and three requests for the cart, whose order matters.
for (let place = 0; place <= 3; place++) {
  test(`the request to hand off is number ${place + 1} of what comes at once: each request for the cart is carried out once, in order`, () => {
    const fleet = cart();
    const letters = [fleet.requestLetter("add", "tea"), fleet.requestLetter("remove", "tea"), fleet.requestLetter("add", "cup")];
    letters.splice(place, 0, fleet.handOffLetter());
    fleet.together(...letters);
    assert.equal(fleet.written("carts").length, 3);
    fleet.request("checkout");
    assert.deepEqual(fleet.ann.result, { status: "ordered", email, quantities: { cup: 1 } });
    assert.deepEqual(fleet.host.unmatched, []);
  });
}

test("whatever comes together in whatever order, each request is carried out once, in order", () => {
  const random = (n: number) => Math.floor(Math.random() * n);
  for (let round = 0; round < 8; round++) {
    const fleet = cart("1.1"); // 1.1 is the newest and takes over from itself
    const items: string[] = [];
    const letters: Letter[] = [];
    for (let i = random(4) + 4; i > 0; i--) {
      if (random(3) === 0) {
        letters.push(fleet.handOffLetter("1.2.0"));
      } else {
        items.push(`item ${i}`);
        letters.push(fleet.requestLetter("add", `item ${i}`));
      }
    }
    // One more that is written when some of these have been handled, and so lies behind all of them, and before some of what they cause.
    items.push("last");
    letters.splice(random(letters.length), 0, ["together", "later", `new:${JSON.stringify([fleet.requestLetter("add", "last")])}`]);
    fleet.together(...letters);
    const answers = fleet.written("carts").map(({ quantities }) => Object.keys(quantities));
    assert.deepEqual(answers, items.map((_, i) => items.slice(0, i + 1)), JSON.stringify(letters));
    assert.deepEqual(fleet.host.unmatched, []);
  }
});

for (const isCheckoutFirst of [true, false]) {
  test(`a checkout and the request to hand off at once, the ${isCheckoutFirst ? "checkout" : "request"} first: there is one order`, () => {
    const fleet = cart();
    fleet.request("add", "tea");
    const letters = [fleet.requestLetter("checkout"), fleet.handOffLetter()];
    fleet.together(...(isCheckoutFirst ? letters : letters.reverse()));
    assert.deepEqual(fleet.ann.result, { status: "ordered", email, ...(isCheckoutFirst ? { items: ["tea"] } : { quantities: { tea: 1 } }) });
    assert.equal(fleet.host.records("workflow-result").length, 1);
    assert.deepEqual(fleet.host.timers.filter(({ thread }) => thread === "ann"), []);
  });

  test(`the timer and the request to hand off at once, the ${isCheckoutFirst ? "timer" : "request"} first`, () => {
    const fleet = cart();
    fleet.request("add", "tea");
    const letters = [fleet.letter("ann", fleet.idle), fleet.handOffLetter()];
    fleet.together(...(isCheckoutFirst ? letters : letters.reverse()));
    if (isCheckoutFirst) assert.equal(fleet.ann.result.status, "abandoned");
    else assert.deepEqual(fleet.written("emails"), [{ template: "reminder", email, quantities: { tea: 1 } }]);
  });
}

test("the timer that 1.0 has set goes on, and 1.1 reminds when it fires", () => {
  const fleet = cart();
  fleet.request("add", "tea");
  fleet.host.advance(DAY - 1000);
  fleet.announce("1.1.0");
  fleet.host.advance(999);
  assert.deepEqual(fleet.written("emails"), []);
  fleet.host.advance(1);
  assert.equal(fleet.written("emails").length, 1);
  fleet.host.advance(DAY);
  assert.equal(fleet.ann.result.status, "abandoned");
});

test("a request that was passed on counts before a timer that fires when the cart has moved", () => {
  const fleet = cart();
  // The timer's event is written when the request has been handled, so it lies behind the start of the successor; the tea is passed on behind that.
  fleet.together(
    fleet.handOffLetter(),
    ["together", "later", `new:${JSON.stringify([fleet.letter("ann", fleet.idle)])}`],
    fleet.requestLetter("add", "tea"),
  );
  assert.deepEqual([fleet.written("emails"), fleet.written("carts")], [[], [{ quantities: { tea: 1 } }]]);
  fleet.host.advance(DAY);
  assert.equal(fleet.written("emails").length, 1);
});

test("1.1.1 is a patch: new carts run it, those on 1.1.0 stay unless the deployer wants otherwise", () => {
  for (const [policy, answer] of [
    [{}, { quantities: { tea: -1 } }],
    [{ handOff: "patch" }, { quantities: {}, error: "there is not so much of tea" }],
  ] as const) {
    const fleet = cart("1.1", "1.1.1");
    fleet.announce("1.1.1", policy);
    fleet.start("ben", "1.1.0", { email: "ben@example.com" }).resume("cart", { action: "remove", item: "tea" });
    assert.deepEqual(fleet.written("carts"), [{ quantities: {}, error: "there is not so much of tea" }]);
    fleet.request("remove", "tea");
    assert.deepEqual(fleet.written("carts"), [answer]);
    const moved = fleet.published().filter(({ is }) => is === "started");
    assert.deepEqual(moved, "error" in answer ? [{ is: "started", thread: "ann", version: "1.1.1", from: "1.1.0" }] : []);
  }
});

test("2.0 begins afresh: carts of 1.x end as they began", () => {
  const fleet = cart("1.1", "2.0");
  fleet.request("add", "tea");
  fleet.announce("2.0.0");
  fleet.askToHandOff("ann", "2.0.0");
  assert.deepEqual(fleet.published().map(({ is }) => is), ["deployed", "refused"]);
  fleet.request("checkout");
  assert.deepEqual(fleet.ann.result, { status: "ordered", email, quantities: { tea: 1 } });
  assert.equal(fleet.start("late", "1.1.0", {}).error, "Error: version 2.0.0 does not read what is for 1.1.0");

  const cem = fleet.start("cem", "2.0.0", { email: "cem@example.com" });
  cem.resume("cart", { action: "add", item: "tea", price: 4 }).resume("cart", { action: "checkout" });
  assert.deepEqual(fleet.written("payments").map(({ amount }) => amount), [4]);
  cem.resume("payment", "R1");
  assert.deepEqual(cem.result, { status: "ordered", email: "cem@example.com", lines: [{ item: "tea", price: 4 }], receipt: "R1" });
  fleet.start("dan", "2.0.0", { email: "dan@example.com" });
  fleet.host.advance(DAY);
  assert.equal(fleet.thread("dan").result.status, "abandoned");
});

test("a 2.0 cart that waits for its payment moves with that", () => {
  const fleet = cart("1.1", "2.0");
  const cem = fleet.start("cem", "2.0.0", { email: "cem@example.com" });
  cem.resume("cart", { action: "add", item: "tea", price: 4 }).resume("cart", { action: "checkout" });
  fleet.askToHandOff("cem", "2.0.1"); // 2.0.0 is the newest, and takes it
  cem.resume("payment", "R1");
  assert.equal(cem.result.receipt, "R1");
  assert.equal(fleet.written("payments").length, 1);
});

test("a cart that is handed off into 2.0 by mistake loses nothing", () => {
  const fleet = cart("1.0", "2.0");
  fleet.request("add", "tea");
  fleet.together(fleet.handOffLetter(), fleet.requestLetter("add", "cup"));
  fleet.request("add", "hat");
  assert.equal(fleet.written("carts").length, 1, "nobody carries out what comes to a parked cart");
  fleet.deploy("./v1.1.ts");
  fleet.announce("1.1.0");
  fleet.request("checkout");
  assert.deepEqual(fleet.ann.result, { status: "ordered", email, quantities: { tea: 1, cup: 1, hat: 1 } });
});

test("a state that 1.1 makes nothing of is kept", () => {
  const fleet = cart("1.1");
  fleet.host.start("odd", { version: "1.0.0", state: null, refs: {}, unread: {} }, { topic: "shop" });
  assert.deepEqual(fleet.published().map(({ is, by }) => [is, by]), [["parked", "1.1.0"]]);
  assert.equal(fleet.thread("odd").status, "running");
});

test("when the last cart has left a version, it is released", () => {
  const fleet = cart();
  fleet.announce("1.0.0", { releaseAfter: DAY });
  fleet.announce("1.1.0");
  fleet.host.advance(DAY);
  assert.deepEqual(fleet.written("releases").map(({ app, version }) => [app, version]), [["shop", "1.0.0"]]);
});

test("index.ts is the newest version", () => {
  const fleet = new Fleet("shop", "../versioning");
  fleet.deploy("./index.ts");
  fleet.start("ann", "2.0.0", { email }).resume("cart", { action: "query" });
  assert.deepEqual(fleet.written("carts"), [{ lines: [] }]);
});
