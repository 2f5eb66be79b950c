// AbortController, AbortSignal and events across refs.
import { log } from "./log";
import * as W from "kont";

export default async function main() {
  const controller = new AbortController(), { signal } = controller;
  const seen: any[] = [];
  signal.addEventListener("abort", (e) => seen.push(["once", e.type, e.target === signal, e.isTrusted, e.eventPhase]), { once: true });
  const twice = () => seen.push("twice");
  signal.addEventListener("abort", twice); signal.addEventListener("abort", twice);
  const gone = () => seen.push("gone");
  signal.addEventListener("abort", gone); signal.removeEventListener("abort", gone);
  signal.addEventListener("abort", { handleEvent(this: any, e) { seen.push(["object", e.type]) } });
  signal.onabort = function (this: any) { seen.push(["on", this === signal]) };
  const any = AbortSignal.any([signal, new AbortController().signal]), nested = AbortSignal.any([any]);
  any.onabort = () => seen.push("any"); nested.onabort = () => seen.push(["nested", signal.aborted, any.aborted]);
  log(signal.aborted, signal.reason, any.aborted, controller.signal === signal, await W.ref("a"));
  signal.throwIfAborted();
  controller.abort();
  controller.abort("second");
  await null;
  log(seen, signal.aborted, signal.reason.name, signal.reason.code, signal.reason instanceof DOMException, any.reason === signal.reason, nested.reason === signal.reason);
  try { signal.throwIfAborted() } catch (e: any) { log(e.name, e === signal.reason) }
  const c2 = new AbortController();
  c2.abort({ why: "own" });
  log(await W.ref("b"), c2.signal.reason.why, AbortSignal.abort().aborted, AbortSignal.abort(7).reason, AbortSignal.any([]).aborted, AbortSignal.any([c2.signal, signal]).reason.why);
  const wait = (s: AbortSignal) => new Promise((ok, no) => { s.addEventListener("abort", () => no(s.reason)) });
  const c3 = new AbortController(), p = wait(c3.signal);
  await null;
  c3.abort(new Error("stop"));
  try { await p } catch (e: any) { log(e.message) }
  const target = new EventTarget(), order: any[] = [];
  target.addEventListener("x", (e) => { order.push(1); e.preventDefault() });
  target.addEventListener("x", (e: any) => { order.push("second", e.detail) }, false);
  target.addEventListener("y", (e) => { order.push("y1"); e.stopImmediatePropagation() }); target.addEventListener("y", () => order.push("y2"));
  const c4 = new AbortController();
  target.addEventListener("z", () => order.push("z"), { signal: c4.signal });
  await null;
  log(target.dispatchEvent(new CustomEvent("x", { detail: { n: 1 }, cancelable: true })), target.dispatchEvent(new Event("y")), target.dispatchEvent(new Event("z")), order.length, order);
  c4.abort();
  log(target.dispatchEvent(new Event("z")), order.length);
  const e = new Event("q", { cancelable: true, bubbles: true });
  target.addEventListener("q", (ev) => { ev.preventDefault(); try { target.dispatchEvent(ev) } catch (x: any) { order.push("recursion") } log(ev.composedPath().length, ev.target === target) }, { passive: false });
  log(target.dispatchEvent(e), e.defaultPrevented, e.bubbles, e.currentTarget, e.composedPath(), order.slice(-2), String(e), e.type, e.cancelable);
  for (const f of [() => new (AbortSignal as any)(), () => new (Event as any)(), () => target.dispatchEvent({} as any), () => (AbortController as any)(), () => AbortController.prototype.abort.call({})])
    try { f(); log("fine") } catch (x: any) { log(x.name) }
  const d = new DOMException("msg", "NotFoundError"), d2 = new DOMException(), d3: any = new DOMException("m", { name: "Own", cause: 5 } as any);
  await null;
  log(d.name, d.message, d.code, d instanceof Error, String(d), DOMException.ABORT_ERR, d2.name, d2.message, d2.code, d3.name, d3.cause, d3.code, Object.keys(d));
  class Emitter extends EventTarget { n = 0; emit() { this.n++; return this.dispatchEvent(new Event("tick")) } }
  const emitter = new Emitter();
  emitter.addEventListener("tick", (ev: any) => log("tick", ev.target.n, ev.target === emitter));
  await W.ref("c");
  emitter.emit(); await null; emitter.emit();
}
