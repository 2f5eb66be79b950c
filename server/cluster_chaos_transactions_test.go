//go:build unix

package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// chaosTransactions is the topic of the transactional producer.
const chaosTransactions = "chaos-transactions"

// chaosTransactional writes pairs of records to two partitions in transactions, of which some are aborted. A witness in the rack of each node reads
// what is committed, all the time, from followers mostly.
type chaosTransactional struct {
	t         *testing.T
	addresses []string
	stop      chan struct{}
	running   sync.WaitGroup
	ctx       context.Context
	cancel    context.CancelFunc
	witnesses [3]chaosWitness
	// witnessing are their goroutines.
	witnessing sync.WaitGroup

	// What follows is the producer's own until it has ended. unknown may have been committed or not.
	committed, aborted, unknown []string
}

func newChaosTransactions(t *testing.T, addresses []string) *chaosTransactional {
	if _, err := kadm.NewClient(newChaosClient(t, addresses)).CreateTopics(t.Context(), 2, 1, nil, chaosTransactions); err != nil {
		t.Fatal(err)
	}
	x := &chaosTransactional{t: t, addresses: addresses, stop: make(chan struct{})}
	x.ctx, x.cancel = context.WithCancel(t.Context())
	t.Cleanup(func() {
		x.cancel()
		x.running.Wait()
		x.witnessing.Wait()
	})
	return x
}

// chaosWitness has seen records, how often on each partition.
type chaosWitness struct {
	mutex sync.Mutex
	seen  map[string][2]int // guarded by mutex
}

// chaosRack is the rack of a node, or of a client that shall read from it.
func chaosRack(node int) string { return fmt.Sprint("rack-", node) }

// watch reads in a rack. No record comes twice, and none is taken back.
func (x *chaosTransactional) watch(node int) {
	w := &x.witnesses[node]
	w.seen = map[string][2]int{}
	client := newChaosClient(x.t, x.addresses, kgo.Rack(chaosRack(node)), kgo.ConsumeTopics(chaosTransactions), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	x.witnessing.Go(func() {
		for x.ctx.Err() == nil {
			fetches := client.PollFetches(x.ctx)
			fetches.EachError(func(_ string, partition int32, err error) {
				var lost *kgo.ErrDataLoss
				if errors.As(err, &lost) {
					x.t.Errorf("a consumer in %s of partition %d: %v", chaosRack(node), partition, err)
				}
			})
			w.mutex.Lock()
			fetches.EachRecord(func(r *kgo.Record) {
				n := w.seen[string(r.Value)]
				n[r.Partition]++
				w.seen[string(r.Value)] = n
			})
			w.mutex.Unlock()
		}
	})
}

func (x *chaosTransactional) start() {
	for node := range x.witnesses {
		x.watch(node)
	}
	x.running.Go(func() {
		for i := 0; x.ctx.Err() == nil; {
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
	ctx, cancel := context.WithTimeout(x.ctx, time.Minute)
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

// finish waits until the witnesses have seen all that was committed.
func (x *chaosTransactional) finish() {
	close(x.stop)
	x.running.Wait()
	for node := range x.witnesses {
		missing := ""
		if !chaosEventually(func() bool {
			x.witnesses[node].mutex.Lock()
			defer x.witnesses[node].mutex.Unlock()
			i := slices.IndexFunc(x.committed, func(value string) bool {
				n := x.witnesses[node].seen[value]
				return n[0] == 0 || n[1] == 0
			})
			if i >= 0 {
				missing = x.committed[i]
			}
			return i < 0
		}) {
			x.t.Errorf("%v after the last fault a consumer in %s has not got committed transaction %s", chaosPatience, chaosRack(node), missing)
		}
	}
	x.cancel()
	x.witnessing.Wait()
}

// check reads what is committed, and compares that and what the witnesses saw with what was acknowledged.
func (x *chaosTransactional) check(address string) (counts chaosCounts) {
	x.t.Helper()
	found := map[string][2]int{}
	for _, record := range readCommitted(x.t, address, chaosTransactions) {
		n := found[string(record.Value)]
		n[record.Partition]++
		found[string(record.Value)] = n
	}
	for _, value := range x.committed {
		counts.add(found[value][0])
		counts.add(found[value][1])
	}
	x.compare("node", found)
	for node := range x.witnesses {
		x.compare("consumer in "+chaosRack(node), x.witnesses[node].seen)
	}
	if len(x.committed) == 0 {
		x.t.Error("no transaction was committed")
	}
	return counts
}

func (x *chaosTransactional) compare(reader string, counts map[string][2]int) {
	x.t.Helper()
	complaints := &chaosComplaints{t: x.t}
	for _, value := range x.committed {
		if counts[value] != [2]int{1, 1} {
			complaints.errorf("a %s saw committed transaction %s %v times", reader, value, counts[value])
		}
	}
	for _, value := range x.aborted {
		if counts[value] != [2]int{} {
			complaints.errorf("a %s saw aborted transaction %s %v times", reader, value, counts[value])
		}
	}
	for _, value := range x.unknown {
		if n := counts[value]; n != [2]int{} && n != [2]int{1, 1} {
			complaints.errorf("a %s saw transaction %s of unknown end %v times", reader, value, n)
		}
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
