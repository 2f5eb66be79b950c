// Package kafkago drives a Kafka listener with segmentio's kafka-go. It is a module of its own, so that kont depends on none of it.
//
//	go test -v -count 1 . -args -bootstrap HOST:PORT
package kafkago

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
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

func client() *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(*bootstrap), Timeout: patience, Transport: &kafka.Transport{ClientID: "interop-kafka-go"}}
}

func newTopic(t *testing.T) string {
	t.Helper()
	topic := "interop-kafkago-" + rand.Text()
	created, err := client().CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}},
	})
	if err != nil || created.Errors[topic] != nil {
		t.Fatal(err, created)
	}
	t.Cleanup(func() { deleteTopic(t, topic) })
	eventually(t, func() error { _, err := listEnds(t, topic); return err })
	return topic
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

func deleteTopic(t *testing.T, topic string) {
	t.Helper()
	deleted, err := client().DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil || deleted.Errors[topic] != nil {
		t.Error(err, deleted)
	}
}

func produce(t *testing.T, topic string, w *kafka.Writer, values ...string) {
	t.Helper()
	w.Addr, w.Topic, w.BatchTimeout, w.Balancer = kafka.TCP(*bootstrap), topic, 10*time.Millisecond, &kafka.RoundRobin{}
	// The transport that writers share remembers for six seconds which topics there are.
	transport := &kafka.Transport{ClientID: "interop-kafka-go"}
	defer transport.CloseIdleConnections()
	w.Transport = transport
	defer w.Close()
	var messages []kafka.Message
	for _, value := range values {
		messages = append(messages, kafka.Message{Key: []byte("k"), Value: []byte(value), Headers: []kafka.Header{{Key: "from", Value: []byte("kafka-go")}}})
	}
	if err := w.WriteMessages(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
}

func numbered(prefix string, count int) (values []string) {
	for i := range count {
		values = append(values, fmt.Sprintf("%s-%d", prefix, i))
	}
	return values
}

// consume reads each partition from its beginning to its end.
func consume(t *testing.T, topic string) (all []kafka.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	offsets := ends(t, topic)
	for p, end := range offsets {
		r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{*bootstrap}, Topic: topic, Partition: p, MaxWait: 200 * time.Millisecond})
		for at := int64(0); at < end; at++ {
			m, err := r.ReadMessage(ctx)
			if err != nil {
				t.Fatalf("partition %d at %d of %d: %v", p, at, end, err)
			}
			at = m.Offset
			all = append(all, m)
		}
		r.Close()
	}
	return all
}

func ends(t *testing.T, topic string) map[int]int64 {
	t.Helper()
	last, err := listEnds(t, topic)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func listEnds(t *testing.T, topic string) (map[int]int64, error) {
	var requests []kafka.OffsetRequest
	for p := range partitions {
		requests = append(requests, kafka.LastOffsetOf(p))
	}
	listed, err := client().ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: requests}})
	if err != nil {
		return nil, err
	}
	last := make(map[int]int64)
	for _, o := range listed.Topics[topic] {
		if o.Error != nil {
			return nil, o.Error
		}
		last[o.Partition] = o.LastOffset
	}
	if len(last) != partitions {
		return nil, fmt.Errorf("%d of %d partitions of %s have offsets", len(last), partitions, topic)
	}
	return last, nil
}

func requireValues(t *testing.T, got []kafka.Message, want []string) {
	t.Helper()
	var values []string
	for _, m := range got {
		values = append(values, string(m.Value))
	}
	slices.Sort(values)
	if want = slices.Sorted(slices.Values(want)); !slices.Equal(values, want) {
		t.Fatalf("%d records consumed differ from the %d produced", len(values), len(want))
	}
}

func TestFeatures(t *testing.T) {
	if *bootstrap == "" {
		t.Skip("no -bootstrap")
	}
	feature(t, "produce and consume", func(t *testing.T) {
		topic := newTopic(t)
		var sent []string
		for _, acks := range []kafka.RequiredAcks{kafka.RequireNone, kafka.RequireOne, kafka.RequireAll} {
			values := numbered("acks-"+acks.String(), 100)
			produce(t, topic, &kafka.Writer{RequiredAcks: acks}, values...)
			sent = append(sent, values...)
		}
		// With no acknowledgement asked for, the last may still be on their way.
		deadline := time.Now().Add(patience)
		for total := int64(0); total < int64(len(sent)) && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			total = 0
			for _, end := range ends(t, topic) {
				total += end
			}
		}
		requireValues(t, consume(t, topic), sent)
	})
	for name, codec := range map[string]kafka.Compression{"gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd} {
		feature(t, "codec "+name, func(t *testing.T) {
			topic := newTopic(t)
			sent := numbered(name, 200)
			produce(t, topic, &kafka.Writer{RequiredAcks: kafka.RequireAll, Compression: codec}, sent...)
			requireValues(t, consume(t, topic), sent)
		})
	}
	feature(t, "headers and timestamps", func(t *testing.T) {
		topic := newTopic(t)
		before := time.Now().Add(-time.Second)
		produce(t, topic, &kafka.Writer{RequiredAcks: kafka.RequireAll}, "one")
		m := consume(t, topic)[0]
		if len(m.Headers) != 1 || m.Headers[0].Key != "from" || string(m.Headers[0].Value) != "kafka-go" {
			t.Errorf("headers are %v", m.Headers)
		}
		if m.Time.Before(before) || m.Time.After(time.Now().Add(time.Second)) {
			t.Errorf("timestamp is %s", m.Time)
		}
	})
	feature(t, "offsets by time and position", func(t *testing.T) {
		topic := newTopic(t)
		produce(t, topic, &kafka.Writer{RequiredAcks: kafka.RequireAll}, numbered("offsets", 100)...)
		listed, err := client().ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
			topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0), kafka.TimeOffsetOf(0, time.Now().Add(-time.Hour))},
		}})
		if err != nil || len(listed.Topics[topic]) != 1 {
			t.Fatal(err, listed)
		}
		got := listed.Topics[topic][0]
		if _, first := got.Offsets[0]; got.FirstOffset != 0 || got.LastOffset != 25 || !first {
			t.Errorf("offsets are %+v", got)
		}
	})
	feature(t, "groups: classic protocol", testGroup)
	feature(t, "groups: delete offsets", testDeleteOffsets)
	testAdmin(t)
}

// testGroup has two readers, one after the other, so that the second goes on where the first has committed, then both at once.
func testGroup(t *testing.T) {
	topic, group := newTopic(t), "pair-"+rand.Text()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	join := func() *kafka.Reader {
		return kafka.NewReader(kafka.ReaderConfig{
			Brokers: []string{*bootstrap}, GroupID: group, GroupTopics: []string{topic}, MaxWait: 200 * time.Millisecond, StartOffset: kafka.FirstOffset,
			HeartbeatInterval: 300 * time.Millisecond, SessionTimeout: 6 * time.Second, RebalanceTimeout: 6 * time.Second,
		})
	}
	read := func(r *kafka.Reader, count int) (all []kafka.Message) {
		for range count {
			m, err := r.FetchMessage(ctx)
			if err != nil {
				t.Fatalf("after %d of %d: %v", len(all), count, err)
			}
			all = append(all, m)
		}
		if err := r.CommitMessages(ctx, all...); err != nil {
			t.Fatal(err)
		}
		return all
	}
	first := numbered("first", 100)
	produce(t, topic, &kafka.Writer{RequiredAcks: kafka.RequireAll}, first...)
	one := join()
	requireValues(t, read(one, 100), first)
	one.Close()
	second := numbered("second", 100)
	produce(t, topic, &kafka.Writer{RequiredAcks: kafka.RequireAll}, second...)
	two, three := join(), join()
	defer two.Close()
	defer three.Close()
	members := func() int {
		described, err := client().DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
		if err != nil || len(described.Groups) != 1 {
			t.Fatal(err, described)
		}
		if described.Groups[0].GroupState != "Stable" {
			return 0
		}
		return len(described.Groups[0].Members)
	}
	for members() != 2 {
		if ctx.Err() != nil {
			t.Fatal("the group has not two members within a minute")
		}
		time.Sleep(50 * time.Millisecond)
	}
	got := make(chan kafka.Message)
	for _, r := range []*kafka.Reader{two, three} {
		go func() {
			for {
				m, err := r.ReadMessage(ctx)
				if err != nil {
					return
				}
				got <- m
			}
		}()
	}
	seen := make(map[string]bool)
	for len(seen) < 100 {
		select {
		case m := <-got:
			seen[string(m.Value)] = true
		case <-ctx.Done():
			t.Fatalf("%d of 100 records within a minute", len(seen))
		}
	}
	for _, value := range second {
		if !seen[value] {
			t.Errorf("%s did not come", value)
		}
	}
}

func testDeleteOffsets(t *testing.T) {
	topic, group := newTopic(t), "offsets-"+rand.Text()
	produce(t, topic, &kafka.Writer{RequiredAcks: kafka.RequireAll}, numbered("x", 8)...)
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{*bootstrap}, GroupID: group, Topic: topic, MaxWait: 200 * time.Millisecond, StartOffset: kafka.FirstOffset})
	for range 8 {
		if _, err := r.ReadMessage(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.Close()
	fetch := func() (sum int64) {
		fetched, err := client().OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {0, 1, 2, 3}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range fetched.Topics[topic] {
			sum += p.CommittedOffset
		}
		return sum
	}
	if sum := fetch(); sum != 8 {
		t.Fatalf("committed offsets sum to %d, want 8", sum)
	}
	deleted, err := client().OffsetDelete(t.Context(), &kafka.OffsetDeleteRequest{GroupID: group, Topics: map[string][]int{topic: {0, 1, 2, 3}}})
	if err != nil || deleted.Error != nil {
		t.Fatal(err, deleted)
	}
	if sum := fetch(); sum != -partitions {
		t.Errorf("committed offsets sum to %d, want %d, of none", sum, -partitions)
	}
}
