// An order, from its validation to its delivery, written with packages from npm. Each of them is alive across awaits: a schema, a machine's actor, a chained
// wrapper and a frozen state are held while the workflow waits, for minutes or for months.
import * as W from "kont";
import { z } from "zod";
import { assign, createActor, setup } from "xstate";
import { produce } from "immer";
import lodash, { sumBy } from "lodash-es";
import { addBusinessDays, formatISO } from "date-fns";
import dayjs from "dayjs";
import utc from "dayjs/plugin/utc";
import { v7 as uuid } from "uuid";
import { nanoid } from "nanoid";
import Decimal from "decimal.js";

dayjs.extend(utc);

export const manifest = { outputTopics: ["order-requests"] };

// Made once, while the module loads, and shared by all threads: zod completes it when it is first used.
const Order = z.object({
  customer: z.email(),
  lines: z.array(z.object({ sku: z.string().min(1), group: z.string(), qty: z.int().positive(), price: z.coerce.string() })).min(1),
  placed: z.iso.datetime(),
});
type Order = z.infer<typeof Order>;

type Happened = { type: "PAID"; amount: string } | { type: "PACKED"; sku: string } | { type: "SENT"; tracking: string } | { type: "LATE" };

const lifecycle = setup({
  types: { context: {} as { left: string[]; reminders: number }, events: {} as Happened, input: {} as { skus: string[] } },
  guards: { isLast: ({ context, event }) => event.type === "PACKED" && context.left.length === 1 },
  actions: { pack: assign({ left: ({ context, event }) => context.left.filter((sku) => event.type === "PACKED" && sku !== event.sku) }) },
}).createMachine({
  id: "order",
  initial: "unpaid",
  context: ({ input }) => ({ left: input.skus, reminders: 0 }),
  states: {
    unpaid: { on: { PAID: "packing", LATE: { actions: assign({ reminders: ({ context }) => context.reminders + 1 }) } } },
    packing: { on: { PACKED: [{ guard: "isLast", target: "sending", actions: "pack" }, { actions: "pack" }] } },
    sending: { on: { SENT: "delivered" } },
    delivered: { type: "final" },
  },
});

const start = { paid: "0", history: [] as { at: string; what: string }[] };

export default async function main(event: unknown) {
  const parsed = Order.safeParse(event);
  if (!parsed.success) return { refused: z.flattenError(parsed.error).fieldErrors };
  const order = parsed.data;
  const id = uuid();
  const reference = nanoid(10);
  const placed = dayjs.utc(order.placed);
  const due = addBusinessDays(placed.toDate(), 5);
  const total = order.lines.reduce((sum, line) => sum.plus(new Decimal(line.price).times(line.qty)), new Decimal(0));
  const groups = lodash.chain(order.lines).groupBy("group"); // lazy: evaluated after the awaits below

  // Made for this order, and held while it is open.
  const Payment = z.object({ amount: z.string().refine((amount) => total.equals(amount), { error: () => `expected ${total.toFixed(2)}` }) });
  const actor = createActor(lifecycle, { input: { skus: order.lines.map((line) => line.sku) } });
  const seen: string[] = [];
  actor.subscribe((snapshot) => { seen.push(String(snapshot.value)) });
  actor.start();
  let state = start;
  const note = (what: string) => { state = produce(state, (draft) => { draft.history.push({ at: dayjs.utc(Date.now()).format("DD.MM. HH:mm"), what }) }) };

  note("placed");
  while (actor.getSnapshot().matches("unpaid")) {
    const answer = W.ref<unknown>("payment");
    W.outputJSON({ ask: "payment", total: total.toFixed(2), reference, ref: answer.id }, "order-requests");
    const paid = await Promise.race([answer, W.sleep(3 * 24 * 3600 * 1000)]);
    if (paid === undefined || paid === null) { actor.send({ type: "LATE" }); note("reminded"); continue; }
    const checked = Payment.safeParse(paid);
    if (!checked.success) { note(checked.error.issues[0].message); continue; }
    state = produce(state, (draft) => { draft.paid = checked.data.amount });
    actor.send({ type: "PAID", amount: checked.data.amount });
  }
  note("paid");
  while (actor.getSnapshot().matches("packing")) {
    const packed = W.ref<string>("packed");
    W.outputJSON({ ask: "packed", left: actor.getSnapshot().context.left, ref: packed.id }, "order-requests");
    actor.send({ type: "PACKED", sku: await packed });
  }
  const sent = W.ref<string>("sent");
  W.outputJSON({ ask: "sent", groups: groups.mapValues((lines) => sumBy(lines, "qty")).value(), ref: sent.id }, "order-requests");
  actor.send({ type: "SENT", tracking: await sent });
  note("sent");
  return {
    id, reference, total: total.toFixed(2), paid: state.paid, due: formatISO(due, { representation: "date" }), days: dayjs.utc(due).diff(placed, "day"),
    status: actor.getSnapshot().status, reminders: actor.getSnapshot().context.reminders, seen, history: state.history,
  };
}
