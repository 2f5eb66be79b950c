import * as W from "kont";
import { log } from "./log";

// Awaits in every position of an expression.
const v = async (x: any) => { log("v", x); await null; return x };
const s = (x: any) => { log("s", x); return x };

class Box {
  n = 10;
  items: any = { a: 1, b: 2 };
  add(...xs: number[]) { log("add", this.n, xs); return this.n += xs.reduce((p, c) => p + c, 0), this }
  get self() { log("self"); return this }
  async later(x: number) { await null; return this.n + x }
}

export default async function main() {
  const o: any = { a: { b: 5 }, k: "a", f(x: any) { return [this === o, x] } };
  const box: any = new Box();
  log(o.f(await v(1)), (await v(o)).f(await v(2)), o[await v("f")](await v(3)));
  log((await v(o.f))(4)[0] === false, o.f?.(await v(5)), o.g?.(await v("never")), (await v(null))?.x[await v("never")]);
  log(box.self.add(await v(1), ...[await v(2), await v(3)], s(4)).add(5).n);
  let i = 0;
  o[await v("q")] ??= await v(s(7));
  o[(await v("a"))].b += await v(s(8));
  o[s("a")][await v("b")] **= await v(2);
  log(o.q, o.a, [i++, await v(i++), i++, ...[await v(i++)], , i], { i, [await v("x" + i)]: i++, ...(await v({ y: i })), z: await v(++i) });
  log(`${s(1)}${await v({ toString() { log("str"); return "T" } })}${s(2)}${await v(3)}`);
  log((await v(0)) || (await v("")) || s("or"), (await v(1)) && s(2) && (await v(3)), (await v(null)) ?? (await v(undefined)) ?? "nn");
  log((await v(1)) ? await v("yes") : await v("no"), (s(0), await v(1), s(2)), typeof (await v(1n)), -(await v(3)), !(await v(0)), void (await v(1)));
  let x = 1;
  x += (x = 10, await v(x));
  log(x, x++ + (await v(x)) + x++, delete o[await v("k")], "k" in o, (await v("a")) in o, (await v(box)) instanceof (await v(Box)));
  [o.m, o[await v("n")] = await v("dflt"), ...o.rest] = [await v(1), undefined, 3, 4];
  let others: any;
  ({ a: { b: x = await v(99) }, [await v("m")]: o.mm, ...others } = o);
  log(x, o.mm, Object.keys(others), o.m, o.n, o.rest);
  const { p = await v("p0"), q: [r, ...t] = [await v("r0"), 2, 3] } = await v({});
  log(p, r, t);
  log(new Box().n, new (await v(Box))().n, (new Box().items)[await v("b")]++, ++box.items[await v("a")], box.items);
  const tag = (st: any, ...xs: any[]) => st.raw.join("|") + xs.join();
  log(tag`a${await v(1)}b${s(2)}c${await v(3)}`, box.later(await v(1)) instanceof Promise, await box.later(await box.later(1)));
  const f = async (a = v("da"), { b = 2, ...c } = {} as any, ...d: any[]) => [await a, b, c, d, await (async (g = b) => g + (await v(1)))()];
  log(await f(), await f(undefined, { b: 3, z: 1 }, 4), await f(await v(1) as any, await v({})));
  switch (await v(2)) { case s(1): log("one"); case await v(2): log("two"); case 3: log("three"); break; default: log("d") }
  class D extends (await v(Box)) { [await v("dyn")]() { return super.n } static [await v("st")] = await0(); ["f" + 1] = 3 }
  log(new (D as any)().dyn(), (D as any).st, new (D as any)().f1, (D as any).name, new (D as any)() instanceof Box);
  for (let j = await v(0), k = await v(2); j < (await v(k)); j += await v(1)) log("j", j);
  for (const e of await v([1, 2])) log("e", e);
  for (const k in await v({ u: 1, w: 2 })) log("k", k);
  const got = await W.ref();
  try { throw await v("thrown") } catch (e) { log(e, got) }
  return await v([await (await v(async () => 5))(), x]);
}
function await0() { return "static" }
