package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"kont/raftlog/link/linktest"
	"kont/server/api"
	"kont/server/config"
	"kont/server/peers"
)

// What is said of a vote holds over a restart, whatever the node says of itself then.
func TestVoteIsGivenAndTaken(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 1)
	c.configure(2, linktest.FreeAddress(t), config.Cluster{Join: []string{c.peers[0].Address}, Nonvoter: true})
	c.start(2)
	wantVoters := func(want ...int32) {
		t.Helper()
		for _, when := range []string{"at once", "after two rounds of promotion", "after a restart"} {
			if got := c.voters(); !slices.Equal(got, want) {
				t.Fatalf("%s: voters %v, want %v", when, got, want)
			}
			if when == "at once" {
				time.Sleep(2 * promoteEvery)
			} else {
				c.stop(2)
				c.start(2)
			}
		}
	}
	leader := c.nodes[1]
	waitFor(t, "its vote", func() bool { // it follows, and may lack a little yet
		isVoter, err := c.leader().SetVote(t.Context(), 2, true)
		return err == nil && isVoter
	})
	wantVoters(1, 2)
	if _, err := c.leader().TransferLeadership(testContext(t), 1); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "node 1 to lead", func() bool { return leader.leading.isReady.Load() })
	for range 2 { // it may be said again
		if isVoter, err := leader.SetVote(t.Context(), 2, false); err != nil || isVoter {
			t.Fatalf("is a voter: %v, %v", isVoter, err)
		}
	}
	wantVoters(1)
	// A change of address is no change of its vote.
	c.stop(2)
	moved := c.configs[2]
	moved.Cluster.RaftAddr, moved.Cluster.Nonvoter = linktest.FreeAddress(t), false
	c.configs[2] = moved
	c.start(2)
	wantVoters(1)

	var refusal *api.Error
	if _, err := leader.SetVote(t.Context(), 1, false); !errors.As(err, &refusal) || refusal.Code != "leader" {
		t.Errorf("the leader's: %v", err)
	}
	if _, err := leader.SetVote(t.Context(), 3, true); !errors.As(err, &refusal) || refusal.Status != http.StatusNotFound || !strings.Contains(refusal.Hint, "--join "+c.peers[0].Address) {
		t.Errorf("of nobody: %v", err)
	}
	if isVoter, err := leader.SetVote(t.Context(), 1, true); err != nil || !isVoter {
		t.Errorf("the leader votes: %v, %v", isVoter, err)
	}
}

// The majority that a change leaves must be there, or the cluster stands still and can't take it back.
func TestNoChangeLeavesVotersOfWhichMostDoNotAnswer(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	dead := c.follower().identity.NodeID
	c.stop(dead)
	leader, follower := c.leader(), c.follower().identity.NodeID
	var refusal *api.Error
	if err := leader.RemoveNode(t.Context(), follower); !errors.As(err, &refusal) || refusal.Code != "no_majority" {
		t.Errorf("remove: %v", err)
	}
	if _, err := leader.SetVote(t.Context(), follower, false); !errors.As(err, &refusal) || refusal.Code != "no_majority" {
		t.Errorf("take the vote: %v", err)
	}
	if voters := c.voters(); len(voters) != 3 {
		t.Errorf("voters %v", voters)
	}
	if err := leader.RemoveNode(t.Context(), dead); err != nil {
		t.Errorf("remove the one that is missing: %v", err)
	}
	if err := leader.RemoveNode(t.Context(), follower); err != nil {
		t.Errorf("then the other one: %v", err)
	}
}

// Who waits for a cluster to be ready and then stops a node wants all votes to be there.
func TestNodeIsNotWellBeforeItHasItsVote(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, follower := c.leader(), c.follower().identity.NodeID
	stateOf := func() string {
		cluster, err := leader.Cluster(t.Context())
		if err != nil || len(cluster.Nodes) != 3 {
			t.Fatalf("%+v, %v", cluster, err)
		}
		return cluster.Nodes[follower-1].State
	}
	end := beginChange(t, leader) // keeps the vote from it
	err := leader.raft.DemoteVoter(t.Context(), peers.NameOf(follower))
	state := stateOf()
	end()
	if err != nil || state != api.NodeCatchesUp {
		t.Errorf("without its vote it %s, %v", state, err)
	}
	waitFor(t, "its vote", func() bool { return stateOf() == api.NodeFollows })
	if _, err := leader.SetVote(t.Context(), follower, false); err != nil {
		t.Fatal(err)
	}
	if state := stateOf(); state != api.NodeFollows {
		t.Errorf("one that shall not vote %s", state)
	}
}

func TestAnyNodeTellsOfTheOthersWhileNoneLeads(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader := c.leader().identity.NodeID
	var left []int32
	for id := range c.nodes {
		if id != leader {
			left = append(left, id)
		}
	}
	c.stop(leader)
	c.stop(left[1])
	node := c.nodes[left[0]]
	waitFor(t, "the loss of the leader", func() bool { leader, _ := node.cluster.Leader(); return leader < 0 })
	response, err := http.Get("http://" + node.HTTPAddress() + "/api/v1/cluster")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var cluster api.Cluster
	if err := json.NewDecoder(response.Body).Decode(&cluster); err != nil || response.StatusCode != http.StatusOK || cluster.LeaderID != 0 || len(cluster.Nodes) != 3 {
		t.Fatalf("%s %+v, %v", response.Status, cluster, err)
	}
	for _, told := range cluster.Nodes {
		want := api.NodeUnreachable
		if told.ID == left[0] {
			want = api.NodeWaits
		}
		if told.State != want || told.IsWell() {
			t.Errorf("node %d %s, want %s", told.ID, told.State, want)
		}
	}
	other, err := http.Get("http://" + node.HTTPAddress() + "/api/v1/topics")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Body.Close()
	var refusal api.Error
	if err := json.NewDecoder(other.Body).Decode(&refusal); err != nil || refusal.Code != "not_leader" || !strings.Contains(refusal.Hint, "kont cluster status") {
		t.Errorf("what only the leader can: %+v, %v", refusal, err)
	}
	// It may be sent what is the leader's, if it led a moment ago.
	_, voteErr := node.SetVote(t.Context(), left[0], true)
	_, transferErr := node.TransferLeadership(t.Context(), left[0])
	for what, err := range map[string]error{"give a vote": voteErr, "transfer": transferErr, "remove": node.RemoveNode(t.Context(), left[1])} {
		if !errors.Is(err, errNoLeader) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A node that is alone says what it lacks.
func TestLoneNodeHasNobodyToChange(t *testing.T) {
	alone := startNode(t, testConfig(t.TempDir()))
	_, voteErr := alone.SetVote(t.Context(), 2, true)
	_, transferErr := alone.TransferLeadership(t.Context(), 0)
	for hint, err := range map[string]error{"this node is alone; start it with a --raft-addr": voteErr, "let one join": transferErr} {
		var refusal *api.Error
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Hint, hint) {
			t.Errorf("got %v, want the hint %s", err, hint)
		}
	}
	cluster, err := alone.Cluster(t.Context())
	if err != nil || len(cluster.Nodes) != 1 || cluster.Nodes[0].RaftAddress != "" || !cluster.Nodes[0].IsVoter || !cluster.Nodes[0].IsWell() {
		t.Errorf("%+v, %v", cluster, err)
	}
}

// startWithoutData lets a node that is stopped answer others as one that has lost its disk, and looks in vain for its cluster, until the test ends.
func (c *testCluster) startWithoutData(id int32) {
	c.Helper()
	if err := os.RemoveAll(c.configs[id].DataDir); err != nil {
		c.Fatal(err)
	}
	lost := c.configs[id]
	lost.Cluster.Peers, lost.Cluster.Join = nil, []string{linktest.FreeAddress(c)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { _, err := Start(ctx, lost); ended <- err }()
	c.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			c.Error(err)
		}
	})
	waitFor(c, "its answer", func() bool {
		_, err := c.leader().calls.Status(context.Background(), lost.Cluster.RaftAddr)
		return err == nil
	})
}

// A new cluster has so few entries that a node with none of them seems to have caught up.
func TestNodeWithoutItsDataGetsNoVote(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 1)
	c.configure(2, linktest.FreeAddress(t), config.Cluster{Join: []string{c.peers[0].Address}, Nonvoter: true})
	c.start(2)
	c.stop(2)
	c.startWithoutData(2)
	if isVoter, err := c.leader().SetVote(t.Context(), 2, true); err != nil || isVoter {
		t.Errorf("is a voter: %v, %v", isVoter, err)
	}
	time.Sleep(2 * promoteEvery)
	if members, err := c.nodes[1].raft.Members(); err != nil || len(members) != 2 || members[1].Voter {
		t.Errorf("members %+v, %v", members, err)
	}
}

func TestNodeWithoutItsDataIsNoneOfTheMajorityThatIsLeft(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	lost := c.follower().identity.NodeID
	c.stop(lost)
	c.startWithoutData(lost)
	var refusal *api.Error
	if err := c.leader().RemoveNode(t.Context(), c.follower().identity.NodeID); !errors.As(err, &refusal) || refusal.Code != "no_majority" {
		t.Errorf("remove: %v", err)
	}
}
