package jsvm

import (
	"context"
	"runtime"
	"strings"
	"testing"
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
