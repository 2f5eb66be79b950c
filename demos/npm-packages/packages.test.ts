// One workflow a package, in packages/: each holds what the package makes across awaits, and says what came of it. They run once as they are and once stored and
// restored in a fresh VM at every await.
import { assert, test, workflow } from "kont/test";

/** Lines on the console and the result. */
function play(name: string, restore: "await" | "never"): string[] {
  const host = workflow(`./packages/${name}.ts`, { restore });
  const thread = host.start("T", null);
  for (let step = 1; thread.status === "running" && thread.refs.length > 0; step++) thread.resume(thread.refs[0], step * 7);
  const lines = host.logs.flatMap((log) => log.text.split("\n")).filter((line) => line !== "");
  if (thread.fault !== undefined) return [...lines, `fault: ${thread.fault}`];
  return [...lines, thread.error === undefined ? `= ${JSON.stringify(thread.result)}` : `! ${thread.error}`];
}

// What each says. The value of the nth event is 7 n.
const works: Record<string, string[]> = {
  checks: [
    "true StructError: At path: l -- Expected an object, but received: undefined 26 true [7,14]",
    "= 1",
  ],
  "class-validator": [
    "true true 1 {\"min\":\"qty must not be less than 1\"} 0",
    "= 1",
  ],
  collections: [
    "7 undefined 3 [1,2,3,7] {\"a\":1,\"b\":7} 1 5 true true",
    "= 1",
  ],
  cuid2: [
    "24 true",
    "= 1",
  ],
  "date-fns": [
    "2026-03-06 Fri 2026-03-13T10:00:00Z 5 {\"days\":5}",
    "vor 5 Tagen Freitag, 6. März 2026 6",
    "Mon {\"weekStartsOn\":1} true",
    "= \"2026-03-06T10:00:00.000Z\"",
  ],
  dayjs: [
    "Sonntag 2026-03-08 true 5 hours 300 vor 5 Stunden true true",
    "2026-02-01T00:00:00.000Z 2025-12-28T00:00:00Z",
    "= \"2026-03-01T10:00:00.000Z\"",
  ],
  decimal: [
    "8.92 10.3 0.83333333333333333333 0.3333333333333333333333333333333333333333 0.5773502691896257645091487805019574556476 0.33333 0.66666 true true true",
    "= \"10.1\"",
  ],
  "fp-ts": [
    "10 true {\"_tag\":\"Right\",\"right\":15} [2,4]",
    "true false { name: string, age: number }",
    "= 1",
  ],
  immer: [
    "[{\"sku\":\"a\",\"qty\":8},{\"sku\":\"b\",\"qty\":2}] x,y 2 true [{\"sku\":\"a\",\"qty\":1}] true",
    "TypeError: Cannot add property 2, object is not extensible true true",
    "Error: [Immer] minified error nr: 2. Full error at: https://bit.ly/3cXEKWf",
    "true {\"items\":[{\"sku\":\"z\",\"qty\":7}]}",
    "[{\"op\":\"replace\",\"path\":[\"lines\",0],\"value\":{\"sku\":\"b\",\"qty\":99}},{\"op\":\"remove\",\"path\":[\"lines\",1]}] [{\"sku\":\"a\",\"qty\":8},{\"sku\":\"b\",\"qty\":2}]",
    "{\"n\":8}",
    "= 1",
  ],
  joi: [
    "{\"value\":{\"x\":[{\"a\":0}]},\"error\":{\"_original\":{\"x\":[{\"a\":0}]},\"details\":[{\"message\":\"\\\"x[0].a\\\" must be greater than or equal to 1\",\"path\":[\"x\",0,\"a\"],\"type\":\"number.min\",\"context\":{\"limit\":1,\"value\":0,\"label\":\"x[0].a\",\"key\":\"a\"}}]}} {\"value\":{\"a\":7}}",
    "= 1",
  ],
  jsonata: [
    "14 \"a\"",
    "17",
    "= 1",
  ],
  lodash: [
    "[4,6] Abc true",
    "= 1",
  ],
  "lodash-es": [
    "{\"a\":[{\"k\":\"a\",\"n\":1},{\"k\":\"a\",\"n\":3}],\"b\":[{\"k\":\"b\",\"n\":2}]} [4,6] [2,3] 10 6 8 true 7 p1 p2 3 16",
    "{\"a\":{\"b\":1,\"c\":2}} {\"d\":[1,{}]} true [[1,2],[3]] {\"a\":8}",
    "[2,3] [{\"a\":2},{\"a\":1}]",
    "template: EvalError: code cannot be made from text: it would have no place in the source to resume at",
    "debounce: TypeError: setTimeout: there are no timers of the host: use `await W.sleep(milliseconds)`, which survives restarts",
    "= 1",
  ],
  moment: [
    "Sunday 2026-03-08 5 hours 59 true true 2026-01-01T00:00:00Z",
    "= \"2026-03-01T10:00:00.000Z\"",
  ],
  mustache: [
    "Dear &lt;Ann&gt;, a 7",
    "Dear Bob,",
    "= 1",
  ],
  nanoid: [
    "21 true 5 8 10",
    "= 1",
  ],
  neverthrow: [
    "17 true {\"value\":8}",
    "A14",
    "= 1",
  ],
  pako: [
    "16 23 23",
    "= 1",
  ],
  patch: [
    "[{\"op\":\"add\",\"path\":\"/list/2\",\"value\":7},{\"op\":\"replace\",\"path\":\"/a\",\"value\":7}] {\"a\":7,\"list\":[1,2,7]} true {\"a\":[1,2]}",
    "= 1",
  ],
  qs: [
    "a%5B0%5D=1&a%5B1%5D=2 {\"a\":{\"b\":\"1\"},\"c\":\"2\"}",
    "= 1",
  ],
  ramda: [
    "8 {\"a\":{\"b\":2}} 10 {\"x\":[{\"k\":\"x\"}]} true",
    "= 1",
  ],
  "redux-toolkit": [
    "{\"n\":8,\"lines\":[1,7]}",
    "{\"n\":9,\"lines\":[2,7]}",
    "= 1",
  ],
  rrule: [
    "3 5 1970-01-08T00:00:00.000Z",
    "= 1",
  ],
  rxjs: [
    "4,18,24 5 [2, 4, 6]",
    "1",
    "timer: TypeError: setTimeout: there are no timers of the host: use `await W.sleep(milliseconds)`, which survives restarts",
    "= 1",
  ],
  semver: [
    "true false 1.4.0 true 172800000",
    "= 1",
  ],
  superjson: [
    "true true true 3n",
    "= 1",
  ],
  typebox: [
    "true [\"Expected number to be greater or equal to 1\"]",
    "= 1",
  ],
  uuid: [
    "true 8 05b16a01-46c6-56dd-bd6e-c6dfb4a1427a true true true 00000000-0000-0000-0000-000000000000",
    "= 1",
  ],
  valibot: [
    "{\"list\":[{\"sku\":\"a\",\"qty\":7}],\"t\":3} false {\"nested\":{\"list.0.sku\":[\"Invalid length: Expected >=1 but received 0\"],\"list.0.qty\":[\"Invalid integer: Received 1.5\"]}}",
    "true ValiError: Invalid type: Expected Object but received 1",
    "= 1",
  ],
  xstate: [
    "{\"paid\":\"packing\"} 12",
    "true true false",
    "done \"open\" \"open\" {\"paid\":\"packing\"} \"closed\" {\"paid\":12,\"log\":[\"PAY\",\"SHIP\"]}",
    "done",
    "done \"closed\"",
    "= 1",
  ],
  yaml: [
    "a: 1",
    "b:",
    "  - x",
    "  - y # c",
    " {\"a\":1,\"b\":[\"x\",\"y\"]} a:",
    "  - 1",
    "  - b: 7",
    " {\"d\":\"2020-01-01\",\"n\":null}",
    "= 1",
  ],
  yup: [
    "{\"x\":[{\"a\":3}]} true ValidationError: x[0].a must be greater than or equal to 1",
    "= 1",
  ],
  zod: [
    "[{\"n\":1,\"tag\":\"X\"},{\"id\":\"7\",\"items\":[{\"sku\":\"a\",\"qty\":7,\"price\":3}],\"pay\":{\"type\":\"cash\"}},{\"success\":true,\"data\":{\"n\":7,\"tag\":\"LATE\"}}]",
    "false 4 {\"formErrors\":[\"Unrecognized key: \\\"extra\\\"\"],\"fieldErrors\":{\"id\":[\"Invalid input\"],\"items\":[\"Too small: expected array to have >=1 items\"],\"pay\":[\"Invalid discriminator value. Expected 'card' | 'cash'\"]}} true",
    "{\"success\":false,\"error\":{\"name\":\"ZodError\",\"message\":\"[\\n  {\\n    \\\"code\\\": \\\"custom\\\",\\n    \\\"path\\\": [],\\n    \\\"message\\\": \\\"n must be positive\\\"\\n  }\\n]\"}}",
    "{\"name\":\"a\",\"children\":[{\"name\":\"b\",\"children\":[]}]}",
    "hello",
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"properties\":{\"sku\":{\"type\":\"string\",\"minLength\":1},\"qty\":{\"type\":\"integer\",\"exclusiveMinimum\":0,\"maximum\":9007199254740991},\"price\":{\"default\":3,\"type\":\"number\"}},\"required\":[\"sku\",\"qty\",\"price\"],\"additionalProperties\":false} ✖ Unrecognized key: \"extra\"",
    "✖ Invalid input",
    "  → at id",
    "✖ Too small: expected array to have >=1 items",
    "  → at items",
    "✖ Invalid discriminator value. Expected 'card' | 'cash'",
    "  → at pay.type",
    "ZodError true 3",
    "= 7",
  ],
  zod3: [
    "[{\"n\":7,\"tag\":\"X\"},{\"id\":\"1\",\"items\":[{\"sku\":\"a\",\"qty\":7}]}]",
    "{\"_errors\":[],\"id\":{\"_errors\":[\"Required\"]},\"items\":{\"_errors\":[\"Required\"]}} true",
    "= 1",
  ],
  "zod-mini": [
    "{\"a\":[{\"sku\":\"x\"}]} false false",
    "= 1",
  ],
};

for (const name of Object.keys(works)) {
  test(`${name} is alive across awaits`, () => {
    assert.deepEqual(play(name, "never"), works[name], "live");
    assert.deepEqual(play(name, "await"), works[name], "restored");
  });
}

// What cannot work, and what the author sees.
const refused: Record<string, RegExp> = {
  ajv: /^! EvalError: code cannot be made from text: it would have no place in the source to resume at$/,
  effect: /^! TypeError: Cannot add property ~effect\/Fiber\/currentFiber, object is not extensible$/,
  handlebars: /^! EvalError: code cannot be made from text: it would have no place in the source to resume at$/,
  "immer-draft": /^fault: packages\/immer-draft.ts:6:3: "main.draft" is a Proxy, which cannot be kept across this await/,
  "cron-parser": /^! ReferenceError: Intl is not defined$/,
  luxon: /^! ReferenceError: Intl is not defined$/,
  mobx: /^! TypeError: Cannot define property Symbol\(mobx-keys\), object is not extensible$/,
};

for (const name of Object.keys(refused)) {
  test(`${name} says why it does not work`, () => assert.match(play(name, "await").pop()!, refused[name]));
}

test("date-fns-tz says while it loads why it does not work", () => {
  assert.throws(() => workflow("./packages/date-fns-tz.ts"), /date-fns-tz\/.*: ReferenceError: Intl is not defined/);
});
