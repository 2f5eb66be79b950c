package bench

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// clientState is a logical client: the round that it is in, and when it sent what
// it waits for. One goroutine writes and another reads, so they are atomic.
type clientState struct {
	round        atomic.Int64
	sentUnixNano atomic.Int64
}

func (s *clientState) sent() time.Time { return time.Unix(0, s.sentUnixNano.Load()) }

// keyOf names the thread of a client's round: prefix-client-round.
func keyOf(prefix string, client int, round int64) string {
	return prefix + "-" + strconv.Itoa(client) + "-" + strconv.FormatInt(round, 10)
}

// parseKey is the reverse; false for a key of another run.
func parseKey(prefix string, key []byte) (client int, round int64, ours bool) {
	rest, found := bytes.CutPrefix(key, []byte(prefix+"-"))
	if !found {
		return 0, 0, false
	}
	first, second, found := bytes.Cut(rest, []byte("-"))
	if !found {
		return 0, 0, false
	}
	client, err := strconv.Atoi(string(first))
	if err != nil {
		return 0, 0, false
	}
	round, err = strconv.ParseInt(string(second), 10, 64)
	return client, round, err == nil
}

// stateOf finds the client that a record is for, nil for a record of another run
// or an earlier round.
func stateOf(d *driver, states []clientState, record *kgo.Record) (*clientState, int) {
	client, round, ours := parseKey(d.prefix, record.Key)
	if !ours || client < 0 || client >= len(states) || states[client].round.Load() != round {
		return nil, 0
	}
	return &states[client], client
}

// threadFailed is the error of an error record of this run.
func threadFailed(d *driver, record *kgo.Record) error {
	if _, _, ours := parseKey(d.prefix, record.Key); !ours {
		return nil
	}
	return fmt.Errorf("thread %s ended with %s", record.Key, record.Value)
}

// runCycle: every client starts a thread, reads its request, sends the reply,
// reads the result, and begins again.
func runCycle(ctx context.Context, r *run) error {
	d, ctx, err := newDriver(ctx, r.Server.KafkaAddress(), r.Clients)
	if err != nil {
		return err
	}
	defer d.close()
	states := make([]clientState, r.Clients)
	begin := func(client int) {
		d.start(ctx, client, keyOf(d.prefix, client, states[client].round.Add(1)), map[string]string{"kind": "cycle"})
	}
	onRequest := func(record *kgo.Record) error {
		state, client := stateOf(d, states, record)
		if state == nil {
			return nil
		}
		ref, err := refOf(record)
		if err != nil {
			return err
		}
		state.sentUnixNano.Store(time.Now().UnixNano())
		d.resume(ctx, client, record.Key, ref, client)
		return nil
	}
	onResult := func(record *kgo.Record) error {
		if record.Topic == errorTopic {
			return threadFailed(d, record)
		}
		state, client := stateOf(d, states, record)
		if state == nil {
			return nil
		}
		if string(record.Value) != strconv.Itoa(client) {
			return fmt.Errorf("result of %s is %s, want %d", record.Key, record.Value, client)
		}
		if now := time.Now(); r.counting.holds(now) {
			r.latencies.add(now.Sub(state.sent()))
		}
		begin(client)
		return nil
	}
	if err := d.follow(ctx, onRequest, requestTopic); err != nil {
		return err
	}
	if err := d.follow(ctx, onResult, resultTopic, errorTopic); err != nil {
		return err
	}
	for client := range states {
		begin(client)
	}
	return r.measure(ctx, d)
}
