package server

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/jsvm"
	"kont/server/config"
	"kont/statemachine/command"
	"kont/statemachine/runner"
)

// puppet is an engine without JavaScript: the event says what the step does. A
// thread waits for the ref "r" until it is told to end.
type puppet struct{ ran atomic.Int64 }

func (p *puppet) Load([]byte) (runner.Program, error) { return p, nil }
func (p *puppet) Close()                              {}

func (p *puppet) Step(_ context.Context, in jsvm.Input) (jsvm.Effects, error) {
	p.ran.Add(1)
	order := strings.Trim(string(in.Event), `"`)
	if in.Continuation != nil {
		var resume struct{ Value string }
		if err := json.Unmarshal(in.Event, &resume); err != nil {
			return jsvm.Effects{}, fmt.Errorf("%w: %w", jsvm.ErrUnmatched, err)
		}
		order = resume.Value
	}
	log := string(in.Continuation) + order + ";"
	effects := jsvm.Effects{Continuation: []byte(log), Refs: []string{"r"}}
	verb, argument, _ := strings.Cut(order, " ")
	switch verb {
	case "fault":
		return jsvm.Effects{}, &jsvm.Fault{Kind: jsvm.FaultEngine, Message: "as told"}
	case "timer":
		effects.Outputs = append(effects.Outputs, jsvm.Output{Topic: command.TopicScheduler, Key: in.Thread + `|{"ref":"r","value":"end"}`, Value: []byte(argument)})
	case "end":
		return jsvm.Effects{Outputs: []jsvm.Output{{Topic: command.TopicResult, Key: in.Thread, Value: []byte(log)}}}, nil
	}
	return effects, nil
}

var logFlag = flag.Bool("log", false, "print the nodes' logs")

// testLogger is silent unless asked for.
func testLogger() *slog.Logger {
	if *logFlag {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// testConfig is a node on free ports with its data in dir.
func testConfig(dir string) Config {
	c := Config{Config: config.Default(), Logger: testLogger(), Version: "test", Engine: &puppet{}}
	c.DataDir, c.KafkaListen, c.HTTPListen = dir, "127.0.0.1:0", "127.0.0.1:0"
	c.RaftLogStallMax = time.Minute // disks of machines that test are slow now and then
	return c
}

func startNode(t testing.TB, c Config) *Node {
	t.Helper()
	n, err := Start(testContext(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return n
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// deployPuppet binds a bundle that only the puppet can load.
func deployPuppet(t testing.TB, n *Node) {
	t.Helper()
	if _, err := n.proposer.Propose(testContext(t), command.Deploy{
		App: "puppet", ResumeTopic: command.TopicResume, Hash: command.BundleHash{1}, Bundle: []byte("puppet"),
		Topics: n.deployTopics(command.TopicResume, nil), NowUnixMilli: time.Now().UnixMilli(),
	}); err != nil {
		t.Fatal(err)
	}
}

func newClient(t testing.TB, n *Node, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(n.KafkaAddress()), kgo.ProducerLinger(0), kgo.FetchMaxWait(time.Second)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func produce(t testing.TB, client *kgo.Client, topic, key, value string) {
	t.Helper()
	record := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
	if err := client.ProduceSync(testContext(t), record).FirstErr(); err != nil {
		t.Fatalf("produce %s to %s: %v", key, topic, err)
	}
}

// consume reads count records of a topic from its beginning.
func consume(t testing.TB, n *Node, topic string, count int) []*kgo.Record {
	t.Helper()
	client := newClient(t, n, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx := testContext(t)
	var records []*kgo.Record
	for len(records) < count {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("consume %s: %v with %d of %d records", topic, err, len(records), count)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// recordCount is how many records a topic has now.
func recordCount(t testing.TB, n *Node, topic string) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(newClient(t, n)).ListEndOffsets(testContext(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	var count int64
	offsets.Each(func(o kadm.ListedOffset) { count += o.Offset })
	return count
}

func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("waited a minute for %s", what)
		case <-tick.C:
		}
	}
}
