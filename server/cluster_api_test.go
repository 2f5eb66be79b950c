package server

import (
	"context"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kont/raftlog"
	"kont/server/api"
	"kont/server/certificates/certificatestest"
	"kont/server/config"
	"kont/server/peers"
)

func TestLeaderTellsOfAllNodes(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	follower := c.follower().identity.NodeID
	states := func() map[string]int {
		cluster, err := c.leader().Cluster(t.Context())
		if err != nil || cluster.LeaderID != c.leader().identity.NodeID || len(cluster.Nodes) != 3 {
			t.Fatalf("cluster %+v, %v", cluster, err)
		}
		count := map[string]int{}
		for _, node := range cluster.Nodes {
			count[node.State]++
			if node.ID == follower && node.State == api.NodeUnreachable && node.Problem == "" {
				t.Error("it does not say why a node is unreachable")
			}
			if node.RaftAddress != c.configs[node.ID].Cluster.RaftAddr || node.Kafka["PLAINTEXT"] != c.configs[node.ID].KafkaListen || !node.IsVoter {
				t.Errorf("node %d is told of as %+v", node.ID, node)
			}
		}
		return count
	}
	if got := states(); got[api.NodeLeads] != 1 || got[api.NodeFollows] != 2 {
		t.Errorf("states %v", got)
	}
	c.stop(follower)
	if got := states(); got[api.NodeLeads] != 1 || got[api.NodeFollows] != 1 || got[api.NodeUnreachable] != 1 {
		t.Errorf("states %v", got)
	}
	silence(t, c.configs[follower].Cluster.RaftAddr)
	cluster, err := c.leader().Cluster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(cluster.Nodes, func(node api.ClusterNode) bool { return strings.HasPrefix(node.Problem, "no answer from ") }) {
		t.Errorf("of a node that hangs it says %+v", cluster.Nodes)
	}
}

func TestLeaderCountsWhichFollowersAreMissing(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	follower := c.follower()
	id := follower.identity.NodeID
	if got := follower.Followers(); len(got) > 0 && !follower.raft.IsLeader() {
		t.Errorf("a follower tells of %+v", got)
	}
	// sees tells whether the leader knows of both others, and takes none for missing but that one.
	sees := func(missing int32) bool {
		followers := c.leader().Followers()
		return len(followers) == 2 && !slices.ContainsFunc(followers, func(other api.Follower) bool {
			return other.IsThere == (other.ID == missing) || other.BehindEntries > 0
		})
	}
	waitFor(t, "both to have all", func() bool { return sees(0) })
	c.stop(id)
	waitFor(t, "one to be missing", func() bool { return sees(id) })
}

// Between two steps of a rolling restart nobody may be told that all is well while the node that was restarted says otherwise.
func TestNodeThatStartsIsNotReadyBeforeItSaysSo(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, restarted := c.leader(), c.follower().identity.NodeID
	c.stop(restarted)
	ended := make(chan struct{})
	var looks sync.WaitGroup
	looks.Go(func() {
		for isLast := false; !isLast; {
			select {
			case <-ended:
				isLast = true
			default:
			}
			cluster, err := leader.Cluster(t.Context())
			if err != nil || slices.ContainsFunc(cluster.Nodes, func(node api.ClusterNode) bool { return !node.IsWell() }) {
				continue
			}
			response, err := http.Get("http://" + c.configs[restarted].HTTPListen + "/readyz")
			if err != nil {
				t.Error(err)
				return
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("the leader has all nodes well, and one says %s", response.Status)
				return
			}
		}
	})
	c.start(restarted)
	close(ended)
	looks.Wait()
}

func TestNodeIsWellWhenItSaysSoAndFollowsTheLeader(t *testing.T) {
	c := newTestCluster(t, 3)
	leader, follower := c.leader(), c.follower()
	stateOf := func() (state api.ClusterNode) {
		cluster, err := leader.Cluster(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return cluster.Nodes[slices.IndexFunc(cluster.Nodes, func(node api.ClusterNode) bool { return node.ID == follower.identity.NodeID })]
	}
	follower.isRegistered.Store(false)
	if state, says := stateOf(), follower.Health(t.Context()).Reason; state.IsWell() || state.Problem != says || says == "" {
		t.Errorf("it says %q, and the leader tells %+v", says, state)
	}
	follower.isRegistered.Store(true)
	if state := stateOf(); !state.IsWell() || state.Problem != "" {
		t.Errorf("the leader tells %+v", state)
	}

	said := follower.members.Status()
	known, _ := leader.store.Nodes().Of(said.NodeID)
	member := raftlog.Member{ID: peers.NameOf(said.NodeID), Address: known.RaftAddress, Voter: true}
	for name, test := range map[string]struct {
		change func(*peers.Status)
		isWell bool
		state  string
	}{
		"of an earlier release":  {func(s *peers.Status) { s.NotReady = "" }, true, api.NodeFollows},
		"knows of no leader":     {func(s *peers.Status) { s.LeaderID = 0 }, false, api.NodeWaits},
		"follows another leader": {func(s *peers.Status) { s.LeaderID = 9 }, false, api.NodeFollows},
		"takes no writes":        {func(s *peers.Status) { s.NotReady = "its disk" }, false, api.NodeFollows},
	} {
		status, state := said, api.ClusterNode{State: api.NodeFollows}
		test.change(&status)
		leader.judge(&state, status, member, known, said.LeaderID)
		if state.IsWell() != test.isWell || state.State != test.state {
			t.Errorf("a node that %s is %+v", name, state)
		}
	}
}

func TestRemovedNodeEndsAndJoinsOnlyWithoutItsData(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, removed := c.leader(), c.follower()
	id := removed.identity.NodeID
	var refusal *api.Error
	if err := leader.RemoveNode(t.Context(), leader.identity.NodeID); !errors.As(err, &refusal) || refusal.Status != http.StatusConflict {
		t.Errorf("remove the leader: %v", err)
	}
	if err := leader.RemoveNode(t.Context(), 9); !errors.As(err, &refusal) || refusal.Status != http.StatusNotFound {
		t.Errorf("remove nobody: %v", err)
	}
	if err := leader.RemoveNode(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	select {
	case <-removed.Done():
		if err := removed.Err(); !errors.Is(err, peers.ErrRemoved) {
			t.Errorf("it ends because %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("a removed node runs on")
	}
	c.stop(id)
	if _, err := Start(testContext(t), c.configs[id]); !errors.Is(err, peers.ErrRemoved) {
		t.Errorf("with its data: %v", err)
	}
	anew := c.configs[id]
	anew.DataDir = t.TempDir()
	c.configs[id] = anew
	c.start(id)
	waitFor(t, "its vote", func() bool { return len(c.voters()) == 3 })
}

// Between the removal from the members and from the state leadership may be lost, or the one who asked for it goes away.
func TestHalfARemovalIsCompleted(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, removed := c.leader(), c.follower()
	id := removed.identity.NodeID
	if err := leader.raft.RemoveServer(t.Context(), peers.NameOf(id)); err != nil {
		t.Fatal(err)
	}
	if err := leader.RemoveNode(t.Context(), id); err != nil {
		t.Error(err)
	}
	if known, isKnown := leader.store.Nodes().Of(id); isKnown {
		t.Errorf("it is there as %+v", known)
	}
	var refusal *api.Error
	if err := leader.RemoveNode(t.Context(), id); !errors.As(err, &refusal) || refusal.Status != http.StatusNotFound {
		t.Errorf("once more: %v", err)
	}
}

func TestLeadershipIsTransferred(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	for range 3 {
		to := c.follower().identity.NodeID
		if got, err := c.leader().TransferLeadership(testContext(t), to); err != nil || got != to {
			t.Fatalf("to node %d: node %d leads, %v", to, got, err)
		}
		waitFor(t, "the new leader", func() bool { return c.nodes[to].leading.isReady.Load() })
	}
	before := c.leader().identity.NodeID
	if got, err := c.leader().TransferLeadership(testContext(t), 0); err != nil || got == before || got == 0 {
		t.Errorf("to any: node %d leads, %v", got, err)
	}
	if _, err := c.leader().TransferLeadership(testContext(t), 9); err == nil {
		t.Error("leadership is transferred to nobody")
	}
	waitFor(t, "the new leader", func() bool { return c.leader() != nil && c.leader().leading.isReady.Load() })
	away := c.follower().identity.NodeID
	c.stop(away)
	leader := c.leader()
	var refusal *api.Error
	_, err := leader.TransferLeadership(testContext(t), away)
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Message, fmt.Sprintf("to node %d: it does not answer: ", away)) || !strings.Contains(refusal.Hint, "kont cluster status") {
		t.Errorf("to one that is away: %v", err)
	}
	if !leader.raft.IsLeader() {
		t.Error("it leads no more")
	}
}

// Nodes with certificates of the same authority are a cluster, one of another authority does not get in.
func TestNodesKnowEachOtherByCertificates(t *testing.T) {
	t.Parallel()
	ours, theirs := certificatestest.New(t), certificatestest.New(t)
	secured := func(cluster config.Cluster, by *certificatestest.Authority) config.Cluster {
		dir := t.TempDir()
		cluster.Certificate, cluster.Key, cluster.CA = filepath.Join(dir, "crt"), filepath.Join(dir, "key"), by.File
		by.Issue(pkix.Name{CommonName: "node"}, cluster.Certificate, cluster.Key)
		return cluster
	}
	c := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	c.configure(1, "127.0.0.1:0", secured(config.Cluster{}, ours))
	c.start(1)
	join := config.Cluster{Join: []string{c.nodes[1].port.Address()}}
	c.configure(2, "127.0.0.1:0", secured(join, ours))
	c.start(2)
	for name, cluster := range map[string]config.Cluster{"another authority": secured(join, theirs), "no certificate": join} {
		c.configure(3, "127.0.0.1:0", cluster)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		node, err := Start(ctx, c.configs[3])
		cancel()
		if err == nil {
			node.Close() //nolint:errcheck // it should not be there
			t.Errorf("%s: it is taken in", name)
		}
	}
	waitFor(t, "the vote of node 2", func() bool { return len(c.voters()) == 2 })
}
