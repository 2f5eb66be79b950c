package raftlog_test

import (
	"strings"
	"testing"
	"time"

	"kont/raftlog"
)

// A leader that nobody hears writes entries that never count. When it comes back, the others' log begins after the first of these, and their snapshot
// ends before the last, or with it. The node gets the snapshot, and what comes after: with it and the leader there is a majority.
func TestNodeWithALongerLogThanTheSnapshotItGetsCounts(t *testing.T) {
	t.Parallel()
	eachLogStore(t, func(t *testing.T, logStore string) {
		t.Run("longer", func(t *testing.T) { comeBackWithALongLog(t, logStore, 20) })
		t.Run("as long", func(t *testing.T) { comeBackWithALongLog(t, logStore, 0) })
	})
}

// writeAlone has the first of three nodes write entries that nobody else hears of, up to an index. All of them are stopped then.
func (c *cluster) writeAlone(settings func(*raftlog.Config)) (alone *clusterNode, others []*clusterNode, end raftlog.LogIndex) {
	c.t.Helper()
	alone = c.start(1, nil, settings, func(cfg *raftlog.Config) {
		cfg.ElectionTimeout, cfg.HeartbeatTimeout = 4*time.Second, 4*time.Second // it has time to write
	})
	if err := alone.AwaitLeadership(deadline(c.t)); err != nil {
		c.t.Fatal(err)
	}
	others = []*clusterNode{c.start(2, nil, settings), c.start(3, nil, settings)}
	for _, other := range others {
		c.join(other)
	}
	c.lead(alone)
	c.propose("all have it")
	c.waitSameState(1)
	for _, other := range others {
		c.kill(other)
	}
	end = alone.Stats().LastIndex + 60
	for range 60 {
		if _, err := alone.ProposeAsync(deadline(c.t), []byte("nobody hears it")); err != nil {
			c.t.Fatal(err)
		}
	}
	wait(c.t, "the entries that never count", func() bool { return alone.Stats().LastIndex >= end })
	end = alone.Stats().LastIndex
	c.kill(alone)
	return alone, others, end
}

// comeBackWithALongLog lets a log be longer than a snapshot by at least so much, or as long.
func comeBackWithALongLog(t *testing.T, logStore string, longer raftlog.LogIndex) {
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	small := func(cfg *raftlog.Config) {
		cfg.LogStore = logStore
		cfg.TrailingEntries, cfg.BatchProposalsMax = 1, 1
	}
	alone, others, end := c.writeAlone(small)

	for _, other := range others {
		c.restart(other)
	}
	count := 1
	for ; c.leader().Stats().LastIndex < end-longer; count++ {
		c.propose(numbered(count) + strings.Repeat(" ", 8<<10)) // more than a segment of the wal, which gives out what is trimmed
	}
	c.waitSameState(count)
	for _, node := range c.nodes {
		if err := node.Snapshot(deadline(t)); err != nil {
			t.Fatal(err)
		}
		if index := node.Stats().SnapshotIndex; index > end {
			t.Skipf("the snapshot ends at %d, and the other log at %d: there was an election", index, end)
		}
	}
	back := c.restart(alone)
	wait(t, "a snapshot", func() bool { return back.Stats().SnapshotsReceived > 0 })
	leader := c.leader()
	for _, other := range c.nodes {
		if other != leader && other != back {
			c.kill(other)
		}
	}
	c.propose("after")
	c.waitSameState(count + 1)
	requireWholeLog(t, back)
	c.kill(back)
	c.restart(back)
	c.propose("again")
	c.waitSameState(count + 2)
}
