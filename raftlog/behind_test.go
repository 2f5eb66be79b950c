package raftlog_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"

	"kont/raftlog"
	"kont/raftlog/link"
)

// leaveBehind has a cluster of three of whose nodes one, which is returned, is stopped, and lacks entries that the others' logs have not any more.
func leaveBehind(t *testing.T, logStore string) (*cluster, *clusterNode) {
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	small := func(cfg *raftlog.Config) {
		cfg.LogStore = logStore
		cfg.TrailingEntries = 4
	}
	first := c.start(1, nil, small)
	if err := first.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	away := c.start(2, nil, small)
	c.join(away)
	c.join(c.start(3, nil, small))
	for i := range 20 {
		c.propose(numbered(i))
	}
	c.waitSameState(20)
	c.kill(away)
	for i := range 40 { // more than a segment of the wal, which gives out what is trimmed
		c.propose(numbered(20+i) + strings.Repeat(" ", 8<<10))
	}
	c.waitSameState(60)
	for _, node := range c.nodes { // whichever leads when the other one comes back
		if err := node.Snapshot(deadline(t)); err != nil {
			t.Fatal(err)
		}
	}
	return c, away
}

// requireWholeLog: the log has no gap. It may be empty only if this start of the node has got a snapshot, too, upon which raft removes the log
// when the state is there already.
func requireWholeLog(t *testing.T, node *clusterNode) {
	t.Helper()
	wait(t, "a log without a gap", func() bool {
		stats := node.Stats()
		if stats.FirstIndex == 0 && stats.LastIndex == 0 {
			return stats.LogEntries == 0 && stats.SnapshotsReceived > 0
		}
		return uint64(stats.LastIndex-stats.FirstIndex)+1 == stats.LogEntries
	})
}

// A node comes back by a snapshot, and has entries of before and after it in its log unless somebody removes the former. It must start again.
func TestNodeThatCameBackByASnapshotStartsAgain(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		c, away := leaveBehind(t, logStore)
		back := c.restart(away)
		for i := range 5 {
			c.propose(numbered(60 + i))
		}
		c.waitSameState(65)
		wait(t, "the snapshot by which it came to be counted", func() bool { return back.Stats().SnapshotsReceived > 0 })
		c.kill(back)
		again := c.restart(back)
		c.propose(numbered(65))
		c.waitSameState(66)
		requireWholeLog(t, again)
	})
}

// The same if it stops just when it has the snapshot, and has not removed what was in its log before.
func TestNodeThatStopsWithASnapshotAndAnOldLogStartsAgain(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		c, away := leaveBehind(t, logStore)
		port, err := link.Open(link.Config{NodeID: away.cfg.NodeID, ClusterID: "test", Bind: away.port.Bind, Logger: away.cfg.Logger})
		if err != nil {
			t.Fatal(err)
		}
		cfg := away.cfg.WithLogStore(func(inner raft.LogStore) raft.LogStore { return untrimmable{inner} })
		cfg.Port = port
		sm := away.sm.Reboot()
		node := open(t, cfg, sm)
		<-node.Stopped() // it can't remove it
		if node.Stats().SnapshotsReceived == 0 {
			t.Fatalf("it got no snapshot: %v", node.Err())
		}
		closeNode(t, node)

		away.sm = sm
		c.restart(away)
		for i := range 5 {
			c.propose(numbered(60 + i))
		}
		c.waitSameState(65)
	})
}

// A log of an older release may have a gap, for raft kept some of what was before the snapshot.
func TestLogWithAGapBelowTheSnapshotIsTaken(t *testing.T) {
	c, away := leaveBehind(t, raftlog.LogStoreBoltDB)
	port, err := link.Open(link.Config{NodeID: away.cfg.NodeID, ClusterID: "test", Bind: away.port.Bind, Logger: away.cfg.Logger})
	if err != nil {
		t.Fatal(err)
	}
	cfg := away.cfg.WithLogStore(func(inner raft.LogStore) raft.LogStore { return keeping{inner} })
	cfg.Port = port
	sm := away.sm.Reboot()
	node := open(t, cfg, sm)
	for i := range 5 {
		c.propose(numbered(60 + i))
	}
	wait(t, "the node's state", func() bool { return len(sm.Proposals()) == 65 })
	closeNode(t, node)

	away.sm = sm
	again := c.restart(away)
	c.propose(numbered(65))
	c.waitSameState(66)
	requireWholeLog(t, again)
}

// keeping is a log store that keeps what it is told to remove.
type keeping struct{ raft.LogStore }

func (keeping) DeleteRange(uint64, uint64) error { return nil }

// untrimmable is a log store that fails to remove entries.
type untrimmable struct{ raft.LogStore }

func (u untrimmable) IsMonotonic() bool { return true }

func (u untrimmable) DeleteRange(uint64, uint64) error {
	return fmt.Errorf("pwrite: %w", syscall.EIO)
}
