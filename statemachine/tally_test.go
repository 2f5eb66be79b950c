package statemachine

import (
	"testing"

	"kont/statemachine/command"
)

func (h *harness) requireEnded(when string, want uint64) {
	h.Helper()
	stats, err := h.store.Stats()
	if err != nil || stats.Ended != want {
		h.Errorf("%s: %d ended threads, want %d; %v", when, stats.Ended, want, err)
	}
}

// A store of the first release has counters without the keys that never had a
// thread: they are counted when it is opened.
func TestKeysThatNeverHadAThreadAreNotCountedAsEnded(t *testing.T) {
	h := newHarness(t)
	hash := h.deploy(command.TopicResume, "v1")
	for range 5 {
		h.send(command.TopicResume, 0, record(1, "a", "x"))
	}
	step := func(offset int64, key string, outcome command.Outcome, id uint64) command.Step {
		s := command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: key, Outcome: outcome, StepID: id}
		if outcome == command.OutcomeEnded {
			s.Started, s.Hash = true, hash
		}
		return s
	}
	h.commitOK(step(0, "nobody", command.OutcomeUnmatched, 0), step(1, "late", command.OutcomeUnmatched, 0))
	h.requireEnded("unmatched only", 0)
	h.commitOK(step(2, "done", command.OutcomeEnded, 1), step(3, "late", command.OutcomeEnded, 2))
	h.requireEnded("two ended", 2)
	h.commitOK(step(4, "done", command.OutcomeUnmatched, 0))
	h.requireEnded("an unmatched event of one that ended", 2)
	h.requireConsistent()

	h.must(command.DeleteThread{ResumeTopic: command.TopicResume, Thread: "nobody", NowUnixMilli: 2000})
	h.must(command.DeleteThread{ResumeTopic: command.TopicResume, Thread: "done", NowUnixMilli: 2000})
	h.requireEnded("two deleted", 1)
	h.requireConsistent()
}
