import * as W from "kont";

class Money {
  #cents: number;
  constructor(
    cents: number,
    public currency: string,
  ) {
    this.#cents = cents;
  }
  get amount() {
    return this.#cents / 100;
  }
}

class Refusal extends Error {
  code = 7;
}

const shared = { table: [1, 2, 3], mark: Symbol("mark") };
let rounds = 0;

export default async function main() {
  let count = 0;
  const up = () => ++count;
  class Nested extends Money {
    note = "n";
    async twice() {
      return this.amount * 2;
    }
  }
  const cycle: any = { list: [] };
  cycle.list.push(cycle, cycle.list);
  const bytes = new Uint8Array([1, 2, 3, 4]);
  const generator = (function* () {
    const x: number = yield 1;
    yield x * 2;
  })();
  generator.next();
  const iterator = new Map([[1, "a"], [2, "b"]]).entries();
  iterator.next();
  const weak = new WeakMap([[cycle, "weak"]]);
  const described = Object.defineProperty({ get five() { return 5; } }, "hidden", { value: 1 });
  const kept = {
    numbers: [0, -0, NaN, Infinity, 1.5, 2 ** 53, -7], holes: [1, , 3], texts: ["", "é", "\ud800", "😀"], big: -12345678901234567890n,
    symbols: [Symbol.iterator, Symbol.for("r"), shared.mark], date: new Date(86400000), bad: new Date(NaN),
    regexp: /a(?<x>b)/giu, map: new Map<any, any>([[NaN, 1]]), set: new Set([-0, "x"]), money: new Nested(250, "EUR"),
    error: new Refusal("no", { cause: new TypeError("deep") }), bytes, words: new Uint16Array(bytes.buffer, 2, 1),
    frozen: Object.freeze({ a: [1] }), bare: Object.assign(Object.create(null), { b: 2 }), bound: Math.max.bind(null, 3), table: shared.table,
  };
  kept.regexp.lastIndex = 1;
  rounds++;
  const got = await W.ref();
  up();
  bytes[3] = 9;
  return [
    count, got, rounds, Object.is(kept.numbers[1], -0), Number.isNaN(kept.numbers[2]), 1 in kept.holes, kept.texts, String(kept.big),
    kept.symbols.map(String), kept.symbols[2] === shared.mark, kept.date, String(kept.bad), kept.regexp.lastIndex, kept.map.get(NaN), [...kept.set],
    kept.money.amount, await kept.money.twice(), kept.money instanceof Nested, kept.money instanceof Money, String(kept.error), kept.error.code,
    (kept.error.cause as Error).message, kept.error instanceof Refusal, kept.words[0], Object.isFrozen(kept.frozen), Object.getPrototypeOf(kept.bare),
    kept.bound(1, 2), kept.table === shared.table, cycle.list[0] === cycle, cycle.list[1] === cycle.list, generator.next(21).value,
    [...iterator], weak.get(cycle), described.five, Object.keys(described),
  ];
}
