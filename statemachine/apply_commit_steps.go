package statemachine

import (
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

func (c *change) applyCommitSteps(com *command.CommitSteps) []error {
	c.setTime(com.NowUnixMilli)
	errs := make([]error, len(com.Steps))
	outputs := outbox{}
	// The steps of a thread go on from one another. Behind one that is refused, the others go on from a state that the thread
	// never had. Their numbers do not always tell: two leaders number their steps from the same last one that is
	// committed, so the thread may have another step by now under the number of the one that was refused.
	var refused map[threadPlace]bool
	for i := range com.Steps {
		step := &com.Steps[i]
		place := threadPlace{step.ResumeTopic, step.Thread}
		if refused[place] && c.work.nodes.Level >= command.LevelStepsInARow {
			errs[i] = fmt.Errorf("%w: thread %s: continues from a step that was refused", command.ErrStaleStep, step.Thread)
			continue
		}
		if errs[i] = c.commitStep(step, &outputs); errs[i] != nil {
			if refused == nil {
				refused = map[threadPlace]bool{}
			}
			refused[place] = true
		}
	}
	c.appendOutputs(&outputs)
	pruned := endedPruned
	if c.work.nodes.Level >= command.LevelPrunesAsMany {
		pruned += len(com.Steps)
	}
	var last *topic
	for i := range com.Steps {
		if t := c.work.topics[com.Steps[i].ResumeTopic]; t != nil && t != last {
			last = t
			c.pruneEnded(t, pruned)
		}
	}
	return errs
}

// threadPlace names a thread.
type threadPlace struct{ topic, key string }

// commitStep makes the effects of one step durable, or refuses it before anything
// is changed.
func (c *change) commitStep(step *command.Step, outputs *outbox) error {
	t := c.work.findSame(step.ResumeTopic, step.TopicID, step.Partition)
	if t == nil {
		return fmt.Errorf("%w: %q partition %d", command.ErrUnknownTopic, step.ResumeTopic, step.Partition)
	}
	p := &t.partitions[step.Partition]
	if step.Offset < 0 || step.Offset >= p.next {
		return fmt.Errorf("%w: event %d of %q partition %d, which ends at %d",
			command.ErrOffsetOutOfRange, step.Offset, step.ResumeTopic, step.Partition, p.next)
	}
	if stable := p.stable(); step.Offset >= stable {
		return fmt.Errorf("%w: event %d of %q partition %d, which is decided up to %d",
			command.ErrOffsetOutOfRange, step.Offset, step.ResumeTopic, step.Partition, stable)
	}
	if p.consumed.contains(step.Offset) {
		return fmt.Errorf("%w: event %d of %q partition %d is consumed",
			command.ErrStaleStep, step.Offset, step.ResumeTopic, step.Partition)
	}
	if err := c.checkStepLimits(step); err != nil {
		return err
	}
	old := thread{}
	if isThreadKey(step.Thread) {
		old = c.loadThread(t, step.Thread)
	}
	if previous := old.previousStepID(); previous != step.PreviousStepID {
		return fmt.Errorf("%w: thread %s: continues from step %d, the last one is %d",
			command.ErrStaleStep, step.Thread, step.PreviousStepID, previous)
	}
	bundle, err := c.checkStepState(step, &old)
	if err != nil {
		return err
	}

	c.commitOutcome(t, step, &old, bundle)
	p.consumed.add(step.Offset)
	c.skipCompacted(t, step.Partition)
	c.touchConsumption(t, step.Partition)
	c.work.meta.lastStepID = max(c.work.meta.lastStepID, step.StepID)
	c.isMetaDirty = true
	if step.Outcome == command.OutcomeSuspended || step.Outcome == command.OutcomeEnded {
		for i := range step.Outputs {
			outputs.add(c.work, &step.Outputs[i], c.now)
		}
	}
	return nil
}

// isThreadKey says whether a key can name a thread. Events with other keys can
// only be unmatched, and have no history.
func isThreadKey(key string) bool { return len(key) > 0 && len(key) <= ThreadKeyBytesMax }

func (c *change) checkStepLimits(step *command.Step) error {
	if step.Outcome != command.OutcomeUnmatched && !isThreadKey(step.Thread) {
		return limitError("bytes of a thread's key", len(step.Thread), ThreadKeyBytesMax)
	}
	if n := len(step.Continuation); n > ContinuationBytesMax {
		return limitError("bytes of a continuation", n, ContinuationBytesMax)
	}
	if n := len(step.Refs); n > RefsMax {
		return limitError("pending refs", n, RefsMax)
	}
	for _, ref := range step.Refs {
		if len(ref) > RefBytesMax {
			return limitError("bytes of a ref", len(ref), RefBytesMax)
		}
	}
	if n := len(step.Outputs); n > OutputsMax {
		return limitError("output records of a step", n, OutputsMax)
	}
	total := 0
	for i := range step.Outputs {
		output := &step.Outputs[i]
		if c.work.topics[output.Topic] == nil {
			return fmt.Errorf("%w: output to %q", command.ErrUnknownTopic, output.Topic)
		}
		n := len(output.Key) + len(output.Value)
		if n > outputRecordBytesMax {
			return limitError("bytes of an output record", n, outputRecordBytesMax)
		}
		total += n
	}
	if total > OutputBytesMax {
		return limitError("bytes of a step's output", total, OutputBytesMax)
	}
	return nil
}

// checkStepState checks that the outcome is one that the thread's state allows,
// and returns the bundle of a step that ran.
func (c *change) checkStepState(step *command.Step, old *thread) (keys.BundleNumber, error) {
	stale := func(why string) (keys.BundleNumber, error) {
		return 0, fmt.Errorf("%w: thread %s: %s", command.ErrStaleStep, step.Thread, why)
	}
	switch step.Outcome {
	case command.OutcomeUnmatched:
		return 0, nil
	case command.OutcomeKept:
		if old.status != command.ThreadFaulted {
			return stale("an event is kept, and the thread is not faulted")
		}
		return old.bundle, nil
	case command.OutcomeSuspended, command.OutcomeEnded, command.OutcomeFaulted:
	default:
		return stale(fmt.Sprintf("unknown outcome %d", step.Outcome))
	}
	if step.StepID <= old.stepID {
		return stale(fmt.Sprintf("step %d does not come after step %d", step.StepID, old.stepID))
	}
	if step.Outcome == command.OutcomeSuspended && len(step.Continuation) == 0 {
		return stale("suspended without a continuation")
	}
	if !step.Started {
		if old.status != command.ThreadSuspended {
			return stale("a step goes on, and the thread is not suspended")
		}
		return old.bundle, nil
	}
	number := c.work.hashes[step.Hash]
	if number == 0 || !c.work.bundles[number].isStored {
		return stale(fmt.Sprintf("its bundle %x is gone", step.Hash[:4]))
	}
	return number, nil
}

// commitOutcome changes the thread and its history.
func (c *change) commitOutcome(t *topic, step *command.Step, old *thread, bundle keys.BundleNumber) {
	entry := command.HistoryEntry{
		UnixMilli:     c.now,
		Partition:     step.Partition,
		Offset:        step.Offset,
		Outcome:       step.Outcome,
		StepID:        step.StepID,
		Started:       step.Started,
		Outputs:       len(step.Outputs),
		Reason:        step.Reason,
		DurationMicro: step.DurationMicro,
	}
	changed := *old
	switch step.Outcome {
	case command.OutcomeSuspended, command.OutcomeEnded:
		c.run(t, step, old, &changed, &entry, bundle)
	case command.OutcomeFaulted:
		c.fault(t, step, &changed, &entry, bundle)
	case command.OutcomeKept:
		c.keep(t, step, &changed, &entry)
	case command.OutcomeUnmatched:
		entry.Event = step.Event
	}
	if entry.Outcome == command.OutcomeUnmatched {
		t.tally.countUnmatched(entry.Reason)
		c.touchTally(t)
		c.listUnmatched(t, step.Thread, &entry)
		if !isThreadKey(step.Thread) {
			return
		}
		if changed.status == 0 {
			// A key that never had a thread has a history all the same.
			changed = thread{status: command.ThreadEnded, startedUnixMilli: c.now, updatedUnixMilli: c.now}
		}
	}
	c.addHistory(t, step.Thread, &changed, &entry)
	c.storeThread(t, step.Thread, old, &changed, step.Outcome == command.OutcomeSuspended)
}

// run changes a thread whose step ran.
func (c *change) run(t *topic, step *command.Step, old, changed *thread, entry *command.HistoryEntry, bundle keys.BundleNumber) {
	if step.Started {
		entry.Replaced = old.isLive()
		c.deleteKept(t, step.Thread, old)
		*changed = thread{startedUnixMilli: c.now, historyNext: old.historyNext}
	}
	changed.status = command.ThreadSuspended
	if step.Outcome == command.OutcomeEnded {
		changed.status = command.ThreadEnded
	}
	changed.bundle = bundle
	changed.stepID = step.StepID
	changed.steps++
	changed.updatedUnixMilli = c.now
	changed.refs = step.Refs
	changed.continuation = step.Continuation
	changed.continuationBytes = len(step.Continuation)
}

// fault marks a thread whose step failed. It keeps its last good continuation, if
// it ever had one. A replacing start that fails replaces nothing; behind a fault it
// is an event like others.
func (c *change) fault(t *topic, step *command.Step, changed *thread, entry *command.HistoryEntry, bundle keys.BundleNumber) {
	if changed.status == command.ThreadFaulted && isKeptFull(step, changed, entry) {
		return
	}
	if !changed.isLive() {
		*changed = thread{bundle: bundle, startedUnixMilli: c.now, historyNext: changed.historyNext}
	}
	changed.status = command.ThreadFaulted
	changed.stepID = step.StepID
	changed.fault = cutText(step.Reason, FaultBytesMax)
	changed.updatedUnixMilli = c.now
	c.keepEvent(t, step, changed)
}

// keep puts an event behind the one that faulted the thread.
func (c *change) keep(t *topic, step *command.Step, changed *thread, entry *command.HistoryEntry) {
	if !isKeptFull(step, changed, entry) {
		c.keepEvent(t, step, changed)
	}
}

// isKeptFull says whether an event is one too many behind a fault, which makes it
// unmatched.
func isKeptFull(step *command.Step, changed *thread, entry *command.HistoryEntry) bool {
	bytes := changed.keptBytes + uint64(len(step.Event))
	switch {
	case changed.kept >= KeptEventsMax:
		entry.Reason = limitError("events kept behind a fault", int(changed.kept)+1, KeptEventsMax).Error()
	case bytes > KeptEventBytesMax:
		entry.Reason = limitError("bytes of events kept behind a fault", int(bytes), KeptEventBytesMax).Error()
	default:
		return false
	}
	entry.Outcome = command.OutcomeUnmatched
	entry.StepID, entry.Started = 0, false
	entry.Event = step.Event
	return true
}
