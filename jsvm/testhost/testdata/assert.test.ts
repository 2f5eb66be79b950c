import { test, assert } from "kont/test";

function message(body: () => unknown): string {
  return (assert.throws(body) as Error).message;
}

test("assert takes what is true", () => {
  assert(1);
  assert.ok("x");
  assert.equal(message(() => assert(0)), "0 is not true");
  assert.equal(message(() => assert.ok(null, "there is one")), "there is one: null is not true");
});

test("equal is Object.is", () => {
  assert.equal(NaN, NaN);
  assert.equal(message(() => assert.equal(-0, 0)), "-0 is not 0");
  assert.equal(message(() => assert.equal<unknown>("1", 1)), '"1" is not 1');
  const long = "-".repeat(300);
  const error: any = assert.throws(() => assert.equal(long + "a", long + "b"));
  assert.match(error.message, /^"-{198}… is not "-{198}…; they differ from \[300\] on: "a" is not "b"$/);
  assert.equal(error.diff, `- expected\n+ actual\n- "${long}b"\n+ "${long}a"`);
  const a = {};
  assert.equal(a, a);
  assert.equal(message(() => assert.equal({ b: 1 }, { b: 1 })), "they are two objects, equal in structure; compare them with assert.deepEqual");
  assert.notEqual({}, {});
  assert.equal(message(() => assert.notEqual(a, a, "two")), "two: both are {}");
});

class Point { constructor(public x: number, public y = 0) {} }
class Other { constructor(public x: number, public y = 0) {} }

const cycle = (n: number) => { const a: any = { n }; a.self = a; a.list = [a]; return a; };
const s = Symbol("s");

const alike: [unknown, unknown][] = [
  [{ a: 1, b: [2, { c: 3n }] }, { b: [2, { c: 3n }], a: 1 }],
  [new Point(1), new Point(1)],
  [new Map<any, any>([["a", { b: 1 }], [{ k: 1 }, 2]]), new Map<any, any>([[{ k: 1 }, 2], ["a", { b: 1 }]])],
  [new Set([1, { a: 1 }]), new Set([{ a: 1 }, 1])],
  [new Date(5), new Date(5)], [new Date(NaN), new Date(NaN)],
  [/a/g, /a/g], [NaN, NaN], [cycle(1), cycle(1)], [[, 1], [, 1]],
  [new TypeError("x", { cause: 1 }), new TypeError("x", { cause: 1 })],
  [new Uint8Array([1, 2]), new Uint8Array([1, 2])], [Object.create(null), Object.create(null)],
  [{ [s]: 1 }, { [s]: 1 }], [new String("a"), new String("a")],
  [new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer],
];

const unlike: [unknown, unknown, string][] = [
  [{ a: 1 }, { a: 2 }, "at .a: 1 is not 2"],
  [{ a: undefined }, {}, "at .a: it is not expected"],
  [{}, { a: undefined }, "at .a: it is missing"],
  [[1, 2], [1], "the length 2 is not 1"],
  [[1, 2], [3], "the length 2 is not 1, and the items differ from [0] on"],
  [[undefined], [,], "at [0]: it is not expected"],
  [[, 1], [undefined, 1], "at [0]: it is missing"],
  [{ list: [{ n: -0 }] }, { list: [{ n: 0 }] }, "at .list[0].n: -0 is not 0"],
  [new Point(1), new Other(1), "their prototypes differ: Point is not Other"],
  [new Point(1), { x: 1, y: 0 }, "their prototypes differ: Point is not Object"],
  [Object.create(null), {}, "their prototypes differ: none is not Object"],
  [[], {}, "their prototypes differ: Array is not Object"],
  [new Map([["a", 1]]), new Map([["a", 2]]), 'at .get("a"): 1 is not 2'],
  [new Map([["a", 1]]), new Map([["b", 1]]), 'at .get("b"): it is missing'],
  [new Set([1, 2]), new Set([1]), "2 is not expected"],
  [new Date(5), new Date(6), "Date(1970-01-01T00:00:00.005Z) is not Date(1970-01-01T00:00:00.006Z)"],
  [/a/g, /a/i, "RegExp(/a/g) is not RegExp(/a/i)"],
  [new Error("x"), new Error("y"), 'Error("x") is not Error("y")'],
  [new Error("x", { cause: { a: 1 } }), new Error("x", { cause: { a: 2 } }), "at .cause.a: 1 is not 2"],
  [cycle(1), cycle(2), "at .n: 1 is not 2"],
  [() => 1, () => 1, "they are two functions"],
  [{ "a b": { 0: 1 } }, { "a b": { 0: 2 } }, 'at ["a b"]["0"]: 1 is not 2'],
  [{ [s]: 1 }, { [s]: 2 }, "at [Symbol(s)]: 1 is not 2"],
  [new Uint8Array([1, 2]), new Uint8Array([1, 3]), "at [1]: 2 is not 3"],
  [new Uint8Array([1]).buffer, new Uint8Array([2]).buffer, "at [0]: 1 is not 2"],
  [null, {}, "null is not {}"], [1n, 1, "1n is not 1"],
];

test("deepEqual sees structure", () => {
  alike.forEach(([a, b], i) => assert.deepEqual(a, b, `pair ${i}`));
  unlike.forEach(([a, b, why]) => assert.equal(message(() => assert.deepEqual(a, b)), why));
  unlike.forEach(([a, b]) => assert.notDeepEqual(a, b));
  assert.equal(message(() => assert.notDeepEqual({ a: [1] }, { a: [1] })), "both are { a: [1] }");
});

test("a diff shows the lines around a change and the way to it", () => {
  const trip = (price: number) => ({ user: "ann", items: [{ kind: "car", price: 30 }, { kind: "hotel", price }], notes: "one\ntwo\n" });
  const error: any = assert.throws(() => assert.deepEqual(trip(50), trip(60)));
  assert.equal(error.message, "at .items[1].price: 50 is not 60");
  assert.equal(error.diff, `- expected
+ actual
@ .items[1].price
      {
        kind: "hotel",
-       price: 60,
+       price: 50,
      },
    ],`);
  const reordered: any = assert.throws(() => assert.deepEqual({ a: 1, b: 2, c: 3 }, { c: 3, b: 0, a: 1 }));
  assert.equal(reordered.diff, "- expected\n+ actual\n@ .b\n  {\n    a: 1,\n-   b: 0,\n+   b: 2,\n    c: 3,\n  }", "the order of properties is no difference");
  const texts: any = assert.throws(() => assert.equal("one\ntwo\nthree", "one\n2\nthree"));
  assert.equal(texts.diff, '- expected\n+ actual\n  "one\\n" +\n-   "2\\n" +\n+   "two\\n" +\n    "three"');
});

test("matches looks at what is expected only", () => {
  assert.matches({ a: 1, b: { c: [{ d: 1, e: 2 }], f: 3 } }, { b: { c: [{ d: 1 }] } });
  assert.matches(new Map([["a", 1], ["b", 2]]), new Map([["b", 2]]));
  assert.matches(5, 5);
  const error: any = assert.throws(() => assert.matches({ a: 1, b: { c: 2, d: 3 } }, { b: { c: 9 } }, "part"));
  assert.equal(error.message, "part: at .b.c: 2 is not 9");
  assert.equal(error.diff, "- expected\n+ actual\n@ .b.c\n  {\n    b: {\n-     c: 9,\n+     c: 2,\n    },\n  }");
  assert.equal(message(() => assert.matches([1, 2], [1])), "the length 2 is not 1");
  assert.equal(message(() => assert.matches({}, { a: undefined })), "at .a: it is missing");
});

test("match takes a pattern", () => {
  const pattern = /b+/g;
  assert.match("abbc", pattern);
  assert.match("abbc", pattern);
  assert.equal(message(() => assert.match("x", /y/)), '"x" does not match /y/');
  assert.equal(message(() => assert.match(1 as any, /y/)), "1 is no text");
});

test("throws gives the error", () => {
  const error = new RangeError("too far");
  assert.equal(assert.throws(() => { throw error; }, /^RangeError/), error);
  assert.equal(assert.throws(() => { throw error; }, "too far"), error);
  assert.equal(assert.throws(() => { throw "text"; }, /^text$/), "text");
  assert.equal(message(() => assert.throws(() => { throw error; }, /near/)), 'it threw "RangeError: too far", which does not match /near/');
  assert.equal(message(() => assert.throws(() => 5, undefined, "it is refused")), "it is refused: it returned 5 and threw nothing");
  assert.equal(message(() => assert.throws(async () => { throw error; })), "it returned a promise; use `await assert.rejects`");
});

test("rejects gives the error", async () => {
  const error = new Error("no");
  assert.equal(await assert.rejects(async () => { throw error; }, "no"), error);
  const fulfilled: any = await assert.rejects(() => assert.rejects(async () => 5));
  assert.equal(fulfilled.message, "it was fulfilled with 5");
  const other: any = await assert.rejects(() => assert.rejects(async () => { throw error; }, /yes/));
  assert.equal(other.message, 'it threw "Error: no", which does not match /yes/');
  assert.match(other.stack, /assert\.test\.ts/);
});

test("fail fails", () => {
  assert.equal(message(() => assert.fail()), "assert.fail was called");
  assert.equal(message(() => assert.fail("here")), "here");
});

test("snapshots keep values", () => {
  assert.snapshot({ n: -0, text: "one\ntwo", list: [1, , undefined], when: new Date(0), map: new Map<any, any>([[{ k: 1 }, new Set(["x"])]]), f: function named() {}, p: new Point(1), e: new Error("x"), "a b": 1n });
  assert.snapshot(cycle(1), "a cycle");
  assert.snapshot("=== heading\n\n");
});
