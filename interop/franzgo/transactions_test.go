package franzgo

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestTransactions commits, aborts and is fenced. franz-go's own tests, interop/franz-go-suite.sh, chain groups by transactions.
func TestTransactions(t *testing.T) {
	feature(t, "transactions")
	admin, topic := newTopic(t)
	id := "tx-" + rand.Text()
	begin := func() *kgo.Client {
		c := client(t, kgo.TransactionalID(id), kgo.DefaultProduceTopic(topic))
		if err := c.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	send := func(c *kgo.Client, value string) {
		t.Helper()
		if err := c.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	old := begin()
	for value, end := range map[string]kgo.TransactionEndTry{"kept": kgo.TryCommit, "dropped": kgo.TryAbort} {
		send(old, value)
		if err := old.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		if err := old.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
	}
	send(old, "by the old one")
	successor := begin()
	send(successor, "by its successor")
	err := old.EndTransaction(t.Context(), kgo.TryCommit)
	if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) {
		t.Errorf("the old producer's commit: %v, want it fenced", err)
	}
	if err := successor.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}

	ends, err := admin.ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	left := make(map[int32]int64)
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			left[end.Partition] = end.Offset
		}
	})
	reader := client(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen := make(map[string]int)
	for len(left) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("partitions %v are not read to these ends: %v", left, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				seen[string(r.Value)]++
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	if len(seen) != 2 || seen["kept"] != 1 || seen["by its successor"] != 1 {
		t.Errorf("committed are %v", seen)
	}
}
