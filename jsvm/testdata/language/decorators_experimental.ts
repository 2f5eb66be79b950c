// experimentalDecorators: what TypeScript's older frameworks use.
import { log } from "./log";
const get = (routes: any[], path: string) => (target: any, key: string, d: PropertyDescriptor) => { routes.push([path, key]); const f = d.value; d.value = async function (this: any, ...a: any[]) { await null; return "[" + (await f.apply(this, a)) + "]" }; return d };
const controller = (prefix: string) => (c: any) => { c.prefix = prefix; c.prototype.where = () => prefix };
const field = (target: any, key: string) => { ((typeof target === "function" ? target : target.constructor).fields ??= []).push(key) };
const param = (target: any, key: any, index: number) => { log("param", String(key), index) };
export default async function main() {
  const routes: any[] = [];
  @controller("/api")
  class Things {
    @field id = 1;
    @field static also = 2;
    constructor(@param readonly store: any) {}
    @get(routes, "/list") async list(@param n: number) { await null; return this.store.name + n }
    @get(routes, "/one") one() { return "one" }
  }
  const t: any = new Things({ name: "db" }); await null; log(await t.list(3), await t.one(), routes, (Things as any).prefix, t.where(), (Things as any).fields, Object.keys(t));
}
