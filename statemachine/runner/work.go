package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"kont/jsvm"
	"kont/statemachine/command"
)

// unitTimeMax, unitBytesMax and unitEventsMax end a unit: the effects of its
// first step should not wait long for those of the last.
const (
	unitTimeMax   = 2 * time.Millisecond
	unitBytesMax  = 512 << 10
	unitEventsMax = 64
)

// work takes threads and runs units until the term is over, or until another
// worker took its place while a step was slow.
func (t *term) work() {
	for t.outbox.waitRoom() {
		thread, events := t.queue.take()
		if thread == nil {
			return
		}
		isReplaced := t.runUnit(thread, events)
		if isReplaced {
			t.slots.giveBack()
			return
		}
	}
}

// runUnit makes a unit of a taken thread's next events and puts it into the
// outbox. It says whether another worker was started meanwhile.
func (t *term) runUnit(thread *thread, events []event) (isReplaced bool) {
	watch := t.watchSlow()
	if u := t.makeUnit(thread, events); u != nil {
		t.outbox.put(u)
	}
	return watch.end()
}

// makeUnit returns nil when there is nothing to commit: the term is over, or the
// thread's topic was deleted and its events with it. A store that fails is asked
// again.
func (t *term) makeUnit(thread *thread, events []event) *unit {
	for failures := 0; ; failures++ {
		if !t.Store.IsTopic(thread.id.topic, thread.id.topicID) {
			t.queue.drop(thread)
			return nil
		}
		var u *unit
		var err error
		if len(events) == 0 {
			events, err = t.reload(thread)
		}
		if err == nil {
			u, err = t.tryUnit(thread, events)
		}
		if t.ctx.Err() != nil {
			return nil
		}
		if err == nil {
			return u
		}
		t.Logger.Error("read thread", "topic", thread.id.topic, "thread", thread.id.key, "error", err)
		if !t.pause(failures) {
			return nil
		}
	}
}

func (t *term) tryUnit(thread *thread, events []event) (*unit, error) {
	s, isCached := t.cache.get(thread.id)
	if !isCached {
		stored, exists, err := t.Store.Thread(thread.id.topic, thread.id.key)
		if err != nil {
			return nil, err
		}
		s = stateOf(stored, exists)
	}
	u := &unit{thread: thread}
	began := time.Now()
	for _, e := range events {
		step, label, err := t.runEvent(thread, e, s)
		if err != nil {
			return nil, err
		}
		u.add(e, step, label)
		s, u.isKnown = s.after(&step)
		u.state = s
		if !u.isKnown || thread.isCautious || len(u.steps) >= unitEventsMax || u.bytes >= unitBytesMax || time.Since(began) >= unitTimeMax {
			break
		}
	}
	return u, nil
}

// runEvent makes the step of one event of a thread in state s. Its errors are
// failures of the node; whatever is wrong with the event or the workflow is in
// the step.
func (t *term) runEvent(thread *thread, e event, s state) (command.Step, command.UnmatchedClass, error) {
	step := command.Step{
		ResumeTopic:    thread.id.topic,
		TopicID:        thread.id.topicID,
		Partition:      e.partition,
		Offset:         e.offset,
		Thread:         thread.id.key,
		PreviousStepID: s.stepID,
		Hash:           s.hash,
	}
	bad := e.mismatch
	var r request
	if bad == nil {
		r, bad = parseValue(e.value)
	}
	if bad != nil {
		return unmatched(step, e, bad)
	}
	v := decide(r, s)
	switch {
	case v.mismatch != nil:
		return unmatched(step, e, v.mismatch)
	case v.kept:
		step.Outcome = command.OutcomeKept
		step.Event = e.value
		return step, "", nil
	}

	in := jsvm.Input{Thread: thread.id.key, Continuation: s.continuation, Event: r.body}
	if r.kind != eventResume {
		deployment, exists, err := t.Store.Deployment(thread.id.topic)
		if err != nil {
			return step, "", err
		}
		if !exists {
			return unmatched(step, e, &mismatch{command.UnmatchedNoDeployment, fmt.Sprintf("nothing is deployed on topic %q", thread.id.topic)})
		}
		step.Started = true
		step.Hash = deployment.Hash
		in.Continuation = nil
	}
	step.StepID = t.ids.next(s.stepID)
	in.StepID = step.StepID
	if thread.refusal != "" {
		return t.faulted(step, e, thread.refusal)
	}
	return t.runStep(step, e, in)
}

// runStep runs JavaScript and fills in its effects.
func (t *term) runStep(step command.Step, e event, in jsvm.Input) (command.Step, command.UnmatchedClass, error) {
	began := time.Now()
	effects, err := t.callEngine(step.Hash, in)
	step.DurationMicro = time.Since(began).Microseconds()
	if t.ctx.Err() != nil {
		return step, "", t.ctx.Err()
	}
	t.logLines(step, effects.Logs)
	var broken *storeError
	switch {
	case errors.As(err, &broken):
		return step, "", err
	case err == nil && effects.Continuation != nil && len(effects.Continuation) == 0:
		return t.faulted(step, e, "engine gave a continuation of no bytes")
	case errors.Is(err, jsvm.ErrUnmatched):
		return unmatched(step, e, &mismatch{command.UnmatchedByEngine, err.Error()})
	case err != nil:
		return t.faulted(step, e, err.Error())
	}
	if step.Outputs = outputsOf(step.ResumeTopic, effects.Outputs); step.Outputs != nil {
		if reason := t.refuseOutputs(step.Outputs); reason != "" {
			step.Outputs = nil
			return t.faulted(step, e, reason)
		}
	}
	step.Outcome = command.OutcomeEnded
	if effects.Continuation != nil {
		step.Outcome = command.OutcomeSuspended
		step.Continuation = effects.Continuation
		step.Refs = effects.Refs
	}
	return step, "", nil
}

// outputsOf are the records of a step. A workflow writes to its own threads and
// timers by the names that the protocol has for them; on another resume topic than
// the default one, that topic and its scheduler are meant.
func outputsOf(resumeTopic string, outputs []jsvm.Output) []command.Output {
	if len(outputs) == 0 {
		return nil
	}
	records := make([]command.Output, len(outputs))
	for i, output := range outputs {
		topic := output.Topic
		switch topic {
		case command.TopicResume:
			topic = resumeTopic
		case command.TopicScheduler:
			topic = SchedulerTopic(resumeTopic)
		}
		records[i] = command.Output{Topic: topic, Key: []byte(output.Key), Value: output.Value}
	}
	return records
}

// SchedulerTopic is the scheduler topic of the threads of a resume topic.
func SchedulerTopic(resumeTopic string) string {
	if resumeTopic == command.TopicResume {
		return command.TopicScheduler
	}
	return resumeTopic + "-scheduler"
}

// callEngine runs the step in the bundle's program. A panic of the engine is that
// step's fault: it shares no state with others.
func (t *term) callEngine(hash command.BundleHash, in jsvm.Input) (effects jsvm.Effects, err error) {
	program, release, err := t.bundles.acquire(hash)
	if err != nil {
		return jsvm.Effects{}, err
	}
	defer release()
	defer func() {
		if panicked := recover(); panicked != nil {
			t.Logger.Error("engine panicked", "thread", in.Thread, "step", in.StepID, "panic", panicked, "stack", string(debug.Stack()))
			err = fmt.Errorf("engine panicked: %v", panicked)
		}
	}()
	return program.Step(t.ctx, in)
}

// refuseOutputs names the first topic that does not exist.
func (t *term) refuseOutputs(outputs []command.Output) string {
	last := ""
	for i, output := range outputs {
		if i > 0 && output.Topic == last {
			continue
		}
		if !t.Store.HasTopic(output.Topic) {
			return fmt.Sprintf("output to topic %q: no such topic; declare it in manifest.outputTopics", cutText(output.Topic, 256))
		}
		last = output.Topic
	}
	return ""
}

// unmatched makes a step that changes nothing but the thread's history.
func unmatched(step command.Step, e event, m *mismatch) (command.Step, command.UnmatchedClass, error) {
	step.Outcome = command.OutcomeUnmatched
	step.StepID = 0
	step.Started = false
	step.Hash = command.BundleHash{}
	step.Reason = m.reason
	step.Event = e.value[:min(len(e.value), unmatchedBytesMax)]
	return step, m.label, nil
}

// faulted makes a step that keeps the event for a retry.
func (t *term) faulted(step command.Step, e event, reason string) (command.Step, command.UnmatchedClass, error) {
	step.Outcome = command.OutcomeFaulted
	step.Reason = cutText(reason, reasonBytesMax)
	step.Event = e.value
	t.Logger.Warn("thread faulted", "topic", step.ResumeTopic, "thread", step.Thread, "step", step.StepID,
		"partition", step.Partition, "offset", step.Offset, "reason", step.Reason)
	return step, "", nil
}

// logLines passes on what a workflow wrote to its console.
func (t *term) logLines(step command.Step, lines []jsvm.LogLine) {
	for _, line := range lines {
		t.Logger.Log(context.Background(), logLevel(line.Level), line.Text, "topic", step.ResumeTopic, "thread", step.Thread, "step", step.StepID)
	}
}

func logLevel(level string) slog.Level {
	switch level {
	case "debug", "trace":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}
