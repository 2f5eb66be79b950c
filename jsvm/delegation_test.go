package jsvm

import (
	"strings"
	"testing"
)

// The bundler puts a helper around the operand of every yield*, though only async generators need it: it gives the iterator a method throw, so that
// throwing into a generator never closed what it delegated to. ECMAScript 15.5.5, YieldExpression : yield * AssignmentExpression, 7.b.iii.
func TestYieldStarClosesAnIteratorWithoutThrow(t *testing.T) {
	b := compileFixture(t, `import { log } from "./log";
async function* beside() { yield* [1, Promise.resolve(2)] }
function* outer(inner: any): any { try { return yield* inner } catch (e: any) { log("caught", e.name === "TypeError" ? e.name : e); return "recovered" } }
export default async function main() {
	for await (const x of beside()) log(x);
	const bare = { n: 0, [Symbol.iterator]() { return this }, next() { return { value: this.n++, done: false } } };
	const closing = { ...bare, return() { log("closed"); return {} } }, failing = { ...bare, return() { throw "while closing" } }, wrong = { ...bare, return() { return 1 } };
	const withThrow = { ...bare, throw(x: any) { return { value: ["thrown", x], done: true } } };
	for (const inner of [bare, closing, failing, wrong, withThrow]) { const it = outer(inner); log(it.next().value); await null; log(it.throw("t").value); log(it.next().done) }
	const results = { [Symbol.iterator]: () => ({ next: () => ({ get value() { log("value"); return 5 }, done: false }) }) };
	log(typeof outer(results).next());
}`)
	want := strings.Join([]string{"1", "2", "0", "caught TypeError", "recovered", "true", "0", "closed", "caught TypeError", "recovered", "true",
		"0", "caught while closing", "recovered", "true", "0", "caught TypeError", "recovered", "true", "0", "[thrown, t]", "true", "object", "= undefined", ""}, "\n")
	for _, perJob := range []bool{false, true} {
		if got, saves := run(t, b, perJob, nil); got.String() != want {
			t.Errorf("%d saves, got\n%s\nwant\n%s", saves, got, want)
		}
	}
}
