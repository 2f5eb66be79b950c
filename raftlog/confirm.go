package raftlog

import (
	"context"
	"fmt"

	"github.com/hashicorp/raft"
)

// A leader can be deposed without knowing it: others have elected the node that it handed leadership to, and the word of that waits for this
// one's disk, where the new term is written first. What it reads meanwhile lacks what the next leader has acknowledged. So who reads waits until
// a majority has answered requests that were sent to it after the read began (thesis, section 6.4): none of those had voted in a later term by
// then, so nobody led in one when the read began. A lease would need no answer, but what hands leadership over does not wait for leases to end, and
// a node that starts again has forgotten them.

// ConfirmLeadership returns when this node is known to lead in a term after the call began. What is read from the state machine then has all that was
// acknowledged before the call, by whichever node. It costs no disk and a message to each member and back, which reads share. Errors: ErrNotLeader
// if another node may lead by now, or no majority answers within Config.HeartbeatTimeout, and ErrStopped.
func (n *Node) ConfirmLeadership(ctx context.Context) (term uint64, err error) {
	const what = "confirm leadership"
	if err := n.Err(); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	term, leads := n.LeaderTerm()
	if !leads {
		return 0, fmt.Errorf("%s: %w", what, ErrNotLeader)
	}
	notLeader := fmt.Errorf("%s: %w: no majority has answered it since", what, ErrNotLeader)
	number, ended := n.answers.beginRead(), n.leadership.ended(term)
	if !n.sends(term) {
		// It may have voted for the next leader before the read began, so that it can't count itself. Raft knows first.
		return 0, notLeader
	}
	ctx, cancel := context.WithTimeoutCause(ctx, n.cfg.HeartbeatTimeout, notLeader)
	defer cancel()
	for {
		voters, err := n.voters()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", what, err)
		}
		isConfirmed, more := n.answers.confirm(raft.ServerID(n.cfg.NodeID), voters, term, number)
		if isConfirmed {
			return term, nil
		}
		n.askVoters()
		select {
		case <-more:
		case <-ended:
			return 0, notLeader
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// askVoters sends heartbeats at once, unless that is under way.
func (n *Node) askVoters() {
	if !n.answers.beginAsking() {
		return
	}
	ask := func() {
		// It may return with answers to earlier heartbeats.
		err := n.raft.VerifyLeader().Error()
		n.answers.endAsking(err != nil)
	}
	if !n.calls.start(ask) {
		n.answers.endAsking(true)
	}
}
