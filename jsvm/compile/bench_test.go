package compile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dop251/goja"

	"kont/jsvm/compile"
	"kont/jsvm/runtime"
)

// workloads run(n) does n units of work; an async one ends within the job queue.
var workloads = []struct{ name, source string }{
	{"fib", `function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); } function main(n) { for (let i = 0; i < n; i++) fib(12); }`},
	{"closure calls", `function counter() { let n = 0; return () => ++n; } function main(n) { const c = counter(); for (let i = 0; i < n; i++) c(); }`},
	{"closure made", `function main(n) { let s = 0; for (let i = 0; i < n; i++) { const f = () => i; s += f(); } return s; }`},
	{"map filter reduce", `function main(n) { const k = 3, xs = [1, 2, 3, 4, 5, 6, 7, 8]; for (let i = 0; i < n; i++) xs.map((x) => x * k).filter((x) => x > i % k).reduce((a, b) => a + b, k); }`},
	{"class method", `class P { constructor(x) { this.x = x; } get() { return this.x; } } class Q extends P { get() { return super.get() + 1; } } function main(n) { const q = new Q(1); for (let i = 0; i < n; i++) q.get(); }`},
	{"generator", `function* g(n) { for (let i = 0; i < n; i++) yield i; } function main(n) { let s = 0; for (const x of g(n)) s += x; return s; }`},
	{"generator call", `function* g(x) { yield x; } function main(n) { let s = 0; for (let i = 0; i < n; i++) s += g(i).next().value; return s; }`},
	{"async closure made", `function main(n) { let s; for (let i = 0; i < n; i++) s = async () => i; return s; }`},
	{"generator made", `function main(n) { let s; for (let i = 0; i < n; i++) s = function* () { yield i; }; return s; }`},
	{"await", `async function main(n) { for (let i = 0; i < n; i++) await i; }`},
	{"async call", `async function f(x) { return x; } async function main(n) { for (let i = 0; i < n; i++) await f(i); }`},
	{"await in try", `async function main(n) { for (let i = 0; i < n; i++) { try { await i; } finally { i += 0; } } }`},
	{"loop beside await", `async function main(n) { let s = 0; for (let i = 0; i < n; i++) s += i; await s; return s; }`},
	{"loop around no await", `async function main(n) { let s = 0; for (let i = 0; i < n; i++) { if (i < 0) await i; s += i; } return s; }`},
}

// What rewriting costs: the same work on goja's own functions and rewritten.
func BenchmarkRewritten(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name+"/plain", func(b *testing.B) {
			vm := goja.New()
			v, err := vm.RunString("(function () { 'use strict'; " + w.source + " return main; })()")
			if err != nil {
				b.Fatal(err)
			}
			main, _ := goja.AssertFunction(v)
			b.ResetTimer()
			if _, err := main(nil, vm.ToValue(b.N)); err != nil {
				b.Fatal(err)
			}
		})
		b.Run(w.name+"/rewritten", func(b *testing.B) {
			program, err := compile.Compile(compile.Script{Name: "bench.js", Text: w.source + "\nexports.main = main;"})
			if err != nil {
				b.Fatal(err)
			}
			vm := goja.New()
			rt, err := runtime.Install(vm, runtime.Host{Log: func(level, text string) {}})
			if err != nil {
				b.Fatal(err)
			}
			load, err := vm.RunProgram(program.Prog)
			if err != nil {
				b.Fatal(err)
			}
			_ = vm.Set("rt", rt)
			_ = vm.Set("load", load)
			v, err := vm.RunString(`rt.begin("T", "1"); const e = {}; load(rt, {}, e, rt.require); (n) => { e.main(n); rt.drain() }`)
			if err != nil {
				b.Fatal(err)
			}
			main, _ := goja.AssertFunction(v)
			b.ResetTimer()
			if _, err := main(nil, vm.ToValue(b.N)); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// A workflow of 500 lines, from text to program.
func BenchmarkCompile(b *testing.B) {
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, `
async function leg%d(trip, seats) {
	const booked = [];
	for (const seat of seats) {
		try {
			booked.push(await trip.book(seat, () => booked.length));
		} catch (e) { await trip.undo(e, booked); throw e; }
		finally { await trip.log(seat); }
	}
	return booked.map((b) => b.id + seats.length);
}`, i)
	}
	source := text.String()
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		if _, err := compile.Compile(compile.Script{Name: "bench.js", Text: source}); err != nil {
			b.Fatal(err)
		}
	}
}
