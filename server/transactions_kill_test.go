package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func transactionalClient(t *testing.T, s *chaosServer, id string, timeout time.Duration) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafkaAddress), kgo.TransactionalID(id), kgo.TransactionTimeout(timeout),
		kgo.ProducerLinger(0), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	return client
}

// The server is killed with two transactions open. After the restart the one goes on and
// is committed, with offsets of a group that it has; the other is too late, is aborted by
// its timeout, and its producer is fenced.
func TestOpenTransactionsAreResolvedAfterAKill(t *testing.T) {
	t.Parallel()
	s := newChaosServer(t)
	s.start()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	quick, slow := transactionalClient(t, s, "quick", time.Minute), transactionalClient(t, s, "slow", 2*time.Second)
	for i, client := range []*kgo.Client{quick, slow, quick} {
		if err := client.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint("record ", i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	s.kill()
	s.start()
	if err := quick.ProduceSync(ctx, kgo.StringRecord("record 3")).FirstErr(); err != nil {
		t.Fatalf("go on after the kill: %v", err)
	}
	if err := quick.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatalf("commit after the kill: %v", err)
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(s.kafkaAddress), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var got []string
	for len(got) < 3 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%v with %v", err, got)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	if want := []string{"record 0", "record 2", "record 3"}; !slices.Equal(got, want) {
		t.Errorf("committed %v, want %v", got, want)
	}
	if err := slow.EndTransaction(ctx, kgo.TryCommit); !errors.Is(err, kerr.ProducerFenced) && !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("commit by the slow one: %v, want it to be fenced", err)
	}
	described, err := kadm.NewClient(reader).DescribeTransactions(ctx, "quick", "slow")
	if err != nil || described["quick"].State != "CompleteCommit" || described["slow"].State != "CompleteAbort" {
		t.Errorf("%+v, %v", described, err)
	}
}

// Copying in transactions goes through kills at random instants: each record comes out
// once, and the group's offsets are where the output is.
func TestTransactionsThroughKillsCopyEachRecordOnce(t *testing.T) {
	t.Parallel()
	s := newChaosServer(t)
	s.start()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	const total = 300
	source, err := kgo.NewClient(kgo.SeedBrokers(s.kafkaAddress), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("in"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	for i := range total {
		if err := source.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint(i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	copying, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- copyInTransactions(copying, s.kafkaAddress) }()
	for range 3 {
		s.sleep(250 * time.Millisecond)
		s.kill()
		s.start()
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(s.kafkaAddress), kgo.ConsumeTopics("out"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	times := map[string]int{}
	for n := 0; n < total; {
		fetches := reader.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d of %d records came out", n, total)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			n++
			times[string(r.Value)]++
		})
	}
	for i := range total {
		if n := times[fmt.Sprint(i)]; n != 1 {
			t.Errorf("record %d came out %d times", i, n)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// copyInTransactions copies from in to out until ctx ends. A session that has failed for
// good is made anew, as an application would be started again.
func copyInTransactions(ctx context.Context, address string) error {
	for ctx.Err() == nil {
		session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(address), kgo.TransactionalID("copy"), kgo.TransactionTimeout(10*time.Second),
			kgo.ConsumerGroup("copy"), kgo.ConsumeTopics("in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AllowAutoTopicCreation(),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DefaultProduceTopic("out"),
			kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(200*time.Millisecond), kgo.FetchMaxWait(100*time.Millisecond))
		if err != nil {
			return err
		}
		for ctx.Err() == nil && copyOnce(ctx, session) {
		}
		session.Close()
	}
	return nil
}

// copyOnce says whether the session can go on.
func copyOnce(ctx context.Context, session *kgo.GroupTransactSession) bool {
	fetches := session.PollRecords(ctx, 10)
	if ctx.Err() != nil {
		return false
	}
	if fetches.Empty() {
		return true
	}
	if err := session.Begin(); err != nil {
		return false
	}
	promise := kgo.AbortingFirstErrPromise(session.Client())
	fetches.EachRecord(func(r *kgo.Record) { session.Produce(ctx, kgo.StringRecord(string(r.Value)), promise.Promise()) })
	_, err := session.End(ctx, kgo.TransactionEndTry(promise.Err() == nil))
	return err == nil
}
