package raftlog

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"
)

// A leader can be deposed without knowing it: others have elected the node that it handed leadership to, and the word of that waits for this
// one's disk, where the new term is written first. What it reads meanwhile lacks what the next leader has acknowledged. So who reads waits until
// a majority has answered requests that were sent to it after the read began (thesis, section 6.4): none of those had voted in a later term by
// then, so nobody led in one when the read began. A lease would need no answer, but what hands leadership over does not wait for leases to end, and
// a node that starts again has forgotten them.

// answers tell which requests the members have answered as followers of this node. Reads have numbers; that of a request is the one of the newest
// read that had begun when it was sent.
type answers struct {
	mu sync.Mutex
	// The mutex guards all that follows. read is the number of the newest read.
	read uint64
	// term is the one in which answered holds, for each member, the greatest number of a request that it has answered.
	term     uint64
	answered map[raft.ServerID]uint64
	// more is closed when there are more answers, and when nobody asks for them any more.
	more chan struct{}
	// isAsking: heartbeats are on their way for a read.
	isAsking bool
}

func newAnswers() *answers {
	return &answers{answered: map[raft.ServerID]uint64{}, more: make(chan struct{})}
}

func (a *answers) beginRead() (number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.read++
	return a.read
}

// send is the number of a request that is sent afterwards.
func (a *answers) send() (number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.read
}

// add notes that a member has answered a request of a term's leader as its follower.
func (a *answers) add(term uint64, id raft.ServerID, number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if term > a.term {
		a.term = term
		clear(a.answered)
	}
	if term < a.term || number <= a.answered[id] {
		return
	}
	a.answered[id] = number
	a.tellLocked()
}

func (a *answers) tellLocked() {
	close(a.more)
	a.more = make(chan struct{})
}

// confirm tells whether those who have answered a term's leader since a read began are, with itself, a majority of the voters. If they are not,
// more is closed when that may have changed.
func (a *answers) confirm(self raft.ServerID, voters []raft.ServerID, term, number uint64) (isConfirmed bool, more <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	count := 0
	for _, id := range voters {
		if id == self || a.term == term && a.answered[id] >= number {
			count++
		}
	}
	return count > len(voters)/2, a.more
}

// beginAsking is false if somebody asks already.
func (a *answers) beginAsking() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	isFirst := !a.isAsking
	a.isAsking = true
	return isFirst
}

// endAsking lets the next one ask, and those who wait see whether they need to: answers may have been to requests from before their read. Unless it
// was in vain, because the node does not lead any more.
func (a *answers) endAsking(inVain bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.isAsking = false
	if !inVain {
		a.tellLocked()
	}
}

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

// voters are the members whose votes count, as of the newest change of membership.
func (n *Node) voters() (ids []raft.ServerID, err error) {
	configuration, err := n.configuration()
	for _, server := range configuration.Servers {
		if server.Suffrage == raft.Voter {
			ids = append(ids, server.ID)
		}
	}
	return ids, err
}
