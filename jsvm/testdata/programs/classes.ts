import * as W from "kont";
import { log } from "./log";

let failures = 0, shapes = 1;
class Failure extends Error {
  readonly at: number;
  constructor(message: string, public code: number, options?: any) {
    super(message, options);
    this.name = new.target.name;
    this.at = ++failures;
    Object.defineProperty(this, "secret", { value: "s" + code });
  }
  get short() { return `${this.name}#${this.code}` }
  toString() { return "<" + super.toString() + ">" }
}
class Retry extends Failure { constructor(m: string, code = 1) { super(m, code, { cause: new RangeError("cause of " + m) }) } }

abstract class Shape {
  #id = shapes++;
  tags: string[] = [];
  constructor(protected label: string) { this.init() }
  init() { this.tags.push("shape") }
  abstract area(): Promise<number>;
  async describe(): Promise<string> { const a = await this.area(); await W.ref(); return `${this.label}${this.#id}=${a}` }
  get id() { return this.#id }
  static async build<T>(this: new (...a: any[]) => T, ...a: any[]): Promise<T> { await null; return new this(...a) }
  static is(o: any) { return #id in o }
}
class Rect extends Shape {
  w = 1; h = 2;
  constructor(label: string, w = 3) { super(label + "!"); this.w = w; }
  init() { super.init(); this.tags.push("rect", typeof this.w) }
  async area() { await null; return this.w * this.h }
  async describe() { const s = await super.describe(); const t = async () => (await super.describe()) + "?"; return s + "/" + (await t()) }
  static async build(...a: any[]) { const r: any = await super.build(...a); r.tags.push("built"); return r }
  ["com" + "puted"] = this.w * 10;
  set width(x: number) { this.w = x } get width() { return this.w }
}
const Timestamped = <B extends new (...a: any[]) => any>(Base: B) => class Stamped extends Base {
  stamp = 42; when() { return [this.stamp, super.constructor === Base] } static made = Base.name;
};
const Evented = <B extends new (...a: any[]) => any>(Base: B) => class extends Base { on = [] as any[]; async fire(x: any) { await null; this.on.push(x); return super.describe() } };

export default async function main() {
  let e: any;
  try { throw new Retry("r1", 7) } catch (x) { e = x }
  await W.ref();
  log(String(e), e instanceof Retry, e instanceof Failure, e instanceof Error, e.short, e.secret, Object.keys(e), e.cause.message, e.cause instanceof RangeError, typeof e.stack, e.at);
  const r: any = await Rect.build("a", 5);
  log(r.tags, r.computed, r.id, Shape.is(r), Shape.is({}));
  log(await r.describe());
  r.width = 6;
  log(r.width, r.w, Object.keys(r), Object.getOwnPropertyNames(Rect.prototype));
  const Mixed: any = Evented(Timestamped(Rect as any));
  const m = new Mixed("m");
  await W.ref();
  log(m.when(), Mixed.made, Mixed.name, await m.fire("go"), m.on, m instanceof Rect, m.stamp);
  const Local = class Inner { static self = () => Inner.name; v = Inner.k++; static k = 0; clone() { return new Inner() } };
  const l = new Local().clone();
  await W.ref();
  log(Local.self(), Local.k, l.v, l.clone().v, l.constructor === Local);
  class Acc { static total = 0; static #log: string[] = []; static async add(n: number) { await W.ref(); this.total += n; this.#log.push("+" + n); return this.#log } static { this.total = 100 } }
  log(await Acc.add(1), await Acc.add(2), Acc.total);
  function Old(this: any, n: number) { if (!new.target) return new (Old as any)(n); this.n = n }
  Old.prototype.twice = function () { return this.n * 2 };
  function Sub(this: any) { Old.call(this, 9) } Object.setPrototypeOf(Sub.prototype, Old.prototype);
  const o1 = (Old as any)(4), o2 = new (Sub as any)();
  await W.ref();
  log(o1.twice(), o2.twice(), o1 instanceof Old, o2 instanceof Old, o2 instanceof (Sub as any), Old.length);
  class Money { constructor(readonly c: number) {} valueOf() { return this.c } toJSON() { return { c: this.c } } [Symbol.toPrimitive](h: string) { return h === "string" ? "$" + this.c : this.c } get [Symbol.toStringTag]() { return "Money" } 7() { return "seven" } static 3 = "three" }
  const x = new Money(5);
  await null;
  log(`${x}`, +x + 1, Object.prototype.toString.call(x), (x as any)[7](), (Money as any)[3]);
  class Proxyish { static #cache = new WeakMap<object, any>(); #v = [1]; static of(k: object) { let p = this.#cache.get(k); if (!p) this.#cache.set(k, p = new Proxyish()); p.#v.push(p.#v.length); return p.#v } }
  const key = {};
  Proxyish.of(key);
  await W.ref();
  return [Proxyish.of(key), x, failures];
}
