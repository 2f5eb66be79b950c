// Standard decorators: methods, fields, accessors, getters, classes, with state across awaits.
import { log } from "./log";
function logged(value: any, context: any) { const { kind, name } = context; if (kind === "method") return async function (this: any, ...a: any[]) { log("call", String(name)); const r = await value.apply(this, a); log("done", r); return r }; log("decorate", kind, String(name), context.static, context.private) }
function twice(_: undefined, context: any) { return (initial: any) => initial * 2 }
function bounded(target: any, { name }: any) { return { get(this: any) { return target.get.call(this) }, set(this: any, v: any) { target.set.call(this, Math.min(v, 10)) }, init(v: any) { return v + 1 } } }
function sealed(c: any, context: any) { context.addInitializer(function (this: any) { log("initialized", this.name) }); return class extends c { extra = "added" } }
function bound(value: any, context: any) { context.addInitializer(function (this: any) { this[context.name] = this[context.name].bind(this) }) }
export default async function main() {
  @sealed
  class Service {
    @twice n = 4;
    @bounded accessor level = 3;
    @logged static kind = "k";
    @logged get view() { return this.n }
    @logged async work(x: number) { await null; return x + this.n }
    @bound name() { return this.n }
    @logged #hidden = 1;
    read() { return this.#hidden }
  }
  const s: any = new Service(); const { name } = s; await null;
  log(s.n, s.level, s.extra, Service.name !== "", await s.work(1), name(), s.view, s.read()); s.level = 50; await null; log(s.level);
  const local = 5; class L { @twice m = local; @logged async run() { await null; return this.m } } const l = new L(); await null; log(await l.run(), l.m);
}
