package server

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

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
