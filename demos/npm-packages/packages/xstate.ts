import * as W from "kont";
import { setup, createMachine, createActor, assign, transition, initialTransition, getNextSnapshot } from "xstate";
const machine = setup({
  types: { context: {} as { paid: number; log: string[] }, events: {} as { type: "PAY"; amount: number } | { type: "SHIP" } | { type: "CANCEL" } },
  guards: { enough: ({ context, event }) => context.paid + (event as any).amount >= 10 },
  actions: { note: assign({ log: ({ context, event }) => [...context.log, event.type] }) },
}).createMachine({
  id: "order", initial: "open", context: { paid: 0, log: [] },
  states: {
    open: { on: { PAY: [{ guard: "enough", target: "paid", actions: ["note", assign({ paid: ({ context, event }) => context.paid + event.amount })] }, { actions: assign({ paid: ({ context, event }) => context.paid + event.amount }) }], CANCEL: "cancelled" } },
    paid: { initial: "packing", states: { packing: { on: { SHIP: { target: "done", actions: "note" } } }, done: { type: "final" } }, onDone: "closed" },
    closed: { type: "final" }, cancelled: { type: "final" },
  },
});
export default async function main() {
  const actor = createActor(machine);
  const seen: string[] = [];
  actor.subscribe((s) => { seen.push(JSON.stringify(s.value)) });
  actor.start();
  const n = await W.ref<number>("one");
  actor.send({ type: "PAY", amount: 5 });
  await W.ref("two");
  actor.send({ type: "PAY", amount: n });
  console.log(JSON.stringify(actor.getSnapshot().value), actor.getSnapshot().context.paid);
  const snap = actor.getSnapshot();
  const persisted = actor.getPersistedSnapshot();
  await W.ref("three");
  console.log(snap.matches({ paid: "packing" }), snap.can({ type: "SHIP" }), snap.hasTag("x"));
  actor.send({ type: "SHIP" });
  console.log(actor.getSnapshot().status, seen.join(" "), JSON.stringify(actor.getSnapshot().context));
  const again = createActor(machine, { snapshot: persisted }).start();
  await W.ref("four");
  again.send({ type: "SHIP" });
  console.log(again.getSnapshot().status);
  let [s] = initialTransition(machine);
  await W.ref("five");
  [s] = transition(machine, s, { type: "PAY", amount: 20 });
  await W.ref("six");
  [s] = transition(machine, s, { type: "SHIP" });
  console.log(s.status, JSON.stringify(s.value));
  return 1;
}
