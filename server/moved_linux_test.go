package server

import (
	"net"
	"testing"
	"time"

	"kont/raftlog/link/linktest"
	"kont/server/config"
	"kont/statemachine/command"
)

// newReachableCluster has three nodes that listen on all addresses of this machine, so that each is reached by another one than it tells, too: by
// 127.0.0.9, which other systems than Linux have no address of.
func newReachableCluster(t *testing.T) *testCluster {
	c := &testCluster{TB: t, configs: map[int32]Config{}, nodes: map[int32]*Node{}}
	for id := int32(1); id <= 3; id++ {
		c.peers = append(c.peers, config.Peer{NodeID: id, Address: linktest.FreeAddress(t)})
	}
	for _, peer := range c.peers {
		_, port, _ := net.SplitHostPort(peer.Address)
		c.configure(peer.NodeID, net.JoinHostPort("0.0.0.0", port), config.Cluster{Peers: c.peers})
		settings := c.configs[peer.NodeID]
		settings.Cluster.RaftAdvertise, settings.Insecure = peer.Address, true
		c.configs[peer.NodeID] = settings
	}
	c.start(1, 2, 3)
	c.leader()
	return c
}

// move gives a node that is stopped another address, by which it has been reached before.
func (c *testCluster) move(id int32) (address string) {
	settings := c.configs[id]
	_, port, _ := net.SplitHostPort(settings.Cluster.RaftAdvertise)
	settings.Cluster.RaftAdvertise, settings.Cluster.Peers = net.JoinHostPort("127.0.0.9", port), nil
	c.configs[id] = settings
	return settings.Cluster.RaftAdvertise
}

// addressOf is where a node's log has a member.
func addressOf(t *testing.T, node *Node, id int32) string {
	t.Helper()
	members, i, err := memberIn(node.raft, id)
	if err != nil || i < 0 {
		t.Fatalf("node %d is none of %+v, %v", id, members, err)
	}
	return members[i].Address
}

// The first of the addresses that it knows is the one that it had, and answers there itself.
func TestNodeWithAnotherAddressDoesNotTakeItselfForAnother(t *testing.T) {
	t.Parallel()
	c := newReachableCluster(t)
	c.stop(1)
	c.leader() // all others are there
	address := c.move(1)
	c.start(1)
	if got := addressOf(t, c.leader(), 1); got != address {
		t.Errorf("it is at %s, want %s", got, address)
	}
}

// The leader ends between the two things that it does about another address, and the next one knows of the first.
func TestAnotherAddressIsToldUntilTheMembersHaveIt(t *testing.T) {
	t.Parallel()
	c := newReachableCluster(t)
	leader := c.leader()
	moving := c.follower().identity.NodeID
	c.stop(moving)
	observe := leader.proposer.observe
	leader.proposer.observe = func(kind command.Kind, took time.Duration, err error) {
		observe(kind, took, err)
		if kind == command.KindRegisterNode && err == nil {
			for id, node := range c.nodes {
				if id == leader.identity.NodeID || id == moving {
					continue
				}
				for began := time.Now(); node.store.AppliedIndex() < leader.store.AppliedIndex() && time.Since(began) < 10*time.Second; {
					time.Sleep(time.Millisecond)
				}
			}
			leader.raft.Close() //nolint:errcheck // an error is of no interest here
		}
	}
	address := c.move(moving)
	node, err := Start(testContext(t), c.configs[moving])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() }) //nolint:errcheck // an error is of no interest here
	for id, node := range c.nodes {
		if id != leader.identity.NodeID && id != moving {
			if got := addressOf(t, node, moving); got != address {
				t.Errorf("when it takes requests, node %d has it at %s, want %s", id, got, address)
			}
		}
	}
}
