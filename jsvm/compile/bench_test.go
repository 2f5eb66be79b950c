package compile_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

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

// plainWork is a workload's main on goja's own functions.
func plainWork(b *testing.B, source string) func(n int) {
	vm := goja.New()
	v, err := vm.RunString("(function () { 'use strict'; " + source + " return main; })()")
	if err != nil {
		b.Fatal(err)
	}
	return caller(b, vm, v)
}

// rewrittenWork is a workload's main after the compiler.
func rewrittenWork(b *testing.B, source string) func(n int) {
	program, err := compile.Compile(compile.Script{Name: "bench.js", Text: source + "\nexports.main = main;"})
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
	return caller(b, vm, v)
}

func caller(b *testing.B, vm *goja.Runtime, main goja.Value) func(n int) {
	f, _ := goja.AssertFunction(main)
	return func(n int) {
		if _, err := f(nil, vm.ToValue(n)); err != nil {
			b.Fatal(err)
		}
	}
}

// What rewriting costs: the same work on goja's own functions and rewritten.
func BenchmarkRewritten(b *testing.B) {
	for _, w := range workloads {
		for name, work := range map[string]func(*testing.B, string) func(int){"plain": plainWork, "rewritten": rewrittenWork} {
			b.Run(w.name+"/"+name, func(b *testing.B) {
				main := work(b, w.source)
				b.ReportAllocs()
				b.ResetTimer()
				main(b.N)
			})
		}
	}
}

// slowdownTurn is about how long plain code runs at a time in BenchmarkSlowdown: too short for a scheduler to interrupt each.
const slowdownTurn = 500 * time.Microsecond

// How many times as long rewritten code takes. Both take turns, and the least time of each counts, so that the ratio holds on a machine that does
// other work too. An operation is a turn of both.
func BenchmarkSlowdown(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			mains := [2]func(int){plainWork(b, w.source), rewrittenWork(b, w.source)}
			took := func(i, units int) time.Duration {
				began := time.Now()
				mains[i](units)
				return time.Since(began)
			}
			units := 1
			for took(0, units) < slowdownTurn {
				units *= 2
			}
			least := [2]time.Duration{math.MaxInt64, math.MaxInt64}
			for b.Loop() {
				for i := range mains {
					least[i] = min(least[i], took(i, units))
				}
			}
			b.ReportMetric(float64(least[1])/float64(least[0]), "times-plain")
			b.ReportMetric(float64(least[1].Nanoseconds())/float64(units), "rewritten-ns/unit")
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
