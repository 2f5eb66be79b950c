package statemachine

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// unconsumed is the values of a thread's events in a partition that wait for the
// runner.
func (h *harness) unconsumed(partition int32, key string) []string {
	h.Helper()
	var values []string
	for _, r := range h.records(command.TopicResume, partition) {
		isConsumed, err := h.store.IsConsumed(command.TopicResume, partition, r.Offset)
		if err != nil {
			h.Fatal(err)
		}
		if string(r.Key) == key && !isConsumed {
			values = append(values, string(r.Value))
		}
	}
	return values
}

// faultedBehind makes a thread with a fault and a kept event; what follows them in
// the partition is not consumed.
func faultedBehind(t *testing.T, behind ...recordbatch.Record) *harness {
	h := newHarness(t)
	hash := h.deploy(command.TopicResume, "v1")
	h.send(command.TopicResume, 0, append([]recordbatch.Record{record(1, "t", "new:1"), record(1, "t", "a"), record(1, "t", "b")}, behind...)...)
	step := func(offset int64, id, previous uint64, outcome command.Outcome, event string) command.Step {
		return command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: "t", StepID: id, PreviousStepID: previous, Outcome: outcome, Event: []byte(event)}
	}
	start := step(0, 1, 0, command.OutcomeSuspended, "")
	start.Started, start.Hash, start.Continuation = true, hash, []byte("c")
	h.commitOK(start, step(1, 2, 1, command.OutcomeFaulted, "a"), step(2, 0, 2, command.OutcomeKept, "b"))
	return h
}

func TestRetriedEventsComeBeforeThoseThatCameAfterThem(t *testing.T) {
	h := faultedBehind(t, record(1, "u", "other"), record(1, "t", "c"), record(1, "u", "another"))
	zipped := recordbatch.Append(nil, []recordbatch.Record{record(1, "t", "d"), {Key: []byte("t")}}, recordbatch.Options{Codec: recordbatch.CodecZstd})
	h.must(command.AppendRecords{Appends: []command.Append{{Topic: command.TopicResume, Batch: zipped}}})
	// One of those behind is consumed already, out of order.
	h.commitOK(command.Step{ResumeTopic: command.TopicResume, Offset: 5, Thread: "u", Outcome: command.OutcomeUnmatched})
	h.must(command.RetryThread{ResumeTopic: command.TopicResume, Thread: "t", NowUnixMilli: 1})
	h.send(command.TopicResume, 0, record(1, "t", "e"))
	requireEqual(t, "events of the thread", h.unconsumed(0, "t"), []string{"a", "b", "c", "d", "", "e"})
	requireEqual(t, "events of another", h.unconsumed(0, "u"), []string{"other"})
	all := h.records(command.TopicResume, 0)
	if last := all[len(all)-2]; last.Value != nil {
		t.Errorf("a null value became %q", last.Value)
	}
	h.requireConsistent()
}

func TestRetryIsRefusedWhileTooMuchIsNotConsumed(t *testing.T) {
	h := faultedBehind(t)
	large := record(1, "u", string(bytes.Repeat([]byte("x"), BatchBytesMax-1000)))
	for range retryBytesMax/BatchBytesMax + 1 {
		h.send(command.TopicResume, 0, large)
	}
	result, _ := h.apply(command.RetryThread{ResumeTopic: command.TopicResume, Thread: "t"}).(error)
	if !errors.Is(result, command.ErrLimit) {
		t.Errorf("got %v", result)
	}
	requireEqual(t, "status", h.thread("t").Status, command.ThreadFaulted)
	if got := h.thread("t").KeptEvents; !slices.EqualFunc(got, []string{"a", "b"}, func(e []byte, s string) bool { return string(e) == s }) {
		t.Errorf("kept %q", got)
	}
}
