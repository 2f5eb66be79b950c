package raftlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

// slowTerms lets writes of the current term take their time.
func slowTerms(cfg *raftlog.Config, beforeWrite func()) {
	*cfg = cfg.WithStableStore(func(inner raft.StableStore) raft.StableStore {
		return hookedStable{inner, func(what string) error {
			if what == "before CurrentTerm" {
				beforeWrite()
			}
			return nil
		}}
	})
}

// The one that leadership is handed to is elected by the third, and acknowledges, while the word of it waits for the disk of the first.
func TestDeposedLeaderThatDoesNotKnowItIsNotConfirmed(t *testing.T) {
	t.Parallel()
	var disk sync.RWMutex
	var blocked atomic.Int32
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	// Nobody stands of itself meanwhile.
	steady := func(cfg *raftlog.Config) { cfg.ElectionTimeout, cfg.HeartbeatTimeout = 2*time.Second, 2*time.Second }
	first := c.start(1, nil, steady, func(cfg *raftlog.Config) {
		slowTerms(cfg, func() {
			blocked.Add(1)
			disk.RLock()
			defer disk.RUnlock()
			blocked.Add(-1)
		})
	})
	if err := first.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	second := c.start(2, nil, steady)
	c.join(second)
	c.join(c.start(3, nil, steady))
	if _, err := first.ConfirmLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	c.propose("before")
	c.waitSameState(1)

	disk.Lock()
	isFree := false
	free := func() {
		if !isFree {
			isFree = true
			disk.Unlock()
		}
	}
	t.Cleanup(free)
	var transfer sync.WaitGroup
	t.Cleanup(transfer.Wait)
	transfer.Go(func() {
		first.TransferLeadership(deadline(t), raftlog.Member{ID: second.cfg.NodeID, Address: second.port.Bind}) //nolint:errcheck // it hears of nothing
	})
	if err := second.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	propose(t, second.Node, "acknowledged")
	wait(t, "the new term to wait for the disk", func() bool { return blocked.Load() > 0 })
	if !first.IsLeader() {
		t.Fatal("the first node knows that it does not lead any more")
	}
	if term, err := first.ConfirmLeadership(deadline(t)); !errors.Is(err, raftlog.ErrNotLeader) {
		t.Errorf("the first node is confirmed in term %d (%v), and has %q", term, err, texts(first.sm.Proposals()))
	}
	if _, err := second.ConfirmLeadership(deadline(t)); err != nil {
		t.Error(err)
	}
	free()
	c.waitSameState(2)
}

// It has given its own vote to the next leader, and answers for itself no more, whatever the others have heard and whoever here is late to hear of it.
func TestDeposedLeaderIsNotConfirmedByItself(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	c.lead(c.nodes["n1"])
	first, second := c.nodes["n1"], c.nodes["n2"]
	term, err := first.ConfirmLeadership(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	c.lead(second)
	wait(t, "the first node to follow", func() bool { id, _ := first.Leader(); return id == "n2" && !first.IsLeader() })
	first.LagBehind(term, "n3")
	if got, err := first.ConfirmLeadership(deadline(t)); !errors.Is(err, raftlog.ErrNotLeader) {
		t.Errorf("the first node is confirmed in term %d (%v), and led last in %d", got, err, term)
	}
}

// Whoever is confirmed has all that was acknowledged before, wherever leadership goes meanwhile.
func TestConfirmedReadsMissNothingWhileLeadershipMoves(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, nodes: map[string]*clusterNode{}}
	for i := range 3 {
		node := c.start(i+1, nil, func(cfg *raftlog.Config) {
			slowTerms(cfg, func() { time.Sleep(rand.N(100 * time.Millisecond)) })
		})
		if i == 0 {
			c.leader()
		} else {
			c.join(node)
		}
	}
	nodes := make([]*clusterNode, 0, 3)
	for _, node := range c.nodes {
		nodes = append(nodes, node)
	}
	latest := func(node *clusterNode) int {
		all := node.sm.Proposals()
		if len(all) == 0 {
			return 0
		}
		number, err := strconv.Atoi(string(all[len(all)-1]))
		if err != nil {
			t.Error(err)
		}
		return number
	}
	ctx, cancel := context.WithCancel(deadline(t))
	var acknowledged, reads atomic.Int64
	var working sync.WaitGroup
	working.Go(func() {
		for number := 1; ctx.Err() == nil; {
			for _, node := range nodes {
				if _, err := node.Propose(ctx, []byte(strconv.Itoa(number))); err == nil {
					acknowledged.Store(int64(number))
					number++
				}
			}
		}
	})
	for _, node := range nodes {
		working.Go(func() {
			for ctx.Err() == nil {
				least := acknowledged.Load()
				if _, err := node.ConfirmLeadership(ctx); err != nil {
					time.Sleep(time.Millisecond)
					continue
				}
				reads.Add(1)
				if got := latest(node); int64(got) < least {
					t.Errorf("node %s reads %d after %d was acknowledged", node.cfg.NodeID, got, least)
				}
			}
		})
	}
	for range 15 {
		before := acknowledged.Load()
		wait(t, "proposals by the new leader", func() bool { return acknowledged.Load() >= before+3 })
		c.leader().TransferLeadership(ctx, raftlog.Member{}) //nolint:errcheck // it may have gone already
	}
	cancel()
	working.Wait()
	if reads.Load() == 0 {
		t.Error("nobody could read")
	}
}

func TestOnlyALeaderWithAMajorityIsConfirmed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, nil)
	watching := c.start(3, nil)
	if err := c.leader().AddNonvoter(deadline(t), watching.cfg.NodeID, watching.port.Bind); err != nil {
		t.Fatal(err)
	}
	c.propose("first")
	c.waitSameState(1)
	c.lead(c.nodes["n1"])
	leader, other := c.nodes["n1"], c.nodes["n2"]
	term, _ := leader.LeaderTerm()
	var reading sync.WaitGroup
	for range 100 {
		reading.Go(func() {
			if confirmed, err := leader.ConfirmLeadership(deadline(t)); err != nil || confirmed != term {
				t.Errorf("confirmed in term %d (%v), want %d", confirmed, err, term)
			}
		})
	}
	reading.Wait()
	for _, node := range []*clusterNode{other, watching} {
		if _, err := node.ConfirmLeadership(deadline(t)); !errors.Is(err, raftlog.ErrNotLeader) {
			t.Errorf("%s: %v", node.cfg.NodeID, err)
		}
	}
	// A nonvoter's answers are not a majority's.
	c.kill(other)
	if _, err := leader.ConfirmLeadership(deadline(t)); !errors.Is(err, raftlog.ErrNotLeader) {
		t.Errorf("without a majority: %v", err)
	}
	closeNode(t, leader.Node)
	if _, err := leader.ConfirmLeadership(deadline(t)); !errors.Is(err, raftlog.ErrStopped) {
		t.Errorf("stopped: %v", err)
	}
}

// Nobody needs to be asked.
func TestLoneLeaderIsConfirmedAtOnce(t *testing.T) {
	node := lead(t, lone(t, raftlog.LogStoreWAL), raftlogtest.New())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := node.ConfirmLeadership(ended); err != nil {
		t.Error(err)
	}
}

// BenchmarkConfirmLeadership sketches a heartbeat to each member and back, for all who read at that time.
func BenchmarkConfirmLeadership(b *testing.B) {
	for _, readers := range []int{1, 64} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			c := newCluster(b, 3, nil)
			leader := c.leader()
			b.ReportAllocs()
			b.ResetTimer()
			var left atomic.Int64
			left.Store(int64(b.N))
			var reading sync.WaitGroup
			for range readers {
				reading.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := leader.ConfirmLeadership(context.Background()); err != nil {
							b.Error(err)
						}
					}
				})
			}
			reading.Wait()
		})
	}
}
