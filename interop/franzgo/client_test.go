// Package franzgo drives a Kafka listener with franz-go, which kont's own command
// line uses too: produce with every codec, idempotent and not, consume from the
// beginning, a consumer group of two members with rebalances, by the eager and by
// the cooperative assignor.
//
//	go test ./interop/franzgo -count 1 -args -bootstrap HOST:PORT
package franzgo

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var bootstrap = flag.String("bootstrap", "", "HOST:PORT of the listener")

const (
	partitions = 4
	patience   = 60 * time.Second
)

// feature says, for the table of features, what a test is of, and in the end whether it holds.
func feature(t *testing.T, name string) {
	t.Helper()
	if *bootstrap == "" {
		t.Skip("no -bootstrap")
	}
	fmt.Printf("FEATURE %s\n", name)
	t.Cleanup(func() {
		if t.Failed() {
			fmt.Printf("BROKEN %s fails\n", t.Name())
		}
	})
}

func client(t *testing.T, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	if *bootstrap == "" {
		t.Skip("no -bootstrap")
	}
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(*bootstrap)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// newTopic makes a topic that is gone after the test.
func newTopic(t *testing.T) (*kadm.Client, string) {
	t.Helper()
	admin := kadm.NewClient(client(t))
	topic := "interop-franzgo-" + rand.Text()
	if _, err := admin.CreateTopic(t.Context(), partitions, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.DeleteTopic(context.Background(), topic); err != nil {
			t.Error(err)
		}
	})
	return admin, topic
}

func produce(t *testing.T, topic, prefix string, count int, options ...kgo.Opt) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var records []*kgo.Record
	for i := range count {
		records = append(records, &kgo.Record{
			Topic: topic, Key: fmt.Append(nil, i), Value: fmt.Appendf(nil, "%s-%d", prefix, i),
			Headers: []kgo.RecordHeader{{Key: "from", Value: []byte("franz-go")}},
		})
	}
	if err := client(t, options...).ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatalf("produce %s: %v", prefix, err)
	}
}

func TestProduceAndConsume(t *testing.T) {
	for codec, compression := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(codec, func(t *testing.T) {
			name := "codec " + codec
			if codec == "none" {
				name = "produce and consume"
			}
			feature(t, name)
			_, topic := newTopic(t)
			sent := make(map[string]bool)
			for acks, required := range map[string]kgo.Acks{"0": kgo.NoAck(), "1": kgo.LeaderAck(), "all": kgo.AllISRAcks()} {
				produce(t, topic, acks, 40, kgo.ProducerBatchCompression(compression), kgo.RequiredAcks(required), kgo.DisableIdempotentWrite())
				remember(sent, acks, 40)
			}
			requireRecords(t, topic, sent)
		})
	}
}

func TestIdempotentProducer(t *testing.T) {
	feature(t, "idempotent producer")
	_, topic := newTopic(t)
	sent := make(map[string]bool)
	produce(t, topic, "idempotent", 2000)
	remember(sent, "idempotent", 2000)
	requireRecords(t, topic, sent)
}

func remember(sent map[string]bool, prefix string, count int) {
	for i := range count {
		sent[fmt.Sprintf("%s-%d", prefix, i)] = true
	}
}

// requireRecords reads a topic from its beginning, and takes what it finds out of sent.
func requireRecords(t *testing.T, topic string, sent map[string]bool) {
	t.Helper()
	consumer := client(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for len(sent) > 0 {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d records are missing: %v", len(sent), err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !sent[string(r.Value)] {
				t.Fatalf("%q was not sent, or came twice", r.Value)
			}
			delete(sent, string(r.Value))
		})
	}
}

// A member consumes and remembers.
type member struct {
	client *kgo.Client
	mu     sync.Mutex
	owned  map[int32]bool
}

func (m *member) count() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, isOwned := range m.owned {
		if isOwned {
			n++
		}
	}
	return n
}

func TestGroupOfTwo(t *testing.T) {
	feature(t, "groups: classic protocol")
	for name, balancer := range map[string]kgo.GroupBalancer{"range": kgo.RangeBalancer(), "cooperative": kgo.CooperativeStickyBalancer()} {
		t.Run(name, func(t *testing.T) {
			admin, topic := newTopic(t)
			group := "pair-" + rand.Text()
			var mu sync.Mutex
			seen := make(map[string]bool)
			join := func() *member {
				m := &member{owned: make(map[int32]bool)}
				note := func(isOwned bool) func(context.Context, *kgo.Client, map[string][]int32) {
					return func(_ context.Context, _ *kgo.Client, assigned map[string][]int32) {
						m.mu.Lock()
						defer m.mu.Unlock()
						for _, p := range assigned[topic] {
							m.owned[p] = isOwned
						}
					}
				}
				m.client = client(t, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Balancers(balancer),
					kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(300*time.Millisecond),
					kgo.OnPartitionsAssigned(note(true)), kgo.OnPartitionsRevoked(note(false)), kgo.OnPartitionsLost(note(false)))
				go func() {
					for {
						fetches := m.client.PollFetches(context.Background())
						if fetches.IsClientClosed() {
							return
						}
						mu.Lock()
						fetches.EachRecord(func(r *kgo.Record) { seen[string(r.Value)] = true })
						mu.Unlock()
					}
				}()
				return m
			}
			wait := func(claim string, condition func() bool) {
				t.Helper()
				for deadline := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("not within %s: %s", patience, claim)
					}
				}
			}
			hasSeen := func(count int) func() bool {
				return func() bool {
					mu.Lock()
					defer mu.Unlock()
					return len(seen) == count
				}
			}

			produce(t, topic, "before", 100)
			first := join()
			wait("the only member has all records", hasSeen(100))
			second := join()
			wait("two members have two partitions each", func() bool { return first.count() == 2 && second.count() == 2 })
			produce(t, topic, "shared", 100)
			wait("two members have all records", hasSeen(200))
			// A client commits by itself every few seconds; these don't live that long.
			for _, m := range []*member{first, second} {
				if err := m.client.CommitUncommittedOffsets(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			second.client.Close()
			wait("the member that stays has all partitions", func() bool { return first.count() == partitions })
			first.client.Close()

			offsets, err := admin.FetchOffsets(t.Context(), group)
			if err != nil {
				t.Fatal(err)
			}
			var sum int64
			offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
			if sum != 200 {
				t.Errorf("committed offsets sum to %d, want 200", sum)
			}
			if _, err := admin.DeleteGroup(t.Context(), group); err != nil {
				t.Error(err)
			}
		})
	}
}
