// A thread whose events say what to do: each operation makes, changes or looks at something that a continuation has to keep. For random stories.
import * as W from "kont";

export const manifest = { outputTopics: ["out"] };

let count = 0;
let names: string[] = [];
let last: any;
const word = /o./g;
const limits = { max: 3, deep: { list: [1, 2] } };

class Cart {
  #items = new Map<string, number>();
  owner: Cart | undefined = this;
  add(name: string, n: number) {
    this.#items.set(name, n);
    return this;
  }
  get size() {
    return this.#items.size;
  }
}

class Failure extends Error {
  code: number;
  constructor(message: string, code: number) {
    super(message, { cause: new TypeError("deep") });
    this.name = "Failure";
    this.code = code;
  }
}

function* counting(from: number): Generator<number, string, number> {
  try {
    for (let i = from; ; i++) {
      const by = yield i;
      if (by) i += by;
    }
  } finally {
    count++;
  }
}

function tell(...parts: any[]) {
  W.outputJSON([W.threadId, W.stepId, ...parts], "out");
}

async function branch(name: string): Promise<string> {
  try {
    return name + (await W.ref(name));
  } catch (error: any) {
    tell("branch", name, error.name);
    throw error;
  } finally {
    count++;
  }
}

export default async function main(name: string) {
  names = [...names, name];
  const self: any = { name, n: 0, log: [], map: new Map<any, any>([["a", 1], ["b", 2], ["c", 3]]), set: new Set<any>([1, 2, 3]) };
  self.self = self;
  const weak = new WeakMap<object, any>();
  const local = Symbol("local");
  const box = W.inbox<any>("box" + name);
  const pending: Promise<string>[] = [];
  const up = ((step: number) => () => (self.n += step))(2);
  let walk: any, counter: any, failure: any, scope: W.CancellationScope | undefined, made: any;

  const operations: Record<string, (n: number) => any> = {
    module: (n) => ((count += n), (names = [...names, String(n)]), (last = n % 2 ? self : undefined), [count, names.length, limits.deep.list[1]]),
    regexp: () => [word.test("foo boo zoo"), word.lastIndex],
    closure: () => up(),
    walkMap: () => ((walk = self.map.entries()), walk.next()),
    walkSet: () => ((walk = self.set.values()), walk.next()),
    walkList: () => ((walk = [1, 2, 3, 4][Symbol.iterator]()), walk.next()),
    walkOn: () => walk?.next(),
    walkAndDelete: () => {
      const at = walk?.next();
      if (at && !at.done) self.map.delete(at.value[0]);
      return at;
    },
    grow: (n) => (self.map.set("k" + n, { n, back: self.map }), self.set.add(n), [self.map.size, self.set.size]),
    shrink: (n) => [self.map.delete("k" + n), self.set.delete(n), self.set.delete(1)],
    leave: () => {
      for (const [key] of self.map) return key;
    },
    count: (n) => ((counter ??= counting(n)), counter.next(n % 3)),
    uncount: () => counter?.return("over"),
    cart: (n) => ((made = made instanceof Cart ? made.add("x" + n, n) : new Cart()), [made.size, made.owner === made]),
    weak: (n) => (weak.set(self, (weak.get(self) ?? 0) + n), weak.set(limits, n), weak.get(self)),
    fail: (n) => {
      try {
        if (n % 2) null!.x;
        throw new Failure("bad " + n, n);
      } catch (error) {
        failure = error;
      }
      return [String(failure), failure instanceof Failure, failure.cause?.name, typeof failure.stack];
    },
    failed: () => failure && [failure.message, failure.code, Object.keys(failure), String(failure.stack).split("\n").length],
    symbol: (n) => ((self[local] = n), (self[Symbol.for("shared")] = n), [self[local], Object.getOwnPropertySymbols(self).length]),
    accessor: (n) => ((made = { get double() { return self.n * 2; }, set double(v) { self.n = v; }, n }), made.double),
    freeze: (n) => ((made = Object.freeze({ n, list: [n, , -0, NaN] })), Object.isFrozen(made)),
    define: (n) => (Object.defineProperty(self, "hidden", { value: n, configurable: true }), Object.keys(self).length),
    bytes: (n) => ((made = new Uint8Array(8)), (made[n % 8] = n), new DataView(made.buffer).getUint16(0)),
    values: (n) => ((self.values = [10n ** BigInt(n % 30), new Date(n), /a+/gi, undefined, n / 3, -0, "é\u{1F600}\uD800"]), self.values.length),
    valuesAgain: () => self.values && [String(self.values[0]), self.values[1].getTime(), String(self.values[2]), self.values[4], Object.is(self.values[5], -0), self.values[6].length],
    bind: (n) => ((made = function (this: any, a: number) { return this.n + a; }.bind(self, n)), made()),
    prototype: (n) => ((made = Object.create({ hi() { return this.n; } }, { n: { value: n, writable: true } })), made.hi()),
    branch: (n) => (pending.push(branch("b" + n)), pending.length),
    race: (n) => (pending.push(Promise.race([branch("r" + n), W.sleep(1000 + n).then(() => "late")])), pending.length),
    all: (n) => (pending.push(Promise.all([branch("p" + n), branch("q" + n)]).then((r) => r.join())), pending.length),
    scope: (n) => ((scope ??= new W.CancellationScope()), W.withCancellationScope(scope, () => pending.push(branch("s" + n)))),
    cancel: () => (scope && W.cancelScope(scope), (scope = undefined)),
    settled: () => (pending.length > 6 ? pending.splice(0, 3).length : pending.length),
    box: () => box.size,
    config: () => W.config.outputTopics.size,
    random: () => self.log.length,
  };

  for (;;) {
    const order: any = await W.ref("order");
    if (order.do === "stop") break;
    if (order.do === "loop") {
      for (const [key, value] of self.map) {
        const go: any = await W.ref("in" + String(key));
        if (go.do === "stop") break;
        if (go.do === "drop") self.map.delete(key);
        tell("loop", key, typeof value);
      }
      continue;
    }
    if (order.do === "next") {
      tell("got", await box.next());
      continue;
    }
    for (const p of pending) p.catch(() => {});
    const answer = operations[order.do]?.(order.n);
    self.log.push(order.do);
    if (self.log.length > 20) self.log.splice(0, 10);
    console.log(order.do, typeof answer);
    tell(order.do, typeof answer === "bigint" ? String(answer) : answer ?? null, count, last === self);
  }
  return [name, self.n, count, names.length, (await Promise.allSettled(pending.filter(() => false))).length];
}
