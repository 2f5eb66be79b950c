package jsvm

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dop251/goja"

	"kont/jsvm/bundle"
)

// Fixtures are TypeScript modules that export a main function and write what happens with
// log. They run three ways, and all three must tell the same story:
//
//   - plain: on goja's own async functions, where the fixture uses nothing of the library;
//   - rewritten: as one step after another, nothing restored in between;
//   - restored: saved and restored in another VM before every single job.
type outcome struct {
	lines []string
	end   string
}

func (o outcome) String() string {
	return strings.Join(append(o.lines[:len(o.lines):len(o.lines)], o.end), "\n")
}

const logModule = `
export function text(v: any): string {
	if (typeof v === "string") return v;
	if (Object.is(v, -0)) return "-0";
	if (typeof v === "bigint") return v + "n";
	if (v instanceof Error) return v.name + ": " + v.message;
	if (typeof v === "function") return "function " + v.name + "/" + v.length;
	if (typeof v === "symbol") return v.toString();
	if (Array.isArray(v)) { const a: string[] = []; for (let i = 0; i < v.length; i++) a.push(i in v ? text(v[i]) : "<hole>"); return "[" + a.join(", ") + "]"; }
	if (v instanceof Map) { const a: string[] = []; v.forEach((x, k) => { a.push(text(k) + " => " + text(x)) }); return "Map{" + a.join(", ") + "}"; }
	if (v instanceof Set) { const a: string[] = []; v.forEach((x) => { a.push(text(x)) }); return "Set{" + a.join(", ") + "}"; }
	if (v instanceof Date) return "Date " + v.getTime();
	if (v instanceof RegExp) return String(v) + "@" + v.lastIndex;
	if (v && typeof v === "object") return "{" + Object.keys(v).map((k) => k + ": " + text(v[k])).join(", ") + "}";
	return String(v);
}
export function log(...a: any[]): void { console.log(a.map(text).join(" ")); }
`

func fixtureFiles(source string) fstest.MapFS {
	return fstest.MapFS{"app.ts": {Data: []byte(source)}, "log.ts": {Data: []byte(logModule)}}
}

func compileFixture(t testing.TB, source string) *Bundle {
	t.Helper()
	b, err := Compile(context.Background(), CompileOptions{Entry: "app.ts", Files: fixtureFiles(source)})
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return b
}

// runPlain runs a fixture on goja as it is.
func runPlain(t testing.TB, source string) (o outcome) {
	t.Helper()
	built, err := bundle.Build(bundle.Options{Entry: "app.ts", Files: fixtureFiles(source)})
	if err != nil {
		t.Fatal(err)
	}
	return plainOutcome(built.Script)
}

func plainOutcome(script []byte) (o outcome) {
	defer func() {
		if p := recover(); p != nil { // goja's own fault
			o.end = fmt.Sprint("panic: ", p)
		}
	}()
	rt := goja.New()
	_ = rt.Set("line", func(s string) { o.lines = append(o.lines, s) })
	_, err := rt.RunString(`const console = {log: line}; const module = {exports: {}}; (function (module, exports) {"use strict";` + string(script) + `
})(module, module.exports);
new Promise(done => done((module.exports.default || module.exports.main)())).then(v => line("= " + JSON.stringify(v)), e => line("! " + String(e)))`)
	if err != nil {
		o.end = err.Error()
	}
	return o
}

// answers chooses the next event: a ref that is pending, the JSON of its value, and whether it is an error.
type answers func(pending []string, step int) (ref, value string, isError bool)

// run drives a thread to its end. With perJob set, every job runs in a VM that knows the thread
// from its continuation only.
func run(t testing.TB, b *Bundle, perJob bool, answer answers) (o outcome, saves int) {
	t.Helper()
	return runBetween(t, b, b, perJob, answer)
}

// runBetween is run with a thread that moves to the other bundle before every job.
func runBetween(t testing.TB, b, other *Bundle, perJob bool, answer answers) (o outcome, saves int) {
	t.Helper()
	limits := Limits{}.withDefaults()
	fresh := func(b *Bundle) *vm {
		v, err := newVM(b, goja.New(), limits)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	// Two VMs in turn: neither has seen the thread's objects since it was loaded... but its own earlier ones, which nothing may find again.
	vms := []*vm{fresh(b), fresh(other)}
	v := vms[0]
	take := func() {
		for _, l := range v.logs {
			if !strings.HasPrefix(l.Text, "the thread ends with an error") { // plain goja has no such line
				o.lines = append(o.lines, l.Text)
			}
		}
		v.logs, v.logged = nil, 0
	}
	fail := func(what string, err error) (outcome, int) {
		take()
		o.end = what + ": " + v.faultOf(err).Error()
		return o, saves
	}
	move := func(stepID string) error {
		take()
		data, err := v.saveWithin()
		if err != nil {
			return err
		}
		saves++
		data = append([]byte(nil), data...)
		from := v
		v = vms[saves%2]
		if b != other {
			moved, report, err := move(data, from, v, FitOptions{})
			if err != nil {
				return err
			}
			if !report.Fits {
				return fmt.Errorf("does not fit: %v", report.Problems)
			}
			data = moved
		}
		if err := v.module.reset(); err != nil {
			return err
		}
		root, err := v.load(data)
		if err != nil {
			return err
		}
		return v.call("attach", root, v.rt.ToValue("T"), v.rt.ToValue(stepID))
	}
	argument, err := v.parseJSON(`{"user":"ann","city":"Rome","nights":2}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.call("begin", v.rt.ToValue("T"), v.rt.ToValue("1")); err != nil {
		return fail("begin", err)
	}
	if err := v.call("start", v.entry, argument); err != nil {
		return fail("start", err)
	}
	for step := 1; step < 200; step++ {
		stepID := strconv.Itoa(step)
		for {
			if !perJob {
				if err := v.call("drain"); err != nil {
					return fail("drain", err)
				}
				break
			}
			if err := move(stepID); err != nil {
				return fail("move", err)
			}
			drainOne, _ := goja.AssertFunction(v.lib.Get("drainOne"))
			more, err := drainOne(v.lib)
			if err != nil {
				return fail("job", err)
			}
			if !more.ToBoolean() {
				break
			}
		}
		takeEffects, _ := goja.AssertFunction(v.lib.Get("takeEffects"))
		result, err := takeEffects(v.lib)
		if err != nil {
			return fail("effects", err)
		}
		take()
		effects := result.(*goja.Object)
		outputs, err := v.outputs(effects.Get("outputs").(*goja.Object))
		if err != nil {
			return fail("outputs", err)
		}
		for _, out := range outputs {
			switch out.Topic {
			case "workflow-result":
				o.lines = append(o.lines, "= "+string(out.Value))
			case "workflow-error":
				var text string
				_ = json.Unmarshal(out.Value, &text)
				o.lines = append(o.lines, "! "+text)
			default:
				o.lines = append(o.lines, fmt.Sprintf("> %s %s %s", out.Topic, out.Key, out.Value))
			}
		}
		if effects.Get("ended").ToBoolean() {
			if len(o.lines) == 0 || !strings.HasPrefix(o.lines[len(o.lines)-1], "= ") && !strings.HasPrefix(o.lines[len(o.lines)-1], "! ") {
				o.lines = append(o.lines, "= undefined")
			}
			return o, saves
		}
		pending, err := v.keysOf(effects.Get("refs"))
		if err != nil {
			return fail("refs", err)
		}
		if len(pending) == 0 || answer == nil {
			o.end = "waits for nothing"
			return o, saves
		}
		next := strconv.Itoa(step + 1)
		if perJob {
			if err := move(next); err != nil {
				return fail("move", err)
			}
		} else {
			root := v.lib.Get("thread")
			if err := v.call("attach", root, v.rt.ToValue("T"), v.rt.ToValue(next)); err != nil {
				return fail("attach", err)
			}
		}
		ref, value, isError := answer(pending, step)
		o.lines = append(o.lines, fmt.Sprintf("# %v <- %s %s", pending, ref, value))
		parsed, err := v.parseJSON(value)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.call("settle", v.rt.ToValue(ref), v.rt.ToValue(isError), parsed); err != nil {
			return fail("settle", err)
		}
	}
	o.end = "does not end"
	return o, saves
}

// threeWays runs a fixture that uses nothing of the library.
func threeWays(t *testing.T, source string) {
	t.Helper()
	plain := runPlain(t, source)
	b := compileFixture(t, source)
	rewritten, _ := run(t, b, false, nil)
	if plain.String() != rewritten.String() {
		t.Errorf("plain\n%s\n\nrewritten\n%s", plain, rewritten)
	}
	restored, saves := run(t, b, true, nil)
	if rewritten.String() != restored.String() {
		t.Errorf("rewritten\n%s\n\nrestored %d times\n%s", rewritten, saves, restored)
	}
	if saves < 2 {
		t.Errorf("only %d saves: the fixture shows nothing", saves)
	}
}
