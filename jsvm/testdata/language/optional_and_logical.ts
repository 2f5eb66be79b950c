// Optional chains, nullish and logical assignment around awaits: what is evaluated, when, and how often.
import { log } from "./log";
const t = (x: any) => { log("t", x); return x };
const later = async (x: any) => { await null; log("later", x); return x };
export default async function main() {
  const o: any = { a: { f(x: any) { return [this === o.a, x] }, n: null, z: 0, s: "" }, list: [1], get g() { log("get g"); return undefined }, set g(v) { log("set g", v) } };
  log(o?.a?.f(await later(1)), o.b?.f(await later(2)), o.b?.c.d.e[await later(3)], o.a.n?.(await later(4)), o?.["a"]?.[await later("z")]);
  log((await later(o))?.a.z ?? (await later("no")), o.a.n ?? (await later("default")), o.a.z || (await later("or")), o.a.z && (await later("and")), null ?? (undefined ?? (await later("last"))));
  t(o).g ??= await later("g"); t(o).a[t("z")] ||= await later(5); t(o).a[t("z")] &&= await later(6); t(o).a[t("z")] ??= await later("not"); log(o.a.z);
  o.list[await later(0)] += await later(10); o.list[t(0)] **= await later(2); o.list[t(1)] ??= await later("x"); log(o.list);
  let v: any = null; v ??= await later("v"); v &&= await later(v + "w"); v ||= await later("never"); log(v);
  let n = 1; n += await later((n = 5)); log(n); n = n++ + (await later(n)) + n; log(n);
  const order: any[] = []; const m = (s: any) => { order.push(s); return { valueOf() { order.push("v" + s); return s } } }; await null; log((m(1) as any) + (await later(1)) * (m(3) as any), order);
  const f = async (...a: any[]) => a; log(await f(t(1), await later(2), ...(await later([3, 4])), t(5)), [t(1), ...(await later([2])), , await later(3)], { [t("k")]: await later("v"), ...(await later({ s: 1 })), t: t("last") });
  log((await later(0)) ? "yes" : await later("no"), !(await later(true)), typeof (await later("s")), -(await later(3)), void (await later(1)), (await later(1), await later(2)));
  log(`${t("a")}${await later("b")}${t("c")}`, delete (await later({ x: 1 })).x, (await later("x")) in { x: 1 }, (await later([])) instanceof Array, new (await later(Map))([[1, await later(2)]]).size);
  const obj = { n: 1, async inc() { this.n = this.n + (await later(1)); return this } }; await Promise.all([obj.inc(), obj.inc()]); log(obj.n);
  const who: any = { name: "w", get self() { return this }, call() { return this?.name } }; log(who.self?.call(), (who.self?.call)(), (0, who.call)?.(), who?.self.self?.["call"]?.());
  try { null!.x[await later("never")] } catch (e: any) { log(e.name) } try { (await later(undefined)).y } catch (e: any) { log(e.name) } try { o.nope(await later("argument first")) } catch (e: any) { log(e.name) }
  o.a.n?.x.y[t("skipped")] ; delete o?.list?.[0]; log(0 in o.list, o.a?.n?.x?.y ?? "end");
}
