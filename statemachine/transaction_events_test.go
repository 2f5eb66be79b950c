package statemachine

import (
	"fmt"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// Events that were aborted, and markers, are consumed when they come, so that consumption
// gets past them; those of an open transaction can't be.
func TestEventsOfATransactionCountWhenItCommits(t *testing.T) {
	h := newHarness(t)
	h.create(command.TopicResume, 1)
	x := h.producer("x")
	hash := h.deploy(command.TopicResume, "bundle")
	step := func(offset, id int64) command.Step {
		return command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: fmt.Sprint("thread-", offset), Outcome: command.OutcomeEnded,
			StepID: uint64(id), Started: true, Hash: hash}
	}
	h.send(command.TopicResume, 0, record(1, "a", "plain"))
	x.add(command.TopicResume, 0)
	x.mustSend(command.TopicResume, 0, "aborted", "aborted")
	h.send(command.TopicResume, 0, record(1, "b", "plain"))
	requireErrors(t, h.commit(step(1, 1), step(3, 2)), command.ErrOffsetOutOfRange, command.ErrOffsetOutOfRange)
	x.mustEnd(false) // marker at 4
	requireErrors(t, h.commit(step(1, 3), step(2, 4), step(4, 5)), command.ErrStaleStep, command.ErrStaleStep, command.ErrStaleStep)
	h.commitOK(step(0, 6), step(3, 7))
	x.add(command.TopicResume, 0)
	x.mustSend(command.TopicResume, 0, "committed")
	x.mustEnd(true) // marker at 6
	next, beyond, err := h.store.Consumption(command.TopicResume, 0)
	if next != 5 || len(beyond) != 1 || beyond[0] != (OffsetRange{6, 6}) || err != nil {
		t.Errorf("consumed below %d and %v, %v", next, beyond, err)
	}
	h.commitOK(step(5, 8))
	next, _, _ = h.store.Consumption(command.TopicResume, 0)
	requireEqual(t, "consumed", next, int64(7))
}

func TestTopicThatBecomesAResumeTopicHasNoAbortedEvents(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	x := h.producer("x")
	for i, isCommit := range []bool{false, true, false} {
		x.add("t", 0)
		x.mustSend("t", 0, fmt.Sprint("event ", i))
		x.mustEnd(isCommit)
	}
	h.deploy("t", "bundle")
	next, beyond, err := h.store.Consumption("t", 0)
	if err != nil {
		t.Fatal(err)
	}
	requireEqual(t, "consumed below", next, int64(2))
	requireEqual(t, "consumed beyond", beyond, []OffsetRange{{3, 5}})
}

func TestTimersOfATransactionAreSetWhenItCommits(t *testing.T) {
	h := newHarness(t)
	h.create(command.TopicResume, 1)
	h.create(command.TopicScheduler, 1)
	x := h.producer("x")
	timers := func() int {
		due, err := h.store.TimersDueBy(1<<40, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(due)
	}
	for _, isCommit := range []bool{false, true} {
		x.add(command.TopicScheduler, 0)
		a := x.batch(command.TopicScheduler, 0, "")
		a.Batch = recordbatch.Append(nil, []recordbatch.Record{record(x.now, "thread|event", "5000")}, recordbatch.Options{Transactional: true,
			Producer: &recordbatch.Producer{ID: x.producer.ProducerID, BaseSequence: x.sequences[command.TopicScheduler+"0"]}})
		x.sequences[command.TopicScheduler+"0"]++
		h.must(command.AppendRecords{Appends: []command.Append{a}, NowUnixMilli: x.now})
		requireEqual(t, "timers while it is open", timers(), 0)
		x.mustEnd(isCommit)
		requireEqual(t, "timers after it", timers(), map[bool]int{false: 0, true: 1}[isCommit])
	}
	h.requireConsistent()
}

// A thread that is retried takes its events along, but none of a transaction that may
// still be aborted.
func TestRetryLeavesEventsOfAnOpenTransactionAlone(t *testing.T) {
	h := newHarness(t)
	h.create(command.TopicResume, 1)
	h.create("out", 1)
	hash := h.deploy(command.TopicResume, "bundle")
	h.send(command.TopicResume, 0, record(1, "k", "start"))
	h.commitOK(command.Step{ResumeTopic: command.TopicResume, Thread: "k", Outcome: command.OutcomeFaulted, StepID: 1, Started: true, Hash: hash,
		Event: []byte("start"), Reason: "why"})
	x := h.producer("x")
	x.add(command.TopicResume, 0)
	x.mustSend(command.TopicResume, 0, "undecided")
	h.send(command.TopicResume, 0, record(1, "k", "plain"))
	h.must(command.RetryThread{ResumeTopic: command.TopicResume, Thread: "k", NowUnixMilli: 9})
	requireEqual(t, "events", h.values(command.TopicResume, 0), []string{"start", "undecided", "plain", "start", "plain"})
	x.mustEnd(false)
	requireEqual(t, "events that count", h.committed(command.TopicResume, 0), []string{"start", "plain", "start", "plain"})
}
