package jsvm

import (
	"time"

	"github.com/dop251/goja"
)

// A VM of a pool has a goroutine, which runs its steps inside one long call of JavaScript:
//
//   - a step may have to be left alone in a native call that no interrupt ends, so it needs a goroutine of its own, and
//     goja's interpreter needs a deep stack, which a fresh goroutine would have to grow again for each step;
//   - goja gives up its own stack at the end of an outermost call, so each of the many small calls of a step would grow a new one.

// task is a step for a VM's goroutine.
type task struct {
	in    Input
	event event
	live  *liveThread   // the thread, if it is alive in the VM
	ran   time.Duration // how long earlier parts of the step have run
	part  *part         // nil: the whole step
}

// answer is what became of it.
type answer struct {
	effects Effects
	live    *liveThread // the thread, if it stays alive in the VM
	err     error
	ran     time.Duration // how long the step has run so far
	moved   []byte        // of a part: what the next one continues from; nil if the step is over
}

// serve starts the goroutine.
func (v *vm) serve() {
	v.tasks, v.answers, v.ended, v.watch = make(chan task), make(chan answer, 1), make(chan struct{}), newWatch(v.rt, v.limits)
	go func() {
		defer close(v.ended)
		// An interrupt ends the call with an error, and the VM is dropped. The step that it was meant for has answered by then, or was never
		// taken: an interrupt that comes before the call has begun ends it at once.
		_ = v.within(func() {
			for t := range v.tasks {
				var a answer
				if t.part != nil {
					a = v.runPart(t)
				} else {
					a.effects, a.live, a.err = v.step(t.in, t.event, t.live)
				}
				v.answers <- a
			}
		})
	}()
}

// retire ends the goroutine, once it has no step to run.
func (v *vm) retire() { close(v.tasks) }

// within runs body inside a call of JavaScript.
func (v *vm) within(body func()) error {
	_, err := v.heap.natives.within(nil, v.rt.ToValue(func(goja.FunctionCall) goja.Value {
		body()
		return nil
	}))
	return err
}
