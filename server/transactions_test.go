package server

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/statemachine/command"
)

// Events of a transaction run when it is committed, and those behind it wait; aborted ones
// never run. After a restart it is the same: nothing is run again, nothing is left over.
func TestEventsOfTransactionsRunWhenTheyAreCommitted(t *testing.T) {
	c := testConfig(t.TempDir())
	c.ResumePartitions = 1
	n := startNode(t, c)
	deployPuppet(t, n)
	transactional := newClient(t, n, kgo.TransactionalID("tx"))
	send := func(key, value string) {
		t.Helper()
		if err := transactional.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produce(t, transactional, command.TopicResume, key, value)
	}
	end := func(commit kgo.TransactionEndTry) {
		t.Helper()
		if err := transactional.EndTransaction(testContext(t), commit); err != nil {
			t.Fatal(err)
		}
	}
	plain := newClient(t, n)
	send("aborted", `new:"end"`)
	produce(t, plain, command.TopicResume, "behind", `new:"end"`)
	end(kgo.TryAbort)
	if got := string(consume(t, n, command.TopicResult, 1)[0].Key); got != "behind" {
		t.Errorf("%s has run, want what was behind the aborted event", got)
	}
	send("committed", `new:"end"`)
	produce(t, plain, command.TopicResume, "behind too", `new:"end"`)
	end(kgo.TryCommit)
	waitFor(t, "the events", func() bool { return n.Status(t.Context()).Stats.ThreadsEnded == 3 })
	for _, record := range consume(t, n, command.TopicResult, 3) {
		if string(record.Key) == "aborted" {
			t.Error("an event that was aborted has run")
		}
	}

	// An open transaction, as the node stops: its events run after the restart, when it
	// is committed then.
	send("later", `new:"end"`)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	c.KafkaListen = n.KafkaAddress()
	n = startNode(t, c)
	offset, err := n.store.ConsumedOffset(command.TopicResume, 0)
	if err != nil || offset != 6 { // four events and two markers
		t.Errorf("consumed up to %d, %v, want 6", offset, err)
	}
	end(kgo.TryCommit)
	waitFor(t, "the event after the restart", func() bool { return n.Status(t.Context()).Stats.ThreadsEnded == 4 })
	if count := recordCount(t, n, command.TopicResult); count != 4 {
		t.Errorf("%d results, want 4", count)
	}
	waitFor(t, "consumption to get past the marker", func() bool {
		offset, err := n.store.ConsumedOffset(command.TopicResume, 0)
		return err == nil && offset == 8
	})
	if unmatched := n.store.Unmatched(command.TopicResume); len(unmatched) != 0 {
		t.Errorf("unmatched events: %v", unmatched)
	}
}

// A piece of the topic that holds nothing but aborted records does not hold up the reader.
func TestManyAbortedEventsDoNotHoldUpThoseBehindThem(t *testing.T) {
	c := testConfig(t.TempDir())
	c.ResumePartitions = 1
	n := startNode(t, c)
	deployPuppet(t, n)
	transactional := newClient(t, n, kgo.TransactionalID("tx"))
	if err := transactional.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for range 20 { // more than the runner reads at a time
		produce(t, transactional, command.TopicResume, "aborted", string(make([]byte, 64<<10)))
	}
	if err := transactional.EndTransaction(testContext(t), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	produce(t, newClient(t, n), command.TopicResume, "behind", `new:"end"`)
	if got := string(consume(t, n, command.TopicResult, 1)[0].Key); got != "behind" {
		t.Errorf("%s has run", got)
	}
	if n.store.Unmatched(command.TopicResume)[command.UnmatchedBatch] != 0 {
		t.Error("aborted records were taken for events")
	}
}

func TestTransactionalIDsThatNobodyUsesAreForgotten(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	client := newClient(t, n, kgo.TransactionalID("tx"))
	if _, _, err := client.ProducerID(testContext(t)); err != nil {
		t.Fatal(err)
	}
	times := newTransactionTimes(n)
	if err := times.forget(t.Context(), time.Now().Add(-time.Hour).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	list := func() int {
		listed, err := kadm.NewClient(newClient(t, n)).ListTransactions(testContext(t), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return len(listed)
	}
	if got := list(); got != 1 {
		t.Errorf("%d transactional ids, want 1", got)
	}
	if err := times.forget(t.Context(), time.Now().Add(time.Hour).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	if got := list(); got != 0 {
		t.Errorf("%d transactional ids, want none", got)
	}
}

func TestProducerChoosesNoLongerTimeoutThanIsSet(t *testing.T) {
	c := testConfig(t.TempDir())
	c.TransactionTimeoutMax = time.Minute
	n := startNode(t, c)
	for timeout, want := range map[time.Duration]error{time.Minute: nil, time.Minute + time.Millisecond: kerr.InvalidTransactionTimeout} {
		client := newClient(t, n, kgo.TransactionalID("tx"), kgo.TransactionTimeout(timeout))
		ctx, cancel := context.WithTimeout(testContext(t), 10*time.Second)
		defer cancel()
		if _, _, err := client.ProducerID(ctx); !errors.Is(err, want) {
			t.Errorf("timeout %s: error %v, want %v", timeout, err, want)
		}
	}
}
