// Command latency writes records at a steady rate to a topic and reads them at the same time, and tells how long each
// took to be acknowledged, and to be read:
//
//	go run ./interop/latency -bootstrap HOST:PORT -topic NAME -rate 1000 -seconds 20
//
// Times are from the instant at which a record was due, so that a stall counts for each record that it kept waiting.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	bootstrap := flag.String("bootstrap", "", "HOST:PORT of the listener")
	topic := flag.String("topic", "latency", "a topic that is there and empty")
	rate := flag.Int("rate", 1000, "records a second")
	seconds := flag.Int("seconds", 20, "how long; the first tenth is not counted")
	size := flag.Int("size", 100, "bytes of a record's value, 16 at least")
	flag.Parse()
	if err := measure(*bootstrap, *topic, *rate, *rate**seconds, *size); err != nil {
		log.Fatal(err)
	}
}

func measure(bootstrap, topic string, rate, count, size int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumeTopics(topic), kgo.FetchMaxWait(500*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer consumer.Close()
	producer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0), kgo.RequiredAcks(kgo.AllISRAcks()))
	if err != nil {
		return err
	}
	defer producer.Close()

	read := make([]time.Duration, 0, count)
	readErr := make(chan error, 1)
	go func() {
		for len(read) < count {
			fetches := consumer.PollFetches(ctx)
			now := time.Now()
			if err := fetches.Err0(); err != nil {
				readErr <- err
				return
			}
			fetches.EachRecord(func(record *kgo.Record) {
				read = append(read, now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(record.Value)))))
			})
		}
		readErr <- nil
	}()

	var mu sync.Mutex
	var firstErr error
	acknowledged := make([]time.Duration, 0, count)
	began := time.Now()
	for i := range count {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		value := make([]byte, max(size, 16))
		binary.BigEndian.PutUint64(value, uint64(due.UnixNano()))
		producer.Produce(ctx, &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			acknowledged = append(acknowledged, took)
			if firstErr == nil {
				firstErr = err
			}
		})
	}
	if err := producer.Flush(ctx); err != nil {
		return err
	}
	if firstErr != nil {
		return firstErr
	}
	if err := <-readErr; err != nil {
		return fmt.Errorf("read %d of %d records: %w", len(read), count, err)
	}
	for _, row := range []struct {
		name  string
		times []time.Duration
	}{{"acknowledged", acknowledged}, {"read", read}} {
		counted := row.times[count/10:]
		slices.Sort(counted)
		quantile := func(q float64) float64 {
			return float64(counted[int(q*float64(len(counted)-1))].Microseconds()) / 1000
		}
		fmt.Printf("%s\tp50 %.2f ms\tp99 %.2f ms\tp99.9 %.2f ms\n", row.name, quantile(0.5), quantile(0.99), quantile(0.999))
	}
	return nil
}
