package raftlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// snapshotRetry is the wait after a snapshot that failed.
const snapshotRetry = 5 * time.Second

// trim takes snapshots when the log has grown enough, until the node stops. Raft's own
// trigger counts entries only.
func (n *Node) trim() {
	period := n.cfg.SnapshotIdle
	if period < 0 {
		period = snapshotRetry
	}
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	var failedAt time.Time
	lastBefore := n.snapshotNeeds().last
	for {
		idle := false
		select {
		case <-n.stopping:
			return
		case <-n.grown:
		case <-ticker.C:
			needs := n.snapshotNeeds()
			idle = n.cfg.SnapshotIdle > 0 && needs.last == lastBefore && needs.bytes >= n.cfg.SnapshotIdleBytes
			lastBefore = needs.last
		}
		// A snapshot that has to wait for its retry is taken up again by the ticker.
		if !idle && !n.snapshotNeeds().now || time.Since(failedAt) < snapshotRetry {
			continue
		}
		if err := n.takeSnapshot(); err != nil {
			failedAt = time.Now()
			n.cfg.Logger.Warn("snapshot", "error", err)
		}
	}
}

// noteGrowth wakes trim when there is something to do.
func (n *Node) noteGrowth() {
	if !n.snapshotNeeds().now {
		return
	}
	select {
	case n.grown <- struct{}{}:
	default:
	}
}

type snapshotNeeds struct {
	// last is the index of the last entry, 0 for an empty log.
	last uint64
	// bytes is the size of the log beyond the newest snapshot.
	bytes uint64
	// now: a bound is exceeded, or a snapshot with data can be dropped.
	now bool
}

// snapshotNeeds measures the log beyond the newest snapshot.
func (n *Node) snapshotNeeds() snapshotNeeds {
	entries, bytes := n.log.above(uint64(n.snapshots.newestIndex()))
	last, _ := n.log.LastIndex()
	return snapshotNeeds{
		last:  last,
		bytes: bytes,
		now:   entries >= n.cfg.SnapshotEntries || bytes >= n.cfg.SnapshotBytes || n.dropData.Load(),
	}
}

// takeSnapshot takes one and lets raft trim the log below it.
func (n *Node) takeSnapshot() error {
	n.snapshotMu.Lock()
	defer n.snapshotMu.Unlock()
	trailing := uint64(0)
	if configuration, err := n.configuration(); err == nil && len(configuration.Servers) > 1 {
		trailing = n.log.newest(n.cfg.TrailingEntries, n.cfg.TrailingBytes)
	}
	if err := n.reload(func(c *raft.ReloadableConfig) { c.TrailingLogs = trailing }); err != nil {
		return err
	}
	n.fsm.persistError.Store(nil)
	err := n.raft.Snapshot().Error()
	if errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return nil
	}
	if err != nil {
		n.stats.snapshotsFailed.Add(1)
		// Raft tells only the text of these two.
		if cause := n.fsm.persistError.Load(); cause != nil {
			return *cause
		}
		if cause := n.Err(); cause != nil {
			return cause
		}
		return err
	}
	n.dropData.Store(false)
	n.stats.snapshots.Add(1)
	return nil
}

// Snapshot makes the state durable and trims the log now. It does nothing if nothing
// was applied since the start.
func (n *Node) Snapshot(ctx context.Context) error {
	return n.call(ctx, "take snapshot", n.takeSnapshot)
}

func (n *Node) configuration() (raft.Configuration, error) {
	future := n.raft.GetConfiguration()
	if err := future.Error(); err != nil {
		return raft.Configuration{}, fmt.Errorf("read membership: %w", err)
	}
	return future.Configuration(), nil
}
