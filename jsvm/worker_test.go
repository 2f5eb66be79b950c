package jsvm

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// workers counts the goroutines that serve VMs.
func workers() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "jsvm.(*vm).serve.func1(")
}

func waitForWorkers(t *testing.T, want int, meanwhile func()) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for workers() > want {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines serve VMs, want %d", workers(), want)
		}
		meanwhile()
		runtime.Gosched()
	}
}

func TestTheGoroutinesOfAPoolEndWithIt(t *testing.T) {
	b := compileText(t, `import * as W from "kont"; export default async function main(how: string) { if (how === "fault") W.output("", "undeclared"); await W.ref() }`)
	waitForWorkers(t, 0, runtime.GC) // the pools of other tests
	step := func(p *Pool, how string) {
		if _, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte(`"` + how + `"`)}); (err != nil) != (how == "fault") {
			t.Fatal(err)
		}
	}
	closed := NewPool(b, PoolOptions{})
	step(closed, "")
	if got := workers(); got != 1 {
		t.Fatalf("%d goroutines serve VMs, want 1", got)
	}
	step(closed, "fault")
	waitForWorkers(t, 0, func() {})
	step(closed, "")
	closed.Close()
	waitForWorkers(t, 0, func() {})

	func() {
		forgotten := NewPool(b, PoolOptions{})
		step(forgotten, "")
	}()
	waitForWorkers(t, 0, runtime.GC)
}

// A context that is done may interrupt a fresh VM before its goroutine runs JavaScript.
func TestStepsOfADoneContextReturn(t *testing.T) {
	b := compileText(t, `export default async function main() {}`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 200 {
		p := NewPool(b, PoolOptions{VMsMax: 1})
		if _, err := p.Step(ctx, Input{Thread: "T", StepID: 1, Event: []byte("1")}); err != nil && err != context.Canceled {
			t.Fatal(err)
		}
		p.Close()
	}
}

// A step's time is what it runs, not what it waits for a VM. Time is virtual: none passes while a step runs.
func TestTimeOfAStepBeginsWithItsVM(t *testing.T) {
	b := compileText(t, `export default async function main() { await null }`)
	for name, restore := range map[string]Restore{"anywhere": RestoreAnywhere, "jobs": RestoreJobs} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewPool(b, PoolOptions{VMsMax: 1, Restore: restore})
				defer p.Close()
				p.slots <- struct{}{} // as by a step that runs
				done := make(chan error)
				go func() {
					_, err := p.Step(t.Context(), Input{Thread: "T", StepID: 1, Event: []byte("1")})
					done <- err
				}()
				time.Sleep(time.Hour)
				began := time.Now()
				<-p.slots
				if err := <-done; err != nil {
					t.Error(err)
				}
				for _, v := range p.idle.vms {
					if !v.watch.started.Equal(began) {
						t.Errorf("its time begins %v before it has a VM", began.Sub(v.watch.started))
					}
				}
			})
		})
	}
}
