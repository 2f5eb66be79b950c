package server

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	walfs "github.com/hashicorp/raft-wal/fs"

	"kont/raftlog/link/linktest"
	"kont/server/peers"
	"kont/statemachine/command"
)

// beginChange keeps changes of the members from a node.
func beginChange(t *testing.T, leader *Node) (end func()) {
	t.Helper()
	end, err := leader.members.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// whileChanging calls change while f waits for its turn.
func whileChanging(t *testing.T, leader *Node, f func() error, change func() error) (ofF error) {
	t.Helper()
	end := beginChange(t, leader)
	done := make(chan error, 1)
	go func() { done <- f() }()
	time.Sleep(200 * time.Millisecond)
	if err := change(); err != nil {
		t.Error(err)
	}
	end()
	return <-done
}

// A node that starts while it is removed stays removed.
func TestNodeDoesNotRegisterWhileItIsRemoved(t *testing.T) {
	t.Parallel()
	for _, moves := range []bool{false, true} {
		c := newTestCluster(t, 3)
		leader, about := c.leader(), c.follower().self()
		if moves {
			about.RaftAddress = linktest.FreeAddress(t)
		}
		err := whileChanging(t, leader, func() error { return leader.members.Register(t.Context(), about) }, func() error {
			err := leader.raft.RemoveServer(t.Context(), peers.NameOf(about.ID))
			if err == nil {
				_, err = leader.proposer.Propose(t.Context(), command.ForgetNode{NodeID: about.ID})
			}
			return err
		})
		_, isKnown := leader.store.Nodes().Of(about.ID)
		if voters := c.voters(); !errors.Is(err, peers.ErrRemoved) || isKnown || slices.Contains(voters, about.ID) {
			t.Errorf("moves: %v: registered with %v, it is known: %v, voters %v", moves, err, isKnown, voters)
		}
	}
}

// A vote that is given when it is about to be taken is taken.
func TestVoteIsTakenWhileItIsGiven(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, about := c.leader(), c.follower().self()
	end := beginChange(t, leader) // keeps the vote from it
	err := leader.raft.DemoteVoter(t.Context(), peers.NameOf(about.ID))
	end()
	if err != nil {
		t.Fatal(err)
	}
	take := func() error { _, err := leader.SetVote(t.Context(), about.ID, false); return err }
	give := func() error { return leader.raft.AddVoter(t.Context(), peers.NameOf(about.ID), about.RaftAddress) }
	if err := whileChanging(t, leader, take, give); err != nil {
		t.Error(err)
	}
	if voters := c.voters(); slices.Contains(voters, about.ID) {
		t.Errorf("voters %v", voters)
	}
}

// others are the ids of all nodes but one.
func (c *testCluster) others(node *Node) (ids []int32) {
	for id := range c.nodes {
		if id != node.identity.NodeID {
			ids = append(ids, id)
		}
	}
	return ids
}

// Each of two removals leaves a majority, and both do not.
func TestTwoRemovalsAtATimeLeaveAMajority(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 4)
	leader := c.leader()
	others := c.others(leader)
	c.stop(others[0])
	removed := make(chan error, 2)
	for _, id := range others[1:] {
		go func() { removed <- leader.RemoveNode(t.Context(), id) }()
	}
	if first, second := <-removed, <-removed; (first == nil) == (second == nil) {
		t.Errorf("removed with %v, and with %v", first, second)
	}
	if voters := c.voters(); len(voters) != 3 {
		t.Errorf("voters %v", voters)
	}
	if _, err := leader.proposer.Propose(testContext(t), command.ForgetNode{NodeID: 9}); err != nil {
		t.Errorf("nothing can be agreed on: %v", err)
	}
}

// A removal whose client has gone while it waits for an entry that nobody writes may be made all the same: the next one counts with it.
func TestRemovalWithoutItsClientCountsForTheNext(t *testing.T) {
	t.Parallel()
	disks := map[int32]*stuckFiles{}
	c := newTestCluster(t, 4, func(settings *Config) {
		files := &stuckFiles{VFS: walfs.New()}
		disks[settings.Cluster.NodeID] = files
		settings.LogFiles = files
	})
	leader := c.leader()
	others := c.others(leader)
	c.stop(others[0])
	disks[others[1]].stuck.Lock()
	unlock := sync.OnceFunc(disks[others[1]].stuck.Unlock)
	t.Cleanup(unlock)
	joining := c.nodes[others[1]].self()
	joining.ID, joining.DirectoryID[0], joining.RaftAddress = 9, joining.DirectoryID[0]+1, "127.0.0.1:1"
	join, leave := context.WithCancel(t.Context())
	joined := make(chan error, 1)
	go func() { _, err := leader.members.Join(join, joining); joined <- err }()
	waitFor(t, "the member that joins", func() bool {
		members, err := leader.raft.Members()
		return err == nil && len(members) == 5
	})
	leave()
	if err := <-joined; !errors.Is(err, context.Canceled) {
		t.Errorf("joined with %v", err)
	}
	if err := leader.RemoveNode(deadlineIn(t, 100*time.Millisecond), others[2]); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a removal that cannot know of what it is one: %v", err)
	}
	unlock()
	if err := leader.RemoveNode(testContext(t), 9); err != nil {
		t.Errorf("a removal when the outcome is known: %v", err)
	}
	if voters := c.voters(); len(voters) != 4 {
		t.Errorf("voters %v", voters)
	}
	if _, err := leader.proposer.Propose(testContext(t), command.ForgetNode{NodeID: 9}); err != nil {
		t.Errorf("nothing can be agreed on: %v", err)
	}
}

func deadlineIn(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// A removal that no majority has agreed on is none: the node that is told of it would end, and its directory be emptied.
func TestNodeIsNotToldThatItIsRemovedByOneThatLeadsNoMore(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, about := c.leader(), c.follower().self()
	err := whileChanging(t, leader, func() error { return leader.members.Register(t.Context(), about) }, func() error {
		c.cutOff(leader)
		if err := leader.raft.RemoveServer(t.Context(), peers.NameOf(about.ID)); err == nil {
			return errors.New("it was removed without a majority")
		}
		return nil
	})
	if err == nil || isFinal(err) {
		t.Errorf("the node that starts is told %v", err)
	}
}

// One that was frozen takes itself for the leader still, and has not heard who has come in by the next one.
func TestNodeIsNotToldThatItIsRemovedByOneThatHasNotHeardOfIt(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, about := c.leader(), c.follower().self()
	about.ID, about.RaftAddress = 4, "127.0.0.1:1"
	c.cutOff(leader)
	if err := leader.members.Register(t.Context(), about); err == nil || isFinal(err) {
		t.Errorf("it is told %v", err)
	}
}

// cutOff leaves a node without the others, which it has not noticed yet.
func (c *testCluster) cutOff(node *Node) {
	var closing sync.WaitGroup
	for _, other := range c.nodes {
		if other != node {
			closing.Go(func() { other.raft.Close() }) //nolint:errcheck // an error is of no interest here
		}
	}
	closing.Wait()
}
