package raftlog_test

import (
	"fmt"
	"testing"

	"kont/raftlog"
)

// Leadership is to be handed on, to a node that is away, as soon as raft has it. That fails, and the node leads after all.
func TestNodeLeadsWhenItsFirstHandoverHasFailed(t *testing.T) {
	c := newCluster(t, 3, nil)
	away := c.nodes["n3"]
	c.lead(c.nodes["n1"])
	c.kill(away)
	for round := range 6 {
		from, to := c.nodes[fmt.Sprintf("n%d", 1+round%2)], c.nodes[fmt.Sprintf("n%d", 2-round%2)]
		c.lead(from)
		c.propose(numbered(round))
		begun := make(chan struct{})
		go func() {
			defer close(begun)
			for to.TransferLeadership(deadline(t), raftlog.Member{ID: away.cfg.NodeID, Address: away.port.Bind}) != nil {
				if id, _ := to.Leader(); id == to.cfg.NodeID {
					return
				}
			}
		}()
		wait(t, "the other to be elected", func() bool {
			from.TransferLeadership(deadline(t), raftlog.Member{ID: to.cfg.NodeID, Address: to.port.Bind}) //nolint:errcheck // tried again
			id, _ := to.Leader()
			return id == to.cfg.NodeID
		})
		<-begun
		c.propose("after " + numbered(round))
	}
}
