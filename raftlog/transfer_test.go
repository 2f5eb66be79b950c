package raftlog_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kont/raftlog/link"
	"kont/raftlog/link/linktest"
)

// wire carries connections to a node, and does something else to one that has brought it more than any but that with a snapshot.
type wire struct {
	net.Listener
	// to is where the node listens.
	to string
	// after bytes a connection is cut, or stalls.
	after    int64
	isCut    atomic.Bool
	isStuck  atomic.Bool
	occurred atomic.Int64

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
}

func newWire(t *testing.T, to string, after int64) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", linktest.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: listener, to: to, after: after}
	var carrying sync.WaitGroup
	carrying.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", w.to)
			if err != nil {
				from.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, from, to)
			w.mu.Unlock()
			carrying.Go(func() { w.carry(to, from, w.after) })
			carrying.Go(func() { w.carry(from, to, 1<<62) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		w.mu.Lock()
		for _, conn := range w.conns {
			conn.Close()
		}
		w.mu.Unlock()
		carrying.Wait()
	})
	return w
}

// carry copies one direction. One that is stuck is neither closed nor does it take anything, as with a machine that is
// cut off.
func (w *wire) carry(to, from net.Conn, after int64) {
	n, err := io.Copy(to, io.LimitReader(from, after))
	if err == nil && n == after && w.isStuck.Load() {
		w.occurred.Add(1)
		return
	}
	if err == nil && n == after && !w.isCut.Load() {
		_, err = io.Copy(to, from)
	} else if n == after {
		w.occurred.Add(1)
	}
	if err == nil || !w.isStuck.Load() {
		to.Close()
		from.Close()
	}
}

const (
	// proposedBytes is the size of a proposal in these tests, and stateProposals how many make a state that does not fit into what the
	// kernel buffers.
	proposedBytes  = 256 << 10
	stateProposals = 56
)

func large(i int) string { return numbered(i) + strings.Repeat(".", proposedBytes) }

// farBehind is a cluster of three of which the third is stopped and needs more than the log of the others keeps. wire is how the others
// reach it.
func farBehind(t *testing.T) (c *cluster, behind *clusterNode, w *wire) {
	t.Helper()
	c = newCluster(t, 2, nil)
	address := linktest.FreeAddress(t)
	w = newWire(t, address, 1<<20)
	c.restartAll(func(node *clusterNode) {
		node.cfg.TrailingEntries, node.cfg.SnapshotBytes, node.cfg.WALSegmentBytes = 4, 1<<20, 1<<20
	})
	behind = c.start(3, func(port *link.Config) { port.Bind, port.Advertise = address, w.Addr().String() })
	if err := c.leader().AddVoter(deadline(t), behind.cfg.NodeID, w.Addr().String()); err != nil {
		t.Fatal(err)
	}
	c.propose("first")
	c.waitSameState(1)
	c.kill(behind)
	for i := range stateProposals {
		c.propose(large(i))
	}
	wait(t, "the log to be trimmed", func() bool { return c.leader().Stats().FirstIndex > 20 })
	return c, behind, w
}

// restartAll stops all nodes, changes how they are set up, and starts them.
func (c *cluster) restartAll(change func(*clusterNode)) {
	c.t.Helper()
	var stopped []*clusterNode
	for _, node := range c.nodes {
		stopped = append(stopped, node)
	}
	for _, node := range stopped {
		c.kill(node)
	}
	for _, node := range stopped {
		change(node)
		c.restart(node)
	}
}

// A follower that is sent a snapshot does nothing else meanwhile. If the leader vanishes without a word, it must notice: it may be needed for the
// majority.
func TestFollowerVotesAfterItsSnapshotStalls(t *testing.T) {
	t.Parallel()
	c, behind, w := farBehind(t)
	w.isStuck.Store(true)
	behind = c.restart(behind)
	wait(t, "the snapshot to stall", func() bool { return w.occurred.Load() > 0 })
	c.kill(c.leader())
	wait(t, "the vote of the follower", func() bool {
		for id, node := range c.nodes {
			if leader, _ := node.Leader(); node != behind && leader == id {
				return true
			}
		}
		return false
	})
	// To commit anything, it needs the state.
	w.isStuck.Store(false)
	c.propose("by the two others")
	c.waitSameState(stateProposals + 2)
}

// A snapshot whose connection breaks is sent anew, while the leader goes on; and nothing of the attempts stays on any disk.
func TestFollowerFarBehindCatchesUpThoughItsSnapshotIsCut(t *testing.T) {
	t.Parallel()
	c, behind, w := farBehind(t)
	w.isCut.Store(true)
	behind = c.restart(behind)
	next := stateProposals
	wait(t, "the snapshot to be cut three times", func() bool {
		c.propose(numbered(next))
		next++
		if bytes := diskBytes(t, c.leader().cfg.Dir+"/snapshots"); bytes > 4096 {
			t.Fatalf("the leader has %d bytes of snapshots", bytes)
		}
		return w.occurred.Load() >= 3
	})
	if got := len(behind.sm.Proposals()); got > 1 {
		t.Errorf("it has %d proposals of a snapshot of which it got the beginning", got)
	}
	w.isCut.Store(false)
	c.waitSameState(next + 1)
	for _, node := range c.nodes {
		wait(t, "what was received to be dropped", func() bool { return diskBytes(t, node.cfg.Dir+"/snapshots") < 4096 })
	}
	c.propose("with all of them")
	c.waitSameState(next + 2)
}

// Neither side waits for the other one when it is to stop.
func TestNodesStopWhileASnapshotStalls(t *testing.T) {
	t.Parallel()
	c, behind, w := farBehind(t)
	w.isStuck.Store(true)
	behind = c.restart(behind)
	wait(t, "the snapshot to stall", func() bool { return w.occurred.Load() > 0 })
	for _, node := range []*clusterNode{behind, c.leader()} {
		closed := make(chan error, 1)
		go func() { closed <- node.Close() }()
		select {
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatalf("waited %v for node %s to close", patience, node.cfg.NodeID)
		}
	}
}
