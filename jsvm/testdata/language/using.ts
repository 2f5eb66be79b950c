// using and await using: order, errors, loops, early exits.
import { log } from "./log";
const res = (n: string, fail = false) => ({ n, [Symbol.dispose]() { log("dispose", n); if (fail) throw new Error("d " + n) } });
const ares = (n: string, fail = false) => ({ n, async [Symbol.asyncDispose]() { log("begin", n); await null; log("end", n); if (fail) throw new Error("d " + n) } });
export default async function main() {
  { using a = res("a"), b = res("b"); await null; log(a.n, b.n); using c = null; }
  { await using a = ares("a"); await using b = ares("b"); using s = res("s"); await null; log("body"); }
  const early = async (how: string) => { await using x = ares(how); for (const i of [1, 2]) { using y = res(how + i); await null; if (how === "return") return "r"; if (how === "break") break; if (how === "throw") throw new Error("t") } return "end" };
  for (const how of ["return", "break", "throw", "none"]) try { log(await early(how)) } catch (e: any) { log(e.message) }
  try { using a = res("x", true); using b = res("y", true); await null; throw new Error("body") } catch (e: any) { log(e.name, e.error.message, e.suppressed.error.message, e.suppressed.suppressed.message) }
  for (using r of [res("l1"), res("l2")]) { await null; log("in", r.n) }
  for (await using r of [ares("m1"), ares("m2")]) { log("in", r.n); if (r.n === "m2") continue }
  for await (using r of [Promise.resolve(res("n1")), res("n2")]) { await null; log("in", r.n) }
  class Pool { open = 0; take() { this.open++; const pool = this; return { [Symbol.dispose]() { pool.open-- } } } } const pool = new Pool(); { using one = pool.take(); await null; using two = pool.take(); await null; log(pool.open) } log(pool.open);
  try { using bad = {} as any; log("never") } catch (e: any) { log(e.name) } const f = async () => { await using a = res("sync in async") as any; return "value" }; log(await f());
  const g = function* () { using r = res("generator"); yield 1; yield 2 }; const it = g(); it.next(); await null; it.return(); for (const x of g()) { log(x); break }
}
