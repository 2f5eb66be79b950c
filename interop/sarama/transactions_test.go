package sarama

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/IBM/sarama"
)

func transactional(id string) *sarama.Config {
	c := idempotent(config())
	c.Producer.Transaction.ID = id
	// A refusal is final here, or the test would try it for minutes.
	c.Producer.Transaction.Retry.Max = 10
	return c
}

func committedOnly() *sarama.Config {
	c := config()
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	return c
}

func newTransactional(t *testing.T, id string) sarama.SyncProducer {
	t.Helper()
	var p sarama.SyncProducer
	eventually(t, func() (err error) {
		p, err = sarama.NewSyncProducer([]string{*bootstrap}, transactional(id))
		return err
	})
	t.Cleanup(func() { p.Close() })
	return p
}

func begin(t *testing.T, p sarama.SyncProducer, topic string, values ...string) {
	t.Helper()
	if err := p.BeginTxn(); err != nil {
		t.Fatal(err)
	}
	if err := p.SendMessages(messages(topic, values...)); err != nil {
		t.Fatal(err)
	}
}

func testTransactions(t *testing.T) {
	_, topic := newTopic(t)
	p := newTransactional(t, "tx-"+rand.Text())
	kept := numbered("kept", 100)
	begin(t, p, topic, kept...)
	if err := p.CommitTxn(); err != nil {
		t.Fatal(err)
	}
	dropped := numbered("dropped", 100)
	begin(t, p, topic, dropped...)
	if err := p.AbortTxn(); err != nil {
		t.Fatal(err)
	}
	more := numbered("more", 100)
	begin(t, p, topic, more...)
	if err := p.CommitTxn(); err != nil {
		t.Fatal(err)
	}
	requireValues(t, consume(t, topic, 200, committedOnly()), append(more, kept...))
	requireValues(t, consume(t, topic, 300, config()), append(append(more, kept...), dropped...))
}

func testTransactionalOffsets(t *testing.T) {
	a, topic := newTopic(t)
	group := "etl-" + rand.Text()
	p := newTransactional(t, "tx-"+rand.Text())
	offsets := map[string][]*sarama.PartitionOffsetMetadata{topic: {{Partition: 1, Offset: 7}}}
	begin(t, p, topic, "a")
	if err := p.AddOffsetsToTxn(offsets, group); err != nil {
		t.Fatal(err)
	}
	if err := p.AbortTxn(); err != nil {
		t.Fatal(err)
	}
	// What the group has committed is what was there before; none is -1.
	if sum := committed(t, a, group, topic); sum > 0 {
		t.Errorf("an aborted transaction committed offsets that sum to %d", sum)
	}
	begin(t, p, topic, "b")
	if err := p.AddOffsetsToTxn(offsets, group); err != nil {
		t.Fatal(err)
	}
	if err := p.CommitTxn(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if sum := committed(t, a, group, topic); sum != 7 {
			return fmt.Errorf("committed offsets sum to %d, want 7", sum)
		}
		return nil
	})
}

func testFencing(t *testing.T) {
	_, topic := newTopic(t)
	id := "tx-" + rand.Text()
	old := newTransactional(t, id)
	begin(t, old, topic, "by the old one")
	successor := newTransactional(t, id)
	begin(t, successor, topic, "by its successor")
	if err := old.CommitTxn(); err == nil {
		t.Error("the old producer commits")
	}
	if err := successor.CommitTxn(); err != nil {
		t.Fatal(err)
	}
	requireValues(t, consume(t, topic, 1, committedOnly()), []string{"by its successor"})
}
