import * as W from "kont";

// Functions and what they make, part-way: generators in each form, classes with what they have got since, constructors with arrows.
class Counter {
  #n = 0;
  *steps() {
    for (;;) yield ++this.#n;
  }
  async twice() {
    return this.#n * 2;
  }
}

function* top(n: number) {
  yield* [n, n + 1, n + 2];
}

export default async function main() {
  const base = 2;
  const named: any = function* self(n: number): any {
    yield n + base;
    yield typeof self;
  };
  const anonymous = function* (): any {
    yield* named(3);
    yield "end";
  };
  const started = anonymous();
  started.next();
  const fresh = named(4);
  const delegating = top(1);
  delegating.next();
  const nested = (function* (): any {
    return yield* yield 1;
  })();
  nested.next();
  nested.next([7, 8, 9]);
  const later = async (x: number) => x * base;
  class Point {
    constructor(public x: number) {}
    sum() {
      return this.x + base;
    }
    static origin() {
      return new this(base);
    }
    *[Symbol.iterator]() {
      yield this.x;
      yield base;
    }
  }
  class Sub extends Point {
    late: () => number;
    constructor() {
      const init = () => super(5);
      init();
      this.late = () => this.x;
    }
  }
  (Sub.prototype as any).extra = "extra";
  const sub = new Sub(), point = new Point(1), walk = point[Symbol.iterator]();
  walk.next();
  const counter = new Counter(), steps = counter.steps();
  steps.next();
  const weak = new WeakMap<object, number>([[point, 1]]);
  let caught: any;
  try {
    throw [] as any;
  } catch ([first = () => base]) {
    caught = first;
  }
  const answer = await W.ref<number>();
  return {
    generators: [[...started], [...fresh], named(9).next().value, [...anonymous()], [...delegating], nested.next(), [...nested], [...walk], steps.next().value],
    functions: [await later(answer), caught(), await counter.twice(), later.name, named.name],
    classes: [point.sum(), sub.late(), sub.sum(), [...sub], (sub as any).extra, Point.origin().x, sub instanceof Point, new Sub().late()],
    weak: [weak.get(point), weak.has(sub)],
  };
}
