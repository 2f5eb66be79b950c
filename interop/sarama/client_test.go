// Package sarama drives a Kafka listener with IBM's sarama. It is a module of its own, so that kont depends on none of it.
//
//	go test -v -count 1 . -args -bootstrap HOST:PORT
package sarama

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

var bootstrap = flag.String("bootstrap", "", "HOST:PORT of the listener")

const (
	partitions = 4
	patience   = 60 * time.Second
)

// feature runs a check and says, for the table of features, what it was of and whether it holds.
func feature(t *testing.T, name string, check func(t *testing.T)) {
	fmt.Printf("FEATURE %s\n", name)
	if !t.Run(name, check) {
		fmt.Printf("BROKEN %s/%s fails\n", t.Name(), name)
	}
}

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.ClientID = "interop-sarama"
	c.Producer.Return.Successes = true
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	return c
}

func admin(t *testing.T) sarama.ClusterAdmin {
	t.Helper()
	if *bootstrap == "" {
		t.Skip("no -bootstrap")
	}
	a, err := sarama.NewClusterAdmin([]string{*bootstrap}, config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func newTopic(t *testing.T) (sarama.ClusterAdmin, string) {
	t.Helper()
	a, topic := admin(t), "interop-sarama-"+rand.Text()
	if err := a.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.DeleteTopic(topic) })
	eventually(t, func() error { return hasPartitions(a, topic, partitions) })
	return a, topic
}

// eventually asks again until it is so: a cluster of many brokers answers some requests before all of it has heard of what was done.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(patience / 4)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func produce(t *testing.T, topic string, c *sarama.Config, values ...string) {
	t.Helper()
	p, err := sarama.NewSyncProducer([]string{*bootstrap}, c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.SendMessages(messages(topic, values...)); err != nil {
		t.Fatal(err)
	}
}

func hasPartitions(a sarama.ClusterAdmin, topic string, count int) error {
	described, err := a.DescribeTopics([]string{topic})
	if err != nil || len(described) != 1 || len(described[0].Partitions) != count {
		return fmt.Errorf("%s is described as %+v, want %d partitions: %w", topic, described, count, err)
	}
	return nil
}

func messages(topic string, values ...string) (all []*sarama.ProducerMessage) {
	for i, value := range values {
		all = append(all, &sarama.ProducerMessage{
			Topic: topic, Key: sarama.StringEncoder(fmt.Sprint("k", i)), Value: sarama.StringEncoder(value),
			Headers: []sarama.RecordHeader{{Key: []byte("from"), Value: []byte("sarama")}},
		})
	}
	return all
}

func numbered(prefix string, count int) (values []string) {
	for i := range count {
		values = append(values, fmt.Sprintf("%s-%d", prefix, i))
	}
	return values
}

// consume reads all partitions from the beginning until they have count records, and a moment more.
func consume(t *testing.T, topic string, count int, c *sarama.Config) (all []*sarama.ConsumerMessage) {
	t.Helper()
	consumer, err := sarama.NewConsumer([]string{*bootstrap}, c)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	got := make(chan *sarama.ConsumerMessage)
	stop := make(chan struct{})
	defer close(stop)
	for p := range int32(partitions) {
		partition, err := consumer.ConsumePartition(topic, p, sarama.OffsetOldest)
		if err != nil {
			t.Fatal(err)
		}
		defer partition.Close()
		go func() {
			for m := range partition.Messages() {
				select {
				case got <- m:
				case <-stop:
					return
				}
			}
		}()
	}
	limit := time.After(patience)
	for {
		quiet := time.After(patience)
		if len(all) >= count {
			quiet = time.After(500 * time.Millisecond)
		}
		select {
		case m := <-got:
			all = append(all, m)
		case <-quiet:
			return all
		case <-limit:
			t.Fatalf("%d of %d records within %s", len(all), count, patience)
		}
	}
}

func requireValues(t *testing.T, got []*sarama.ConsumerMessage, want []string) {
	t.Helper()
	var values []string
	for _, m := range got {
		values = append(values, string(m.Value))
	}
	slices.Sort(values)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(values, want) {
		t.Fatalf("%d records consumed differ from the %d produced", len(values), len(want))
	}
}

func TestFeatures(t *testing.T) {
	if *bootstrap == "" {
		t.Skip("no -bootstrap")
	}
	feature(t, "produce and consume", func(t *testing.T) {
		_, topic := newTopic(t)
		var sent []string
		for name, acks := range map[string]sarama.RequiredAcks{"1": sarama.WaitForLocal, "all": sarama.WaitForAll} {
			c := config()
			c.Producer.RequiredAcks = acks
			values := numbered("acks-"+name, 100)
			produce(t, topic, c, values...)
			sent = append(sent, values...)
		}
		requireValues(t, consume(t, topic, len(sent), config()), sent)
	})
	for _, codec := range []sarama.CompressionCodec{sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD} {
		feature(t, "codec "+codec.String(), func(t *testing.T) {
			_, topic := newTopic(t)
			c := config()
			c.Producer.Compression = codec
			sent := numbered(codec.String(), 200)
			produce(t, topic, c, sent...)
			requireValues(t, consume(t, topic, len(sent), config()), sent)
		})
	}
	feature(t, "headers and timestamps", func(t *testing.T) {
		_, topic := newTopic(t)
		before := time.Now().Add(-time.Second)
		produce(t, topic, config(), "one")
		m := consume(t, topic, 1, config())[0]
		if len(m.Headers) != 1 || string(m.Headers[0].Key) != "from" || string(m.Headers[0].Value) != "sarama" {
			t.Errorf("headers are %v", m.Headers)
		}
		if m.Timestamp.Before(before) || m.Timestamp.After(time.Now().Add(time.Second)) {
			t.Errorf("timestamp is %s", m.Timestamp)
		}
	})
	feature(t, "idempotent producer", func(t *testing.T) {
		_, topic := newTopic(t)
		c := idempotent(config())
		sent := numbered("idempotent", 1000)
		produce(t, topic, c, sent...)
		requireValues(t, consume(t, topic, len(sent), config()), sent)
	})
	feature(t, "offsets by time and position", testOffsets)
	feature(t, "groups: classic protocol", testGroupOfTwo)
	feature(t, "transactions", testTransactions)
	feature(t, "transactions: offsets of a group", testTransactionalOffsets)
	feature(t, "transactions: fencing", testFencing)
	testAdmin(t)
}

func idempotent(c *sarama.Config) *sarama.Config {
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Net.MaxOpenRequests = 1
	return c
}

func testOffsets(t *testing.T) {
	_, topic := newTopic(t)
	before := time.Now()
	produce(t, topic, config(), numbered("offsets", 100)...)
	client, err := sarama.NewClient([]string{*bootstrap}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sums := make(map[int64]int64)
	for p := range int32(partitions) {
		for _, at := range []int64{sarama.OffsetOldest, sarama.OffsetNewest, before.Add(-time.Hour).UnixMilli()} {
			offset, err := client.GetOffset(topic, p, at)
			if err != nil {
				t.Fatal(err)
			}
			sums[at] += offset
		}
	}
	if sums[sarama.OffsetOldest] != 0 || sums[sarama.OffsetNewest] != 100 || sums[before.Add(-time.Hour).UnixMilli()] != 0 {
		t.Errorf("offsets sum to %v, want 0 for the oldest and an hour ago, 100 for the newest", sums)
	}
}

// member is a consumer group handler that counts its claims and what comes.
type member struct {
	mu     sync.Mutex
	claims int
	seen   func(*sarama.ConsumerMessage)
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims = 0
	for _, claimed := range session.Claims() {
		m.claims += len(claimed)
	}
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			m.seen(message)
			session.MarkMessage(message, "read")
		case <-session.Context().Done():
			return nil
		}
	}
}

func (m *member) claimed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.claims
}

func testGroupOfTwo(t *testing.T) {
	a, topic := newTopic(t)
	group := "pair-" + rand.Text()
	var mu sync.Mutex
	seen := make(map[string]int)
	join := func() (*member, func()) {
		g, err := sarama.NewConsumerGroup([]string{*bootstrap}, group, config())
		if err != nil {
			t.Fatal(err)
		}
		m := &member{seen: func(message *sarama.ConsumerMessage) {
			mu.Lock()
			defer mu.Unlock()
			seen[string(message.Value)]++
		}}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				if err := g.Consume(ctx, []string{topic}, m); err != nil && !errors.Is(err, sarama.ErrClosedConsumerGroup) {
					t.Error(err)
					return
				}
			}
		}()
		return m, sync.OnceFunc(func() { cancel(); <-done; g.Close() })
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
		return func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) == count }
	}

	produce(t, topic, config(), numbered("before", 100)...)
	first, leaveFirst := join()
	defer leaveFirst()
	wait("the only member has all records", hasSeen(100))
	second, leaveSecond := join()
	defer leaveSecond()
	wait("two members have two partitions each", func() bool { return first.claimed() == 2 && second.claimed() == 2 })
	described, err := a.DescribeConsumerGroups([]string{group})
	if err != nil || len(described) != 1 || described[0].State != "Stable" || len(described[0].Members) != 2 {
		t.Errorf("group is described as %+v, %v", described, err)
	}
	produce(t, topic, config(), numbered("shared", 100)...)
	wait("two members have all records", hasSeen(200))
	leaveSecond()
	wait("the member that stays has all partitions", func() bool { return first.claimed() == partitions })
	leaveFirst()
	if sum := committed(t, a, group, topic); sum != 200 {
		t.Errorf("committed offsets sum to %d, want 200", sum)
	}
}

func committed(t *testing.T, a sarama.ClusterAdmin, group, topic string) (sum int64) {
	t.Helper()
	offsets, err := a.ListConsumerGroupOffsets(group, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range offsets.Blocks[topic] {
		sum += block.Offset
	}
	return sum
}
