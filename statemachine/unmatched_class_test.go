package statemachine

import (
	"fmt"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// The counters keep the stem of a reason, without digits and names; what readers
// see of it is a class all the same.
func TestUnmatchedEventsAreCountedByAClosedSetOfClasses(t *testing.T) {
	h := newHarness(t)
	h.deploy(command.TopicResume, "v1")
	for reason, want := range map[string]command.UnmatchedClass{
		"key is not UTF-8":     command.UnmatchedKey,
		"value is not UTF-8":   command.UnmatchedValue,
		`ref "42" is not text`: command.UnmatchedUnknownRef,
		limitError("events kept behind a fault", KeptEventsMax+1, KeptEventsMax).Error(): command.UnmatchedKeptFull,
		"something new, in a later release":                                              command.UnmatchedOther,
		fmt.Errorf("%w: 3 bytes", recordbatch.ErrLength).Error():                         command.UnmatchedBatch,
		fmt.Errorf("%w: 3", recordbatch.ErrMagic).Error():                                command.UnmatchedBatch,
		fmt.Errorf("%w: 3", recordbatch.ErrCRC).Error():                                  command.UnmatchedBatch,
		fmt.Errorf("%w: 3", recordbatch.ErrOffsets).Error():                              command.UnmatchedBatch,
		fmt.Errorf("%w: 3", recordbatch.ErrRecord).Error():                               command.UnmatchedBatch,
		fmt.Errorf("%w: 3", recordbatch.ErrCodec).Error():                                command.UnmatchedBatch,
		fmt.Errorf("%w: 3", recordbatch.ErrCompressed).Error():                           command.UnmatchedBatch,
		fmt.Errorf("%w: 3", recordbatch.ErrTooLarge).Error():                             command.UnmatchedBatch,
	} {
		before := h.store.Unmatched(command.TopicResume)[want]
		offset := h.send(command.TopicResume, 0, record(1, "a", "x"))
		h.commitOK(command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: "a", Outcome: command.OutcomeUnmatched, Reason: reason})
		if got := command.UnmatchedClassOf(reason); got != want {
			t.Errorf("%q is %s, want %s", reason, got, want)
		}
		if got := h.store.Unmatched(command.TopicResume)[want]; got != before+1 {
			t.Errorf("%q: %s went from %d to %d", reason, want, before, got)
		}
	}
}
