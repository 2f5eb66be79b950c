package testhost

import (
	"context"
	"fmt"
	"runtime/metrics"
	"time"
)

// worker is the goroutine that a script's VM runs on.
type worker struct {
	script *script
	tasks  chan func()
	// isSpoilt: it was interrupted, or the engine panicked. isAbandoned: it did not hear the interrupt.
	isSpoilt, isAbandoned bool
}

func newWorker(s *script) *worker {
	w := &worker{script: s, tasks: make(chan func())}
	go func() {
		for task := range w.tasks {
			task()
		}
	}()
	return w
}

// end ends the goroutine, once it is idle.
func (w *worker) end() {
	close(w.tasks)
	if !w.isAbandoned {
		w.script.close()
	}
}

const (
	lookInterval      = 50 * time.Millisecond
	heapGrowthMax     = 2 << 30
	heapGrowthMaxText = "2 GiB"
)

// interruptGrace is how long a test may go on after its interrupt, inside one native call, before its VM is abandoned.
var interruptGrace = time.Second

// do runs body on the VM's goroutine, under the limits of a test.
func (w *worker) do(ctx context.Context, wall time.Duration, what string, body func(context.Context) error) *Failure {
	ctx, cancel := context.WithTimeout(ctx, wall)
	defer cancel()
	done := make(chan *Failure, 1)
	hasPanicked := false
	w.tasks <- func() {
		defer func() {
			if p := recover(); p != nil {
				hasPanicked = true
				done <- &Failure{Message: fmt.Sprintf("the engine panicked: %v", p)}
			}
		}()
		if err := body(ctx); err != nil {
			done <- w.script.failureOfError(err)
			return
		}
		done <- nil
	}
	before := heapBytes()
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	why := ""
	for why == "" {
		select {
		case failure := <-done:
			if ctx.Err() == nil {
				w.isSpoilt = hasPanicked
				return failure
			}
			// A step noticed it first.
			w.isSpoilt = true
			if failure == nil {
				failure = &Failure{}
			}
			failure.Message = tooLong(what, wall)
			return failure
		case <-ctx.Done():
			why = tooLong(what, wall)
		case <-look.C:
			if heapBytes() > before+heapGrowthMax {
				why = "the heap grew by more than " + heapGrowthMaxText + " while " + what + " ran"
			}
		}
	}
	w.isSpoilt = true
	cancel()
	w.script.rt.Interrupt(why)
	select {
	case failure := <-done:
		if failure == nil {
			failure = &Failure{}
		}
		failure.Message, failure.Diff = why, ""
		return failure
	case <-time.After(interruptGrace):
		w.isAbandoned = true
		return &Failure{Message: why + ", in one call of a built-in function that did not end"}
	}
}

func tooLong(what string, wall time.Duration) string {
	return fmt.Sprintf("%s ran for longer than %v", what, wall)
}

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
