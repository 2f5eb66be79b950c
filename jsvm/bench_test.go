package jsvm

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"github.com/dop251/goja"
	"github.com/klauspost/compress/zstd"
)

const smallWorkflow = `
import * as W from "kont";
export default async function main(order: {id: number, qty: number}) {
	let total = order.qty * 3, tries = 0, label = "order-" + order.id;
	const add = (n: number) => { total += n; return total; };
	const retry = () => ++tries;
	for (;;) {
		const answer: any = await W.ref("tick");
		if (answer.stop) return { total, tries, label };
		add(answer.n); retry();
	}
}`

// reportCPU gives the CPU time of the process, collector included, for each turn: what a step costs on a machine that does other work too.
func reportCPU(b *testing.B) {
	var before syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		var after syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
			b.Fatal(err)
		}
		used := after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano()
		b.ReportMetric(float64(used)/float64(b.N)/1000, "cpu-µs/op")
	})
}

func BenchmarkNewVM(b *testing.B) {
	bundle := compileText(b, smallWorkflow)
	var before, after runtime.MemStats
	var vms []*vm
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	for b.Loop() {
		v, err := newVM(bundle, goja.New(), Limits{}.withDefaults())
		if err != nil {
			b.Fatal(err)
		}
		if len(vms) < 20 {
			vms = append(vms, v)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(vms)), "heap-B/VM")
	runtime.KeepAlive(vms)
}

// keptThreads are the two ways for a thread to come to its next step.
var keptThreads = []struct {
	name        string
	liveThreads int
}{{"thread=restored", 0}, {"thread=live", 1}}

// reportSize gives the length of a continuation, as it is and compressed: whether that would pay.
func reportSize(b *testing.B, continuation []byte) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(continuation)), "B/continuation")
	b.ReportMetric(float64(len(z.EncodeAll(continuation, nil))), "B/zstd")
}

// smallThread is a thread of the small workflow.
type smallThread struct {
	pool    *Pool
	step    uint64
	effects Effects
}

func startSmall(b *testing.B, liveThreads int) *smallThread {
	p := NewPool(compileText(b, smallWorkflow), PoolOptions{LiveThreadsMax: liveThreads})
	b.Cleanup(p.Close)
	e, err := p.Step(context.Background(), Input{Thread: "order-1", StepID: 1, Event: []byte(`{"id":7,"qty":2}`)})
	if err != nil {
		b.Fatal(err)
	}
	return &smallThread{p, 1, e}
}

func (t *smallThread) run(b *testing.B) {
	t.step++
	event := []byte(`{"ref":"` + t.effects.Refs[0] + `","value":{"n":1}}`)
	e, err := t.pool.Step(context.Background(), Input{Thread: "order-1", StepID: t.step, Continuation: t.effects.Continuation, Event: event})
	if err != nil {
		b.Fatal(err)
	}
	t.effects = e
}

// BenchmarkStepSmall runs one step of a small workflow after another, of a thread that is restored for each and of one that is still alive.
func BenchmarkStepSmall(b *testing.B) {
	for _, kept := range keptThreads {
		b.Run(kept.name, func(b *testing.B) {
			t := startSmall(b, kept.liveThreads)
			first := t.effects.Continuation
			b.ReportAllocs()
			reportCPU(b)
			for b.Loop() {
				t.run(b)
			}
			reportSize(b, first)
		})
	}
}

// BenchmarkStepAt runs the steps from the named one on: what a step costs must not grow with those before it.
func BenchmarkStepAt(b *testing.B) {
	for _, kept := range keptThreads {
		for _, at := range []uint64{1, 1_000, 100_000} {
			b.Run(fmt.Sprintf("step=%d/%s", at, kept.name), func(b *testing.B) {
				t := startSmall(b, kept.liveThreads)
				for t.step < at {
					t.run(b)
				}
				b.ReportAllocs()
				reportCPU(b)
				for b.Loop() {
					t.run(b)
				}
				b.ReportMetric(float64(len(t.effects.Continuation)), "B/continuation")
			})
		}
	}
}

// BenchmarkCycle runs the two steps of a thread that waits once: its start, and the event that ends it.
func BenchmarkCycle(b *testing.B) {
	bundle := compileText(b, `
import * as W from "kont";
export default async function main(order: {id: number}) {
	const answer: any = await W.ref("answer");
	return { id: order.id, answer };
}`)
	p := NewPool(bundle, PoolOptions{})
	defer p.Close()
	ctx := context.Background()
	b.ReportAllocs()
	reportCPU(b)
	step := uint64(1)
	for b.Loop() {
		e, err := p.Step(ctx, Input{Thread: "order-1", StepID: step, Event: []byte(`{"id":7}`)})
		if err != nil {
			b.Fatal(err)
		}
		e, err = p.Step(ctx, Input{Thread: "order-1", StepID: step + 1, Continuation: e.Continuation, Event: []byte(`{"ref":"` + e.Refs[0] + `","value":{"n":1}}`)})
		if err != nil || e.Continuation != nil {
			b.Fatal(e, err)
		}
		step += 2
	}
}

// BenchmarkStepSaga runs the third leg of the saga again and again: three legs booked, a race with a timer.
func BenchmarkStepSaga(b *testing.B) {
	bundle := compileFile(b, "testdata/saga.ts")
	h := newHost(b, bundle)
	if err := h.start(`{"user":"ann","city":"Rome","nights":2}`); err != nil {
		b.Fatal(err)
	}
	h.settle("book", `"value":"f1"`)
	h.settle("sleep", `"value":null`)
	h.settle("book", `"value":"h1"`)
	state, event := h.effects.Continuation, []byte(`{"ref":"4:book:1","error":"no cars"}`)
	p := h.pool()
	b.ReportAllocs()
	reportCPU(b)
	for b.Loop() {
		if _, err := p.Step(context.Background(), Input{Thread: "T", StepID: 5, Continuation: state, Event: event}); err != nil {
			b.Fatal(err)
		}
	}
	reportSize(b, state)
}

// BenchmarkSaga runs the whole saga, with a timeout, a failed reservation and compensations; figures are for a step of it.
func BenchmarkSaga(b *testing.B) {
	for _, kept := range keptThreads {
		b.Run(kept.name, func(b *testing.B) {
			p := NewPool(compileFile(b, "testdata/saga.ts"), PoolOptions{LiveThreadsMax: kept.liveThreads})
			defer p.Close()
			steps := uint64(0)
			run := func() {
				h := &host{t: b, pool: func() *Pool { return p }}
				sagaScript(h)
				steps += h.step
			}
			run()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			steps = 0
			for b.Loop() {
				run()
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(steps), "µs/step")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(steps), "allocs/step")
		})
	}
}

func BenchmarkCompileSaga(b *testing.B) {
	for b.Loop() {
		compileFile(b, "testdata/saga.ts")
	}
}
