package jsvm

import (
	"context"
	"runtime"
	"syscall"
	"testing"

	"github.com/dop251/goja"
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

// BenchmarkStepSmall runs one step of a small workflow after another, of a thread that is restored for each and of one that is still alive.
func BenchmarkStepSmall(b *testing.B) {
	for _, kept := range []struct {
		name    string
		threads int
	}{{"thread=restored", 0}, {"thread=live", 1}} {
		b.Run(kept.name, func(b *testing.B) {
			p := NewPool(compileText(b, smallWorkflow), PoolOptions{LiveThreadsMax: kept.threads})
			defer p.Close()
			ctx := context.Background()
			e, err := p.Step(ctx, Input{Thread: "order-1", StepID: 1, Event: []byte(`{"id":7,"qty":2}`)})
			if err != nil {
				b.Fatal(err)
			}
			size := len(e.Continuation)
			b.ReportAllocs()
			reportCPU(b)
			step := uint64(1)
			for b.Loop() {
				step++
				e, err = p.Step(ctx, Input{Thread: "order-1", StepID: step, Continuation: e.Continuation, Event: []byte(`{"ref":"` + e.Refs[0] + `","value":{"n":1}}`)})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size), "B/continuation")
		})
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
	b.ReportMetric(float64(len(state)), "B/continuation")
}

func BenchmarkCompileSaga(b *testing.B) {
	for b.Loop() {
		compileFile(b, "testdata/saga.ts")
	}
}
