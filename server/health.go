package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kont/raftlog"
	"kont/server/api"
	"kont/server/peers"
	"kont/statemachine/command"
)

// failure is why the node takes no writes, nil if it does.
func (n *Node) failure() error {
	if err := n.store.Err(); err != nil {
		return err
	}
	return n.raft.Err()
}

// Health says whether the node can do its work.
func (n *Node) Health(context.Context) api.Health {
	health := api.Health{IsLeader: n.raft.IsLeader()}
	switch err := n.failure(); {
	case err != nil:
		health.Reason = fmt.Sprintf("the node takes no writes: %v; free the disk or repair it, then restart the node", err)
	case stallOf(n.raft, n.config.RaftLogStallMax) != "":
		health.Reason = stallOf(n.raft, n.config.RaftLogStallMax)
	case n.leading.isReady.Load():
		health.Ready = true
	case health.IsLeader:
		health.Reason = "the node leads and is starting"
	case !n.follows():
		health.Reason = "no node leads yet"
	case !n.isRegistered.Load():
		health.Reason = "the node follows and is catching up"
	default:
		health.Ready = true
	}
	return health
}

// stallOf says that the disk takes too long for the log's present write, "" if it does not.
func stallOf(log *raftlog.Node, most time.Duration) string {
	age := log.LogWriteAge()
	if most == 0 || age <= most {
		return ""
	}
	return fmt.Sprintf("the disk has not finished a write of the log for %v", age.Round(time.Second/10))
}

// follows tells whether another node leads, as far as this one knows.
func (n *Node) follows() bool {
	name, _ := n.raft.Leader()
	id := peers.NodeIDOf(name)
	return id != 0 && id != n.identity.NodeID
}

// awaitReady returns once the cluster has registered the node, and it leads and runs all of it, or follows.
func (n *Node) awaitReady(ctx context.Context) error {
	n.members.setWhole()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	registered := make(chan error, 1)
	n.running.Go(func() { registered <- n.register(ctx) })
	for {
		var again <-chan time.Time
		if n.isRegistered.Load() {
			if n.leading.isReady.Load() || n.follows() {
				return nil
			}
			again = time.After(readyAgainAfter)
		}
		select {
		case err := <-registered:
			if err != nil {
				return err
			}
			n.isRegistered.Store(true)
			registered = nil
		case <-n.leading.ready:
		case <-again:
		case <-n.done:
			return n.err
		case <-n.store.Failed():
			return n.store.Err()
		case <-n.raft.Stopped():
			return errors.Join(n.raft.Err(), n.store.Err())
		case <-ctx.Done():
			return fmt.Errorf("wait for leadership: %w", context.Cause(ctx))
		}
	}
}

// readyAgainAfter is how often a node looks whether it leads or follows.
const readyAgainAfter = 10 * time.Millisecond

const (
	// watchSelfEvery is how often a node looks whether the cluster takes it for what it is, and
	// leaderlessAfter how long it knows of no leader until it asks.
	watchSelfEvery  = time.Second
	leaderlessAfter = 5 * time.Second
)

// watchSelf ends the node when it is no more: it was removed from the cluster, or another process with the same data has
// taken its place.
func (n *Node) watchSelf(ctx context.Context) {
	led := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchSelfEvery):
		}
		known, exists := n.store.Nodes().Of(n.identity.NodeID)
		switch {
		case exists && known.DirectoryID != n.identity.DirectoryID:
			n.fail(fmt.Errorf("%w: node %d is at %s now", command.ErrNodeIDTaken, known.ID, known.RaftAddress))
			return
		case exists && known.StartID != n.startID:
			n.fail(n.replaced())
			return
		case n.raft.IsLeader() || n.follows():
			led = time.Now()
		case time.Since(led) > leaderlessAfter && n.port != nil:
			led = time.Now()
			if err := n.askLeader(ctx); err != nil {
				n.fail(err)
				return
			}
		}
	}
}

// replaced is that another start of this node has registered since.
func (n *Node) replaced() error {
	return fmt.Errorf("another process runs as node %d, with a copy of this node's data; give each node an id and a directory of its own", n.identity.NodeID)
}

// askAsLeader returns what a node that leads says of itself and of the others. One that was just elected may not have applied yet who is there, and one
// that is deposed never will, so it has to have what was acknowledged before.
func (n *Node) askAsLeader(ctx context.Context, address string) (peers.Status, error) {
	ctx, cancel := n.asking(ctx)
	defer cancel()
	index, err := n.calls.Committed(ctx, address)
	if err != nil {
		return peers.Status{}, err
	}
	status, err := n.calls.Status(ctx, address)
	if err == nil && status.AppliedIndex < index {
		err = fmt.Errorf("the node at %s is at log index %d, and %d was acknowledged", address, status.AppliedIndex, index)
	}
	return status, err
}

// askLeader asks the nodes that there may be, and returns what the one that leads has against this one: a node that is removed or replaced
// hears nothing from it any more.
func (n *Node) askLeader(ctx context.Context) error {
	for _, address := range n.members.addresses() {
		status, err := n.askAsLeader(ctx, address)
		if err != nil || status.ClusterID != n.identity.ClusterID || status.LeaderID != status.NodeID || status.NodeID == n.identity.NodeID {
			continue
		}
		start, exists := status.Starts[n.identity.NodeID]
		switch {
		case !exists:
			return fmt.Errorf("%w: node %d; empty its data directory to let it join again", peers.ErrRemoved, n.identity.NodeID)
		case start != n.startID:
			return n.replaced()
		}
	}
	return nil
}
