package raftlog

import (
	"sync"

	"github.com/hashicorp/raft"
)

// answers tell which requests the members have answered as followers of this node. Reads have numbers; that of a request is the one of the newest
// read that had begun when it was sent.
type answers struct {
	mu sync.Mutex
	// The mutex guards all that follows. read is the number of the newest read.
	read uint64
	// term is the one that members' answers are of.
	term    uint64
	members map[raft.ServerID]answered
	// more is closed when there are more answers, and when nobody asks for them any more.
	more chan struct{}
	// isAsking: heartbeats are on their way for a read.
	isAsking bool
}

// answered is what a member has answered in a term.
type answered struct {
	// number is the greatest one of a request.
	number uint64
	// index is up to where its log has what the leader's has.
	index uint64
}

func newAnswers() *answers {
	return &answers{members: map[raft.ServerID]answered{}, more: make(chan struct{})}
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
func (a *answers) add(term uint64, id raft.ServerID, now answered) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if term > a.term {
		a.term = term
		clear(a.members)
	}
	if term < a.term {
		return
	}
	before := a.members[id]
	a.members[id] = answered{max(before.number, now.number), max(before.index, now.index)}
	if now.number > before.number {
		a.tellLocked()
	}
}

func (a *answers) tellLocked() {
	close(a.more)
	a.more = make(chan struct{})
}

// confirm tells whether those who have answered a term's leader since a read began are, with itself, a majority of the voters. If they are not,
// more is closed when that may have changed.
func (a *answers) confirm(self raft.ServerID, voters []raft.Server, term, number uint64) (isConfirmed bool, more <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	count := 0
	for _, voter := range voters {
		if voter.ID == self || a.term == term && a.members[voter.ID].number >= number {
			count++
		}
	}
	return count > len(voters)/2, a.more
}

// longest is which of some others has most of the log, as far as it has told the leader of a term; the zero Server if none has.
func (a *answers) longest(voters []raft.Server, term uint64) (longest raft.Server) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, voter := range voters {
		if a.term == term && a.members[voter.ID].index > a.members[longest.ID].index {
			longest = voter
		}
	}
	return longest
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
