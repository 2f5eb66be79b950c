// Async generators and for await: next, throw and return while it waits, delegation, the queue of requests.
import { log } from "./log";
async function* counter(n: number): AsyncGenerator<number, string, any> {
  try {
    for (let i = 0; i < n; i++) {
      await null;
      const got = yield i;
      log("got", got);
    }
    return "end";
  } catch (e: any) {
    log("caught", e.message);
    yield -1;
    return "after";
  } finally {
    await null;
    log("finally");
  }
}
export default async function main() {
  for await (const x of counter(2)) log("value", x);
  const it = counter(5);
  log(await it.next("ignored"), await it.next("a"));
  await null;
  log(await it.throw(new Error("thrown")), await it.next(), await it.next());
  const r = counter(3);
  await r.next();
  log(await r.return("early"), await r.next());
  const q = counter(3);
  log(await Promise.all([q.next(), q.next(1), q.return("queued"), q.next()]));
  async function* outer() {
    const v: any = yield* counter(2);
    log("delegated", v);
    yield* [Promise.resolve("p"), "s"] as any;
  }
  const seen: any[] = [];
  for await (const x of outer()) seen.push(x);
  log(seen);
  label: for await (const x of [1, 2, 3]) {
    for await (const y of counter(3)) {
      if (y === 1) continue label;
      if (x === 2) break label;
      log(x, y);
    }
  }
  const hand = { n: 0, [Symbol.asyncIterator]() { return this }, async next() { return { value: this.n++, done: this.n > 3 } }, async return() { log("hand return"); return {} } };
  for await (const x of hand as any) { if (x === 1) break; log("hand", x) }
  class Box { items = [1, 2]; async *[Symbol.asyncIterator]() { for (const x of this.items) { await null; yield x * 10 } } static async *make(this: typeof Box) { yield new this() } }
  for await (const b of Box.make()) for await (const x of b) log(x);
  try { for await (const x of [Promise.reject(new Error("item"))]) log(x) } catch (e: any) { log(e.message) }
  log(Object.prototype.toString.call(it), typeof it[Symbol.asyncIterator], it[Symbol.asyncIterator]() === it);
}
