import * as W from "kont";
import { log } from "./log";

let moduleCount = 0;
const counter = (start: number) => {
  let n = start, calls = 0;
  const bump = (by = 1) => { calls++; return n += by };
  return { bump, get n() { return n }, set n(v) { n = v }, peek: () => ({ n, calls }), child() { return counter(n) } };
};
function compose(...fs: ((x: any) => any)[]) { return (x: any) => fs.reduce((a, f) => f(a), x) }
class Emitter {
  handlers = new Map<string, Set<Function>>();
  on(e: string, f: Function) { (this.handlers.get(e) ?? this.handlers.set(e, new Set()).get(e)!).add(f); return () => this.handlers.get(e)!.delete(f) }
  emit(e: string, ...a: any[]) { let n = 0; this.handlers.get(e)?.forEach((f) => { f(...a); n++ }); return n }
}

export default async function main() {
  const fs: (() => number)[] = [], sets: ((x: number) => void)[] = [];
  for (let i = 0, j = 10; i < 3; i++, j--) { fs.push(() => i * 100 + j++); sets.push((x) => { i = x }); await null }
  log(fs.map((f) => f()));
  await W.ref();
  log(fs.map((f) => f()));
  sets[1](7);
  await W.ref();
  log(fs.map((f) => f()));
  const a = counter(5), b = a.child();
  a.bump(); b.bump(3); a.n = 40;
  await W.ref();
  const { bump } = a;
  bump(2);
  log(a.n, a.peek(), b.n, b.peek(), Object.keys(a));
  let shared = 0;
  const inc = async () => { const x = shared; await W.ref(); shared = x + 1; moduleCount++; return shared };
  const both = Promise.all([inc(), inc()]);
  shared = 10;
  log(await both, shared, moduleCount);
  const e = new Emitter(), heard: any[] = [];
  const off = e.on("x", (v: any) => heard.push(["first", v]));
  e.on("x", (v: any) => { heard.push(["second", v, shared]); off() });
  e.emit("x", 1);
  await W.ref();
  shared = 99;
  log(e.emit("x", 2), heard);
  const twice = compose((x) => x * 2, function (this: any, x) { return this === undefined ? x + 1 : -1 }, (x) => x + shared);
  const bound = counter.bind(null, 100), method = a.bump.bind({}, 5), later = Function.prototype.call.bind(Array.prototype.slice);
  await W.ref();
  log(twice(1), bound().n, method(), (later as any)([1, 2, 3], 1), bound.name, method.length);
  const memo = new Map<number, any>();
  const fact = (n: number): bigint => memo.get(n) ?? (memo.set(n, n < 2 ? 1n : BigInt(n) * fact(n - 1)), memo.get(n));
  fact(5);
  await null;
  log(fact(20), memo.size);
  const self = function me(n: number): any { return n ? [n, me(n - 1)] : typeof me };
  const rec = { even: (n: number): boolean => n === 0 || rec.odd(n - 1), odd: (n: number): boolean => n !== 0 && rec.even(n - 1) };
  await W.ref();
  log(self(2), rec.even(10), rec.odd(7));
  var hoisted = typeof late, un = typeof undef;
  function late() { return undef }
  var undef = 3;
  await null;
  log(hoisted, un, late());
  if (undef) { let hidden = 1; var g1 = () => hidden++; { let hidden = 50; var g2 = () => hidden--; await null } }
  log(g1!(), g1!(), g2!(), g2!());
  const obj: any = { n: 1, arrow: () => typeof this, m() { return [1, 2].map((x) => x * this.n) }, async am() { await null; return this.m() } };
  obj.n = await W.ref();
  return [obj.m(), await obj.am(), obj.arrow(), (() => { try { return inner() } finally { log("f") } function inner() { return shared } })()];
}
