package jsvm

import (
	"context"
	"errors"
	"fmt"

	"github.com/dop251/goja"
)

// Restore says how often a thread is written to bytes and goes on from them in another VM, as after a crash. A host needs none of
// it; tests of workflows find what does not survive.
//
// Another VM is a warm one that the pool has besides, not one that has just been made: a VM keeps nothing of a thread, and one that ran an earlier part has only
// objects that nothing leads to any more. So a part costs saving and restoring, but not the loading of a bundle. A pool that restores has one VM more than
// PoolOptions.VMsMax.
type Restore uint8

const (
	// RestoreAnywhere: each step goes on from the bytes of the one before, in whichever VM is idle.
	RestoreAnywhere Restore = iota
	// RestoreSteps: each step runs in another VM than the pool's last one.
	RestoreSteps
	// RestoreJobs: so does each promise job of a step, and thus what follows each await. What lives across an await that is over within the step has
	// to be savable too; a host would not notice.
	RestoreJobs
)

// part is a part of a step: its beginning, or one job.
type part struct {
	moved  []byte // where it continues; nil for the first
	logged int    // bytes of console lines that earlier parts have written
}

// stepInParts runs a step, each part in another VM. Its wall time includes the moves, but not the wait for a VM.
func (p *Pool) stepInParts(ctx context.Context, t task) (Effects, error) {
	var logs []LogLine
	t.part = &part{}
	for {
		a := p.run(ctx, t)
		logs = append(logs, a.effects.Logs...)
		a.effects.Logs = logs
		switch {
		case a.err != nil || a.moved == nil:
			return a.effects, a.err
		case a.ran > p.limits.StepWall:
			return a.effects, stuck(a.ran, p.limits)
		}
		t.ran = a.ran
		logged := 0
		for _, line := range logs {
			logged += len(line.Text)
		}
		t.part = &part{moved: a.moved, logged: logged}
	}
}

// runPart runs on the VM's goroutine.
func (v *vm) runPart(t task) (a answer) {
	defer recoverFault(&a.err)
	v.logs, v.logged, v.blames.made = nil, t.part.logged, 0
	if err := v.module.reset(); err != nil {
		return answer{err: v.faultOf(err)}
	}
	err := v.beginPart(t)
	if errors.Is(err, ErrUnmatched) {
		return answer{err: err}
	}
	var left goja.Value
	if err == nil {
		left, err = v.callFor("hasJobs")
	}
	switch {
	case err != nil:
	case left.ToBoolean():
		data, err := v.saveWithin()
		if err != nil {
			fault := v.faultOf(err)
			fault.IsWithinStep = fault.Kind == FaultUnsavable
			return answer{effects: Effects{Logs: v.logs}, err: fault}
		}
		return answer{effects: Effects{Logs: v.logs}, moved: append([]byte(nil), data...)}
	default:
		var result *goja.Object
		if result, err = object(v.callFor("takeEffects")); err == nil {
			a.effects, _, err = v.finish(t.in.Thread, result)
		}
	}
	if err != nil {
		return answer{effects: Effects{Logs: v.logs}, err: v.faultOf(err)}
	}
	return a
}

// beginPart starts or resumes the thread, without running a job; or it runs the next job.
func (v *vm) beginPart(t task) error {
	thread, stepID := v.identity(t.in)
	switch {
	case t.part.moved != nil:
		root, err := v.load(t.part.moved)
		if err != nil {
			return err
		}
		if err := v.call("attach", root, thread, stepID); err != nil {
			return err
		}
		return v.call("drainOne")
	case t.in.Continuation == nil:
		argument, previous, err := v.parseStart(t.event, t.in.Previous)
		if err != nil {
			return err
		}
		if err := v.call("begin", thread, stepID); err != nil {
			return err
		}
		return v.call("start", v.entry, argument, previous)
	}
	ref, isError, value, err := v.parseResume(t.event)
	if err != nil {
		return err
	}
	root, err := v.load(t.in.Continuation)
	if err != nil {
		return err
	}
	if err := v.call("attach", root, thread, stepID); err != nil {
		return err
	}
	matched, err := v.callFor("settle", ref, v.rt.ToValue(isError), value)
	if err != nil {
		return err
	}
	if !matched.ToBoolean() {
		return fmt.Errorf("%w: ref %q is not pending", ErrUnmatched, ref)
	}
	return nil
}

// saveWithin saves the thread in the middle of a step.
func (v *vm) saveWithin() ([]byte, error) {
	if err := v.call("quiesce"); err != nil {
		return nil, err
	}
	root, err := object(v.lib.Get("thread"), nil)
	if err != nil {
		return nil, err
	}
	data, _, err := v.save(root)
	return data, err
}
