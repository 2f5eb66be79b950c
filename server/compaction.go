package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kont/statemachine"
	"kont/statemachine/command"
)

const (
	// compactionEvery is how often dirty partitions are looked for, as in Kafka
	// (log.cleaner.backoff.ms).
	compactionEvery = 15 * time.Second
	// compactionBytesPerSecond is how fast batches are read for it, so that it takes part of
	// a core and not all of it from producers (log.cleaner.io.max.bytes.per.second).
	compactionBytesPerSecond = 32 << 20
	// compactionKeysMax bounds the keys that one pass knows, some 40 MiB of them
	// (log.cleaner.dedupe.buffer.size).
	compactionKeysMax = 1_000_000
)

// compaction compacts partitions while the node leads, one at a time.
type compaction struct {
	store          *statemachine.Store
	logger         *slog.Logger
	every          time.Duration
	bytesPerSecond int
	keysMax        int
	// propose is the proposer's.
	propose func(context.Context, command.Command) (command.Result, error)
	// observe is told of each pass.
	observe func(recordsDropped, bytesFreed int64, took time.Duration)
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func newCompaction(n *Node) *compaction {
	return &compaction{
		store: n.store, logger: n.logger, propose: n.proposer.Propose, observe: n.metrics.ObserveCompaction,
		every: compactionEvery, bytesPerSecond: compactionBytesPerSecond, keysMax: compactionKeysMax,
	}
}

// Start begins to look for what is dirty.
func (c *compaction) Start() {
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	c.running.Go(func() {
		ticker := time.NewTicker(c.every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				if err := c.compact(ctx, now.UnixMilli()); err != nil && ctx.Err() == nil {
					c.logger.Warn("compact topics", "error", err)
				}
			}
		}
	})
}

// Stop returns when nothing is being compacted any more. A pass that is broken off goes on
// from its beginning on the next leader; what it did is not undone.
func (c *compaction) Stop() {
	c.cancel()
	c.running.Wait()
}

// compact makes one pass over each partition that is due.
func (c *compaction) compact(ctx context.Context, nowUnixMilli int64) error {
	due, err := c.store.CompactionsDue(nowUnixMilli)
	if err != nil {
		return err
	}
	for _, partition := range due {
		err := c.pass(ctx, partition, nowUnixMilli)
		if statemachine.IsDeleted(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("topic %s partition %d: %w", partition.Topic, partition.Partition, err)
		}
	}
	return nil
}

func (c *compaction) pass(ctx context.Context, due statemachine.CompactionDue, nowUnixMilli int64) error {
	began := time.Now()
	pause := func(bytes int) error { return c.pause(ctx, bytes) }
	pass, err := c.store.BeginCompaction(due, nowUnixMilli, c.keysMax, pause)
	if err != nil {
		return err
	}
	for isLast := false; !isLast; {
		var changes command.CompactRecords
		if changes, isLast, err = pass.Next(pause); err != nil {
			return err
		}
		if len(changes.Changes) == 0 && changes.CleanTo == 0 {
			continue
		}
		result, err := c.propose(ctx, changes)
		if err != nil {
			return err
		}
		if applied, ok := result.(command.CompactResult); ok && applied.PassedOver > 0 {
			// Records went, or the policy was another one for a while. The pass is not complete: a
			// record that it left would come back when the tombstone that deleted it goes. It is
			// due again at once.
			c.logger.Debug("broke off the compaction of a partition", "topic", due.Topic, "partition", due.Partition, "passed_over", applied.PassedOver)
			return nil
		}
	}
	stats := pass.Stats()
	c.observe(stats.RecordsDropped, stats.BytesFreed, time.Since(began))
	c.logger.Debug("compacted a partition", "topic", due.Topic, "partition", due.Partition, "dirty", due.DirtyRatio,
		"keys", stats.Keys, "kept", stats.RecordsKept, "dropped", stats.RecordsDropped, "bytes_freed", stats.BytesFreed)
	return nil
}

// pause waits for as long as that many bytes may take.
func (c *compaction) pause(ctx context.Context, bytes int) error {
	timer := time.NewTimer(time.Duration(bytes) * time.Second / time.Duration(c.bytesPerSecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
