package raftlog

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// A disk may take long for a write of the log, or never come back. Raft does not notice: a leader sends its heartbeats meanwhile, so that
// nobody else is elected, and commits nothing. So writes are watched while they are under way, and a leader with a write that takes longer
// than Config.LogStallMax leaves:
//
//   - it takes no proposals, knows no leader, and gives those that it took ErrOutcomeUnknown, or ErrNotLeader if the log never had them;
//   - it sends no more entries and heartbeats, and tells the voter with the longest log to stand for election at once. Raft's own way to hand
//     leadership over waits until the other node has answered for all entries, and no answer counts before they are written here;
//   - for stallPause it asks for no votes until no leader has been heard of for stallPatience times as long as others wait. It gives its own
//     to who asks, as ever.
//
// If all disks are slow, leadership would go round in circles, so each time that a node leaves it allows its disk twice as much, as long as
// stallPause has not passed without a stall. A node without other voters goes on: there is nobody who would do better.

const (
	// stallPause is how long a node is reluctant to lead, and remembers that it left.
	stallPause = time.Minute
	// stallPatience is how much longer it waits for a leader in that time before it asks for votes.
	stallPatience = 3
	// stallDoublingsMax bounds how much it allows its disk.
	stallDoublingsMax = 4
)

// errQuiet: nothing is sent for a term in which this node does not lead any more, or is about to leave.
var errQuiet = errors.New("the node leads no more")

// writeWatch knows since when the present write of the log has been under way.
type writeWatch struct {
	made time.Time
	// since is when it began, in nanoseconds after made; 0 if there is none.
	since atomic.Int64
}

func (w *writeWatch) begin() { w.since.Store(max(1, int64(time.Since(w.made)))) }
func (w *writeWatch) end()   { w.since.Store(0) }

// age is how long the write has taken until now, 0 without one; id is another one for each write.
func (w *writeWatch) age() (age time.Duration, id int64) {
	id = w.since.Load()
	if id == 0 {
		return 0, 0
	}
	return time.Since(w.made) - time.Duration(id), id
}

// stalls is what a node remembers of them.
type stalls struct {
	// isLeaving: it leads for raft, and wants to lead no more.
	isLeaving atomic.Bool
	// patience is stallPatience while it is reluctant to lead, and 0 otherwise.
	patience atomic.Int64

	mu sync.Mutex
	// The mutex guards all that follows. left is how many times it has left leadership with no stallPause between, lastAt when there
	// was the last stall.
	left   int
	lastAt time.Time
}

// allowed is how long a write may take.
func (s *stalls) allowed(most time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return most << min(s.left, stallDoublingsMax)
}

// watchWrites looks at the log's present write until the node stops.
func (n *Node) watchWrites() {
	if n.cfg.LogStallMax < 0 {
		return
	}
	ticker := time.NewTicker(max(n.cfg.LogStallMax/8, time.Millisecond))
	defer ticker.Stop()
	reported := int64(0)
	for {
		select {
		case <-n.stopping:
			return
		case <-ticker.C:
		}
		n.endReluctance()
		age, id := n.log.watch.age()
		if age > n.cfg.LogStallMax && id != reported {
			reported = id
			n.stats.logStalls.Add(1)
			n.noteStall()
			n.cfg.Logger.Warn("the disk takes long for a write of the log", "node", n.cfg.NodeID, "since", age.Round(time.Millisecond), "allowed", n.cfg.LogStallMax)
		}
		if age > n.stalls.allowed(n.cfg.LogStallMax) && n.leadsOthers() {
			n.leave(age)
		}
	}
}

// sends tells whether a term's leader is this node, and has not begun to leave.
func (n *Node) sends(term uint64) bool {
	running := n.running.Load()
	return running == nil || running.State() == raft.Leader && running.CurrentTerm() == term && !n.stalls.isLeaving.Load()
}

// follows tells whether this node follows in a term.
func (n *Node) follows(term uint64) bool {
	running := n.running.Load()
	return running != nil && running.State() == raft.Follower && running.CurrentTerm() == term
}

// awaitAnswer returns when an answer for entries up to an index counts, because they are written here too. What sends for a term in which this
// node leads no more hears so at once: as long as it waits, the library goes on with heartbeats of that term.
func (n *Node) awaitAnswer(term, index uint64) error {
	if n.log.tail.await(index, func() bool { return n.sends(term) }) {
		return nil
	}
	return errQuiet
}

// leadsOthers is false for a leader that is the only voter.
func (n *Node) leadsOthers() bool {
	running := n.running.Load()
	return running != nil && running.State() == raft.Leader && n.hasOtherVoters()
}

func (n *Node) hasOtherVoters() bool {
	voters, err := n.voters()
	return err == nil && slices.ContainsFunc(voters, func(voter raft.Server) bool { return voter.ID != raft.ServerID(n.cfg.NodeID) })
}

func (n *Node) noteStall() {
	n.stalls.mu.Lock()
	defer n.stalls.mu.Unlock()
	n.stalls.lastAt = time.Now()
}

// leave leaves leadership, and returns when raft has, or there is nobody any more to leave it to.
func (n *Node) leave(age time.Duration) {
	n.cfg.Logger.Error("raft leadership is left: the disk does not write the log", "node", n.cfg.NodeID, "since", age.Round(time.Millisecond))
	n.stats.leadershipsLeft.Add(1)
	n.stalls.mu.Lock()
	n.stalls.left++
	n.stalls.lastAt = time.Now()
	n.stalls.mu.Unlock()
	n.stalls.patience.Store(stallPatience)
	n.stalls.isLeaving.Store(true)
	defer n.stalls.isLeaving.Store(false)
	n.leadership.set(false)
	// What raft sends is refused before anything gets its outcome, so that nobody hears that it may be lost while it is on its way.
	n.settleEarly()
	// Raft itself may hear of the next leader before it has lost this leadership, and wait for the disk with what that sends.
	n.log.tail.wake()
	n.nominate()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for n.leadsOthers() {
		select {
		case <-n.stopping:
			return
		case <-ticker.C:
			n.settleEarly() // what was on its way into the queue
		}
	}
	n.stalls.isLeaving.Store(false)
	// What was stuck may have been the removal of the only other voter. Raft leads on, without a word.
	select {
	case n.stays <- struct{}{}:
	default:
	}
}

// nominate tells the voter with the longest log to stand for election, as TimeoutNow does (thesis, section 3.10), rather than when it has missed heartbeats
// for long enough. The others vote as ever; if it is not elected, they come to it by themselves.
func (n *Node) nominate() {
	transport, has := n.transport.(*quietTransport)
	voters, err := n.voters()
	if !has || err != nil {
		return
	}
	successor := n.answers.longest(voters, n.raft.CurrentTerm())
	if successor.ID == "" {
		return
	}
	request := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{
		ProtocolVersion: raft.ProtocolVersionMax,
		ID:              []byte(n.cfg.NodeID),
		Addr:            transport.EncodePeer(raft.ServerID(n.cfg.NodeID), transport.LocalAddr()),
	}}
	n.nominating.Go(func() {
		if err := transport.TimeoutNow(successor.ID, successor.Address, request, &raft.TimeoutNowResponse{}); err != nil {
			n.cfg.Logger.Warn("ask a node to stand for election", "node", successor.ID, "error", err)
		}
	})
}

// settleEarly gives all proposals that were taken their outcome. Raft may still commit those that it has.
func (n *Node) settleEarly() {
	n.queue.refuseWaiting()
	n.inLog.each(func(b *batch) { n.finishAll(b, nil, errLeft) })
}

// endReluctance lets a node be as others are when its disk has been well for a while.
func (n *Node) endReluctance() {
	n.stalls.mu.Lock()
	isOver := n.stalls.left > 0 && time.Since(n.stalls.lastAt) > stallPause
	if isOver {
		n.stalls.left = 0
	}
	n.stalls.mu.Unlock()
	if isOver {
		n.stalls.patience.Store(0)
	}
}

// asksForVotes tells whether this node may ask now.
func (n *Node) asksForVotes() bool {
	running, patience := n.running.Load(), n.stalls.patience.Load()
	return running == nil || time.Since(running.LastContact()) >= time.Duration(patience)*n.cfg.HeartbeatTimeout
}

// reload changes what raft lets one change.
func (n *Node) reload(change func(*raft.ReloadableConfig)) error {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	reloadable := n.raft.ReloadableConfig()
	before := reloadable
	change(&reloadable)
	if reloadable == before {
		return nil
	}
	return n.raft.ReloadConfig(reloadable)
}

// inLog are the batches that raft has.
type inLog struct {
	mu      sync.Mutex
	batches map[*batch]struct{} // guarded by mu
}

func (l *inLog) add(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.batches == nil {
		l.batches = map[*batch]struct{}{}
	}
	l.batches[b] = struct{}{}
}

func (l *inLog) remove(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.batches, b)
}

func (l *inLog) each(f func(*batch)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for b := range l.batches {
		f(b)
	}
}

// errLeft is the outcome of proposals that the log had when the node left leadership.
var errLeft = fmt.Errorf("propose: %w: the node leaves leadership, because its disk does not write the log", ErrOutcomeUnknown)
