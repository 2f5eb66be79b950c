package bench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const failovers = 5

// runFailover: while clients resume threads, kill the leader and wait for a step of the next one; start the killed one again. Latency is the
// longest time without a step, so it has in it that clients find the new leader, that it takes a record, runs the thread, and has the request
// read. Before and after each kill, steps go on for Duration.
func runFailover(ctx context.Context, r *run) error {
	server := r.Server.(LeaderKiller)
	// A topic that is made while a node is away is no part of this.
	if err := server.Start(ctx); err != nil {
		return err
	}
	d, ctx, err := newDriver(ctx, server.KafkaAddress(), r.Clients)
	if err != nil {
		return err
	}
	defer d.close()
	var gap longestGap
	if err := r.chain(ctx, d, func(now time.Time, _ time.Duration) { gap.add(now) }); err != nil {
		return err
	}
	began := time.Now()
	for round := range failovers {
		r.Say("failover %d of %d", round+1, failovers)
		if err := d.steady(ctx, r.Duration); err != nil {
			return err
		}
		gap.reset()
		if err := server.KillLeader(ctx); err != nil {
			return fmt.Errorf("failover %d: kill the leader: %w", round+1, err)
		}
		if err := d.steady(ctx, r.Duration); err != nil {
			return fmt.Errorf("failover %d: %w", round+1, err)
		}
		r.latencies.add(gap.get())
		if err := server.Start(ctx); err != nil {
			return fmt.Errorf("failover %d: start the killed node again: %w", round+1, err)
		}
	}
	r.result.Operations, r.result.Seconds = failovers, time.Since(began).Seconds()
	return nil
}

// steady returns when there has been something in each tenth of a time, one after the other.
func (d *driver) steady(ctx context.Context, length time.Duration) error {
	const looks = 10
	ticker := time.NewTicker(length / looks)
	defer ticker.Stop()
	last, lastChange := d.progress.Load(), time.Now()
	for seen := 0; seen < looks; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		now := d.progress.Load()
		if now == last {
			seen = 0
			if time.Since(lastChange) > stallTime {
				return fmt.Errorf("no step for %s", stallTime)
			}
			continue
		}
		last, lastChange = now, time.Now()
		seen++
	}
	return nil
}

// longestGap is the longest time between two instants of a row, and since the last.
type longestGap struct {
	mu      sync.Mutex // guards what follows
	last    time.Time
	longest time.Duration
}

func (g *longestGap) add(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.last.IsZero() {
		g.longest = max(g.longest, now.Sub(g.last))
	}
	g.last = now
}

// reset forgets gaps, and not when the last instant was.
func (g *longestGap) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.longest = 0
}

func (g *longestGap) get() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(g.longest, time.Since(g.last))
}
