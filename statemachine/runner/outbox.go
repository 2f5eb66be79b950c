package runner

import (
	"context"
	"sync"

	"kont/statemachine/command"
)

// batchStepsMax and batchBytesMax bound one CommitSteps. A unit is never split,
// so a command may be larger by one unit.
const (
	batchStepsMax = 1024
	batchBytesMax = 2 << 20
)

// unit is what a worker made of a thread's next events: one step an event, in
// order. Its steps go into one command.
type unit struct {
	thread *thread
	events []event
	steps  []command.Step
	// labels has the reason's label for each unmatched step, "" for others.
	labels []command.UnmatchedClass
	bytes  int
	// state is the thread's after the last step; isKnown, if it can be told
	// without the store.
	state   state
	isKnown bool
}

func (u *unit) add(e event, step command.Step, label command.UnmatchedClass) {
	u.events = append(u.events, e)
	u.steps = append(u.steps, step)
	u.labels = append(u.labels, label)
	u.bytes += stepBytes(&step)
}

// stepBytes is about what a step takes in the log.
func stepBytes(step *command.Step) int {
	n := 96 + len(step.Thread) + len(step.Continuation) + len(step.Reason) + len(step.Event)
	for _, ref := range step.Refs {
		n += len(ref) + 2
	}
	for i := range step.Outputs {
		n += len(step.Outputs[i].Topic) + len(step.Outputs[i].Key) + len(step.Outputs[i].Value) + 8
	}
	return n
}

// outbox holds finished units until a committer takes them.
type outbox struct {
	bytesMax int

	mutex sync.Mutex
	// Committers wait on filled, workers on room.
	filled sync.Cond
	room   sync.Cond
	// The mutex guards all that follows. bytes is the size of all units that are
	// not settled yet, those in proposals included.
	units    []*unit
	bytes    int
	isClosed bool
}

func newOutbox(bytesMax int) *outbox {
	o := &outbox{bytesMax: bytesMax}
	o.filled.L, o.room.L = &o.mutex, &o.mutex
	return o
}

// closeWith closes the outbox when ctx is done.
func (o *outbox) closeWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		o.mutex.Lock()
		defer o.mutex.Unlock()
		o.isClosed = true
		o.filled.Broadcast()
		o.room.Broadcast()
	})
}

// waitRoom returns once another unit may be made, false if the outbox is closed.
func (o *outbox) waitRoom() bool {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for !o.isClosed && o.bytes >= o.bytesMax {
		o.room.Wait()
	}
	return !o.isClosed
}

func (o *outbox) put(u *unit) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.units = append(o.units, u)
	o.bytes += u.bytes
	o.filled.Signal()
}

// take waits for units and takes as many as fit one command, nil once the outbox
// is closed.
func (o *outbox) take() []*unit {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for !o.isClosed && len(o.units) == 0 {
		o.filled.Wait()
	}
	if o.isClosed {
		return nil
	}
	count, steps, bytes := 0, 0, 0
	for count < len(o.units) && steps < batchStepsMax && bytes < batchBytesMax {
		u := o.units[count]
		if count > 0 && bytes+u.bytes > batchBytesMax {
			break
		}
		steps += len(u.steps)
		bytes += u.bytes
		count++
	}
	batch := o.units[:count:count]
	o.units = o.units[count:]
	if len(o.units) > 0 {
		o.filled.Signal()
	} else {
		o.units = nil
	}
	return batch
}

// settled takes a unit's bytes off.
func (o *outbox) settled(u *unit) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.bytes -= u.bytes
	o.room.Broadcast()
}
