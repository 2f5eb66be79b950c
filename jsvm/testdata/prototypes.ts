import * as W from "kont";

// What functions and classes are known by: prototype objects of generators and classes, with what they have got since, and constructors' arrows that call super.
function* top(n: number) {
  yield n;
}

export default async function main() {
  const base = 2;
  const named: any = function* self(n: number): any {
    yield n + base;
  };
  named.prototype.extra = () => base;
  const walks = [named(1), top(2)], later = async () => base;
  class Point {
    constructor(public x: number) {}
    sum() {
      return this.x + base;
    }
  }
  (Point.prototype as any).added = "added";
  (Point.prototype.sum as any).tag = "tag";
  let again: any;
  class Sub extends Point {
    f = base;
    constructor() {
      const init = () => super(5);
      init();
      again = () => super(6);
    }
  }
  const made = new Sub(), key = [1], weak = new WeakMap<object, number>([[key, 1], [later, 2]]);
  const classes = { [Symbol("named")]: class {} };
  const answer = await W.ref<number>();
  let twice: any;
  try {
    again();
  } catch (error: any) {
    twice = error.name;
  }
  const sym = Object.getOwnPropertySymbols(classes)[0];
  return {
    generators: [walks[0] instanceof named, walks[1] instanceof top, walks[0].extra(), walks.map((w) => w.next().value), Object.getPrototypeOf(named(1)) === named.prototype],
    functions: [later.constructor.name, named.constructor.name, Object.prototype.toString.call(top)],
    classes: [(Sub.prototype as any).added, (Point.prototype.sum as any).tag, made.f, made.sum(), twice, new Sub().x, (classes as any)[sym].name],
    weak: [weak.get(key), weak.get(later), answer],
  };
}
