package server_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/demos"
	"kont/jsvm"
)

// The demos play on the real binary, which is killed before every record that the
// outside world sends, and after every one that it sees.
func TestDemosPlayThroughKills(t *testing.T) {
	for _, demo := range demos.All() {
		t.Run(demo.Name, func(t *testing.T) {
			s := newChaosServer(t)
			s.start()
			bundle, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: demo.Entry, Files: demo.Files})
			if err != nil {
				t.Fatal(err)
			}
			s.deployBundle(bundle.Encode())
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			if err := demo.Play(ctx, &killedStage{t, s}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// killedStage is the server with a kill -9 between any two things.
type killedStage struct {
	t      *testing.T
	server *chaosServer
}

func (k *killedStage) Say(format string, args ...any) {}

func (k *killedStage) Crash(context.Context) error {
	k.restart()
	return nil
}

func (k *killedStage) restart() {
	k.server.kill()
	k.server.start()
}

func (k *killedStage) client(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(options, kgo.SeedBrokers(k.server.kafkaAddress), kgo.ProducerLinger(0), kgo.FetchMaxWait(100*time.Millisecond))...)
}

func (k *killedStage) Send(ctx context.Context, topic, key, value string) error {
	k.restart()
	client, err := k.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return client.ProduceSync(ctx, &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}).FirstErr()
}

func (k *killedStage) Await(ctx context.Context, topic, key string, matches func(string) bool) (string, error) {
	client, err := k.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return "", err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return "", fmt.Errorf("wait for a record of %s on %s: %w", key, topic, err)
		}
		for _, record := range fetches.Records() {
			if string(record.Key) == key && (matches == nil || matches(string(record.Value))) {
				k.restart()
				return string(record.Value), nil
			}
		}
	}
}
