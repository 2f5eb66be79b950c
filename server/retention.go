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

	// offsetsEvery is how often old offsets are looked for, as in Kafka
	// (offsets.retention.check.interval.ms). Before the first time after a start, groups
	// have as long to come back.
	offsetsEvery = 10 * time.Minute
	// offsetsKeptFor is how old the offsets of a group with members may become before
	// they are kept anew. The state machine doesn't know who has members; without it, a
	// group that had nothing to commit for a week would lose its offsets when it pauses.
	offsetsKeptFor = time.Hour
	// offsetsGroupsMax bounds one command.
	offsetsGroupsMax = 1000
)

// retentionDefault is what holds for a topic that says nothing: Kafka's week, and
// no bound of bytes.
var retentionDefault = statemachine.Retention{Milli: 7 * 24 * time.Hour.Milliseconds(), Bytes: -1}

// retention deletes old records and old offsets of groups while the node leads.
type retention struct {
	node         *Node
	every        time.Duration
	offsetsEvery time.Duration
	cancel       context.CancelFunc
	running      sync.WaitGroup
}

// Start begins to look for what is old.
func (r *retention) Start() {
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	r.running.Go(func() {
		ticker := time.NewTicker(r.every)
		defer ticker.Stop()
		offsetsLooked := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				if err := r.trim(ctx, now.UnixMilli()); err != nil && ctx.Err() == nil {
					r.node.logger.Warn("delete old records", "error", err)
				}
				if now.Sub(offsetsLooked) < r.offsetsEvery {
					continue
				}
				offsetsLooked = now
				if err := r.expireOffsets(ctx, now.UnixMilli()); err != nil && ctx.Err() == nil {
					r.node.logger.Warn("delete old offsets of groups", "error", err)
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

// expireOffsets keeps the offsets of groups that have members, for the topics that
// somebody reads, and deletes those that are older than the setting allows (KIP-211).
// The offsets of a group that has just lost its last member may be as old as it takes
// until they are kept, so that much is added.
func (r *retention) expireOffsets(ctx context.Context, nowUnixMilli int64) error {
	if r.node.config.OffsetsRetention == 0 {
		return nil
	}
	withMembers, err := r.node.kafka.GroupsWithMembers()
	if err != nil {
		return err
	}
	hasMembers := map[string]bool{}
	for _, group := range withMembers {
		hasMembers[group] = true
	}
	var group string
	var isRead func(topic string) bool
	ages, err := r.node.store.GroupAges()
	if err != nil {
		return err
	}
	keptBefore := nowUnixMilli - offsetsKeptFor.Milliseconds()
	before := keptBefore - (r.node.config.OffsetsRetention + offsetsEvery).Milliseconds()
	var kept []command.GroupTopic
	var old []string
	for _, age := range ages {
		if age.OldestUnixMilli >= keptBefore {
			continue
		}
		if hasMembers[age.Group] && (age.Group != group || isRead == nil) {
			group, isRead = age.Group, r.node.kafka.TopicsRead(age.Group)
		}
		switch {
		case hasMembers[age.Group] && isRead(age.Topic):
			kept = append(kept, command.GroupTopic{Group: age.Group, Topic: age.Topic})
		case age.OldestUnixMilli < before && (len(old) == 0 || old[len(old)-1] != age.Group):
			old = append(old, age.Group)
		}
	}
	// First, since what is old in a group with members is deleted by its age alone.
	for len(kept) > 0 {
		count := min(len(kept), offsetsGroupsMax)
		if _, err := r.node.proposer.Propose(ctx, command.RenewOffsets{Of: kept[:count], NowUnixMilli: nowUnixMilli}); err != nil {
			return fmt.Errorf("keep offsets of groups for %d topics: %w", count, err)
		}
		kept = kept[count:]
	}
	for len(old) > 0 {
		count := min(len(old), offsetsGroupsMax)
		expired, err := r.node.proposer.Propose(ctx, command.ExpireOffsets{Groups: old[:count], BeforeUnixMilli: before})
		if err != nil {
			return fmt.Errorf("delete offsets of %d groups: %w", count, err)
		}
		r.node.logger.Info("deleted old offsets of groups", "offsets", expired, "groups", count)
		old = old[count:]
	}
	return nil
}
