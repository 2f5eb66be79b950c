package raftlog_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"kont/raftlog"
)

// The first that a leader hears of the next one is a heartbeat. Raft would deal with it beside its main thread, which goes on to lead until it wakes
// up, and wakes up with a batch: written with the next leader's term, and in the place of the next leader's first entry, it would be taken for that.
func TestDeposedLeaderWritesNothingInTheTermOfTheNext(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	held := newGate()
	var late sync.Mutex
	old := c.start(1, nil, patientDisk, func(cfg *raftlog.Config) {
		*cfg = cfg.WithLogStore(held.wrap).WithRequests(func(from <-chan raft.RPC) <-chan raft.RPC { return whileFree(t, from, &late) })
		cfg.ElectionTimeout, cfg.HeartbeatTimeout = 4*time.Second, 4*time.Second // else it may wake up for its lease, and see that it leads no more
	})
	if err := old.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	c.join(c.start(2, nil))
	c.join(c.start(3, nil))
	c.lead(old)
	c.propose("all have it")
	c.waitSameState(1)

	term, _ := old.LeaderTerm()
	free := held.hold(t)
	if _, err := old.ProposeAsync(deadline(t), []byte("is being written")); err != nil { // the others have it; what sends to them waits for the disk
		t.Fatal(err)
	}
	end := old.Stats().LastIndex
	wait(t, "the entry at the others", func() bool {
		return c.nodes["n2"].Stats().LastIndex > end || c.nodes["n3"].Stats().LastIndex > end
	})
	time.Sleep(100 * time.Millisecond) // what sends to them has their answer by then, and waits for the disk
	late.Lock()                        // other requests are on connections of their own, and may come after a heartbeat
	old.Nominate()
	wait(t, "another leader", func() bool { return c.nodes["n2"].LeadsForRaft() || c.nodes["n3"].LeadsForRaft() })
	for begun := time.Now(); old.Term() == term && time.Since(begun) < 500*time.Millisecond; { // that heartbeats change it is what must not be
		time.Sleep(time.Millisecond)
	}
	// What was let in while the node led waits for raft, which waits for the disk.
	handed := make(chan error, 1)
	go func() { handed <- old.HandOver("ghost") }()
	time.Sleep(50 * time.Millisecond)
	free()
	late.Unlock()
	var next *clusterNode
	wait(t, "another leader", func() bool { next = c.leader(); return next != old })
	<-handed // whether it is committed is not known
	c.propose("after")
	for id, node := range c.nodes {
		wait(t, "the state of "+id, func() bool { return node.Stats().AppliedIndex >= next.Stats().AppliedIndex })
		if got, want := texts(node.sm.Proposals()), texts(next.sm.Proposals()); !slices.Equal(got, want) {
			t.Errorf("%s has applied %q, and %s %q", id, got, next.cfg.NodeID, want)
		}
	}
}

// whileFree passes requests on while nobody has the lock.
func whileFree(t *testing.T, from <-chan raft.RPC, late *sync.Mutex) <-chan raft.RPC {
	to := make(chan raft.RPC)
	go func() {
		for {
			select {
			case rpc := <-from:
				late.Lock()
				select {
				case to <- rpc:
				case <-t.Context().Done():
				}
				late.Unlock()
			case <-t.Context().Done():
				return
			}
		}
	}()
	return to
}
