package testhost

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"kont/jsvm"
)

// The states of a thread.
const (
	statusAbsent  = "absent"
	statusRunning = "running"
	statusEnded   = "ended"
	statusFaulted = "faulted"
)

// thread is what a host knows of a key.
type thread struct {
	status       string
	machine      *machine // it runs the bundle that the thread started with
	continuation []byte
	refs         []string
	result       *string // of the last run
	error        *string
	fault        string
	isSeen       bool // the test has looked at the fault
	kept         []string
}

var noThread = &thread{status: statusAbsent}

func (h *Host) thread(id threadID) *thread {
	if t := h.threads[id]; t != nil {
		return t
	}
	return noThread
}

func (h *Host) unmatchedEvent(e event, reason string) {
	text := ""
	if e.value != nil {
		text = *e.value
	}
	h.unmatched = append(h.unmatched, Unmatched{Thread: e.thread.key, Event: text, Reason: reason})
}

// handle decides what becomes of an event, and runs its step if there is one. An error is the context's.
func (h *Host) handle(ctx context.Context, e event) error {
	reason := checkKey(e.thread.key)
	var r request
	if reason == "" {
		r, reason = parseEvent(e.value)
	}
	t := h.thread(e.thread)
	hasState := t.status == statusRunning || t.status == statusFaulted
	switch {
	case reason != "":
	case r.kind == eventNew:
	case r.kind == eventInit && hasState:
		reason = "thread exists already: init is ignored"
	case r.kind == eventInit:
	case !hasState:
		reason = "no such thread"
	case t.status == statusFaulted:
		t.kept = append(t.kept, *e.value)
		return nil
	case !slices.Contains(t.refs, r.ref):
		reason = fmt.Sprintf("ref %q is not pending", shortened(r.ref))
	}
	if reason != "" {
		h.unmatchedEvent(e, reason)
		return nil
	}
	h.stepID++
	in := jsvm.Input{Thread: e.thread.key, StepID: h.stepID, Event: []byte(r.body)}
	m := t.machine
	if isStart := r.kind != eventResume; isStart {
		m = h.apps[e.thread.topic].machine
	} else {
		in.Continuation = t.continuation
	}
	return h.step(ctx, e, m, in)
}

// step runs a step and lets its effects happen.
func (h *Host) step(ctx context.Context, e event, m *machine, in jsvm.Input) error {
	effects, err := m.step(ctx, h.now, in)
	for _, line := range effects.Logs {
		h.logs = append(h.logs, Log{Level: line.Level, Text: line.Text, Thread: e.thread.key})
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, jsvm.ErrUnmatched):
		h.unmatchedEvent(e, err.Error())
		return nil
	case err != nil:
		h.faulted(e, faultText(err))
		return nil
	}
	outputs := slices.Clone(effects.Outputs)
	for i := range outputs {
		switch o := &outputs[i]; {
		case o.Topic == topicResume:
			o.Topic = e.thread.topic
		case o.Topic == topicScheduler:
			o.Topic = schedulerTopic(e.thread.topic)
		case !h.topics[o.Topic]:
			h.faulted(e, fmt.Sprintf("output to topic %q: no such topic; declare it in manifest.outputTopics", shortened(o.Topic)))
			return nil
		}
	}
	t := h.threads[e.thread]
	if t == nil || in.Continuation == nil {
		t = &thread{machine: m}
		h.threads[e.thread] = t
	}
	t.status, t.continuation, t.refs = statusRunning, effects.Continuation, effects.Refs
	if effects.Continuation == nil {
		t.status = statusEnded
	}
	for _, o := range outputs {
		h.write(e.thread.key, t, o, effects)
	}
	return nil
}

// write lets an output record take effect.
func (h *Host) write(key string, t *thread, o jsvm.Output, effects jsvm.Effects) {
	text := string(o.Value)
	if !h.append(o.Topic, o.Key, &text) {
		return
	}
	h.records = append(h.records, Record{Topic: o.Topic, Key: o.Key, Text: text, Time: h.now})
	if o.Key != key {
		return
	}
	switch o.Topic {
	case effects.ErrorTopic:
		t.error = &text
	case effects.ResultTopic:
		t.result = &text
	}
}

// faulted keeps an event whose step failed. The thread keeps its last good state; a start that replaces replaces nothing.
func (h *Host) faulted(e event, fault string) {
	t := h.threads[e.thread]
	if t == nil || t.status == statusEnded {
		t = &thread{machine: h.apps[e.thread.topic].machine}
		h.threads[e.thread] = t
	}
	t.status, t.fault, t.isSeen = statusFaulted, fault, false
	t.kept = append(t.kept, *e.value)
}

// faultText is a fault for people.
func faultText(err error) string {
	text := err.Error()
	var fault *jsvm.Fault
	if errors.As(err, &fault) && fault.IsWithinStep {
		text += "\n\t(this await is over within its step; with restore: \"step\", only what lives at the end of a step has to be savable)"
	}
	return text
}

// retry runs the kept events of a faulted thread again.
func (h *Host) retry(ctx context.Context, id threadID) error {
	t := h.thread(id)
	if t.status != statusFaulted {
		return fmt.Errorf("retry: thread %q is not faulted, it is %s", id.key, t.status)
	}
	kept := t.kept
	t.kept, t.fault = nil, ""
	t.status = statusRunning
	if t.continuation == nil {
		t.status = statusAbsent // its start failed: there is nothing to go on from
	}
	for _, value := range kept {
		h.queue = append(h.queue, event{id, &value})
	}
	return h.run(ctx)
}

// unseenFaults lists the faults that the test has not looked at.
func (h *Host) unseenFaults() (faults []string) {
	var ids []threadID
	for id, t := range h.threads {
		if t.status == statusFaulted && !t.isSeen {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b threadID) int { return slices.Compare([]string{a.topic, a.key}, []string{b.topic, b.key}) })
	for _, id := range ids {
		h.threads[id].isSeen = true // it is told once
		faults = append(faults, fmt.Sprintf("thread %q is faulted: %s", id.key, h.threads[id].fault))
	}
	return faults
}
