package runner

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"kont/jsvm"
	"kont/statemachine/command"
)

// idle is an engine that does nothing: every event leaves the thread with ref r.
type idle struct{ effects jsvm.Effects }

func (e idle) Load([]byte) (Program, error)                           { return e, nil }
func (e idle) Step(context.Context, jsvm.Input) (jsvm.Effects, error) { return e.effects, nil }
func (e idle) Close()                                                 {}

// slowLog is a proposer with the latency of a log with fsync.
type slowLog struct {
	*memory
	latency time.Duration
}

func (l slowLog) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	time.Sleep(l.latency)
	return l.memory.Propose(ctx, c)
}

// What the runner itself costs: an engine that does nothing, a store in maps, and
// a log that takes as long as named. Events of the threads take turns.
func BenchmarkRunner(b *testing.B) {
	for _, latency := range []time.Duration{0, time.Millisecond} {
		for _, threads := range []int{1, 64, 4096} {
			b.Run(fmt.Sprintf("log=%v/threads=%d", latency, threads), func(b *testing.B) {
				m := newMemory(8)
				m.deploy(1)
				for i := range threads {
					m.produce(fmt.Sprint("t", i), `new:1`)
				}
				for i := range b.N {
					m.produce(fmt.Sprint("t", i%threads), `{"ref":"r","value":1}`)
				}
				r := New(Config{
					Store: m, Proposer: slowLog{m, latency}, Engine: idle{jsvm.Effects{Continuation: make([]byte, 200), Refs: []string{"r"}}},
					Logger: slog.New(slog.DiscardHandler),
				})
				b.ResetTimer()
				r.Start()
				for m.unconsumed() > 0 {
					time.Sleep(100 * time.Microsecond)
				}
				b.ReportMetric(float64(b.N+threads)/b.Elapsed().Seconds(), "steps/s")
				b.ReportMetric(float64(b.N+threads)/float64(m.commands), "steps/command")
				r.Stop()
			})
		}
	}
}
