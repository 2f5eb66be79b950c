// super in async methods and arrows, getters, setters and statics along the chain, new.target, species, mixins.
import { log } from "./log";
export default async function main() {
  class A {
    static kind = "A"; static async make(this: any, ...a: any[]) { await null; return new this(...a) } static get label() { return "<" + this.kind + ">" }
    v: number; constructor(v = 1) { this.v = v; if (new.target === A) log("plain A"); else log("made as", new.target.name) }
    async get() { await null; return this.v } get prop() { return this.v * 10 } set prop(x) { this.v = x / 10 } toString() { return `A(${this.v})` }
  }
  class B extends A {
    static kind = "B"; static async make(...a: any[]) { const b = await super.make(...a); await null; log("B.make", super.label); return b }
    w = this.v + 1;
    async get() { const base = await super.get(); const f = async () => (await super.get()) + (await super.get()); await null; return base + (await f()) + this.w }
    get prop() { return super.prop + 1 } set prop(x) { super.prop = x * 2 }
    async set(x: number) { await null; super.prop = x; await null; return super.toString() + this }
    *gen() { yield super.prop; yield super.toString() }
  }
  const a = new A(), b = await B.make(4);
  await null;
  log(await b.get(), b.prop, b.w, B.label, String(b), a.prop); b.prop = 30; await null; log(b.v, await b.set(100), [...b.gen()], b instanceof A, Object.getPrototypeOf(B) === A);
  const Late = (Base: any) => class extends Base { async late() { await null; return "late " + (await super.get()) } }; const M = Late(Late(B)) as any; const m = new M(2); await null; log(await m.late(), M.label);
  function F(this: any, x: any) { if (!new.target) return new (F as any)(x); this.x = x } const f = new (F as any)(1); await null; log(f.x, (F as any)(2).x, f.constructor === F, Reflect.construct(F as any, [3], class Other {}).constructor.name);
  class Base { constructor() { return Object.create(Returned.prototype) } } class Returned extends Base { #p = 5; read() { return (this as any).#p ?? "no" } } await null; log(new Returned() instanceof Returned);
  class List extends Array<number> { static get [Symbol.species]() { return Array } sum() { return this.reduce((x, y) => x + y, 0) } } const l = List.from([1, 2, 3]) as List; await null; log(l.sum(), l.map((x) => x) instanceof List, l instanceof List, l.length, Array.isArray(l), l.concat([4]).length);
  class Dict extends Map<string, number> { inc(k: string) { return this.set(k, (this.get(k) ?? 0) + 1) } get [Symbol.toStringTag]() { return "Dict" } } const d = new Dict([["a", 1]]); await null; d.inc("a").inc("b"); await null; log([...d], String(d), d instanceof Map);
  class Bad extends TypeError { code: string; constructor(m: string, o?: any) { super(m, o); this.name = "Bad"; this.code = "E" } } const e = new Bad("msg", { cause: a }); await null; log(e instanceof TypeError, e.cause === a, String(e), e.code, Object.keys(e)); try { await Promise.reject(e) } catch (x) { log(x === e) }
  class Task<T> extends Promise<T> { tag = "t"; static get [Symbol.species]() { return Promise } } const p = new Task<number>((ok) => ok(7)); await null; log(p instanceof Task, p.tag, await p, p.then(() => 1) instanceof Task, (Task.resolve(1) as any) instanceof Task, await Task.all([p, 8]));
  const o: any = { __proto__: { async hi() { await null; return "hi " + this.n } }, n: 1, async hi() { await null; return (await super.hi()) + "!" } }; await null; log(await o.hi());
  abstract class Shape { abstract area(): number; async show() { await null; return this.constructor.name + " " + this.area() } } class Sq extends Shape { constructor(private readonly s: number) { super() } area() { return this.s ** 2 } } log(await new Sq(3).show());
}
