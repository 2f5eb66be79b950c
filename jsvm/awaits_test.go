package jsvm

import (
	"fmt"
	"strings"
	"testing"
)

func checkText(t *testing.T, source string) *Check {
	t.Helper()
	c, err := compileText(t, source).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func keptText(a Await) string {
	var list []string
	for _, k := range a.Kept {
		text := k.Name
		if k.Type != "" {
			text += ": " + k.Type
		}
		if k.Outer {
			text += " (outer)"
		} else if k.Shared {
			text += " (shared)"
		}
		list = append(list, text)
	}
	if a.Temporaries > 0 {
		list = append(list, fmt.Sprintf("+%d", a.Temporaries))
	}
	return strings.Join(list, ", ")
}

func TestCheckTellsWhatEachAwaitKeeps(t *testing.T) {
	c := checkText(t, `import * as W from "kont";
import { ref } from "kont";
interface Trip { user: string }
class Leg { constructor(public kind: string) {} async go(by: string) { const id = await W.label("gone", W.ref<string>("go")); return [this.kind, id, by]; } }
function* steps(from = 1) { for (let at = from; at < 3; at++) yield at; }
export default async function main(trip: Trip, n?: number, f: (a: string) => Promise<Map<string, number>> = async () => new Map()) {
  const list = [1], texts = ["a"], words: string[] = [], empty = {}, none = null, flag = !n, when = new Date(), seen = new Set<string>(), leg = new Leg("car"),
    total = 1n, text = "x" + n, sum = list.length * 2, expression = /a/, waits = ref("w"), both = n ? 1 : 2, unknown = JSON.parse("1"), up = () => ++shared;
  let shared = 0;
  for (const kind of ["flight", "hotel"]) {
    await W.ref("a");
    console.log(trip, n, f, list, texts, words, empty, none, flag, when, seen, leg, total, text, sum, expression, waits, both, unknown, up, shared, kind);
  }
  return [1, await leg.go("me"), [...steps()]];
}`)
	var got []string
	for _, a := range c.Awaits {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", a.Function, a.Kind, a.At, a.Label))+"\n  "+keptText(a))
	}
	want := `Leg.go await app.ts:4:83 gone
  this: Leg, by: string
steps start app.ts:5:1
  from: number
steps yield app.ts:5:63
  at: number
main await app.ts:11:5
  shared: number (shared), trip: Trip, n: number, f: (a: string) => Promise<Map<string, number>>, list: number[], texts: string[], words: string[], empty: object, none: null, flag: boolean, ` +
		`when: Date, seen: Set, leg: Leg, total: bigint, text: string, sum: number, expression: RegExp, waits: Ref, both: number, unknown, up: function, kind: string, +1
main await app.ts:14:14
  `
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if len(c.Findings) != 0 {
		t.Errorf("found %v", c.Findings)
	}
}

func TestCheckFindsWhatIsHardlyMeant(t *testing.T) {
	c := checkText(t, `import * as W from "kont";
export default async function main(list: number[]) {
  list.forEach(async (x) => { await W.ref(String(x)); });
  const some = list.filter(async (x) => x > 1);
  list.map(async (x) => x);
  await Promise.all(list.map(async (x) => x));
  const watched = new Proxy({}, {});
  await W.ref("a");
  console.log(watched, some);
  if (typeof Temporal !== "undefined") console.log(Temporal);
  setTimeout(() => {}, 5);
  return new Intl.NumberFormat("de");
}`)
	var got []string
	for _, d := range c.Findings {
		got = append(got, d.String())
	}
	want := []string{
		"app.ts:3:16: `forEach` does not wait for an async function: the promise is dropped, and nobody waits for it; write a `for (const … of …)` loop, or `await Promise.all(list.map(async …))`",
		"app.ts:4:28: `filter` does not wait for an async function: the promise is dropped, and it counts as true; write a `for (const … of …)` loop, or `await Promise.all(list.map(async …))`",
		"app.ts:5:12: the promises that this `map` makes are dropped: nobody waits for them; write a `for (const … of …)` loop, or `await Promise.all(list.map(async …))`",
		"app.ts:8:3: `watched` holds a Proxy across this await, which cannot be kept; build it after the await",
		"app.ts:11:3: `setTimeout` is not there in a workflow; use `await W.sleep(milliseconds)`, which survives the process",
		"app.ts:12:14: `Intl` is not there in a workflow; format by hand, or where the record is read",
	}
	requireSame(t, "findings", got, want)
}

// The estimate is within a factor of two of what a thread with ordinary values takes.
func TestCheckEstimatesTheSize(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": `await W.ref("a")`,
		"numbers": `let a = 1, b = 2, c = 3; await W.ref("a"); console.log(a, b, c)`,
		"texts":   `const a = "order " + String(1), b: string = "a customer"; await W.ref("a"); console.log(a, b)`,
		"objects": `const order = { sku: "a1", quantity: 2 }, list = [1, 2, 3], seen = new Map([["a1", 1]]), at = new Date(); await W.ref("a"); console.log(order, list, seen, at)`,
		"closure": `let n = 1; const up = () => ++n; await W.ref("a"); console.log(n, up)`,
	} {
		t.Run(name, func(t *testing.T) {
			b := compileText(t, `import * as W from "kont"; export default async function main() { `+body+` }`)
			c, err := b.Check(t.Context())
			if err != nil || len(c.Awaits) != 1 {
				t.Fatalf("%v, %v", c, err)
			}
			h := newHost(t, b)
			if err := h.start("null"); err != nil {
				t.Fatal(err)
			}
			if real, estimate := len(h.effects.Continuation), c.Awaits[0].Bytes; estimate > 2*real || real > 2*estimate {
				t.Errorf("estimated %d bytes, got %d", estimate, real)
			}
		})
	}
}
