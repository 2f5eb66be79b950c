package jsvm

import (
	"context"
	"strings"
	"testing"
)

// tale runs a workflow to its end: each pending ref is fulfilled with its own id, the oldest first. Its console lines are the answer.
func tale(t *testing.T, source string) string {
	t.Helper()
	p := NewPool(compileText(t, source), PoolOptions{})
	defer p.Close()
	var lines []string
	in := Input{Thread: "T", StepID: 1, Event: []byte(`{}`)}
	for {
		e, err := p.Step(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range e.Logs {
			lines = append(lines, l.Text)
		}
		if e.Continuation == nil {
			return strings.Join(lines, "\n")
		}
		in = Input{Thread: "T", StepID: in.StepID + 1, Continuation: e.Continuation, Event: []byte(`{"ref":"` + e.Refs[0] + `","value":"` + e.Refs[0] + `"}`)}
	}
}

func TestStacksTellWhoAwaitedWhom(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"through awaits, over a restore": {`import * as W from "kont";
async function charge() {
  await W.ref();
  throw new Error("no money");
}
async function pay() {
  return await charge();
}
export default async function main() {
  try {
    await pay();
  } catch (e) {
    console.log(e);
  }
}`, `Error: no money
    at charge (app.ts:4:9)
    at async pay (app.ts:7:10)
    at async main (app.ts:11:5)`},
		"thrown before the first await": {`import * as W from "kont";
async function charge(o: any) {
  o.x.y;
  await 1;
}
async function pay() {
  await W.ref();
  await charge({});
}
export default async function main() {
  await pay().catch((e) => console.log(e.stack));
}`, `TypeError: Cannot read property 'y' of undefined
    at charge (app.ts:3:7)
    at pay (app.ts:8:9)
    at async main (app.ts:11:3)`},
		"combinators and chains": {`import * as W from "kont";
const leg = async (name: string) => {
  await W.ref(name);
  throw new RangeError(name);
};
async function book() {
  await Promise.all([W.ref("other"), leg("car")]).then((x) => x);
}
export default async function main() {
  const r = W.ref("first");
  try { await Promise.race([book(), new Promise(() => {})]); } catch (e: any) { await r; console.log(e.stack); }
}`, `RangeError: car
    at leg (app.ts:4:9)
    at async Promise.all (index 1)
    at async book (app.ts:7:3)
    at async Promise.race (index 0)
    at async main (app.ts:11:9)`},
		"natives between the author's calls": {`export default async function main() {
  await null;
  try { [1].map(() => { throw new Error("in map"); }); } catch (e: any) { console.log(e["stack"]); }
}`, `Error: in map
    at app.ts:3:31
    at map (native)
    at main (app.ts:3:13)`},
		"causes": {`import * as W from "kont";
async function low() { await W.ref(); throw new TypeError("low"); }
async function high() {
  try { await low(); } catch (cause) { throw new Error("high", { cause }); }
}
export default async function main() {
  try { await high(); } catch (e) { console.error("it:", e); }
}`, `it: Error: high
    at high (app.ts:4:46)
    at async main (app.ts:7:9) { cause: TypeError: low
    at low (app.ts:2:45)
    at async high (app.ts:4:9)
    at async main (app.ts:7:9) }`},
		"kept without being thrown": {`import * as W from "kont";
function make() { return new Error("kept"); }
export default async function main() {
  const e = make();
  await W.ref();
  console.log(e.stack);
}`, `Error: kept
    at make (app.ts:2:26)
    at main (app.ts:4:13)`},
		"once for an error that is thrown on": {`import * as W from "kont";
async function low() { await W.ref(); throw new Error("low"); }
async function high() {
  try { await low(); } catch (e) { await W.ref(); throw e; }
}
export default async function main() {
  try { await high(); } catch (e: any) { console.log(e.stack); }
}`, `Error: low
    at low (app.ts:2:45)
    at async high (app.ts:4:9)
    at async main (app.ts:7:9)`},
		"text of the author's own": {`class Odd extends Error { stack = "mine"; }
export default async function main() {
  const f = async () => { await null; throw new Odd("x"); };
  try { await f(); } catch (e: any) { console.log(e.stack); }
}`, `mine`},
		"the end of a thread": {`import * as W from "kont";
export default async function main() {
  await W.ref();
  throw new Error("end\n\tat least");
}`, `the thread ends with an error: Error: end
	at least
    at main (app.ts:4:9)`},
		"a rejection that nobody handles": {`import * as W from "kont";
const work = async () => { await W.ref(); throw new Error("lost"); };
export default async function main() {
  const w = { it: work() };
  await W.ref();
}`, `unhandled rejection: Error: lost
    at work (app.ts:2:49)`},
		"an error that is frozen": {`const f = async () => { await null; throw Object.freeze(new Error("cold")); };
export default async function main() {
  await f().catch((e) => console.log(e));
}`, `Error: cold
    at f (app.ts:1:57)`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tale(t, test.source); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestFaultsTellWhoAwaits(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"a loop":   {"for (;;) {}", "step ran for T, at most L\n\tat work (app.ts:4:3)\n\tat async pay (app.ts:7:3)\n\tat async main (app.ts:10:3)"},
		"a Proxy":  {"const p = new Proxy({}, {}); await W.ref(); return p;", "app.ts:4:32: \"work.p\" is a Proxy, which cannot be kept across this await\n\tat work (app.ts:4:32)\n\tat async pay (app.ts:7:3)\n\tat async main (app.ts:10:3)"},
		"too deep": {"const f = (): any => f() + 1; f();", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := compileText(t, "import * as W from 'kont';\nasync function work() {\n  await null;\n  "+test.body+"\n}\nasync function pay() {\n  await work();\n}\n"+
				"export default async function main() {\n  await pay();\n}")
			isWanted := func(f *Fault) bool {
				got := withoutDurations(f.Error())
				return (test.want == "" || got == test.want) && strings.HasSuffix(got, "async main (app.ts:10:3)")
			}
			if f := faultOfStart(t, b, PoolOptions{}, "1", isWanted); !isWanted(f) {
				t.Errorf("got\n%v\nwant\n%s", f, test.want)
			}
		})
	}
}

func TestConsoleLinesBeyondTheLimitAreDroppedWithATrace(t *testing.T) {
	p := NewPool(compileText(t, `export default async function main() { for (let i = 0; i < 100; i++) console.log("x".repeat(100)) }`), PoolOptions{Limits: Limits{LogBytesMax: 1000}})
	defer p.Close()
	e, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	last := LogLine{"warn", "more than 1000 bytes of console lines in one step: this and the rest are dropped"}
	if n := len(e.Logs); n != 11 || e.Logs[n-1] != last {
		t.Errorf("%d lines, the last %v", n, e.Logs[n-1])
	}
}
