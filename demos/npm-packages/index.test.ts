import { assert, test, workflow } from "kont/test";
import { validate, version } from "uuid";

const order = {
  customer: "ann@example.com",
  placed: "2026-03-05T09:30:00Z",
  lines: [
    { sku: "lamp", group: "home", qty: 2, price: "19.95" },
    { sku: "rug", group: "home", qty: 1, price: 100.1 },
    { sku: "book", group: "media", qty: 3, price: "0.10" },
  ],
};

test("an order is delivered, whatever is restored in between", () => {
  for (const restore of ["await", "step", "never"] as const) {
    const host = workflow("./index.ts", { now: "2026-03-05T10:00:00Z", restore });
    const thread = host.start("o1", order);
    assert.matches(host.take("order-requests")[0].value, { ask: "payment", total: "140.30" });
    host.advance("3 days");
    thread.resume("payment", { amount: "140" });
    thread.resume("payment", { amount: "140.300" });
    for (const sku of ["rug", "lamp", "book"]) thread.resume("packed", sku);
    assert.deepEqual(host.take("order-requests").pop()!.value.groups, { home: 3, media: 3 });
    host.advance("2h");
    thread.resume("sent", "JD014");
    assert.matches(thread.result, {
      total: "140.30", paid: "140.300", due: "2026-03-12", days: 7, status: "done", reminders: 1,
      seen: ["unpaid", "unpaid", "packing", "packing", "packing", "sending", "delivered"],
      history: [
        { at: "05.03. 10:00", what: "placed" }, { at: "08.03. 10:00", what: "reminded" }, { at: "08.03. 10:00", what: "expected 140.30" },
        { at: "08.03. 10:00", what: "paid" }, { at: "08.03. 12:00", what: "sent" },
      ],
    });
    assert(validate(thread.result.id) && version(thread.result.id) === 7, "the id is a UUID of version 7");
    assert.equal(thread.result.reference.length, 10);
  }
});

test("an order that is none is refused with what is wrong", () => {
  const host = workflow("./index.ts");
  const thread = host.start("o2", { customer: "ann", lines: [] });
  assert.deepEqual(Object.keys(thread.result.refused).sort(), ["customer", "lines", "placed"]);
});

test("threads share schemas and machines, and nothing else", () => {
  const host = workflow("./index.ts", { now: "2026-03-05T10:00:00Z" });
  const names = ["a", "b", "c"];
  for (const name of names) host.start(name, order);
  for (const name of names) host.thread(name).resume("payment", { amount: "140.3" });
  for (const sku of ["book", "rug", "lamp"]) for (const name of names) host.thread(name).resume("packed", sku);
  for (const name of names) host.thread(name).resume("sent", name);
  const results = names.map((name) => host.thread(name).result);
  assert.equal(new Set(results.map((result) => result.id)).size, 3);
  for (const result of results) assert.deepEqual(result.seen, ["unpaid", "packing", "packing", "packing", "sending", "delivered"]);
});
