import * as W from "kont";

export const manifest = { outputTopics: ["kinds"] };

const shared = { list: [1], mark: Symbol("mark"), at: /a/g };
let rounds = 0;

function* simple(from: number) {
  for (;;) yield from++;
}
function* begun(from = 1, [to] = [3]) {
  while (from < to) yield W.label("counted", from++);
}
function* inner() {
  yield "inner";
  yield "more";
}
function* outer() {
  yield* inner();
}
function* labelled() {
  yield* W.label("through", inner());
}
async function* answers() {
  yield await W.ref("never");
}
async function ask(name: string) {
  return await W.label("asked", W.ref<number>(name));
}

export default async function main() {
  const total = { n: 0 };
  function Point(this: any, x: number) {
    this.x = x;
  }
  Point.prototype.twice = function () {
    return this.x * 2;
  };
  const key = "computed";
  class Cart {
    static made = 1;
    #items = [1];
    [key]() {
      return this.#items.length;
    }
    get size() {
      return this.#items.length;
    }
    static of() {
      return new this();
    }
    async wait() {
      await W.ref("cart");
      return super.toString();
    }
  }
  const bytes = new Uint8Array([1, 2, 3, 4]);
  const args = (function (..._: any[]) {
    return arguments;
  })("x", total);
  const finished = begun(9);
  finished.next();
  const through = outer(), named = labelled(), once = begun(), twice = begun();
  through.next();
  named.next();
  twice.next();
  const open = answers();
  void open.next();
  const cart = new Cart();
  void cart.wait();
  const kept = {
    method: cart[key], getter: Object.getOwnPropertyDescriptor(Cart.prototype, "size")!.get, point: new (Point as any)(4), prototype: Point.prototype,
    boxed: [Object(1), Object("s"), Object(true), Object(Symbol.iterator), Object(5n)], view: new DataView(bytes.buffer, 1, 2), floats: new Float64Array([NaN, -0]),
    args, map: new Map<any, any>([[total, "t"]]), set: new Set([total]), weak: new WeakMap([[total, 1]]), date: new Date(5), regexp: /b/y, error: new RangeError("r"),
    resolve: Promise.withResolvers ? Promise.withResolvers() : null, bound: ask.bind(null, "bound"), symbol: Symbol("own"), all: [simple(5), finished, once],
    sealed: Object.seal({ a: 1 }), hidden: Object.defineProperty([1, , 3], "x", { value: 2 }), race: Promise.race([W.ref("a"), W.sleep(1000)]), up: () => ++total.n,
  };
  rounds++;
  shared.at.exec("aa");
  try {
    const got = await ask("first");
    kept.up();
    W.outputJSON([
      got, rounds, shared.at.lastIndex, total.n, kept.method.call(cart), kept.getter!.call(cart), kept.point.twice(), kept.prototype === Point.prototype, kept.boxed.map((x) => String(x.valueOf())),
      kept.view.getUint8(0), [...kept.floats].map((x) => Object.is(x, -0)), args[0], args[1] === total, args.length, kept.map.get(total), kept.set.has(total), kept.weak.get(total),
      kept.date.getTime(), String(kept.regexp), String(kept.error), kept.symbol.description, kept.all.map((g) => g.next().value), through.next().value, named.next().value,
      twice.next().value, Object.isSealed(kept.sealed), 1 in kept.hidden, cart instanceof Cart, Cart.made, Cart.of().size, shared.mark.description,
    ], "kinds");
  } finally {
    await Promise.allSettled([]);
  }
}
