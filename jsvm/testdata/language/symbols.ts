// The well-known symbols, getters and setters, and what they are asked by.
import { log } from "./log";
export default async function main() {
  const money = { amount: 5, [Symbol.toPrimitive](hint: string) { return hint === "number" ? this.amount : hint === "string" ? "$" + this.amount : "def" } }; await null; log(+money, `${money}`, (money as any) + "", (money as any) * 2);
  class Even { static [Symbol.hasInstance](n: any) { return n % 2 === 0 } get [Symbol.toStringTag]() { return "Even!" } } const e = new Even(); await null; log((2 as any) instanceof Even, (3 as any) instanceof Even, String(e));
  class Sp extends Array { static get [Symbol.species]() { return Array } } const s = Sp.from([1, 2]); await null; log(s.map((x) => x).constructor === Array, s.constructor === Sp);
  const spread = { length: 2, 0: "a", 1: "b", [Symbol.isConcatSpreadable]: true } as any; await null; log([1].concat(spread));
  const splitter = { [Symbol.split](x: string) { return x.split("").reverse() }, [Symbol.replace](x: string, r: string) { return "[" + x + r + "]" }, [Symbol.search]: () => 7, [Symbol.match]: () => ["m"] } as any; await null; log("abc".split(splitter), "abc".replace(splitter, "r"), "abc".search(splitter), "abc".match(splitter));
  const un = { [Symbol.unscopables]: { x: true } }, sym = Symbol("mine"), reg = Symbol.for("shared"), bag: any = { [sym]: 1, [reg]: 2 }; await null; log(un[Symbol.unscopables].x, bag[sym], bag[Symbol.for("shared")], sym.description, Symbol.keyFor(reg), Object.getOwnPropertySymbols(bag).length, sym.toString(), typeof Object(sym));
  let n = 0; const acc = { get lazy() { Object.defineProperty(this, "lazy", { value: ++n }); return this.lazy }, set only(v: any) { n = v } } as any; await null; log(acc.lazy, acc.lazy, acc.only); acc.only = 9; await null; log(n);
  const o = Object.create({ get inherited() { return this.own * 2 }, set inherited(v) { this.own = v } }, { own: { value: 4, writable: true, enumerable: false }, ro: { get: () => "ro", enumerable: true } }); o.inherited = 6; await null; log(o.inherited, Object.keys(o), o.ro, JSON.stringify(o)); try { o.ro = 1 } catch (x: any) { log(x.name) }
  const thenable = { then(ok: any) { ok("resolved") } }; log(await (thenable as any)); const json = { toJSON: (k: string) => "j" + k }; await null; log(JSON.stringify({ json, d: new Date(0) }));
  const v = { valueOf: () => 42, toString: () => "text" }; await null; log((v as any) + 1, `${v}`, [v] + "", (v as any) > 41, { [v as any]: 1 }.text);
}
