package cli

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The last of a partition is the marker of a transaction. It is no record, and reading to
// the end ends there.
func TestConsumeToTheEndEndsAtAMarker(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	address := cluster.ListenAddrs()[0]
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	producer, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.TransactionalID("tx"), kgo.DefaultProduceTopic("orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(ctx, &kgo.Record{Key: []byte("k"), Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := producer.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := Main(ctx, Process{Args: []string{"consume", "orders", "--kafka", address, "--from-beginning", "--exit"}, Out: &out, Err: &out})
	if ctx.Err() != nil {
		t.Fatal("reading does not end")
	}
	if code != 0 || out.String() != "k\tv\n" {
		t.Errorf("exit status %d, printed %q", code, out.String())
	}
}
