// TypeScript's own constructs: enums of all kinds, namespaces that merge and export let, parameter properties, overloads, satisfies, import of JSON.
import { log } from "./log";
import data, { list as named } from "./data.json";
enum Color { Red, Green = 5, Blue }
enum Text { A = "a", B = "b" }
enum Mixed { No = 0, Yes = "YES", Computed = "abc".length, Shifted = 1 << 4 }
const enum Fast { One = 1, Two = One * 2 }
enum Color2 { First = Color.Blue + 1, Second }
namespace Shop { export let visits = 0; export const goods = ["x"]; export function visit() { return visits + 1 } export namespace Deep { export const v = 1 } const hidden = "h"; export const peek = () => hidden }
namespace Shop { export const extra = goods.concat("y"); export async function later() { await null; return visits + goods.length } }
class Merged { v = 1 } namespace Merged { export const of = (v: number) => Object.assign(new Merged(), { v }); export enum Kind { K } }
Shop.visits += 5; // while it loads; a thread may not
function callable(x: number) { return x + callable.base } namespace callable { export const base = 10 }
class Point { constructor(public readonly x: number, private y = 2, protected z?: number) {} async sum() { await null; return this.x + this.y + (this.z ?? 0) } }
function over(a: string): string; function over(a: number): number; function over(a: any) { return a }
export default async function main() {
  const c = Color.Green as Color; await null;
  log(Color[c], Color.Blue, Color["Red"], Object.keys(Color), Text.A, Mixed, Fast.Two, Color2.Second, Object.values(Text));
  switch (await Promise.resolve(c)) { case Color.Red: log("red"); break; case Color.Green: await null; log("green") }
  log(Shop.visits); await null; log(Shop.visit(), Shop.extra, Shop.Deep.v, Shop.peek(), await Shop.later(), Merged.of(3).v, Merged.Kind[0], callable(1));
  const p = new Point(1), q = new Point(1, 5, 6); await null; log(await p.sum(), await q.sum(), Object.keys(q), over("s"), over(1));
  log(data.name, named, data.list === named, (data as any).nested.deep); const k = { a: 1 } satisfies Record<string, number>; let maybe: string | undefined = "x"; await null; log(k.a, maybe!.length, <any>maybe, maybe as unknown as number);
  type Local = { a: number }; interface I extends Local { b?: string } const i: I = { a: 1 }; abstract class Ab { abstract m(): void; static create<T extends Ab>(this: new () => T) { return new this() } } class Im extends Ab { declare typed: string; override m() { return "m" } } await null; log(i, (Im as any).create().m(), "typed" in new Im());
}
