import { assert, test, workflow } from "kont/test";
import type { Answer, Customer, Request } from "./index";

const REMIND_AFTER = 1000;
const ABANDON_AFTER = 5000;

/** A cart, and its customer. */
function startCart(customer: Customer = {}) {
  const host = workflow("./index.ts");
  const cart = host.start("cart-1", { remindAfter: REMIND_AFTER, abandonAfter: ABANDON_AFTER, ...customer });
  return {
    host,
    cart,
    /** Sends a request and gives its only answer. */
    ask(request: Request): Answer {
      cart.resume("cart", request);
      const answers = cart.take("carts");
      assert.equal(answers.length, 1);
      return answers[0].value;
    },
    /** When the only timer is due, in milliseconds from now. */
    timer(): number {
      assert.equal(host.timers.length, 1);
      return host.timers[0].due - host.now;
    },
  };
}

const hat = { item: "hat", quantity: 1 };
const socks = { item: "socks", quantity: 2 };

test("adds, removes, and takes another email address", () => {
  const { ask } = startCart({ email: "ann@example.com" });
  assert.deepEqual(ask({ action: "add", item: "hat" }), { email: "ann@example.com", items: [hat] });
  assert.deepEqual(ask({ action: "add", ...socks }), { email: "ann@example.com", items: [hat, socks] });
  assert.deepEqual(ask({ action: "add", item: "hat", quantity: 3 }), { email: "ann@example.com", items: [{ item: "hat", quantity: 4 }, socks] });
  assert.deepEqual(ask({ action: "remove", item: "hat", quantity: 3 }), { email: "ann@example.com", items: [hat, socks] });
  assert.deepEqual(ask({ action: "remove", item: "hat" }), { email: "ann@example.com", items: [socks] });
  assert.deepEqual(ask({ action: "email", email: "ann@example.org" }), { email: "ann@example.org", items: [socks] });
});

test("a query changes nothing, and gets an answer with its id", () => {
  const { ask } = startCart();
  assert.deepEqual(ask({ action: "query", id: "q1" }), { id: "q1", items: [] });
  ask({ action: "add", ...socks });
  assert.deepEqual(ask({ action: "query", id: "q2" }), { id: "q2", items: [socks] });
  assert.deepEqual(ask({ action: "query" }), { items: [socks] });
});

test("what makes no sense is answered with an error and changes nothing", () => {
  const { ask, cart } = startCart({ email: "ann@example.com" });
  ask({ action: "add", ...socks });
  for (const [request, error] of [
    [{ action: "add", item: "" }, '"" is no item'],
    [{ action: "add" }, "undefined is no item"],
    [{ action: "add", item: "hat", quantity: 0 }, "0 is no quantity"],
    [{ action: "add", item: "hat", quantity: "1" }, '"1" is no quantity'],
    [{ action: "remove", item: "socks", quantity: 1.5 }, "1.5 is no quantity"],
    [{ action: "remove", item: "hat" }, "there are not 1 of hat in the cart"],
    [{ action: "remove", item: "socks", quantity: 3 }, "there are not 3 of socks in the cart"],
    [{ action: "email", email: "ann" }, '"ann" is no email address'],
    [{ action: "email", email: ["@"] }, '["@"] is no email address'],
    [{ action: "fly" }, `a cart can't do {"action":"fly","id":"r"}`],
  ] as [any, string][]) {
    assert.deepEqual(ask({ ...request, id: "r" }), { id: "r", error });
  }
  cart.resume("cart");
  assert.deepEqual(cart.take("carts")[0].value, { error: "a cart can't do undefined" });
  assert.deepEqual(ask({ action: "query" }), { email: "ann@example.com", items: [socks] });
});

test("checks out with an address and items", () => {
  const { ask, cart, host } = startCart();
  ask({ action: "add", ...socks });
  ask({ action: "email", email: "ann@example.com" });
  assert.deepEqual(ask({ action: "checkout", id: "c" }), { id: "c", email: "ann@example.com", items: [socks] });
  assert.deepEqual(cart.result, { status: "ordered", email: "ann@example.com", items: [socks] });
  assert.equal(cart.status, "ended");
  assert.deepEqual(host.timers, []);
});

test("refuses to check out without an address, and goes on", () => {
  const { ask, cart } = startCart();
  ask({ action: "add", item: "hat" });
  assert.deepEqual(ask({ action: "checkout", id: "c" }), { id: "c", error: "there is no email address to send the order to" });
  assert.equal(cart.status, "running");
  ask({ action: "email", email: "ann@example.com" });
  ask({ action: "checkout" });
  assert.equal(cart.result.status, "ordered");
});

test("refuses to check out without items, and goes on", () => {
  const { ask, cart } = startCart({ email: "ann@example.com" });
  const refusal = { error: "there is nothing in the cart" };
  assert.deepEqual(ask({ action: "checkout" }), refusal);
  ask({ action: "add", item: "hat" });
  ask({ action: "remove", item: "hat" });
  assert.deepEqual(ask({ action: "checkout" }), refusal);
  ask({ action: "add", item: "hat" });
  ask({ action: "checkout" });
  assert.equal(cart.result.status, "ordered");
});

test("reminds an idle customer once, then gives up", () => {
  const { ask, cart, host, timer } = startCart({ email: "ann@example.com" });
  ask({ action: "add", item: "hat" });
  host.advance(REMIND_AFTER - 1);
  assert.deepEqual(cart.records("emails"), []);
  host.advance(1);
  assert.deepEqual(cart.take("emails").map((record) => record.value), [{ template: "reminder", email: "ann@example.com", items: [hat] }]);
  assert.equal(timer(), ABANDON_AFTER);
  host.advance(ABANDON_AFTER - 1);
  assert.equal(cart.status, "running");
  host.advance(1);
  assert.deepEqual(cart.result, { status: "abandoned", email: "ann@example.com", items: [hat] });
  assert.equal(cart.status, "ended");
  assert.deepEqual(cart.take("emails"), []);
  assert.deepEqual(host.timers, []);
});

test("waits a day, then three, if nothing else is said", () => {
  const host = workflow("./index.ts");
  const cart = host.start("cart-1", { email: "ann@example.com" });
  cart.resume("cart", { action: "add", item: "hat" });
  host.advance("1 day");
  assert.equal(cart.records("emails").length, 1);
  host.advance("3 days");
  assert.equal(cart.result.status, "abandoned");
});

test("sends no reminder without an address, or of nothing", () => {
  const nobody = startCart();
  nobody.ask({ action: "add", item: "hat" });
  const nothing = startCart({ email: "ann@example.com" });
  for (const { host, cart } of [nobody, nothing]) {
    assert.equal(host.settle(), 2);
    assert.deepEqual(cart.records("emails"), []);
    assert.equal(cart.result.status, "abandoned");
  }
});

test("every request sets the timer anew, also one that is refused", () => {
  const { ask, host, timer, cart } = startCart({ email: "ann@example.com" });
  assert.equal(timer(), REMIND_AFTER);
  for (const request of [
    { action: "add", item: "hat" },
    { action: "query" },
    { action: "remove", item: "socks" },
    { action: "email", email: "ann@example.org" },
  ] as Request[]) {
    host.advance(REMIND_AFTER - 1);
    ask(request);
    assert.equal(timer(), REMIND_AFTER);
  }
  assert.deepEqual(cart.records("emails"), []);
});

test("a request after a reminder starts over with the first wait", () => {
  const { ask, host, timer, cart } = startCart({ email: "ann@example.com" });
  ask({ action: "add", item: "hat" });
  host.advance(REMIND_AFTER);
  host.advance(ABANDON_AFTER - 1);
  ask({ action: "query" });
  assert.equal(timer(), REMIND_AFTER);
  host.advance(REMIND_AFTER);
  assert.equal(cart.take("emails").length, 2);
  assert.equal(timer(), ABANDON_AFTER);
});

test("a request comes just before the reminder: the timer that fires nonetheless is late", () => {
  const { ask, host, cart } = startCart({ email: "ann@example.com" });
  ask({ action: "add", item: "hat" });
  const { value } = host.timers[0];
  ask({ action: "query" });
  cart.send(value);
  assert.equal(host.unmatched.length, 1);
  assert.deepEqual(cart.records("emails"), []);
});

test("a request comes just after the reminder: it is answered as well", () => {
  const { ask, host, cart } = startCart({ email: "ann@example.com" });
  ask({ action: "add", item: "hat" });
  host.advance(REMIND_AFTER);
  assert.deepEqual(ask({ action: "add", ...socks }), { email: "ann@example.com", items: [hat, socks] });
  assert.equal(cart.records("emails").length, 1);
  assert.equal(host.unmatched.length, 0);
});

test("a checkout comes just before the end: it is an order", () => {
  const { ask, host, cart } = startCart({ email: "ann@example.com" });
  ask({ action: "add", item: "hat" });
  host.advance(REMIND_AFTER);
  const { value } = host.timers[0];
  ask({ action: "checkout" });
  cart.send(value);
  assert.equal(cart.result.status, "ordered");
  assert.equal(host.unmatched.length, 1);
});

test("a checkout comes just after the end: it is late", () => {
  const { ask, host, cart } = startCart({ email: "ann@example.com" });
  ask({ action: "add", item: "hat" });
  host.settle();
  cart.send(JSON.stringify({ ref: "cart", value: { action: "checkout" } }));
  assert.equal(cart.result.status, "abandoned");
  assert.equal(host.unmatched.length, 1);
});

test("does not grow with the number of requests", () => {
  const { ask, cart } = startCart();
  const sizes = new Set<number>();
  for (let i = 0; i < 50; i++) {
    ask({ action: "add", item: "hat", quantity: 1 });
    ask({ action: "remove", item: "hat", quantity: 1 });
    if (i >= 5) sizes.add(cart.bytes);
  }
  assert.ok(Math.max(...sizes) - Math.min(...sizes) < 16, `sizes ${[...sizes].join(", ")}`); // numbers in ids get longer
});
