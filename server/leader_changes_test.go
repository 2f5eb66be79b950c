package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/raftlog"
)

// changeLeader lets another node lead: by handing over, or by stopping the leader and starting it again.
func (c *testCluster) changeLeader(stops bool) {
	c.Helper()
	before := c.leader()
	id := before.identity.NodeID
	if stops {
		c.stop(id)
		c.leader()
		c.start(id)
		return
	}
	if err := before.raft.TransferLeadership(testContext(c), raftlog.Member{}); err != nil {
		c.Fatal(err)
	}
	waitFor(c, "another leader", func() bool { return c.leader().identity.NodeID != id })
}

// Members notice nothing but a lost connection, by either protocol, and what is committed stays.
func TestGroupGoesOnThroughChangesOfLeader(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]kgo.Opt{"classic": nil, "consumer": {kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer())}} {
		t.Run(name, func(t *testing.T) {
			c := newTestCluster(t, 3, func(s *Config) { s.GroupConsumerHeartbeatInterval = 50 * time.Millisecond })
			var assigned, lost atomic.Int32
			client := c.client(append(options, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(-1),
				kgo.HeartbeatInterval(50*time.Millisecond), kgo.DisableAutoCommit(), kgo.FetchMaxWait(200*time.Millisecond),
				kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
					if len(partitions) > 0 {
						assigned.Add(1)
					}
				}),
				kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) { lost.Add(1) }),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
			admin := kadm.NewClient(c.client())
			generation := int32(-1)
			for round := range 7 {
				want := fmt.Sprint("record ", round)
				produce(t, client, "orders", "k", want)
				polled := client.PollFetches(testContext(t))
				records := polled.Records()
				if len(records) != 1 || string(records[0].Value) != want {
					t.Fatalf("round %d: %v, %v", round, records, polled.Errors())
				}
				if err := client.CommitUncommittedOffsets(testContext(t)); err != nil {
					t.Errorf("round %d: commit: %v", round, err)
				}
				if _, now := client.GroupMetadata(); generation >= 0 && now != generation {
					t.Errorf("round %d: generation %d after %d", round, now, generation)
				} else {
					generation = now
				}
				if round == 6 {
					break
				}
				c.changeLeader(round%2 == 1)
				waitFor(t, "an answer of the new leader", func() bool {
					committed, err := admin.FetchOffsets(testContext(t), "g")
					if offset, _ := committed.Lookup("orders", records[0].Partition); err == nil && offset.At != int64(round+1) {
						t.Errorf("round %d: committed %d by the new leader, want %d", round, offset.At, round+1)
					}
					return err == nil
				})
			}
			if assigned.Load() != 1 || lost.Load() != 0 {
				t.Errorf("%d assignments, want the first one only; %d losses", assigned.Load(), lost.Load())
			}
		})
	}
}

// The new leader goes on with the transactions that are open, aborts those that take too long, and knows who is fenced.
func TestTransactionsGoOnThroughChangesOfLeader(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	producer := func(id string, timeout time.Duration) *kgo.Client {
		client := c.client(kgo.TransactionalID(id), kgo.TransactionTimeout(timeout), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("orders"))
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		return client
	}
	send := func(client *kgo.Client, value string) error {
		return client.ProduceSync(testContext(t), kgo.KeyStringRecord("k", value)).FirstErr()
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	quick, slow, fenced, undone := producer("quick", time.Minute), producer("slow", 2*time.Second), producer("fenced", time.Minute), producer("undone", time.Minute)
	for name, client := range map[string]*kgo.Client{"quick": quick, "slow": slow, "fenced": fenced, "undone": undone} {
		must(send(client, name+" 0"))
	}
	c.changeLeader(true)
	must(send(quick, "quick 1"))
	second := producer("fenced", time.Minute)
	must(send(second, "second 0"))
	c.changeLeader(false)
	must(send(quick, "quick 2"))
	must(undone.EndTransaction(testContext(t), kgo.TryAbort))
	// The leader goes while it commits: asked again, the next one commits once.
	ended := make(chan error, 1)
	go func() { ended <- quick.EndTransaction(testContext(t), kgo.TryCommit) }()
	c.changeLeader(true)
	must(<-ended)
	must(second.EndTransaction(testContext(t), kgo.TryCommit))
	if err := send(fenced, "fenced 1"); err == nil {
		if err = fenced.EndTransaction(testContext(t), kgo.TryCommit); err == nil {
			t.Error("a producer goes on after another has taken its id")
		}
	}
	admin := kadm.NewClient(c.client())
	waitFor(t, "the end of the transaction that took too long", func() bool {
		described, err := admin.DescribeTransactions(testContext(t), "slow")
		return err == nil && described["slow"].State == "CompleteAbort"
	})
	if err := slow.EndTransaction(testContext(t), kgo.TryCommit); !errors.Is(err, kerr.ProducerFenced) && !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("commit by the slow one: %v, want it to be fenced", err)
	}
	c.changeLeader(false)
	want := []string{"quick 0", "quick 1", "second 0", "quick 2"}
	for id, node := range c.nodes {
		waitFor(t, "the end of all transactions", func() bool { return node.store.AppliedIndex() >= c.leader().store.AppliedIndex() })
		for _, tx := range node.store.Transactions() {
			if tx.Status.String() == "Ongoing" {
				t.Errorf("node %d: %+v", id, tx)
			}
		}
	}
	reader := c.client(kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	produceAfter := c.client()
	produce(t, produceAfter, "orders", "k", "last")
	var got []string
	for len(got) == 0 || got[len(got)-1] != "last" {
		polled := reader.PollFetches(testContext(t))
		must(polled.Err0())
		for _, r := range polled.Records() {
			got = append(got, string(r.Value))
		}
	}
	if want = append(want, "last"); !slices.Equal(got, want) {
		t.Errorf("committed %v, want %v", got, want)
	}
}

// Copying in transactions, with the offsets of a group in them, goes on whoever leads; each record comes out once.
func TestCopyingInTransactionsLosesNothingWithItsLeader(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	const total = 120
	source := c.client(kgo.AllowAutoTopicCreation())
	copying, stop := context.WithCancel(testContext(t))
	defer stop()
	done := make(chan error, 1)
	for i := range total / 2 {
		produce(t, source, "in", "k", fmt.Sprint(i))
	}
	produce(t, source, "out", "k", "first")
	go func() { done <- copyOn(copying, c) }()
	for i := range total / 2 {
		produce(t, source, "in", "k", fmt.Sprint(total/2+i))
		if i%15 == 14 {
			c.changeLeader(i%2 == 0)
		}
	}
	reader := c.client(kgo.ConsumeTopics("out"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	var got []string
	for len(got) < total+1 {
		polled := reader.PollFetches(testContext(t))
		if err := polled.Err0(); err != nil {
			t.Fatalf("%d of %d records came out: %v", len(got)-1, total, err)
		}
		for _, r := range polled.Records() {
			got = append(got, string(r.Value))
		}
	}
	for i, value := range got[1:] {
		if value != fmt.Sprint(i) {
			t.Fatalf("record %d is %s", i, value)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// copyOn copies from in to out until ctx ends, a few records in a transaction. A session that has failed for good is made anew.
func copyOn(ctx context.Context, c *testCluster) error {
	for ctx.Err() == nil {
		var seeds []string
		for _, settings := range c.configs {
			seeds = append(seeds, settings.KafkaListen)
		}
		session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(seeds...), kgo.TransactionalID("copy"), kgo.TransactionTimeout(10*time.Second),
			kgo.ConsumerGroup("copy"), kgo.ConsumeTopics("in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DefaultProduceTopic("out"), kgo.ProducerLinger(0),
			kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(100*time.Millisecond), kgo.FetchMaxWait(100*time.Millisecond), kgo.MetadataMinAge(50*time.Millisecond))
		if err != nil {
			return err
		}
		for err == nil && ctx.Err() == nil {
			fetches := session.PollRecords(ctx, 7)
			if ctx.Err() != nil || fetches.NumRecords() == 0 {
				continue
			}
			if err = session.Begin(); err != nil {
				break
			}
			failed := false
			for _, r := range fetches.Records() {
				if produced := session.ProduceSync(ctx, kgo.KeyStringRecord("k", string(r.Value))).FirstErr(); produced != nil {
					failed = true
					break
				}
			}
			_, err = session.End(ctx, kgo.TransactionEndTry(!failed))
		}
		session.Close()
	}
	return nil
}
