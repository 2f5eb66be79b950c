package raftlog

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

var (
	// ErrNotLeader: another node leads, or none. The proposal was not made; send it
	// to Leader, or wait on Leadership.
	ErrNotLeader = errors.New("not the leader")

	// ErrQueueFull: the context ended while the proposal waited for room in the queue.
	// The proposal was not made; slow down and repeat it.
	ErrQueueFull = errors.New("proposal queue is full")

	// ErrProposalTooLarge: the proposal exceeds Config.ProposalBytesMax and was not
	// made. It never will be: cut it up.
	ErrProposalTooLarge = errors.New("proposal is too large")

	// ErrOutcomeUnknown: the proposal was handed to the log, and then leadership was
	// lost, a write failed or the context ended. It may take effect or not. Repeat it
	// only if its effect can be recognised.
	ErrOutcomeUnknown = errors.New("proposal may or may not take effect")

	// ErrStopped: the node was closed, or it stopped taking proposals after a fault,
	// which is then wrapped too. Only opening it anew helps, after the fault's cause
	// is gone.
	ErrStopped = errors.New("raft node has stopped")

	// ErrLocked: another process has the directory open. Stop it, or choose another
	// directory.
	ErrLocked = errors.New("directory is in use by another process")

	// ErrCorrupt: a file does not hold what was written to it. The error names the
	// file. Restore the directory from a backup, or remove this node from the
	// cluster, empty the directory and add the node again.
	ErrCorrupt = errors.New("corrupt file")

	// ErrStateLost: log and state machine do not belong together: entries that one of
	// them needs are missing in the other. The directories were mixed up or one was
	// emptied; put back the missing one.
	ErrStateLost = errors.New("log and state machine do not fit together")
)

// callError translates raft's errors for calls other than proposals.
func callError(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipLost),
		errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return fmt.Errorf("%s: %w", what, ErrNotLeader)
	case errors.Is(err, raft.ErrRaftShutdown):
		return fmt.Errorf("%s: %w", what, ErrStopped)
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}
