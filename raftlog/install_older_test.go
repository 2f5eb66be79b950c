package raftlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/raft"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

// A node has got the leader's present state, which is newer than the snapshot that it goes with, and not yet the entries between. The next leader has started
// again, and knows of less that is committed, so that the state that it sends is older. The node dies when that has come, and is not restored yet.
func TestNodeThatDiesWhenItHasGotAnOlderStateStarts(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	small := func(cfg *raftlog.Config) {
		cfg.LogStore, cfg.TrailingEntries, cfg.BatchProposalsMax = raftlog.LogStoreBoltDB, 1, 1
	}
	first := c.start(1, nil, small)
	if err := first.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	second, third := c.start(2, nil, small), c.start(3, nil, small)
	c.join(second)
	c.join(third)
	c.lead(first)
	c.propose("all have it")
	c.waitSameState(1)
	c.kill(third)
	proposeMany(t, first.Node, 0, 20)
	if err := first.Snapshot(deadline(t)); err != nil {
		t.Fatal(err)
	}
	proposeMany(t, first.Node, 20, 40)
	c.waitSameState(41)
	if err := second.Snapshot(deadline(t)); err != nil {
		t.Fatal(err)
	}
	proposeMany(t, first.Node, 40, 60)
	c.waitSameState(61)
	older := fmt.Sprintf("-%d-", second.Stats().SnapshotIndex)
	c.kill(second)

	sm := third.sm.Reboot()
	var restores atomic.Int64
	var copied atomic.Bool
	got, goOn := make(chan struct{}), make(chan struct{})
	died, smDied := filepath.Join(t.TempDir(), "died"), make(chan *raftlogtest.Durable, 1)
	sm.OnRestore = func(what string) error {
		if what == "after the restore" && restores.Add(1) == 1 {
			close(got)
			<-goOn
		}
		return nil
	}
	cfg := third.cfg.WithSink(func(inner raft.SnapshotSink) raft.SnapshotSink {
		return &hookedSink{inner, func(what string) error {
			if what == "after the end" && strings.Contains(inner.ID(), older) && copied.CompareAndSwap(false, true) {
				if err := os.CopyFS(died, os.DirFS(third.cfg.Dir)); err != nil {
					t.Error(err)
				}
				smDied <- sm.Reboot()
			}
			return nil
		}}
	})
	third = c.open(cfg, third.port, sm)
	<-got
	c.kill(first)
	close(goOn)
	c.restart(second)

	image := <-smDied
	c.waitSameState(61)
	if n := restores.Load(); n != 1 {
		t.Errorf("its state was replaced %d times, the last time by an older one", n)
	}
	c.kill(third)

	cfg = third.cfg
	cfg.Dir = died
	third = c.open(cfg, third.port, image)
	c.propose("after")
	c.waitSameState(62)
}
