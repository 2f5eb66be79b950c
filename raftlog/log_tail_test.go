package raftlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"kont/raftlog"
)

// heldCluster has a first node that leads, and whose writes of the log can be held up. It leaves when they take longer than stallMax;
// the others are patient with their disks.
func heldCluster(t *testing.T, size int, stallMax time.Duration) (c *cluster, leader *clusterNode, held *gate) {
	held = newGate()
	c = &cluster{t: t, nodes: map[string]*clusterNode{}}
	leader = c.start(1, nil, func(cfg *raftlog.Config) {
		*cfg = cfg.WithLogStore(held.wrap)
		cfg.LogStallMax = stallMax
	})
	if err := leader.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	for i := 2; i <= size; i++ {
		c.join(c.start(i, nil, patientDisk))
	}
	c.propose("before")
	c.waitSameState(1)
	c.lead(leader)
	return c, leader, held
}

// patient is a Config.LogStallMax.
const patient = -1

func patientDisk(cfg *raftlog.Config) { cfg.LogStallMax = patient }

// hold holds up writes until the returned function is called, once or more.
func (g *gate) hold(t *testing.T) (free func()) {
	open := g.shut()
	isOpen := false
	free = func() {
		if !isOpen {
			isOpen = true
			open()
		}
	}
	t.Cleanup(free) // before the nodes are closed
	return free
}

// notSoon tells whether something that must not happen has not happened for a moment.
func notSoon[T any](ch <-chan T) bool {
	select {
	case <-ch:
		return false
	case <-time.After(100 * time.Millisecond):
		return true
	}
}

func TestLeaderSendsWhileItWritesAndWaitsForBoth(t *testing.T) {
	t.Parallel()
	c, leader, held := heldCluster(t, 3, patient)
	before := leader.Stats().LastIndex
	free := held.hold(t)
	outcome, err := leader.ProposeAsync(deadline(t), []byte("ahead"))
	if err != nil {
		t.Fatal(err)
	}
	held.awaitBlocked(t)
	wait(t, "followers to have the entry", func() bool {
		return c.nodes["n2"].Stats().LastIndex > before && c.nodes["n3"].Stats().LastIndex > before
	})
	if !notSoon(outcome) {
		t.Error("acknowledged before the leader has written it")
	}
	for id, node := range c.nodes {
		if got := texts(node.sm.Proposals()); slices.Contains(got, "ahead") {
			t.Errorf("%s has applied what the leader has not written", id)
		}
	}
	free()
	if o := outcomeOf(t, outcome); o.Err != nil {
		t.Error(o.Err)
	}
	c.waitSameState(2)
}

// The leader's disk fails when the others have the entry: nobody hears that it is there, but it is, and the leader comes back without it.
func TestLeaderDiesWithEntriesThatOnlyOthersHave(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for n := range int64(6) {
			t.Run(fmt.Sprintf("write %d reaches the disk %t", n, after), func(t *testing.T) {
				faulty := &faultyLog{err: fmt.Errorf("pwrite: %w", syscall.EIO), after: after}
				faulty.left.Store(1 << 40)
				c := &cluster{t: t, nodes: map[string]*clusterNode{}}
				leader := c.start(1, nil, patientDisk, func(cfg *raftlog.Config) { *cfg = cfg.WithLogStore(faulty.wrap) })
				if err := leader.AwaitLeadership(deadline(t)); err != nil {
					t.Fatal(err)
				}
				c.join(c.start(2, nil))
				c.join(c.start(3, nil))
				// Both know all voters then; one that doesn't votes for nobody whom it doesn't know.
				c.propose("before")
				c.waitSameState(1)
				c.lead(leader)
				faulty.left.Store(n)
				acknowledged, err := proposeUntilFault(t, leader.Node, 20)
				if !errors.Is(err, syscall.EIO) && !errors.Is(err, raftlog.ErrNotLeader) {
					t.Fatal(err)
				}
				if int64(len(acknowledged)) > n {
					t.Errorf("acknowledged %d proposals with %d writes", len(acknowledged), n)
				}
				<-leader.Stopped()
				c.kill(leader)
				c.propose("after")
				leader.cfg = leader.cfg.WithLogStore(nil)
				c.restart(leader)
				wait(t, "the same state", func() bool {
					want := texts(c.leader().sm.Proposals())
					for _, node := range c.nodes {
						if !slices.Equal(texts(node.sm.Proposals()), want) {
							return false
						}
					}
					want = slices.Compact(want)[1:] // "before" may have been tried twice
					return len(want) > len(acknowledged) && slices.Equal(want[:len(acknowledged)], acknowledged) && slices.Contains(want, "after")
				})
			})
		}
	}
}

// A leader that is one no more has not written its last entries. To the next leader it promises nothing for them until it has.
func TestFollowerPromisesNothingThatItHasNotWrittenAsLeader(t *testing.T) {
	t.Parallel()
	c, slow, held := heldCluster(t, 3, stallMax)
	before := slow.Stats().LastIndex
	free := held.hold(t)
	outcome, err := slow.ProposeAsync(deadline(t), []byte("ahead"))
	if err != nil {
		t.Fatal(err)
	}
	if o := outcomeOf(t, outcome); !errors.Is(o.Err, raftlog.ErrOutcomeUnknown) {
		t.Errorf("ends in %+v", o)
	}
	others := []*clusterNode{c.nodes["n2"], c.nodes["n3"]}
	wait(t, "another leader, and both with the entry", func() bool {
		return (others[0].IsLeader() || others[1].IsLeader()) && others[0].Stats().LastIndex > before && others[1].Stats().LastIndex > before
	})
	if others[1].IsLeader() {
		slices.Reverse(others)
	}
	c.kill(others[1])
	// Only the first node is left for a majority.
	late, err := others[0].ProposeAsync(deadline(t), []byte("late"))
	if err == nil && !notSoon(late) {
		t.Error("acknowledged, or refused, before one of two nodes has written it")
	}
	free()
	c.propose("after")
	wait(t, "the same state", func() bool {
		want := texts(c.leader().sm.Proposals())
		return slices.Contains(want, "after") && slices.Equal(texts(slow.sm.Proposals()), want) && slices.Equal(texts(others[0].sm.Proposals()), want)
	})
}

// When a leader becomes the only voter, what it has written is all that counts.
func TestChangeOfVotersIsWrittenFirst(t *testing.T) {
	t.Parallel()
	c, leader, held := heldCluster(t, 2, patient)
	free := held.hold(t)
	outcome, err := leader.ProposeAsync(deadline(t), []byte("ahead"))
	if err != nil {
		t.Fatal(err)
	}
	held.awaitBlocked(t)
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	removed := make(chan error, 1)
	go func() { removed <- leader.RemoveServer(ctx, "n2") }()
	if !notSoon(removed) {
		t.Error("the change is committed, and not written")
	}
	if !notSoon(outcome) {
		t.Error("acknowledged before the leader has written it")
	}
	free()
	if err := <-removed; err != nil {
		t.Error(err)
	}
	if o := outcomeOf(t, outcome); o.Err != nil {
		t.Error(o.Err)
	}
	delete(c.nodes, "n2")
	propose(t, leader.Node, "alone")
	// Alone, it waits for its disk.
	free = held.hold(t)
	if outcome, err = leader.ProposeAsync(deadline(t), []byte("alone again")); err != nil {
		t.Fatal(err)
	}
	held.awaitBlocked(t)
	if !notSoon(outcome) {
		t.Error("acknowledged before it is written")
	}
	free()
	if o := outcomeOf(t, outcome); o.Err != nil {
		t.Error(o.Err)
	}
}
