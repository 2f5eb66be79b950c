package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const restarts = 5

// runRestart: with Count threads parked and one waiting for a reply, kill the
// server, start it again, send the reply, and
// read the result. Latency is from the start of the process to the result read.
func runRestart(ctx context.Context, r *run) error {
	server := r.Server.(Restarter)
	if err := park(ctx, r, r.Count); err != nil {
		return err
	}
	began := time.Now()
	var healthy latencies
	for round := range restarts {
		r.Say("restart %d of %d", round+1, restarts)
		if err := r.restartOnce(ctx, server, round, &healthy); err != nil {
			return fmt.Errorf("restart %d: %w", round+1, err)
		}
	}
	r.result.Operations, r.result.Seconds = restarts, time.Since(began).Seconds()
	r.result.FirstResumeMS, _, _ = r.latencies.summary()
	r.result.HealthyMS, _, _ = healthy.summary()
	return nil
}

func (r *run) restartOnce(ctx context.Context, server Restarter, round int, healthy *latencies) error {
	d, before, err := newDriver(ctx, server.KafkaAddress(), 1)
	if err != nil {
		return err
	}
	defer d.close()
	key := keyOf(d.prefix, round, 1)
	refs := make(chan string, 1)
	err = d.follow(before, func(record *kgo.Record) error {
		if string(record.Key) != key {
			return nil
		}
		ref, err := refOf(record)
		refs <- ref
		return err
	}, requestTopic)
	if err != nil {
		return err
	}
	d.start(before, 0, key, map[string]string{"kind": "cycle"})
	var ref string
	select {
	case ref = <-refs:
	case <-before.Done():
		return context.Cause(before)
	case <-time.After(stallTime):
		return errors.New("the thread did not start")
	}
	d.close()

	if err := server.Kill(); err != nil {
		return fmt.Errorf("kill the server: %w", err)
	}
	began := time.Now()
	if err := server.Start(ctx); err != nil {
		return fmt.Errorf("start the server again: %w", err)
	}
	healthy.add(time.Since(began))
	again, after, err := newDriver(ctx, server.KafkaAddress(), 1)
	if err != nil {
		return err
	}
	defer again.close()
	results := make(chan string, 1)
	err = again.follow(after, func(record *kgo.Record) error {
		if string(record.Key) == key {
			results <- string(record.Value)
		}
		return nil
	}, resultTopic, errorTopic)
	if err != nil {
		return err
	}
	again.resume(after, 0, []byte(key), ref, round)
	select {
	case result := <-results:
		if result != strconv.Itoa(round) {
			return fmt.Errorf("the result is %s, want %d", result, round)
		}
	case <-after.Done():
		return context.Cause(after)
	case <-time.After(stallTime):
		return errors.New("no result of the resume after the restart")
	}
	r.latencies.add(time.Since(began))
	return nil
}

// runStart: Count times, start a server on its empty data directory; latency is
// to ready.
func runStart(ctx context.Context, r *run) error {
	server := r.Server.(Restarter)
	began := time.Now()
	for range r.Count {
		if err := server.Kill(); err != nil {
			return fmt.Errorf("kill the server: %w", err)
		}
		started := time.Now()
		if err := server.Start(ctx); err != nil {
			return err
		}
		r.latencies.add(time.Since(started))
	}
	r.result.Operations, r.result.Seconds = r.Count, time.Since(began).Seconds()
	r.result.HealthyMS, _, _ = r.latencies.summary()
	return nil
}
