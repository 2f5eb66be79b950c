package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/raftlog"
	"kont/raftlog/link"
	"kont/raftlog/link/linktest"
	"kont/server/api"
	"kont/server/config"
	"kont/server/peers"
	"kont/statemachine/command"
)

// testCluster is some nodes in this process, by their ids. Its methods that end a test are for the test's own goroutine.
type testCluster struct {
	testing.TB
	peers   []config.Peer
	configs map[int32]Config
	nodes   map[int32]*Node
}

// newTestCluster starts nodes that form a cluster, and changes their settings before.
func newTestCluster(t testing.TB, size int32, change ...func(*Config)) *testCluster {
	t.Helper()
	c := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	for id := range size {
		c.peers = append(c.peers, config.Peer{NodeID: id + 1, Address: linktest.FreeAddress(t)})
	}
	var ids []int32
	for _, peer := range c.peers {
		c.configure(peer.NodeID, peer.Address, config.Cluster{Peers: c.peers})
		settings := c.configs[peer.NodeID]
		for _, f := range change {
			f(&settings)
		}
		c.configs[peer.NodeID] = settings
		ids = append(ids, peer.NodeID)
	}
	c.start(ids...)
	return c
}

// configure makes the configuration of a node with addresses that it keeps.
func (c *testCluster) configure(id int32, raftAddr string, cluster config.Cluster) {
	c.Helper()
	settings := testConfig(c.TempDir())
	settings.Cluster = cluster
	settings.Cluster.NodeID, settings.Cluster.RaftAddr = id, raftAddr
	settings.KafkaListen, settings.HTTPListen = linktest.FreeAddress(c), linktest.FreeAddress(c)
	c.configs[id] = settings
}

// start starts nodes at the same time and waits until all take requests.
func (c *testCluster) start(ids ...int32) {
	c.Helper()
	type started struct {
		node *Node
		err  error
	}
	ctx := testContext(c)
	all := make([]started, len(ids))
	var starting sync.WaitGroup
	for i, id := range ids {
		starting.Go(func() { all[i].node, all[i].err = Start(ctx, c.configs[id]) })
	}
	starting.Wait()
	for i, id := range ids {
		if all[i].err != nil {
			c.Fatal(all[i].err)
		}
		node := all[i].node
		c.nodes[id] = node
		c.Cleanup(func() { node.Close() }) //nolint:errcheck // one that was stopped by a test has its error there
	}
}

func (c *testCluster) stop(id int32) {
	c.Helper()
	if err := c.nodes[id].Close(); err != nil {
		c.Errorf("close node %d: %v", id, err)
	}
	delete(c.nodes, id)
}

// leader waits for a node that leads and has begun to. Of two it is the one that leads in the later term: the other has not
// noticed yet.
func (c *testCluster) leader() (leader *Node) {
	c.Helper()
	waitFor(c, "a leader", func() bool {
		latest := uint64(0)
		for _, node := range c.nodes {
			if term, leads := node.raft.LeaderTerm(); leads && term > latest && node.leading.isReady.Load() {
				leader, latest = node, term
			}
		}
		return leader != nil
	})
	return leader
}

// follower is some node that does not lead.
func (c *testCluster) follower() *Node {
	c.Helper()
	leader := c.leader()
	for _, node := range c.nodes {
		if node != leader {
			return node
		}
	}
	c.Fatal("no node follows")
	return nil
}

// client knows all nodes.
func (c *testCluster) client(options ...kgo.Opt) *kgo.Client {
	c.Helper()
	var seeds []string
	for _, settings := range c.configs {
		seeds = append(seeds, settings.KafkaListen)
	}
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(seeds...), kgo.ProducerLinger(0), kgo.FetchMaxWait(time.Second),
		kgo.MetadataMinAge(50 * time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond })}, options...)...)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(client.Close)
	return client
}

// voters are the ids of the nodes with a vote, as the leader knows them.
func (c *testCluster) voters() (ids []int32) {
	c.Helper()
	members, err := c.leader().raft.Members()
	if err != nil {
		c.Fatal(err)
	}
	for _, member := range members {
		if member.Voter {
			ids = append(ids, peers.NodeIDOf(member.ID))
		}
	}
	return ids
}

func TestFirstNodesFormOneCluster(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	clusterID := c.nodes[1].identity.ClusterID
	for id, node := range c.nodes {
		if node.identity.ClusterID != clusterID || clusterID == "" {
			t.Errorf("node %d is in cluster %q, node 1 in %q", id, node.identity.ClusterID, clusterID)
		}
		waitFor(t, "each node to know of all", func() bool {
			return len(node.cluster.Brokers("PLAINTEXT")) == 3 && node.Health(t.Context()).Ready
		})
	}
	// The founder comes again as a member, and founds nothing.
	c.stop(1)
	c.start(1)
	if got := c.nodes[1].identity; got.ClusterID != clusterID || got.IsFounder || !got.IsMember {
		t.Errorf("node 1 comes again as %+v", got)
	}
}

// Whoever leads: what was acknowledged is there, and workflows go on.
func TestClusterGoesOnWithoutItsLeader(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	deployPuppet(t, c.leader())
	client := c.client()
	produce(t, client, command.TopicResume, "a", `new:"begin"`)
	for _, order := range []string{"one", "two", "end"} {
		stopped := c.leader().identity.NodeID
		c.stop(stopped)
		produce(t, client, command.TopicResume, "a", fmt.Sprintf(`{"ref":"r","value":%q}`, order))
		c.start(stopped)
	}
	consumer := c.client(kgo.ConsumeTopics(command.TopicResult), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	fetches := consumer.PollFetches(testContext(t))
	if err := fetches.Err0(); err != nil {
		t.Fatal(err)
	}
	if records := fetches.Records(); len(records) != 1 || string(records[0].Value) != "begin;one;two;end;" {
		t.Errorf("results %v", records)
	}
}

// A node without its data is taken for a new one, and gets it all.
func TestNodeThatLostItsDiskComesBack(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	client := c.client(kgo.AllowAutoTopicCreation())
	produce(t, client, "orders", "a", "1")
	for _, id := range []int32{c.follower().identity.NodeID, c.leader().identity.NodeID, 1} {
		c.stop(id)
		produce(t, client, "orders", "a", "while it was away")
		if err := os.RemoveAll(c.configs[id].DataDir); err != nil {
			t.Fatal(err)
		}
		c.start(id)
		waitFor(t, "its vote", func() bool { return len(c.voters()) == 3 })
	}
	leader := c.leader()
	for id, node := range c.nodes {
		waitFor(t, fmt.Sprintf("the records on node %d", id), func() bool {
			var count int64
			for p := range int32(8) {
				if state, err := node.store.Partition("orders", p); err == nil {
					count += state.NextOffset
				}
			}
			return count == 4 && node.store.AppliedIndex() >= leader.store.AppliedIndex()
		})
	}
}

func TestNodesJoinAndFollowWithoutAVote(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 1)
	client := c.client(kgo.AllowAutoTopicCreation())
	produce(t, client, "orders", "a", "1")
	c.configure(2, linktest.FreeAddress(t), config.Cluster{Join: []string{c.peers[0].Address}})
	c.configure(3, linktest.FreeAddress(t), config.Cluster{Join: []string{"127.0.0.1:1", c.configs[2].Cluster.RaftAddr, c.peers[0].Address}, Nonvoter: true})
	c.start(2)
	c.start(3)
	waitFor(t, "the vote of node 2", func() bool { return len(c.voters()) == 2 })
	time.Sleep(2 * promoteEvery)
	if voters := c.voters(); len(voters) != 2 {
		t.Errorf("voters %v", voters)
	}
	for id, node := range c.nodes {
		if _, err := node.store.Partition("orders", 0); err != nil {
			t.Errorf("node %d: %v", id, err)
		}
	}
	// It is in the cluster now, whatever it was told to join.
	c.stop(2)
	changed := c.configs[2]
	changed.Cluster.Join = []string{"127.0.0.1:1"}
	c.configs[2] = changed
	c.start(2)
}

func TestNodeIDsAreNotGivenTwice(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	follower := c.follower().identity.NodeID
	for _, id := range []int32{follower, c.leader().identity.NodeID} {
		second := testConfig(t.TempDir())
		second.Cluster = config.Cluster{NodeID: id, RaftAddr: linktest.FreeAddress(t), Join: []string{c.peers[0].Address, c.peers[1].Address}}
		_, err := Start(testContext(t), second)
		if !errors.Is(err, command.ErrNodeIDTaken) && !errors.Is(err, link.ErrSameID) {
			t.Errorf("a second node %d: %v", id, err)
		}
	}
	if voters := c.voters(); len(voters) != 3 {
		t.Errorf("voters %v", voters)
	}
	// With a copy of its data, the first one ends: the address is the second's now.
	copied := c.configs[follower]
	copied.DataDir = filepath.Join(t.TempDir(), "copy")
	c.stop(follower)
	if err := os.CopyFS(copied.DataDir, os.DirFS(c.configs[follower].DataDir)); err != nil {
		t.Fatal(err)
	}
	c.start(follower)
	copied.Cluster.RaftAddr, copied.Cluster.Peers, copied.KafkaListen, copied.HTTPListen = linktest.FreeAddress(t), nil, "127.0.0.1:0", "127.0.0.1:0"
	c.configs[follower] = copied
	first := c.nodes[follower]
	ended := make(chan error, 1)
	go func() {
		<-first.Done()
		ended <- first.Err()
		first.Close() //nolint:errcheck // the test is about why it ended
	}()
	c.start(follower)
	if err := <-ended; !strings.Contains(err.Error(), "another process runs as node") {
		t.Errorf("it ends because %v", err)
	}
}

// A machine that gets another node's number instead of its data has the address of the node that is gone.
func TestNodeAtTheAddressOfAnotherSaysWhichToRemove(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	gone := c.follower().identity.NodeID
	c.stop(gone)
	leader := c.leader()
	c.configure(4, c.configs[gone].Cluster.RaftAddr, config.Cluster{Join: []string{leader.port.Address()}})
	hint := fmt.Sprint("kont cluster remove ", gone)
	about := leader.self()
	about.ID, about.RaftAddress = 4, c.configs[gone].Cluster.RaftAddr
	if _, err := leader.members.Join(t.Context(), about); err == nil || !strings.Contains(err.Error(), hint) {
		t.Errorf("joins: %v", err)
	}
	other := c.follower().self()
	other.RaftAddress = about.RaftAddress
	if err := leader.members.Register(t.Context(), other); err == nil || !strings.Contains(err.Error(), hint) {
		t.Errorf("moves: %v", err)
	}
	if known, _ := leader.store.Nodes().Of(other.ID); known.RaftAddress == other.RaftAddress {
		t.Error("it is known to be there")
	}
	if err := leader.RemoveNode(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	c.start(4)
}

func TestNodeMayMove(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	id := c.follower().identity.NodeID
	c.stop(id)
	moved := c.configs[id]
	moved.Cluster.RaftAddr, moved.Cluster.Peers = linktest.FreeAddress(t), nil
	c.configs[id] = moved
	c.start(id)
	members, err := c.leader().raft.Members()
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range members {
		if member.ID == peers.NameOf(id) && (member.Address != moved.Cluster.RaftAddr || !member.Voter) {
			t.Errorf("node %d is known as %+v, and is at %s", id, member, moved.Cluster.RaftAddr)
		}
	}
}

// A node of the release before, which was alone and registered nowhere, is itself again, and can have others.
func TestNodeThatWasAloneGetsCompany(t *testing.T) {
	t.Parallel()
	c := &testCluster{TB: t, configs: map[int32]Config{1: testConfig(t.TempDir())}, nodes: map[int32]*Node{}}
	c.start(1)
	produce(t, newClient(t, c.nodes[1], kgo.AllowAutoTopicCreation()), "orders", "a", "1")
	clusterID := c.nodes[1].identity.ClusterID
	if _, err := c.nodes[1].proposer.Propose(testContext(t), command.ForgetNode{NodeID: 1}); err != nil {
		t.Fatal(err)
	}
	c.stop(1)
	settings := c.configs[1]
	before := fmt.Sprintf(`{"version":1,"cluster_id":%q}`, clusterID)
	if err := os.WriteFile(filepath.Join(settings.DataDir, identityFile), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // alone, as before, and with an address for others
		c.start(1)
		if got := c.nodes[1].identity; got.ClusterID != clusterID || !got.IsMember {
			t.Fatalf("it comes again as %+v", got)
		}
		c.stop(1)
		settings.Cluster.RaftAddr = linktest.FreeAddress(t)
		c.configs[1] = settings
	}
	c.start(1)
	c.configure(2, linktest.FreeAddress(t), config.Cluster{Join: []string{settings.Cluster.RaftAddr}})
	c.start(2)
	waitFor(t, "the vote of node 2", func() bool { return len(c.voters()) == 2 })
	if state, err := c.nodes[2].store.Partition("orders", 0); err != nil || state.NextOffset != 1 {
		t.Errorf("node 2 has of it %+v, %v", state, err)
	}
}

// A command that a node of the cluster does not know stops that node: it is not proposed.
func TestCommandsWaitUntilAllNodesKnowThem(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	held := &proposer{log: n.raft, level: func() command.Level { return 0 }, observe: n.proposer.observe}
	before := n.store.AppliedIndex()
	if _, err := held.Propose(t.Context(), command.AllocateProducerIDs{Count: 1}); !errors.Is(err, command.ErrUnavailable) || !strings.Contains(err.Error(), "AllocateProducerIDs is of level 1") {
		t.Errorf("got %v", err)
	}
	if n.store.AppliedIndex() != before {
		t.Error("it is in the log")
	}
}

func TestHTTPRequestsReachTheLeader(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	follower := c.follower()
	for path, want := range map[string]string{
		"/api/v1/thread?key=nobody": `"code":"unknown_thread"`,
		"/api/v1/topics":            command.TopicResume,
		"/api/v1/nothing":           `"code":"not_found"`,
		"/readyz":                   `"ready":true`,
	} {
		response, err := http.Get("http://" + follower.HTTPAddress() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s %s, %v; want %s", path, response.Status, body, err, want)
		}
	}
	// The follower has turned away whom it should.
	request, err := http.NewRequest(http.MethodDelete, "http://"+follower.HTTPAddress()+"/api/v1/thread?key=a", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "http://evil.example")
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another site is answered with %s", response.Status)
	}
}

// Until others notice that the leader is gone, requests are sent to it.
func TestLeaderThatDoesNotAnswerIsNoErrorOfTheNodeThatIsAsked(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, follower := c.leader(), c.follower()
	if err := leader.port.Close(); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		recorder := httptest.NewRecorder()
		isSent := follower.toLeader(recorder, httptest.NewRequest(method, "/api/v1/thread?key=a", nil), func(_ http.ResponseWriter, _ *http.Request, err error) {
			var refusal *api.Error
			if !errors.As(err, &refusal) || refusal.Status != http.StatusServiceUnavailable || refusal.Code != "not_leader" || !strings.Contains(refusal.Hint, "try again") {
				t.Errorf("%s: %v", method, err)
			}
		})
		if !isSent {
			t.Errorf("%s is not sent to the leader", method)
		}
	}
}

// What was sent to a leader that hangs is answered when another one leads.
func TestNobodyWaitsForALeaderThatHangsAndLeadsNoMore(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	leader, follower := c.leader(), c.follower()
	arrived := make(chan struct{})
	var hangs http.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	leader.forwarded.Store(&hangs)
	requests := map[string]string{"GET /api/v1/threads": `"code":"not_leader"`, "DELETE /api/v1/cluster/node?id=9": `it may have been done all the same`, "GET /api/v1/cluster": `"leader_id":`}
	var asking sync.WaitGroup
	for request, want := range requests {
		asking.Go(func() {
			method, path, _ := strings.Cut(request, " ")
			sent, err := http.NewRequestWithContext(testContext(t), method, "http://"+follower.HTTPAddress()+path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			response, err := http.DefaultClient.Do(sent)
			if err != nil {
				t.Errorf("%s: %v", request, err)
				return
			}
			defer response.Body.Close()
			if body, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(body), want) {
				t.Errorf("%s: %s %s, %v; want %s", request, response.Status, body, err, want)
			}
		})
	}
	for range requests {
		<-arrived
	}
	if err := leader.raft.TransferLeadership(testContext(t), raftlog.Member{}); err != nil {
		t.Error(err)
	}
	asking.Wait()
}

// A leader whose disk is full leads no more, says so, and sends its clients to another; what was acknowledged is there.
func TestClusterGoesOnWhenItsLeadersDiskIsFull(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	for _, id := range []int32{1, 2, 3} {
		c.stop(id)
	}
	disks := map[int32]*fullDisk{}
	for id, settings := range c.configs {
		disks[id] = &fullDisk{FS: vfs.Default}
		settings.FS = disks[id]
		c.configs[id] = settings
	}
	c.start(1, 2, 3)
	client := c.client(kgo.AllowAutoTopicCreation())
	produce(t, client, "orders", "a", "1")
	full := c.leader()
	id := full.identity.NodeID
	disks[id].isFull.Store(true)
	if err := full.store.Flush(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("flush on a full disk: %v", err)
	}
	waitFor(t, "another leader", func() bool {
		for other, node := range c.nodes {
			if other != id && node.leading.isReady.Load() {
				return true
			}
		}
		return false
	})
	if health := full.Health(t.Context()); health.Ready || health.IsLeader || !strings.Contains(health.Reason, "no space left") {
		t.Errorf("the full node: %+v", health)
	}
	produce(t, client, "orders", "a", "2")
	// It tells those who come to it who leads.
	if leader, _ := full.cluster.Leader(); leader == id {
		t.Error("the full node takes itself for the leader")
	}
	disks[id].isFull.Store(false)
	c.stop(id)
	c.start(id)
	waitFor(t, "its state", func() bool {
		var count int64
		for p := range int32(8) {
			if state, err := c.nodes[id].store.Partition("orders", p); err == nil {
				count += state.NextOffset
			}
		}
		return count == 2
	})
}

// Clients pass over metadata with an older epoch than they have, and so would not hear that the leader is gone.
func TestEpochDoesNotGoBackWhileNobodyLeads(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 1)
	c.configure(2, linktest.FreeAddress(t), config.Cluster{Join: []string{c.peers[0].Address}, Nonvoter: true})
	c.start(2)
	observer := c.nodes[2].cluster
	leader, epoch := observer.Leader()
	if leader != 1 || epoch < 1 {
		t.Fatalf("node %d leads in epoch %d", leader, epoch)
	}
	c.stop(1)
	waitFor(t, "the loss of the leader", func() bool { leader, _ := observer.Leader(); return leader < 0 })
	if _, now := observer.Leader(); now < epoch {
		t.Errorf("epoch %d after %d", now, epoch)
	}
}

// The log is trimmed as the settings say, so that a node that was away for longer gets the state.
func TestNodeThatIsFarBehindGetsTheState(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3, func(settings *Config) {
		settings.RaftLogSnapshotBytes, settings.RaftLogTrailingBytes = 64<<10, 64<<10
		settings.RaftLogStore = config.RaftLogStoreBoltDB // a wal has all of its last segment to give
	})
	client := c.client(kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	away := c.follower()
	id, had := away.identity.NodeID, away.store.AppliedIndex()
	c.stop(id)
	value := strings.Repeat("x", 16<<10)
	isGone := func() bool { // from both, whichever of them leads then; the node may have more than it has applied
		for _, node := range c.nodes {
			if node.raft.Stats().FirstIndex <= raftlog.LogIndex(had+20) {
				return false
			}
		}
		return true
	}
	for sent := 0; !isGone(); sent++ {
		if sent > 1000 {
			t.Fatalf("%d bytes were written, and the logs have the beginning yet", sent*len(value))
		}
		produce(t, client, "orders", "a", value)
	}
	wanted := c.leader().store.AppliedIndex()
	c.start(id)
	waitFor(t, "its state", func() bool { return c.nodes[id].store.AppliedIndex() >= wanted })
	// It is counted when the old state is off the disk, which is after the new one is there to be read.
	waitFor(t, "the snapshot by which it came", func() bool { return c.nodes[id].Status(t.Context()).Stats.SnapshotsReceived > 0 })
}
