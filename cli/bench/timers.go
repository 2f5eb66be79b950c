package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// runTimers: Count threads sleep to the same instant. Late is from then until the
// thread's result has been read, so the step and its commit are in it.
func runTimers(ctx context.Context, r *run) error {
	d, ctx, err := newDriver(ctx, r.Server.KafkaAddress(), 64)
	if err != nil {
		return err
	}
	defer d.close()
	// All threads must sleep before the instant comes, or they would be late by
	// the time that their start took.
	lead := 3*time.Second + time.Duration(r.Count)*time.Millisecond
	due := time.Now().Add(lead).Truncate(time.Millisecond)
	all := make(chan struct{})
	left := r.Count
	seen := make([]bool, r.Count)
	var last time.Time
	onResult := func(record *kgo.Record) error {
		if record.Topic == errorTopic {
			return threadFailed(d, record)
		}
		client, _, ours := parseKey(d.prefix, record.Key)
		if !ours || client < 0 || client >= r.Count {
			return nil
		}
		now := time.Now()
		switch {
		case seen[client]:
			return fmt.Errorf("timer %d fired twice", client)
		case now.Before(due):
			return fmt.Errorf("timer %d fired %s early", client, due.Sub(now))
		}
		seen[client] = true
		last = now
		r.latencies.add(now.Sub(due))
		if left--; left == 0 {
			close(all)
		}
		return nil
	}
	if err := d.follow(ctx, onResult, resultTopic, errorTopic); err != nil {
		return err
	}
	for i := range r.Count {
		d.start(ctx, i, keyOf(d.prefix, i, 1), map[string]any{"kind": "timer", "dueUnixMilli": due.UnixMilli()})
	}
	r.Say("%d threads sleep until %s", r.Count, due.Format(time.TimeOnly))
	waking, stop := isDone(time.Until(due))
	defer stop()
	select {
	case <-waking:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := d.wait(ctx, all); err != nil {
		return err
	}
	r.result.Operations, r.result.Seconds = r.Count, last.Sub(due).Seconds()
	return nil
}
