package bench

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// runChain: every client has one thread with Count waits and answers each of its
// requests; after the last it starts another thread.
func runChain(ctx context.Context, r *run) error {
	d, ctx, err := newDriver(ctx, r.Server.KafkaAddress(), r.Clients)
	if err != nil {
		return err
	}
	defer d.close()
	err = r.chain(ctx, d, func(now time.Time, took time.Duration) {
		if r.counting.holds(now) {
			r.latencies.add(took)
		}
	})
	if err != nil {
		return err
	}
	return r.measure(ctx, d)
}

// chain lets all clients work until ctx ends. onStep is told of each step, when it was done and how long after it was asked for; one
// goroutine calls it.
func (r *run) chain(ctx context.Context, d *driver, onStep func(now time.Time, took time.Duration)) error {
	states := make([]clientState, r.Clients)
	begin := func(client int) {
		states[client].sentUnixNano.Store(0)
		d.start(ctx, client, keyOf(d.prefix, client, states[client].round.Add(1)), map[string]any{"kind": "chain", "waits": r.Count})
	}
	onRecord := func(record *kgo.Record) error {
		if record.Topic == errorTopic {
			return threadFailed(d, record)
		}
		state, client := stateOf(d, states, record)
		if state == nil {
			return nil
		}
		now := time.Now()
		// The first request of a thread answers its start, which is no step of a
		// chain.
		if state.sentUnixNano.Load() != 0 {
			onStep(now, now.Sub(state.sent()))
		}
		if record.Topic == resultTopic {
			begin(client)
			return nil
		}
		ref, err := refOf(record)
		if err != nil {
			return err
		}
		state.sentUnixNano.Store(now.UnixNano())
		d.resume(ctx, client, record.Key, ref, 1)
		return nil
	}
	// One goroutine handles both, so a client's result can't overtake its last
	// request.
	if err := d.follow(ctx, onRecord, requestTopic, resultTopic, errorTopic); err != nil {
		return err
	}
	for client := range states {
		begin(client)
	}
	return nil
}
