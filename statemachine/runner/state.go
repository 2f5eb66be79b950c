package runner

import (
	"slices"

	"kont/statemachine/command"
)

// state is a thread between two events: as stored, or as it will be once the
// unit's earlier steps are committed.
type state struct {
	// status is 0 where the thread has no state: it never ran, or has ended.
	status       command.ThreadStatus
	hash         command.BundleHash
	stepID       uint64
	refs         []string
	continuation []byte
}

// stateOf reads a stored thread. One that has ended has history only.
func stateOf(thread command.Thread, exists bool) state {
	if !exists || thread.Status == command.ThreadEnded {
		return state{}
	}
	return state{
		status:       thread.Status,
		hash:         thread.Hash,
		stepID:       thread.StepID,
		refs:         thread.Refs,
		continuation: thread.Continuation,
	}
}

func (s state) isPending(ref string) bool { return slices.Contains(s.refs, ref) }

// after is the state that a committed step leaves behind, false if it can't be told:
// after an end or a fault the store is asked again, what is kept then is its
// business.
func (s state) after(step *command.Step) (after state, isKnown bool) {
	switch step.Outcome {
	case command.OutcomeSuspended:
		return state{
			status:       command.ThreadSuspended,
			hash:         step.Hash,
			stepID:       step.StepID,
			refs:         step.Refs,
			continuation: step.Continuation,
		}, true
	case command.OutcomeUnmatched, command.OutcomeKept:
		return s, true
	}
	return s, false
}
