package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"kont/statemachine"
	"kont/statemachine/command"
)

const (
	// retentionEvery is how often old records are looked for; Kafka's default is
	// five minutes (log.retention.check.interval.ms).
	retentionEvery = time.Minute
	// retentionTrimsMax bounds one command.
	retentionTrimsMax = 1000
)

// retentionDefault is what holds for a topic that says nothing: Kafka's week, and
// no bound of bytes.
var retentionDefault = statemachine.Retention{Milli: 7 * 24 * time.Hour.Milliseconds(), Bytes: -1}

// retention deletes old records while the node leads.
type retention struct {
	node    *Node
	every   time.Duration
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// Start begins to look for old records.
func (r *retention) Start() {
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	r.running.Go(func() {
		ticker := time.NewTicker(r.every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := r.trim(ctx, time.Now().UnixMilli()); err != nil && ctx.Err() == nil {
					r.node.logger.Warn("delete old records", "error", err)
				}
			}
		}
	})
}

// Stop returns when nothing is being deleted any more.
func (r *retention) Stop() {
	r.cancel()
	r.running.Wait()
}

// trim proposes what is too old or too much at a time.
func (r *retention) trim(ctx context.Context, nowUnixMilli int64) error {
	trims, err := r.node.store.RetentionTrims(nowUnixMilli, retentionDefault)
	if err != nil {
		return err
	}
	for len(trims) > 0 {
		count := min(len(trims), retentionTrimsMax)
		if _, err := r.node.proposer.Propose(ctx, command.DeleteRecords{Trims: trims[:count]}); err != nil {
			return fmt.Errorf("trim %d partitions: %w", count, err)
		}
		trims = trims[count:]
	}
	return nil
}
