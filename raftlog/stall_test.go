package raftlog_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

// stuckDisk has files whose fsync does not return while it is stuck.
type stuckDisk struct {
	*testFiles
	stuck   sync.RWMutex
	waiting atomic.Int32
}

func newStuckDisk() *stuckDisk {
	d := &stuckDisk{}
	d.testFiles = newTestFiles(func(op fileOp) error {
		if op.kind == "sync" {
			d.waiting.Add(1)
			d.stuck.RLock()
			defer d.stuck.RUnlock()
			d.waiting.Add(-1)
		}
		return nil
	})
	return d
}

// hold makes it stuck until the returned function is called, once or more.
func (d *stuckDisk) hold(t *testing.T) (free func()) {
	d.stuck.Lock()
	free = sync.OnceFunc(d.stuck.Unlock)
	t.Cleanup(free) // before the nodes are closed
	return free
}

// stallMax is short, so that tests take no longer than they must. Whatever else takes as long only makes the node leave earlier.
const stallMax = 100 * time.Millisecond

// A leader's disk is stuck in an fsync. While it is, the leader leaves, those who wait for it hear so, and another node leads; when
// the disk comes back, the node has what the others have.
func TestLeaderWhoseDiskIsStuckLeaves(t *testing.T) {
	disk := newStuckDisk()
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	slow := c.start(1, nil, func(cfg *raftlog.Config) {
		*cfg = cfg.WithWALFiles(disk)
		cfg.LogStallMax = stallMax
	})
	if err := slow.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	c.join(c.start(2, nil))
	c.join(c.start(3, nil))
	// Only a node with a disk that is slow for a moment may have lost leadership until now.
	c.lead(slow)
	propose(t, slow.Node, "before")
	before := slow.Stats()

	free := disk.hold(t)
	inLog, err := slow.ProposeAsync(deadline(t), []byte("in the log"))
	if err != nil {
		t.Fatal(err)
	}
	wait(t, "a stuck write", func() bool { return disk.waiting.Load() > 0 })
	queued, err := slow.ProposeAsync(deadline(t), []byte("queued"))
	if err != nil && !errors.Is(err, raftlog.ErrNotLeader) {
		t.Fatal(err)
	}
	if outcome := outcomeOf(t, inLog); !errors.Is(outcome.Err, raftlog.ErrOutcomeUnknown) {
		t.Errorf("a proposal that is in the log ends in %+v", outcome)
	}
	if err == nil {
		// Raft takes a batch before it waits for the disk, so that this one may be in the next.
		if outcome := outcomeOf(t, queued); !errors.Is(outcome.Err, raftlog.ErrNotLeader) && !errors.Is(outcome.Err, raftlog.ErrOutcomeUnknown) {
			t.Errorf("a proposal that is queued ends in %+v", outcome)
		}
	}
	if slow.IsLeader() {
		t.Error("the node says that it leads")
	}
	if _, err := slow.Propose(deadline(t), []byte("refused")); !errors.Is(err, raftlog.ErrNotLeader) {
		t.Errorf("a later proposal: %v", err)
	}
	if id, _ := slow.Leader(); id == "n1" {
		t.Error("the node names itself as the leader")
	}
	other := c.leader()
	propose(t, other.Node, "meanwhile")
	stats := slow.Stats()
	if stats.LeadershipsLeft != before.LeadershipsLeft+1 || stats.LogStalls <= before.LogStalls || stats.LogWriteAge < stallMax {
		t.Errorf("left %d leaderships, %d before; %d stalls, %d before; the present write takes %v",
			stats.LeadershipsLeft, before.LeadershipsLeft, stats.LogStalls, before.LogStalls, stats.LogWriteAge)
	}
	wait(t, "nothing to wait for answers of followers", func() bool {
		for _, stack := range goroutines() {
			if strings.Contains(stack, "quietTransport).AppendEntries") && strings.Contains(stack, "awaitAnswer") {
				return false
			}
		}
		return true
	})
	if !slow.IsReluctant() {
		t.Error("the node is as eager to lead again as others")
	}
	if disk.waiting.Load() == 0 {
		t.Fatal("the disk is not stuck any more; all of that came too late")
	}

	free()
	c.propose("after")
	wait(t, "the same state", func() bool {
		want := texts(c.leader().sm.Proposals())
		return slices.Contains(want, "meanwhile") && slices.Contains(want, "after") && slices.Equal(texts(slow.sm.Proposals()), want)
	})
	c.lead(slow)
	wait(t, "the node to be as eager as others", func() bool { return !slow.IsReluctant() })
	propose(t, slow.Node, "leads again")
}

// A leader's disk is stuck, and its queue full, so that others wait for room. When it leaves they hear so too, while the disk is stuck.
func TestLeaderWhoseDiskIsStuckAnswersThoseWhoWaitForRoom(t *testing.T) {
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	held := newGate()
	slow := c.start(1, nil, func(cfg *raftlog.Config) {
		*cfg = cfg.WithLogStore(held.wrap)
		cfg.LogStallMax = stallMax
		cfg.QueueProposalsMax = 4
	})
	if err := slow.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	c.join(c.start(2, nil))
	c.join(c.start(3, nil))
	c.lead(slow)
	propose(t, slow.Node, "before")

	free := held.hold(t)
	const many = 500
	outcomes := make(chan error, many)
	for range many {
		go func() {
			_, err := slow.Propose(deadline(t), []byte("waits"))
			outcomes <- err
		}()
	}
	for i := range many {
		select {
		case err := <-outcomes:
			if !errors.Is(err, raftlog.ErrNotLeader) && !errors.Is(err, raftlog.ErrOutcomeUnknown) {
				t.Fatalf("a proposal ends in %v", err)
			}
		case <-deadline(t).Done():
			t.Fatalf("%d of %d proposals have no outcome", many-i, many)
		}
	}
	free()
}

// Nobody would miss the leader's heartbeats for an hour. The one that is told to stand is the one with all that the third has, or it would not be elected.
func TestLeaderWhoseDiskIsStuckNamesItsSuccessor(t *testing.T) {
	t.Parallel()
	steady := func(cfg *raftlog.Config) { cfg.ElectionTimeout, cfg.HeartbeatTimeout = time.Hour, time.Hour }
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	held, short := newGate(), newGate()
	leader := c.start(1, nil, steady, func(cfg *raftlog.Config) {
		*cfg = cfg.WithLogStore(held.wrap)
		cfg.LogStallMax = stallMax
	})
	if err := leader.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	successor := c.start(2, nil, steady, patientDisk)
	c.join(successor)
	other := c.start(3, nil, steady, patientDisk, func(cfg *raftlog.Config) { *cfg = cfg.WithLogStore(short.wrap) })
	c.join(other)
	c.propose("all have it")
	c.waitSameState(1)

	freeShort := short.hold(t)
	propose(t, leader.Node, "two have it")
	short.awaitBlocked(t)
	free := held.hold(t)
	outcome, err := leader.ProposeAsync(deadline(t), []byte("in the log"))
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomeOf(t, outcome); !errors.Is(got.Err, raftlog.ErrOutcomeUnknown) {
		t.Errorf("a proposal that is in the log ends in %+v", got)
	}
	freeShort()
	if err := successor.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	propose(t, successor.Node, "meanwhile")
	free()
	wait(t, "the same state", func() bool {
		want := texts(successor.sm.Proposals())
		return slices.Contains(want, "two have it") && slices.Contains(want, "meanwhile") &&
			slices.Equal(texts(leader.sm.Proposals()), want) && slices.Equal(texts(other.sm.Proposals()), want)
	})
}

// A node whose disk was slow asks for no votes, and gives its own: with it the others are a majority.
func TestReluctantNodeVotesForOthers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	c.propose("before")
	c.waitSameState(1)
	leader := c.leader()
	var others []*clusterNode
	for _, node := range c.nodes {
		if node != leader {
			node.BeReluctant()
			others = append(others, node)
		}
	}
	c.kill(leader)
	changes := [2]<-chan bool{others[0].Leadership(), others[1].Leadership()}
	<-changes[0]
	<-changes[1]
	for began := time.Now(); time.Since(began) < 5*leader.cfg.ElectionTimeout; {
		if !notSoon(changes[0]) || !notSoon(changes[1]) {
			t.Fatal("a reluctant node leads")
		}
	}
	others[0].BeEager()
	if got := c.leader(); got != others[0] {
		t.Errorf("%s leads", got.cfg.NodeID)
	}
	c.propose("after")
	// What the leader hands over it takes.
	c.lead(others[1])
	if others[1].IsReluctant() {
		t.Error("it leads, and is reluctant")
	}
}

// The disk is stuck in the removal of the only other voter. The node begins to leave, and then there is nobody else.
func TestNodeThatIsLeftAloneWhileItLeavesLeads(t *testing.T) {
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	held := newGate()
	leader := c.start(1, nil, func(cfg *raftlog.Config) {
		*cfg = cfg.WithLogStore(held.wrap)
		cfg.LogStallMax = stallMax
	})
	if err := leader.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	other := c.start(2, nil, patientDisk)
	c.join(other)
	propose(t, leader.Node, "before")
	other.BeReluctant()
	before := leader.Stats().LeadershipsLeft

	free := held.hold(t)
	removed := make(chan error, 1)
	go func() { removed <- leader.RemoveServer(deadline(t), other.cfg.NodeID) }()
	wait(t, "the node to leave", func() bool { return leader.Stats().LeadershipsLeft > before })
	free()
	if err := <-removed; err != nil {
		t.Skipf("it left before it had removed the other: %v", err)
	}
	c.kill(other)
	if err := leader.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	propose(t, leader.Node, "alone")
}

// Nobody else could lead, so a node without other voters waits for its disk.
func TestLoneNodeWaitsForItsDisk(t *testing.T) {
	disk := newStuckDisk()
	cfg := lone(t, raftlog.LogStoreWAL).WithWALFiles(disk)
	cfg.LogStallMax = stallMax
	node := lead(t, cfg, raftlogtest.NewDurable())
	before := node.Stats()
	free := disk.hold(t)
	outcome, err := node.ProposeAsync(deadline(t), []byte("patient"))
	if err != nil {
		t.Fatal(err)
	}
	wait(t, "a stall", func() bool { return node.Stats().LogStalls > before.LogStalls })
	if _, leads := node.LeaderTerm(); !leads {
		t.Error("the node has left leadership")
	}
	free()
	if o := outcomeOf(t, outcome); o.Err != nil {
		t.Errorf("the proposal ends in %v", o.Err)
	}
	if stats := node.Stats(); stats.LeadershipsLeft != 0 {
		t.Errorf("left %d leaderships", stats.LeadershipsLeft)
	}
}

func outcomeOf(t *testing.T, outcome <-chan raftlog.Outcome) raftlog.Outcome {
	t.Helper()
	select {
	case o := <-outcome:
		return o
	case <-deadline(t).Done():
		t.Fatalf("waited %v for the outcome of a proposal", patience)
		return raftlog.Outcome{}
	}
}
