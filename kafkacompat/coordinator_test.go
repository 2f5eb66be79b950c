package kafkacompat

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"kont/statemachine/command"
)

// An emptyLog takes what is proposed and has nothing.
type emptyLog struct{ Log }

func (emptyLog) Propose(context.Context, command.Command) (command.Result, error) { return nil, nil }
func (emptyLog) StoredGroups() ([]command.StoredGroup, error)                     { return nil, nil }
func (emptyLog) CommittedOffsets(string) ([]command.GroupOffset, error)           { return nil, nil }

// A stubCluster is a cluster whose leader is node 1.
type stubCluster struct {
	Cluster
	epoch int32
}

func (c *stubCluster) NodeID() int32                 { return 1 }
func (c *stubCluster) Leader() (nodeID, epoch int32) { return 1, c.epoch }

// Two requests ask for the leader around a change, and the one with the older
// answer is the later one to take the lock.
func TestOlderEpochForgetsNoGroup(t *testing.T) {
	cluster := &stubCluster{epoch: 2}
	c := newCoordinator(GroupConfig{EmptyRetention: time.Hour}, cluster, emptyLog{}, slog.New(slog.DiscardHandler))
	defer c.close()
	requireGroups := func(want int) {
		t.Helper()
		if err := c.checkLeader(); err != nil {
			t.Fatal(err)
		}
		if got := c.size(); got != want {
			t.Errorf("epoch %d: %d groups, want %d", cluster.epoch, got, want)
		}
	}
	requireGroups(0)
	g, err := c.findOrMakeClassic("orders")
	if err != nil {
		t.Fatal(err)
	}
	g.Unlock()
	cluster.epoch = 1
	requireGroups(1)
	cluster.epoch = 2
	requireGroups(1)
	cluster.epoch = 3
	requireGroups(0)
}
