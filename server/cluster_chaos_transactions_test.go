//go:build unix

package server_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// chaosTransactions is the topic of the transactional producer.
const chaosTransactions = "chaos-transactions"

// chaosTransactional writes pairs of records to two partitions in transactions, of which some are aborted.
type chaosTransactional struct {
	t         *testing.T
	addresses []string
	stop      chan struct{}
	running   sync.WaitGroup

	// What follows is the producer's own until it has ended. unknown may have been committed or not.
	committed, aborted, unknown []string
}

func newChaosTransactions(t *testing.T, addresses []string) *chaosTransactional {
	if _, err := kadm.NewClient(newChaosClient(t, addresses)).CreateTopics(t.Context(), 2, 1, nil, chaosTransactions); err != nil {
		t.Fatal(err)
	}
	return &chaosTransactional{t: t, addresses: addresses, stop: make(chan struct{})}
}

func (x *chaosTransactional) start() {
	x.running.Go(func() {
		for i := 0; ; {
			// A producer that is fenced or has lost its transaction is made anew, as an application would.
			client := newChaosClient(x.t, x.addresses, kgo.TransactionalID("chaos"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
			for ; x.one(client, fmt.Sprint("tx-", i), i%4 == 3); i++ {
				select {
				case <-x.stop:
					return
				default:
				}
			}
			i++
			select {
			case <-x.stop:
				return
			default:
			}
		}
	})
}

// one runs one transaction, and tells whether the producer can go on.
func (x *chaosTransactional) one(client *kgo.Client, value string, aborts bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := client.BeginTransaction(); err != nil {
		x.unknown = append(x.unknown, value)
		return false
	}
	pair := []*kgo.Record{{Topic: chaosTransactions, Partition: 0, Value: []byte(value)}, {Topic: chaosTransactions, Partition: 1, Value: []byte(value)}}
	err := client.ProduceSync(ctx, pair...).FirstErr()
	if err != nil || aborts {
		if err := client.EndTransaction(ctx, kgo.TryAbort); err != nil {
			x.aborted = append(x.aborted, value) // never committed, whatever came of the abort
			return false
		}
		x.aborted = append(x.aborted, value)
		return true
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		x.unknown = append(x.unknown, value)
		return false
	}
	x.committed = append(x.committed, value)
	return true
}

func (x *chaosTransactional) finish() {
	close(x.stop)
	x.running.Wait()
}

// check reads what is committed.
func (x *chaosTransactional) check(address string) {
	x.t.Helper()
	counts := map[string][2]int{}
	for _, record := range readCommitted(x.t, address, chaosTransactions) {
		n := counts[string(record.Value)]
		n[record.Partition]++
		counts[string(record.Value)] = n
	}
	for _, value := range x.committed {
		if counts[value] != [2]int{1, 1} {
			x.t.Errorf("committed transaction %s is there %v times", value, counts[value])
		}
	}
	for _, value := range x.aborted {
		if counts[value] != [2]int{} {
			x.t.Errorf("aborted transaction %s is there %v times", value, counts[value])
		}
	}
	for _, value := range x.unknown {
		if n := counts[value]; n != [2]int{} && n != [2]int{1, 1} {
			x.t.Errorf("transaction %s of unknown end is there %v times", value, n)
		}
	}
	if len(x.committed) == 0 {
		x.t.Error("no transaction was committed")
	}
}

func (x *chaosTransactional) String() string {
	return fmt.Sprintf("%d transactions committed, %d aborted, %d of unknown end", len(x.committed), len(x.aborted), len(x.unknown))
}

// readCommitted reads the committed records of a topic up to its last stable offsets of now.
func readCommitted(t testing.TB, address, topic string) (records []*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond), kgo.KeepControlRecords())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListCommittedOffsets(ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		t.Fatalf("ends of %s: %v", topic, err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) { left[o.Partition] = o.Offset })
	// What comes last before a last stable offset is the end of a transaction, which is given out too.
	isRead := func() bool {
		for _, end := range left {
			if end > 0 {
				return false
			}
		}
		return true
	}
	for !isRead() {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("read %s: %v with %d records, %v left", topic, ctx.Err(), len(records), left)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset+1 >= left[r.Partition] {
				left[r.Partition] = 0
			}
		})
	}
	return records
}
