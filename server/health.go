package server

import (
	"context"
	"errors"
	"fmt"

	"kont/server/api"
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
	case n.leading.isReady.Load():
		health.Ready = true
	case health.IsLeader:
		health.Reason = "the node leads and is starting"
	default:
		health.Reason = "no node leads yet"
	}
	return health
}

// awaitReady returns once the node leads and runs all of it.
func (n *Node) awaitReady(ctx context.Context) error {
	select {
	case <-n.leading.ready:
		return nil
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
