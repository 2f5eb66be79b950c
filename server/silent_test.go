package server

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/raftlog/link/linktest"
	"kont/server/config"
)

// silence takes connections at an address and never answers, like a machine that hangs.
func silence(t testing.TB, address string) string {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { listener.Close(); <-ended })
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	return address
}

// startSoon starts a node that asks a silent one first, of which it has to wait for each answer in vain.
func (c *testCluster) startSoon(id int32) {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	settings := c.configs[id]
	settings.AskTimeout = time.Second
	node, err := Start(ctx, settings)
	if err != nil {
		c.Fatal(err)
	}
	c.nodes[id] = node
	c.Cleanup(func() { node.Close() }) //nolint:errcheck // nothing is wrong with it
}

func TestNodeJoinsByAnyAddressThatAnswers(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 1)
	silent := silence(t, linktest.FreeAddress(t))
	c.configure(2, linktest.FreeAddress(t), config.Cluster{Join: []string{silent, c.peers[0].Address}, Nonvoter: true})
	c.startSoon(2)
}

// The list of the first nodes stays as it was, whatever became of them.
func TestNodeThatLostItsDiskComesBackWithoutTheFirstOfItsPeers(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	c.configure(4, linktest.FreeAddress(t), config.Cluster{Join: []string{c.peers[1].Address}})
	c.start(4)
	waitFor(t, "its vote", func() bool { return len(c.voters()) == 4 })
	lead := func() {
		t.Helper()
		waitFor(t, "node 4 to lead", func() bool {
			leader := c.leader()
			if leader.identity.NodeID != 4 {
				leader.TransferLeadership(t.Context(), 4) //nolint:errcheck // it is tried again
			}
			return leader.identity.NodeID == 4
		})
	}
	lead()
	if err := c.nodes[4].RemoveNode(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	c.stop(1)
	silence(t, c.peers[0].Address)
	lead()
	c.stop(3)
	if err := os.RemoveAll(c.configs[3].DataDir); err != nil {
		t.Fatal(err)
	}
	c.startSoon(3)
}

// Only the node itself can tell where it is now: the leader looks for it at its old address.
func TestNodeThatMovesIsHeardWithoutTheFirstMember(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	c.configure(4, linktest.FreeAddress(t), config.Cluster{Join: []string{c.peers[1].Address}, Nonvoter: true})
	c.start(4)
	c.stop(4)
	c.stop(1)
	silence(t, c.peers[0].Address)
	c.leader()
	moved := c.configs[4]
	moved.Cluster.RaftAddr = linktest.FreeAddress(t)
	c.configs[4] = moved
	c.startSoon(4)
}

// startingAnswer is what a node says in JSON while it starts.
type startingAnswer struct{ Reason, Error, Code, Hint string }

// askStarting asks a node over HTTP. The status is 0 if it does not listen yet.
func askStarting(t testing.TB, settings Config, path string) (status int, answer startingAnswer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+settings.HTTPListen+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, answer
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Errorf("GET %s: %v", path, err)
	}
	return response.StatusCode, answer
}

// Whoever asks a node that waits for others learns for whom, or goes elsewhere at once.
func TestNodeThatWaitsForOthersAnswersItsClients(t *testing.T) {
	t.Parallel()
	c := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	c.configure(1, linktest.FreeAddress(t), config.Cluster{})
	first := c.configs[1].Cluster.RaftAddr
	c.configure(2, linktest.FreeAddress(t), config.Cluster{Join: []string{first}})
	entered := make(chan error, 1)
	ctx := testContext(t)
	go func() {
		node, err := Start(ctx, c.configs[2])
		if err == nil {
			t.Cleanup(func() { node.Close() }) //nolint:errcheck // nothing is wrong with it
		}
		entered <- err
	}()
	get := func(path string) (int, startingAnswer) { return askStarting(t, c.configs[2], path) }
	waitFor(t, "the node to say for whom it waits", func() bool {
		status, answer := get("/readyz")
		return status == http.StatusServiceUnavailable && strings.HasPrefix(answer.Reason, "node waits to enter a cluster: node at "+first)
	})
	if status, _ := get("/healthz"); status != http.StatusOK {
		t.Errorf("GET /healthz: %d", status)
	}
	for _, path := range []string{"/metrics", "/api/v1/cluster", "/"} {
		if status, answer := get(path); status != http.StatusServiceUnavailable || answer.Code != "unavailable" || !strings.Contains(answer.Error, first) || answer.Hint == "" {
			t.Errorf("GET %s: %d, %+v", path, status, answer)
		}
	}
	conn, err := net.Dial("tcp", c.configs[2].KafkaListen)
	if err == nil {
		conn.SetDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // the test ends in any case
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a Kafka client is not turned away: %v", err)
	}

	c.start(1)
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it to be ready", func() bool {
		status, _ := get("/readyz")
		return status == http.StatusOK
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(c.configs[2].KafkaListen))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		t.Error(err)
	}
}

// A node that is given a port for clients, or of something else, waits for ever: neither says what is wrong.
func TestNodeThatWaitsSaysWhichAddressItNeeds(t *testing.T) {
	t.Parallel()
	other := startNode(t, testConfig(t.TempDir()))
	wrong := []string{other.KafkaAddress(), other.HTTPAddress(), silence(t, linktest.FreeAddress(t))}
	nodes := &testCluster{TB: t, configs: map[int32]Config{}}
	nodes.configure(1, linktest.FreeAddress(t), config.Cluster{Join: wrong})
	nodes.configure(2, linktest.FreeAddress(t), config.Cluster{})
	second := nodes.configs[2]
	second.Cluster.Peers = []config.Peer{{NodeID: 2, Address: second.Cluster.RaftAddr}}
	for i, address := range wrong {
		second.Cluster.Peers = append(second.Cluster.Peers, config.Peer{NodeID: int32(i + 3), Address: address})
	}
	for _, settings := range []Config{nodes.configs[1], second} {
		settings.AskTimeout = 100 * time.Millisecond
		ctx, cancel := context.WithCancel(testContext(t))
		ended := make(chan error, 1)
		go func() {
			_, err := Start(ctx, settings)
			ended <- err
		}()
		waitFor(t, "what it says about each address", func() bool {
			_, answer := askStarting(t, settings, "/readyz")
			return strings.Count(answer.Reason, "; its address should be the --raft-addr of a node") == len(wrong)
		})
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("node %d: %v", settings.Cluster.NodeID, err)
		}
	}
}
