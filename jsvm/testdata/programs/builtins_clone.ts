// structuredClone, WeakRef and transfer of buffers.
import { log } from "./log";
import * as W from "kont";

class Point { x = 1; #y = 2; get y() { return this.#y } }

export default async function main() {
  const a: any = { n: -0, u: undefined, b: 10n, d: new Date(5), r: /x/gi, s: new Set([1, { deep: true }]), e: new RangeError("bad"), h: [1, , 3], boxed: [Object(1), Object("s"), Object(false), Object(2n)], p: new Point(), nul: null };
  a.self = a; a.m = new Map<any, any>([[a, "me"], ["list", a.h]]); a.r.lastIndex = 1; a.h.note = "kept"; a.hidden = 1;
  Object.defineProperty(a, "hidden", { enumerable: false }); Object.defineProperty(a, "got", { get() { return [7] }, enumerable: true });
  a[Symbol.for("skipped")] = 1;
  const c = structuredClone(a);
  await null;
  log(Object.is(c.n, -0), "u" in c, c.b, c.d.getTime(), String(c.r), c.r.lastIndex, c.s.size, [...c.s][1].deep, [...c.s][1] !== [...a.s][1], c.e instanceof RangeError, c.e.message, 1 in c.h, c.h.length, c.h.note);
  log(c.self === c, c.m.get(c), c.m.get("list") === c.h, c.boxed.map((x: any) => typeof x), c.p instanceof Point, Object.keys(c.p), "hidden" in c, c.got, Reflect.ownKeys(c).length, Object.getOwnPropertyDescriptor(c, "got")!.writable);
  log(await W.ref("a"), c.self === c, c.m.get(c));
  for (const bad of [() => {}, Symbol("s"), new WeakMap(), Promise.resolve(1), new WeakSet(), (function* () {})()]) {
    for (const wrap of [(x: any) => x, (x: any) => ({ list: [1, { f: x }] }), (x: any) => new Map([["k", x]])]) {
      try { structuredClone(wrap(bad)); log("cloned") } catch (e: any) { log(e.name, e.code, e instanceof DOMException) }
    }
    await null;
  }
  try { structuredClone([new Proxy({}, {})]) } catch (e: any) { log(e.name) }
  const buffer = new ArrayBuffer(8), whole = new Uint8Array(buffer), part = new Uint16Array(buffer, 2, 2), view = new DataView(buffer, 4);
  whole.set([1, 2, 3, 4, 5, 6, 7, 8]);
  const k = structuredClone({ whole, part, view, buffer });
  await null;
  k.whole[2] = 99;
  log(k.part[0], k.view.getUint8(0), k.view.byteLength, k.whole.buffer === k.buffer, part[0], k.part instanceof Uint16Array, k.view instanceof DataView);
  const moved = structuredClone({ part }, { transfer: [buffer] });
  await null;
  log(buffer.byteLength, whole.length, part.length, moved.part.length, moved.part[0], moved.part.buffer.byteLength);
  for (const transfer of [[moved.part.buffer, moved.part.buffer]]) try { structuredClone(1, { transfer } as any); log("fine") } catch (e: any) { log(e.name) }
  try { structuredClone({ f: () => 1, part: moved.part }, { transfer: [moved.part.buffer] }) } catch (e: any) { log(e.name, moved.part.length) }
  log(await W.ref("b"), buffer.byteLength, whole.length);
  for (const e of [new TypeError("t"), new Error("c", { cause: { why: [1] } }), Object.assign(new Error("named"), { name: "Custom", extra: 1 }), new AggregateError([1], "agg")]) {
    const copy: any = structuredClone(e);
    log(copy.name, copy.message, copy.constructor.name, copy.cause, copy.extra, typeof copy.stack, copy !== e);
  }
  const target = { v: 1 }, ref = new WeakRef(target);
  const registry = new FinalizationRegistry(() => log("never"));
  registry.register(target, "held", target);
  await null;
  log(ref.deref() === target, ref.deref()!.v, registry.unregister(target), registry.unregister(target), String(ref), String(registry));
  for (const f of [() => new WeakRef(1 as any), () => new WeakRef(Symbol.for("x") as any), () => new (FinalizationRegistry as any)(), () => registry.register(target, target), () => (WeakRef as any)(target), () => WeakRef.prototype.deref.call({})])
    try { f(); log("fine") } catch (e: any) { log(e.name) }
  log(new WeakRef(Symbol.iterator as any).deref() === Symbol.iterator, typeof queueMicrotask, structuredClone("s"), structuredClone(null));
}
