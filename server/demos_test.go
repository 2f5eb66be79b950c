package server_test

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/demos"
	"kont/jsvm"
	"kont/statemachine/command"
)

// The demos play on the real binary, which is killed before every record that the
// outside world sends, and after every one that it sees.
func TestDemosPlayThroughKills(t *testing.T) {
	for _, demo := range demos.All() {
		t.Run(demo.Name, func(t *testing.T) {
			t.Parallel() // a server that starts waits for its disk most of the time
			s := newChaosServer(t)
			s.start()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			stage := &killedStage{t, s, demo}
			if err := stage.Deploy(ctx, demo.Entry, cmp.Or(demo.ResumeTopic, command.TopicResume)); err != nil {
				t.Fatal(err)
			}
			if err := demo.Play(ctx, stage); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// killedStage is the server with a kill -9 between any two things.
type killedStage struct {
	t      *testing.T
	server *chaosServer
	demo   demos.Demo
}

func (k *killedStage) Deploy(ctx context.Context, entry, resumeTopic string) error {
	bundle, err := jsvm.Compile(ctx, jsvm.CompileOptions{Entry: entry, Files: k.demo.Files})
	if err != nil {
		return err
	}
	k.server.deployOn(strings.TrimSuffix(entry, path.Ext(entry)), resumeTopic, bundle.Encode())
	return nil
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
