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

// What compaction took away from a resume topic is not what a retry has to look through.
func TestRetryOnACompactedTopic(t *testing.T) {
	for level, want := range map[command.Level]error{
		command.LevelRetriesCompacted - 1: command.ErrLimit, // all do as a node of an older release does
		command.LevelRetriesCompacted:     nil,
	} {
		h := newHarness(t)
		h.must(command.RegisterNode{Node: nodeOf(1, 1, 1, level)})
		h.create(command.TopicResume, 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
		hash := h.deploy(command.TopicResume, "v1")
		unmatched := func(r recordbatch.Record) {
			offset := h.send(command.TopicResume, 0, r)
			h.commitOK(command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: string(r.Key), Outcome: command.OutcomeUnmatched})
		}
		for range retryBytesMax/BatchBytesMax + 1 {
			unmatched(record(1, "u", string(bytes.Repeat([]byte("x"), BatchBytesMax-1000))))
		}
		unmatched(record(1, "u", "the last of it"))
		offset := h.send(command.TopicResume, 0, record(1, "t", "new:1"))
		h.commitOK(command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: "t", StepID: 1, Started: true, Hash: hash,
			Outcome: command.OutcomeFaulted, Event: []byte("new:1")})
		h.send(command.TopicResume, 0, record(1, "t", "waits"))
		h.mustCompact(1000)
		requireEqual(t, "what compaction left", len(h.offsets(command.TopicResume)), 3)
		result, _ := h.apply(command.RetryThread{ResumeTopic: command.TopicResume, Thread: "t"}).(error)
		if !errors.Is(result, want) {
			t.Errorf("level %d: got %v, want %v", level, result, want)
		}
		if want == nil {
			requireEqual(t, "events of the thread", h.unconsumed(0, "t"), []string{"new:1", "waits"})
		}
	}
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
