package raftlog_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

// A node has a longer log than the snapshot that it gets, which is in its place when it dies; the log is not removed yet. The leader from which it came is gone. The next one
// has an older snapshot, and its log begins after the first of the entries that never counted. With it and the node there is a majority.
func TestNodeThatDiesBeforeItRemovesItsLogCounts(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	small := func(cfg *raftlog.Config) {
		cfg.LogStore = raftlog.LogStoreBoltDB
		cfg.TrailingEntries, cfg.BatchProposalsMax = 1, 1
	}
	alone, others, end := c.writeAlone(small)

	second, third := c.restart(others[0]), c.restart(others[1])
	c.lead(second)
	count := 1
	proposeAll := func(n int) {
		for range n {
			c.propose(numbered(count))
			count++
		}
		c.waitSameState(count)
	}
	proposeAll(20)
	if err := third.Snapshot(deadline(t)); err != nil {
		t.Fatal(err)
	}
	proposeAll(5)
	if err := second.Snapshot(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if index := second.Stats().SnapshotIndex; index >= end {
		t.Fatalf("the snapshot ends at %d, and the other log at %d", index, end)
	}

	sm := alone.sm.Reboot()
	died, smDied := filepath.Join(t.TempDir(), "died"), make(chan *raftlogtest.Durable, 1)
	var copied atomic.Bool
	sm.OnRestore = func(string) error {
		if copied.CompareAndSwap(false, true) {
			if err := os.CopyFS(died, os.DirFS(alone.cfg.Dir)); err != nil {
				t.Error(err)
			}
			smDied <- sm.Reboot()
		}
		return nil
	}
	back := c.open(alone.cfg, alone.port, sm)
	image := <-smDied
	c.lead(second)
	c.kill(second)
	c.kill(back)

	cfg := alone.cfg
	cfg.Dir = died
	if _, err := raftlog.Verify(died, "n1"); err != nil {
		t.Fatal(err)
	}
	c.open(cfg, alone.port, image)
	wait(t, "a leader, since a majority is there", third.IsLeader)
	c.propose("after")
	c.waitSameState(count + 1)
}
