package jsvm

import (
	"context"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/dop251/goja"
)

const (
	// watchInterval is how often a running step is looked at.
	watchInterval = 20 * time.Millisecond
	// interruptGrace is how long a step may go on after its interrupt, inside one native
	// call, before its VM is abandoned.
	interruptGrace = 250 * time.Millisecond
)

// watch interrupts a step when its time is over, when the heap grows too much, or when its context is done. It belongs to one VM and
// watches its steps in turn; after an interrupt it is of no more use, as its VM is.
type watch struct {
	rt     *goja.Runtime
	limits Limits
	deaf   chan struct{} // closed when an interrupt has not been heard

	mu          sync.Mutex // guards what follows; interrupting happens under it, so that none comes after stop
	isRunning   bool
	why         *Fault
	started     time.Time
	interrupted time.Time
	heapBefore  uint64
	timer       *time.Timer
	step        int // how many have been started
	detach      func() bool
}

func newWatch(rt *goja.Runtime, limits Limits) *watch {
	return &watch{rt: rt, limits: limits, deaf: make(chan struct{})}
}

// start watches a step, or a part of one that began earlier. A look that the last step's timer has begun already may come: it
// finds nothing to do yet.
func (w *watch) start(ctx context.Context, began time.Time) {
	w.rt.ClearInterrupt()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isRunning, w.started, w.heapBefore = true, began, 0
	interval := min(watchInterval, w.limits.StepWall)
	if w.timer == nil {
		w.timer = time.AfterFunc(interval, w.look)
	} else {
		w.timer.Reset(interval)
	}
	w.step++
	if step := w.step; ctx.Done() != nil {
		w.detach = context.AfterFunc(ctx, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.step == step {
				w.interrupt(faultf(FaultStuck, "step was cancelled"))
			}
		})
	}
}

// look runs every watchInterval while the step runs.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isRunning {
		return
	}
	now := time.Now()
	if w.why != nil {
		if now.Sub(w.interrupted) >= interruptGrace {
			close(w.deaf)
			return
		}
	} else if wall := now.Sub(w.started); wall >= w.limits.StepWall {
		w.interrupt(stuck(wall, w.limits))
	} else if bytes := heapBytes(); w.heapBefore == 0 {
		w.heapBefore = bytes
	} else if bytes > w.heapBefore+uint64(w.limits.HeapGrowthBytesMax) {
		w.interrupt(faultf(FaultMemory, "the heap grew by %d MiB while the step ran, at most %d", (bytes-w.heapBefore)>>20, w.limits.HeapGrowthBytesMax>>20))
	}
	w.timer.Reset(watchInterval)
}

func (w *watch) interrupt(why *Fault) {
	if w.isRunning && w.why == nil {
		w.why, w.interrupted = why, time.Now()
		w.rt.Interrupt(why)
	}
}

// stop ends the watch and tells why the step was interrupted; nil if it was not.
func (w *watch) stop() *Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.detach != nil {
		w.detach()
	}
	w.isRunning, w.detach = false, nil
	w.timer.Stop()
	return w.why
}

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// stuck is the fault of a step that ran for too long.
func stuck(ran time.Duration, limits Limits) *Fault {
	return faultf(FaultStuck, "step ran for %v, at most %v", ran.Round(time.Millisecond), limits.StepWall)
}
