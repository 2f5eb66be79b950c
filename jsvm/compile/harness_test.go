package compile_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dop251/goja"

	"kont/jsvm/compile"
	"kont/jsvm/runtime"
)

// outcome is all that a fixture shows: its log, and how it ended.
type outcome struct {
	log []string
	end string
}

func (o outcome) String() string { return strings.Join(append(o.log, o.end), "\n") }

// A fixture defines `main`, a function that may be async. log(…) writes a line.
const prelude = `"use strict";
function text(v, depth) {
	if (depth > 20) return "...";
	if (typeof v === "string") return v;
	if (Object.is(v, -0)) return "-0";
	if (typeof v === "bigint") return v + "n";
	if (v instanceof Error) return v.name + ": " + v.message;
	if (typeof v === "function") return "function " + v.name + "/" + v.length;
	if (typeof v === "symbol") return v.toString();
	if (Array.isArray(v)) return "[" + Array.from(v, (x) => text(x, (depth || 0) + 1)).join(", ") + "]";
	if (v instanceof Map) return "Map{" + Array.from(v, ([k, x]) => text(k) + ": " + text(x, (depth || 0) + 1)).join(", ") + "}";
	if (v instanceof Set) return "Set{" + Array.from(v, (x) => text(x, (depth || 0) + 1)).join(", ") + "}";
	if (v && typeof v === "object") return "{" + Object.keys(v).map((k) => k + ": " + text(v[k], (depth || 0) + 1)).join(", ") + "}";
	return String(v);
}
`

// runPlain runs a fixture on goja's own async functions and generators.
func runPlain(t *testing.T, source string) (o outcome) {
	t.Helper()
	vm := goja.New()
	lines(vm, &o)
	v, err := vm.RunString(prelude + "const log = (...a) => line(a.map((x) => text(x)).join(' '));\n" + source + `
;new Promise((done) => done(main())).then((v) => line("= " + text(v)), (e) => line("! " + text(e)))`)
	_ = v
	if err != nil {
		o.end = "load: " + err.Error()
	}
	return o
}

// lines makes line() write to o. A program that does not end is interrupted.
func lines(vm *goja.Runtime, o *outcome) {
	vm.SetMaxCallStackSize(600)
	timer := time.AfterFunc(time.Minute, func() { vm.Interrupt("runs too long") })
	_ = vm.Set("stop", func() { timer.Stop() })
	_ = vm.Set("line", func(s string) { o.log = append(o.log, s) })
}

// runRewritten runs it compiled, over the runtime library.
func runRewritten(t *testing.T, source string) (o outcome) {
	t.Helper()
	program, err := compile.Compile(compile.Script{Name: "fixture.js", Text: source + "\n;exports.main = main;"})
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	vm := goja.New()
	lines(vm, &o)
	rt, err := runtime.Install(vm, runtime.Host{Log: func(level, text string) {}})
	if err != nil {
		t.Fatal(err)
	}
	_ = vm.Set("rt", rt)
	if _, err := vm.RunString(prelude + "const log = (...a) => line(a.map((x) => text(x)).join(' ')); globalThis.log = log;"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r != nil {
			o.end = fmt.Sprint("panic: ", r)
		}
	}()
	load, err := vm.RunProgram(program.Prog)
	if err != nil {
		t.Fatal(err)
	}
	_ = vm.Set("load", load)
	_, err = vm.RunString(`
		rt.begin("T", "1");
		const exports = {};
		load(rt, {exports}, exports, rt.require);
		new Promise((done) => done(exports.main())).then((v) => line("= " + text(v)), (e) => line("! " + text(e)));
		rt.drain();`)
	if err != nil {
		o.end = "load: " + err.Error()
	}
	return o
}

var deadZone = regexp.MustCompile(`access '[^']*' before`)

// firstDifference shows where two logs part, with what came before.
func firstDifference(plain, rewritten outcome) string {
	a, b := append(plain.log, plain.end), append(rewritten.log, rewritten.end)
	for i := range max(len(a), len(b)) {
		x, y := "(nothing)", "(nothing)"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		// Ours names the variable.
		if x != deadZone.ReplaceAllString(y, "access a variable before") {
			before := strings.Join(a[max(0, i-3):min(i, len(a))], "\n")
			return fmt.Sprintf("line %d, after\n%s\nplain:     %s\nrewritten: %s", i+1, before, x, y)
		}
	}
	return ""
}

// compare runs a fixture both ways.
func compare(t *testing.T, source string) {
	t.Helper()
	plain, rewritten := runPlain(t, source), runRewritten(t, source)
	if difference := firstDifference(plain, rewritten); difference != "" {
		t.Error(difference)
	}
}

func TestSmoke(t *testing.T) {
	compare(t, `
async function add(a, b) { const x = await a; return x + await b; }
async function main() {
	let sum = 0;
	for (let i = 0; i < 3; i++) { sum += await add(i, 1); log(i, sum); }
	const fs = [];
	for (let i = 0; i < 3; i++) { await null; fs.push(() => i++ + sum); }
	log(fs.map((f) => f()), fs.map((f) => f()));
	try { await Promise.reject(new Error("boom")); } catch (e) { log(e.message); } finally { await 1; log("fin"); }
	return sum;
}`)
}
