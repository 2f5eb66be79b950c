import * as W from "kont";
import { log } from "./log";
export const manifest = { outputTopics: ["book", "mail"] };

interface Step<T = any> { name: string; run(ctx: Ctx): Promise<T>; undo?(ctx: Ctx, done: T): Promise<void> | void }
type Ctx = { user: string; results: Record<string, any>; trail: string[] };
class SagaError extends Error { constructor(readonly step: string, cause: unknown) { super(`saga failed at ${step}`, { cause }) } }

const ask = async <T>(what: string, args: object, name = what): Promise<T> => { W.outputJSON({ what, ...args }, "book"); return await W.ref<T>(name) };
const steps: Step[] = [
  { name: "flight", async run({ user }) { return { id: await ask("flight", { user }) } }, async undo(ctx, f) { ctx.trail.push("undo flight " + f.id); await ask("cancelFlight", { id: f.id }) } },
  { name: "hotel", async run(c) { const n = await ask<number>("hotel", { for: c.results.flight.id }); return [n, n * 2] }, undo(c, [a, b]) { c.trail.push(`undo hotel ${a}/${b}`) } },
  { name: "car", run: async (c) => { if (c.user === "ann") await ask("car", {}, "fail"); return "car" } },
];
async function saga(list: Step[], ctx: Ctx) {
  const done: [Step, any][] = [];
  try {
    for (const [i, step] of list.entries()) {
      try { done.unshift([step, ctx.results[step.name] = await step.run(ctx)]); ctx.trail.push(`${i}:${step.name}`) }
      catch (e) { throw new SagaError(step.name, e) }
    }
    return { ok: true as const, ...ctx };
  } catch (e) {
    for (const [step, result] of done) await step.undo?.(ctx, result);
    if (e instanceof SagaError) return { ok: false as const, why: e.message, cause: e.cause, trail: ctx.trail };
    throw e;
  } finally { W.outputJSON(ctx.trail, "mail", ctx.user) }
}
async function retry<T>(f: (attempt: number) => Promise<T>, { times = 3, on = (e: unknown) => true } = {}): Promise<T> {
  let last: unknown;
  for (let attempt = 1; attempt <= times; attempt++) {
    try { return await f(attempt) } catch (e) { last = e; log("attempt", attempt, e); if (!on(e)) break; await W.ref("pause") }
  }
  throw last;
}
async function pool<T, R>(xs: T[], n: number, f: (x: T, i: number) => Promise<R>): Promise<R[]> {
  const out: R[] = new Array(xs.length); let next = 0;
  const worker = async (id: number) => { while (next < xs.length) { const i = next++; log("worker", id, "takes", i); out[i] = await f(xs[i], i) } };
  await Promise.all(Array.from({ length: n }, (_, i) => worker(i)));
  return out;
}
const machine = {
  state: "idle" as string, history: [] as string[],
  transitions: { idle: { go: "busy" }, busy: { done: "idle", err: "failed" }, failed: {} } as any,
  async send(this: any, ev: string) { const to = this.transitions[this.state]?.[ev]; if (!to) throw new RangeError(`no ${ev} in ${this.state}`); this.history = [...this.history, this.state]; await W.ref(); this.state = to; return this },
};
export default async function main(input: { user: string; city: string; nights: number }) {
  const first = await saga(steps, { user: input.user, results: {}, trail: [] });
  log(first);
  log(await saga(steps, { user: "bob", results: {}, trail: [] }));
  log(await retry(async (n) => { if (n < 3) throw await W.ref("fail").catch((e) => e + "!"); return "ok " + n }));
  try { await retry(() => W.ref("fail"), { times: 5, on: (e) => e === "nothing" }) } catch (e) { log("gave up", e) }
  log(await pool(["a", "b", "c", "d", "e"], 2, async (x, i) => x + i + (await W.ref())));
  const m = { ...machine };
  log((await (await m.send("go")).send("err")).state, m.history);
  await m.send("go").catch((e: any) => log(String(e)));
  const results = await Promise.allSettled([W.ref(), W.ref("fail"), (async () => { throw new SagaError("x", 1) })()]);
  log(results.map((r: any) => r.status + ":" + (r.value ?? r.reason)));
  let total = 0;
  const tally = async (n: number): Promise<number> => n === 0 ? W.ref() : 1 + (await tally(n - 1));
  total += await tally(60);
  return { total, nights: input.nights };
}
