package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/statemachine/command"
)

// While a partition is written, compacted again and again, and the node restarted, a
// consumer that reads along never goes backwards, and has the last value of every key in
// the end. So has one that begins then, and reads less.
func TestConsumersSeeTheLastValueOfEveryKeyWhileTheirTopicIsCompacted(t *testing.T) {
	c := testConfig(t.TempDir())
	n := startNode(t, c)
	ctx := testContext(t)
	producer := newClient(t, n, kgo.ProducerLinger(0))
	policy, ratio := "compact", "0.01"
	if _, err := kadm.NewClient(producer).CreateTopic(ctx, 1, 1, map[string]*string{
		"cleanup.policy": &policy, "min.cleanable.dirty.ratio": &ratio}, "table"); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 9))
	want := map[string]string{}
	write := func(count int) {
		var records []*kgo.Record
		for i := range count {
			key, value := fmt.Sprint("key-", random.IntN(40)), fmt.Sprint(i, strings.Repeat("x", random.IntN(300)))
			record := &kgo.Record{Topic: "table", Key: []byte(key), Value: []byte(value)}
			want[key] = value
			if random.IntN(6) == 0 {
				record.Value = nil
				delete(want, key)
			}
			records = append(records, record)
			if len(records) == 7 || i == count-1 {
				if err := producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
					t.Fatal(err)
				}
				records = nil
			}
		}
	}
	along := newTableReader(t, n)
	for round := range 8 {
		write(150)
		along.poll(ctx, 1+random.IntN(100))
		compact := compactionOf(n, 1<<40, 10+10*round)
		if err := compact.compact(ctx, time.Now().UnixMilli()); err != nil {
			t.Fatal(err)
		}
		along.poll(ctx, 50)
		if round == 4 {
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = startNode(t, c)
			producer = newClient(t, n, kgo.ProducerLinger(0))
			along.reopen(n)
		}
	}
	// So that none of those that count is in the last batch, nor dirty.
	write(1)
	compact := compactionOf(n, 1<<40, 1000)
	if err := compact.compact(ctx, time.Now().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	state, err := n.store.Partition("table", 0)
	if err != nil {
		t.Fatal(err)
	}
	late := newTableReader(t, n)
	for _, reader := range []*tableReader{along, late} {
		for reader.next < state.NextOffset {
			reader.poll(ctx, 1000)
		}
		if len(reader.values) != len(want) {
			t.Errorf("%d keys, want %d", len(reader.values), len(want))
		}
		for key, value := range want {
			if reader.values[key] != value {
				t.Errorf("%s is %.10q, want %.10q", key, reader.values[key], value)
			}
		}
	}
	if late.records > 100 || along.records < late.records {
		t.Errorf("%d records are left for 40 keys, %d were read along the way", late.records, along.records)
	}
	answer := httptest.NewRecorder()
	n.metrics.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text, _ := io.ReadAll(answer.Result().Body)
	if !bytes.Contains(text, []byte("kont_compactions_total ")) || bytes.Contains(text, []byte("kont_compaction_freed_bytes_total 0\n")) {
		t.Error("compactions are not counted")
	}
}

// tableReader reads a topic into a map, as a table is.
type tableReader struct {
	t       *testing.T
	client  *kgo.Client
	next    int64
	records int
	values  map[string]string
}

func newTableReader(t *testing.T, n *Node) *tableReader {
	r := &tableReader{t: t, values: map[string]string{}}
	r.reopen(n)
	return r
}

// reopen goes on where the reader is, at another node.
func (r *tableReader) reopen(n *Node) {
	r.client = newClient(r.t, n, kgo.FetchMaxPartitionBytes(2000), kgo.ConsumePartitions(
		map[string]map[int32]kgo.Offset{"table": {0: kgo.NewOffset().At(r.next)}}))
}

func (r *tableReader) poll(ctx context.Context, recordsMax int) {
	r.t.Helper()
	fetches := r.client.PollRecords(ctx, recordsMax)
	if err := fetches.Err0(); err != nil {
		r.t.Fatal(err)
	}
	for _, fetched := range fetches.Errors() {
		r.t.Fatal(fetched.Err)
	}
	fetches.EachRecord(func(record *kgo.Record) {
		if record.Offset < r.next {
			r.t.Errorf("offset %d after %d", record.Offset, r.next)
		}
		r.next = record.Offset + 1
		r.records++
		if r.values[string(record.Key)] = string(record.Value); record.Value == nil {
			delete(r.values, string(record.Key))
		}
	})
}

// A pass is broken off when the node stops to lead, and when its topic goes.
func TestCompactionEndsWithItsNodesTermAndItsTopic(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	ctx := testContext(t)
	client := newClient(t, n)
	policy := "compact"
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, map[string]*string{"cleanup.policy": &policy}, "table"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		produce(t, client, "table", "k", "v")
	}
	due, err := n.store.CompactionsDue(time.Now().UnixMilli())
	if err != nil || len(due) != 1 {
		t.Fatalf("%+v, %v", due, err)
	}
	slow := compactionOf(n, 1, 100)
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := slow.pass(over, due[0], time.Now().UnixMilli()); !errors.Is(err, context.Canceled) {
		t.Errorf("after the term: %v", err)
	}
	if _, err := kadm.NewClient(client).DeleteTopics(ctx, "table"); err != nil {
		t.Fatal(err)
	}
	fast := compactionOf(n, 1<<40, 100)
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, map[string]*string{"cleanup.policy": &policy}, "table"); err != nil {
		t.Fatal(err)
	}
	if err := fast.pass(ctx, due[0], time.Now().UnixMilli()); err == nil {
		t.Error("a pass over a topic that was made again went through")
	}
	if err := fast.compact(ctx, time.Now().UnixMilli()); err != nil {
		t.Errorf("with nothing to do: %v", err)
	}
}

// A pass of which something was passed over is not complete: it is due again, and then
// leaves one record of the key.
func TestCompactionIsDueAgainWhenSomethingWasPassedOver(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	ctx := testContext(t)
	client := newClient(t, n)
	policy := "compact"
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, map[string]*string{"cleanup.policy": &policy}, "table"); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		produce(t, client, "table", "k", "v")
	}
	c := compactionOf(n, 1<<40, 100)
	for round := range 2 {
		c.propose = n.proposer.Propose
		if round == 0 {
			c.propose = func(ctx context.Context, proposed command.Command) (command.Result, error) {
				changes := proposed.(command.CompactRecords)
				for i := range changes.Changes {
					changes.Changes[i].CRC++
				}
				return n.proposer.Propose(ctx, changes)
			}
		}
		if err := c.compact(ctx, time.Now().UnixMilli()); err != nil {
			t.Fatal(err)
		}
		due, err := n.store.CompactionsDue(time.Now().UnixMilli())
		if err != nil || (len(due) > 0) != (round == 0) {
			t.Errorf("round %d: due %+v, %v", round, due, err)
		}
	}
}

// A topic that goes while another one is compacted keeps nobody from the rest.
func TestCompactionGoesOnBehindATopicThatIsDeleted(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	ctx := testContext(t)
	client := newClient(t, n)
	admin := kadm.NewClient(client)
	policy := "compact"
	topics := []string{"table-a", "table-b", "table-c"}
	for _, topic := range topics {
		if _, err := admin.CreateTopic(ctx, 1, 1, map[string]*string{"cleanup.policy": &policy}, topic); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			produce(t, client, topic, "k", "v")
		}
	}
	due, err := n.store.CompactionsDue(time.Now().UnixMilli())
	if err != nil || len(due) != len(topics) {
		t.Fatalf("%+v, %v", due, err)
	}
	deleted := due[1].Topic
	c := compactionOf(n, 1<<40, 100)
	c.every = time.Millisecond
	c.propose = func(ctx context.Context, proposed command.Command) (command.Result, error) {
		if _, exists := n.store.Topic(deleted); exists {
			if _, err := admin.DeleteTopics(ctx, deleted); err != nil {
				return nil, err
			}
		}
		return n.proposer.Propose(ctx, proposed)
	}
	if err := c.compact(ctx, time.Now().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	if left, err := n.store.CompactionsDue(time.Now().UnixMilli()); err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
	if _, exists := n.store.Topic(deleted); exists {
		t.Errorf("%s is there", deleted)
	}
	for _, one := range due {
		if one.Topic == deleted {
			continue
		}
		if data, err := n.store.ReadBatches(one.Topic, 0, 0, 1<<20); err != nil || len(data) == 0 || data[7] == 0 {
			t.Errorf("%s begins with %x, %v", one.Topic, data[:min(len(data), 8)], err)
		}
	}
	// It looks by itself, too.
	for range 4 {
		produce(t, client, due[0].Topic, "k", "v")
	}
	c.Start()
	defer c.Stop()
	waitFor(t, "what is new is compacted", func() bool {
		left, err := n.store.CompactionsDue(time.Now().UnixMilli())
		return err == nil && len(left) == 0
	})
}

func compactionOf(n *Node, bytesPerSecond, keysMax int) *compaction {
	c := newCompaction(n)
	c.bytesPerSecond, c.keysMax = bytesPerSecond, keysMax
	return c
}
