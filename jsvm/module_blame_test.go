package jsvm

import (
	"strconv"
	"strings"
	"testing"
)

// Only what a package's code tried is blamed on what packages have made.
func TestChangesByTheAuthorAreNotBlamedOnPackages(t *testing.T) {
	b := compilePackages(t, `import { Schema } from "lent"; const schema: any = new Schema(() => 1);
		export default async function main() { const mine: any = Object.freeze({ calls: 1 }); await null; mine.calls = 2; return schema }`, "lent", lentPackage)
	threeWaysRestored(t, b, "! TypeError: Cannot assign to read only property 'calls'\n")
}

// Where the source does not name the variable, the error does, as well as it can tell.
func TestRefusedChangesThroughOtherNamesAreExplained(t *testing.T) {
	const guess = ", made while the module loaded and shared by all threads; make it in the entry function"
	for name, test := range map[string]struct{ module, body, want string }{
		"alias":           {`const limits = { max: 1 };`, `const l = limits; l.max = 2`, "Cannot assign to read only property 'max': perhaps it is a part of limits" + guess},
		"argument":        {`const list = [1, 2]; function add(to: number[], n: number) { to.push(n) }`, `add(list, 3)`, "Cannot add property 2, object is not extensible: perhaps it is a part of list" + guess},
		"this":            {`class Counter { n = 0; up() { this.n++ } } const visits = new Counter();`, `visits.up()`, "Cannot assign to read only property 'n': perhaps it is a part of visits" + guess},
		"deep":            {`const config = { a: { b: { c: 1 } } };`, `const { a: { b } } = config; b.c = 2`, "Cannot assign to read only property 'c': perhaps it is a part of config" + guess},
		"either":          {`const x = { n: 1 }, y = { n: 2 };`, `const z = [x, y][0]; z.n = 3`, "Cannot assign to read only property 'n': perhaps it is a part of x or y" + guess},
		"named already":   {`const limits = { max: 1 };`, `limits.max = 2`, "Cannot assign to read only property 'max': limits was made while the module loaded and is shared by all threads; make it in the entry function"},
		"nobody's":        {`const limits = { max: 1 };`, `const o: any = Object.freeze({ other: 1 }); o.other = 2`, "Cannot assign to read only property 'other'"},
		"another array":   {`const list = [1, 2];`, `const own: number[] = Object.freeze([1, 2, 3]) as any; own.push(4)`, "Cannot add property 3, object is not extensible"},
		"other TypeError": {`const limits = { max: 1 };`, `(limits as any).min.x`, "Cannot read property 'x' of undefined"},
	} {
		t.Run(name, func(t *testing.T) {
			b := compileFixture(t, test.module+" export default async function main() { await null; "+test.body+" }")
			for _, perJob := range []bool{false, true} {
				if o, _ := run(t, b, perJob, nil); strings.TrimSpace(o.String()) != "! TypeError: "+test.want {
					t.Errorf("restored %t: got %s\nwant ! TypeError: %s", perJob, o, test.want)
				}
			}
		})
	}
}

// A loop may catch any number of refused changes, in a bundle of any size: the first of a step are explained.
func TestRefusedChangesInALoopAreExplainedOnlyAtFirst(t *testing.T) {
	b := compileFixture(t, `import { log } from "./log"; const limits = { max: 1 }, list = [1];
		const change = async (o: any, key: string) => { await null; o[key] = 2 };
		export default async function main() {
			let explained = 0;
			for (let i = 0; i < 100; i++) { try { await change(i % 2 ? limits : list, i % 2 ? "max" : "0") } catch (e: any) { if (e.message.includes("perhaps it is a part of " + (i % 2 ? "limits" : "list"))) explained++ } }
			return explained;
		}`)
	p := NewPool(b, PoolOptions{VMsMax: 1})
	defer p.Close()
	for id := uint64(1); id < 3; id++ {
		e, err := p.Step(t.Context(), Input{Thread: "T", StepID: id, Event: []byte("null")})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(e.Outputs[0].Value), strconv.Itoa(blamesMax); got != want {
			t.Errorf("step %d: %s are explained, want %s", id, got, want)
		}
	}
}

// To look at an error that leaves an async function runs nothing that the workflow has hung on it.
func TestErrorsWithCodeOfTheWorkflowAreRejections(t *testing.T) {
	for name, thrown := range map[string]string{
		"message": `Object.defineProperty(new TypeError("x"), "message", { get() { throw "got message" } })`,
		"stack":   `Object.defineProperty(new TypeError("x"), "stack", { get() { throw "got stack" } })`,
		"class":   `new (class extends TypeError { get message() { throw "got message" } })()`,
		"proxy":   `new Proxy({}, { getPrototypeOf() { throw "got prototype" } })`,
	} {
		t.Run(name, func(t *testing.T) {
			b := compileFixture(t, `import { log } from "./log"; const fail = async () => { throw `+thrown+` };
				export default async function main() { let made: any; try { made = fail() } catch (e) { log("thrown", e) } log(made instanceof Promise); try { await made } catch (e) { log("caught") } }`)
			if o, _ := run(t, b, false, nil); o.String() != "true\ncaught\n= undefined\n" {
				t.Errorf("got\n%s", o)
			}
		})
	}
}
