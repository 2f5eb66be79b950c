package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	recordBytes      = 1024
	recordPartitions = 8
)

// makeRecordTopic makes the topic of produce and fetch, unless it is there.
func makeRecordTopic(ctx context.Context, d *driver) error {
	_, err := kadm.NewClient(d.producers[0]).CreateTopic(ctx, recordPartitions, -1, nil, recordTopic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", recordTopic, err)
	}
	return nil
}

// noise is what values are cut from: random, so that a store that compresses has
// no easy time of it.
var noise = sync.OnceValue(func() []byte {
	data := make([]byte, 1<<20)
	rand.Read(data) //nolint:errcheck // never fails, as documented
	return data
})

func recordOf(d *driver, client int) *kgo.Record {
	key := keyOf(d.prefix, client, 0)
	size := recordBytes - len(key)
	at := int(d.written.Add(1)) * 997 % (len(noise()) - size)
	return &kgo.Record{Topic: recordTopic, Key: []byte(key), Value: noise()[at : at+size]}
}

// runProduce: every client has one record on its way, acknowledged by all
// replicas; when it has arrived, it sends the next.
func runProduce(ctx context.Context, r *run) error {
	d, ctx, err := newDriver(ctx, r.Server.KafkaAddress(), r.Clients)
	if err != nil {
		return err
	}
	defer d.close()
	if err := makeRecordTopic(ctx, d); err != nil {
		return err
	}
	var send func(client int, record *kgo.Record)
	send = func(client int, record *kgo.Record) {
		began := time.Now()
		d.send(ctx, client, record, func() {
			d.progress.Add(1)
			if now := time.Now(); r.counting.holds(now) {
				r.latencies.add(now.Sub(began))
			}
			// The callback runs in the library's goroutine, where Produce must
			// not block; a client has one record on its way, so it does not.
			send(client, recordOf(d, client))
		})
	}
	for client := range r.Clients {
		send(client, recordOf(d, client))
	}
	if err := r.measure(ctx, d); err != nil {
		return err
	}
	r.result.MegabytesPerSecond = float64(r.result.Operations) * recordBytes / 1e6 / r.result.Seconds
	return nil
}

// runFetch: write Count records, then read them from the beginning, by one
// consumer a client, until the time is over. The first record of each reading
// is the latency.
func runFetch(ctx context.Context, r *run) error {
	d, ctx, err := newDriver(ctx, r.Server.KafkaAddress(), 64)
	if err != nil {
		return err
	}
	defer d.close()
	if err := makeRecordTopic(ctx, d); err != nil {
		return err
	}
	for i := range r.Count {
		d.send(ctx, i, recordOf(d, i), func() { d.progress.Add(1) })
		if i%10_000 == 0 {
			r.Say("%d of %d records written", i, r.Count)
		}
	}
	for _, producer := range d.producers {
		if err := producer.Flush(ctx); err != nil {
			return context.Cause(ctx)
		}
	}
	type tally struct {
		records int
		err     error
	}
	tallies := make(chan tally, r.Clients)
	began := time.Now()
	reading, cancel := context.WithTimeout(ctx, r.Duration)
	defer cancel()
	for range r.Clients {
		go func() {
			records := 0
			for reading.Err() == nil {
				n, err := r.readAll(reading, d)
				records += n
				if err != nil && reading.Err() == nil {
					tallies <- tally{records, err}
					return
				}
			}
			tallies <- tally{records, nil}
		}()
	}
	for range r.Clients {
		t := <-tallies
		if t.err != nil {
			return t.err
		}
		r.result.Operations += t.records
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.result.Seconds = time.Since(began).Seconds()
	r.result.MegabytesPerSecond = float64(r.result.Operations) * recordBytes / 1e6 / r.result.Seconds
	return nil
}

// readAll reads Count records from the beginning with a new consumer.
func (r *run) readAll(ctx context.Context, d *driver) (records int, err error) {
	began := time.Now()
	consumer, err := kgo.NewClient(
		kgo.SeedBrokers(d.address), kgo.ClientID("kont-bench"),
		kgo.ConsumeTopics(recordTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(16<<20), kgo.FetchMaxPartitionBytes(4<<20),
	)
	if err != nil {
		return 0, err
	}
	defer consumer.Close()
	for records < r.Count {
		fetches := consumer.PollFetches(ctx)
		if ctx.Err() != nil {
			return records, ctx.Err()
		}
		if err := fetches.Err(); err != nil {
			return records, fmt.Errorf("read %s: %w", recordTopic, err)
		}
		if records == 0 {
			r.latencies.add(time.Since(began))
		}
		records += fetches.NumRecords()
	}
	return records, nil
}
