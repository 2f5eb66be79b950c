// Fields, private members of all kinds, static blocks, accessors, computed names, initialization order.
import { log } from "./log";
export default async function main() {
  const order: string[] = [];
  const note = <T>(s: string, v: T): T => { order.push(s); return v };
  let made = 0;
  class A {
    static #count = 0;
    static #registry = new Map<string, A>();
    static readonly kinds = ["x", "y"];
    static { A.#registry.set("first", new A("static")); order.push("block " + A.#count); }
    [note("computed", "dyn")] = note("dyn value", 1);
    #secret = note("secret", made++);
    #list: number[] = [];
    name: string;
    arrow = async () => { await null; return this.#secret };
    constructor(name: string) { this.name = name; A.#count++; }
    get #sum() { return this.#list.reduce((a, b) => a + b, 0) }
    set #sum(v: number) { this.#list = [v] }
    #add(n: number) { this.#list.push(n); return this }
    static #hidden() { return "hidden " + this.#count }
    static async reveal() { await null; return this.#hidden() }
    async add(...n: number[]) { for (const x of n) { await null; this.#add(x) } return this.#sum }
    reset(v: number) { this.#sum = v; this.#sum += 1; this.#secret ||= 7; this.#secret ??= 8; return [this.#sum, this.#secret++, ++this.#secret] }
    static is(o: any) { return #secret in o && #add in o }
    static of(k: string) { return A.#registry.get(k)!.name }
    get double() { return this.#sum * 2 }
    set double(v) { this.#sum = v / 2 }
    static get total() { return this.#count }
    "quoted key" = 1;
    42 = "number";
    *#gen() { yield this.name; yield this.#secret }
    async *all() { for (const x of this.#gen()) { await null; yield x } }
    accessor auto = "auto";
    static accessor sauto = 3;
    optional(o?: A) { return o?.#secret }
    eq(o: A) { const { name } = o; [this.#secret, o.#secret] = [o.#secret, this.#secret]; return name }
  }
  const a = new A("a"), b = new A("b");
  await null;
  log(await a.add(1, 2, 3), a.double, A.is(a), A.is({}), await A.reveal(), A.of("first"), A.total, A.kinds);
  log(a.reset(5), await a.arrow(), Object.keys(a), a["quoted key"], a[42], a.optional(), a.optional(b), a.eq(b), await b.arrow());
  const all: any[] = []; for await (const x of a.all()) all.push(x);
  a.auto += "!"; A.sauto++; await null;
  a.double = 20; log(all, a.double, a.auto, A.sauto, order.join());
  for (const f of [() => (A.prototype as any).double, () => A.prototype.reset.call({} as any, 1), () => (A as any)("x"), () => A.is(1)]) try { log(f()) } catch (e: any) { log(e.name) }
  const C = class Named { static self = Named; m() { return Named.name } }; const D = C; await null; log(D.self === D, new D().m(), D.name, (class {}).name, [class { static name = "own" }][0].name);
  const o = { __proto__: { base: 1 }, async ["m" + 1]() { await null; return this.base }, get g() { return this.base + 1 }, set g(v) { this.base = v } } as any; o.g = 5; await null; log(await o.m1(), o.g, Object.keys(o));
}
