package runner

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"kont/statemachine/command"
)

// errRefused is a command that was refused as a whole.
var errRefused = errors.New("command refused")

// commit proposes finished units until the term is over.
func (t *term) commit() {
	for {
		batch := t.outbox.take()
		if batch == nil {
			return
		}
		if batch = t.withTopics(batch); len(batch) > 0 {
			t.commitBatch(batch)
		}
	}
}

// withTopics drops the units of threads whose topic was deleted. Those whose topic
// is deleted between here and Apply are refused there.
func (t *term) withTopics(batch []*unit) []*unit {
	kept := batch[:0]
	for _, u := range batch {
		if t.Store.IsTopic(u.thread.id.topic, u.thread.id.topicID) {
			kept = append(kept, u)
			continue
		}
		t.outbox.settled(u)
		t.queue.drop(u.thread)
	}
	return kept
}

// commitBatch proposes units in one command and settles each. A command that is
// refused as a whole is tried unit by unit, so that one can't spoil the others.
func (t *term) commitBatch(batch []*unit) {
	results, err := t.propose(batch)
	switch {
	case t.ctx.Err() != nil:
	case err == nil:
		for _, u := range batch {
			t.settle(u, results[:len(u.steps)])
			results = results[len(u.steps):]
		}
	case len(batch) > 1:
		for _, u := range batch {
			t.commitBatch([]*unit{u})
		}
	default:
		refused := make([]error, len(batch[0].steps))
		for i := range refused {
			refused[i] = err
		}
		t.settle(batch[0], refused)
	}
}

// propose returns one result a step. It proposes until the command's fate is
// known or the term is over: what took effect already is stale the next time. Its
// error is errRefused.
func (t *term) propose(batch []*unit) ([]error, error) {
	c := command.CommitSteps{}
	for _, u := range batch {
		c.Steps = append(c.Steps, u.steps...)
	}
	for failures := 0; ; failures++ {
		c.NowUnixMilli = time.Now().UnixMilli()
		result, err := t.Proposer.Propose(t.ctx, c)
		if t.ctx.Err() != nil {
			return nil, t.ctx.Err()
		}
		if err == nil {
			switch result := result.(type) {
			case []error:
				if len(result) != len(c.Steps) {
					panic(fmt.Sprintf("runner: %d results of %d steps", len(result), len(c.Steps)))
				}
				return result, nil
			case error:
				err = result
			default:
				panic(fmt.Sprintf("runner: CommitSteps gave a %T", result))
			}
		}
		if errors.Is(err, command.ErrLimit) {
			return nil, fmt.Errorf("%w: %w", errRefused, err)
		}
		level := slog.LevelError
		if errors.Is(err, command.ErrNotLeader) {
			level = slog.LevelDebug // Stop is on its way.
		}
		t.Logger.Log(t.ctx, level, "propose steps", "steps", len(c.Steps), "error", err)
		if !t.pause(failures) {
			return nil, t.ctx.Err()
		}
	}
}

// settle gives a unit's thread back to the queue. What did not take effect stays
// there, unless the store says that the event is consumed.
func (t *term) settle(u *unit, results []error) {
	settled := make([]bool, len(u.steps))
	isProgress, isWhole := false, true
	thread := u.thread
	thread.refusal = ""
	for i, err := range results {
		step := &u.steps[i]
		if err == nil {
			t.observe(step, u.labels[i])
			settled[i], isProgress = true, true
			continue
		}
		isWhole = false
		if step.StepID != 0 {
			t.Observer.ObserveRefusedStep()
		}
		if t.isConsumed(step) {
			settled[i], isProgress = true, true
			continue
		}
		if !errors.Is(err, command.ErrStaleStep) && i == 0 && len(results) == 1 {
			thread.refusal = "step refused: " + err.Error()
		}
	}
	if !isWhole && !t.Store.IsTopic(thread.id.topic, thread.id.topicID) {
		t.outbox.settled(u)
		t.queue.drop(thread)
		return
	}
	thread.isCautious = !isWhole
	if isWhole && u.isKnown {
		t.cache.put(thread.id, u.state)
	} else {
		t.cache.forget(thread.id)
	}
	if isProgress {
		thread.refusals = 0
	} else {
		thread.refusals++
	}
	t.outbox.settled(u)
	if thread.refusals > 2 {
		// The store and this package disagree; that is a bug of ours. The thread
		// tries on, slowly, and nobody else notices.
		t.Logger.Error("steps refused again and again", "topic", thread.id.topic, "thread", thread.id.key,
			"offset", u.steps[0].Offset, "times", thread.refusals, "error", results[0])
		refusals := thread.refusals
		t.running.Go(func() {
			t.pause(refusals)
			t.queue.settle(thread, settled)
		})
		return
	}
	t.queue.settle(thread, settled)
}

// isConsumed asks the store about a step's event. Where it fails, the event is run
// and refused again.
func (t *term) isConsumed(step *command.Step) bool {
	consumed, err := t.Store.Consumed(step.ResumeTopic, step.Partition, step.Offset)
	if err != nil {
		t.Logger.Error("read consumption", "topic", step.ResumeTopic, "error", err)
	}
	return consumed && err == nil
}

func (t *term) observe(step *command.Step, label command.UnmatchedClass) {
	t.Observer.ObserveStep(step.Outcome, time.Duration(step.DurationMicro)*time.Microsecond)
	if step.Outcome == command.OutcomeUnmatched {
		t.Observer.ObserveUnmatched(label)
	}
}
