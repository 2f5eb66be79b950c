package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// twin does what the workflow does, in Go, on franz-go's fake cluster: a server
// for the driver to drive.
type twin struct {
	t       *testing.T
	kafka   *kgo.Client
	address string

	mu      sync.Mutex // guards what follows
	waits   map[string]int
	timers  []*time.Timer
	isDead  bool // answers nothing
	parked  int64
	doubles bool // answers twice
}

func newTwin(t *testing.T) *twin {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, ResumeTopic, requestTopic, resultTopic, errorTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := &twin{t: t, address: cluster.ListenAddrs()[0], waits: map[string]int{}}
	w.kafka, err = kgo.NewClient(kgo.SeedBrokers(w.address), kgo.ConsumeTopics(ResumeTopic), kgo.ProducerLinger(0),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			w.kafka.PollFetches(ctx).EachRecord(w.step)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		w.mu.Lock()
		for _, timer := range w.timers {
			timer.Stop()
		}
		w.mu.Unlock()
		w.kafka.Close()
	})
	return w
}

func (w *twin) step(record *kgo.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isDead {
		return
	}
	key := string(record.Key)
	if argument, isStart := strings.CutPrefix(string(record.Value), "new:"); isStart {
		var task struct {
			Kind         string
			Waits        int
			DueUnixMilli int64
		}
		if err := json.Unmarshal([]byte(argument), &task); err != nil {
			w.t.Errorf("start %q: %v", argument, err)
			return
		}
		switch task.Kind {
		case "cycle", "chain":
			w.waits[key] = max(task.Waits, 1)
			w.write(requestTopic, key, `{"ref":"`+key+`:1"}`)
		case "park":
			w.parked++
		case "timer":
			w.timers = append(w.timers, time.AfterFunc(time.Until(time.UnixMilli(task.DueUnixMilli)), func() {
				w.write(resultTopic, key, fmt.Sprint(task.DueUnixMilli))
				if w.doubles {
					w.write(resultTopic, key, fmt.Sprint(task.DueUnixMilli))
				}
			}))
		default:
			w.t.Errorf("task %q", argument)
		}
		return
	}
	var event struct {
		Ref   string
		Value json.RawMessage
	}
	if err := json.Unmarshal(record.Value, &event); err != nil || !strings.HasPrefix(event.Ref, key+":") {
		w.t.Errorf("resume of %s: %s", key, record.Value)
		return
	}
	if w.waits[key]--; w.waits[key] > 0 {
		w.write(requestTopic, key, `{"ref":"`+key+`:2"}`)
		return
	}
	delete(w.waits, key)
	w.write(resultTopic, key, string(event.Value))
}

func (w *twin) write(topic, key, value string) {
	w.kafka.Produce(context.Background(), &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}, nil)
}

func (w *twin) KafkaAddress() string             { return w.address }
func (w *twin) Deploy(ctx context.Context) error { return nil }
func (w *twin) Usage(ctx context.Context) (Usage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Usage{RSSBytes: 1 << 20, DiskBytes: 1000 + 100*w.parked}, nil
}
func (w *twin) SuspendedThreads(ctx context.Context) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.parked, nil
}

func TestScenariosMeasureWhatTheServerDid(t *testing.T) {
	for _, options := range []Options{
		{Scenario: "cycle", Clients: 5, Duration: 400 * time.Millisecond},
		{Scenario: "chain", Clients: 3, Count: 4, Duration: 400 * time.Millisecond},
		{Scenario: "produce", Clients: 5, Duration: 400 * time.Millisecond},
		{Scenario: "fetch", Clients: 2, Count: 500, Duration: 400 * time.Millisecond},
	} {
		t.Run(options.Scenario, func(t *testing.T) {
			t.Parallel()
			result, err := runUntilAnswered(t, options, 5)
			if err != nil {
				t.Fatal(err)
			}
			if result.Operations < 5 || result.PerSecond <= 0 || result.P50 <= 0 || result.P99 < result.P50 || result.Max < result.P99 {
				t.Errorf("got %+v", result)
			}
			if result.Clients != options.Clients || result.ServerRSSBytes != 1<<20 || result.DiskBytes != 1000 {
				t.Errorf("got %+v", result)
			}
		})
	}
}

// runUntilAnswered measures for longer and longer, until the machine was quick enough for some operations.
func runUntilAnswered(t *testing.T, options Options, operations int) (Result, error) {
	t.Helper()
	for {
		options.Server = newTwin(t)
		result, err := Run(context.Background(), options)
		isTooFew := err == nil && result.Operations < operations || errors.Is(err, errNothingAnswered)
		if !isTooFew || options.Duration > time.Minute {
			return result, err
		}
		options.Duration *= 4
	}
}

// failing is a twin that answers nothing for a time after its leader was killed, and until it is started again does nothing else of
// a cluster.
type failing struct {
	*twin
	isKilled      bool
	kills, starts int
	away          time.Duration
}

func (f *failing) Kill() error { return errors.New("all nodes are killed") }

func (f *failing) Start(context.Context) error {
	f.isKilled = false
	f.starts++
	return nil
}

func (f *failing) KillLeader(context.Context) error {
	if f.isKilled {
		return errors.New("a second node is killed")
	}
	f.isKilled = true
	f.kills++
	f.mu.Lock() // a step waits for it
	time.AfterFunc(f.away, f.mu.Unlock)
	return nil
}

func TestFailoverIsTheTimeWithoutAStep(t *testing.T) {
	t.Parallel()
	server := &failing{twin: newTwin(t), away: 900 * time.Millisecond}
	result, err := Run(context.Background(), Options{Scenario: "failover", Clients: 2, Count: 1000, Duration: 500 * time.Millisecond, Server: server})
	if err != nil {
		t.Fatal(err)
	}
	if server.kills != failovers || result.Operations != failovers || server.starts != failovers+1 {
		t.Errorf("%d killed, %d started, %+v", server.kills, server.starts, result)
	}
	if result.P50 < 900 {
		t.Errorf("%v ms without a step, of 900", result.P50)
	}
	_, err = Run(context.Background(), Options{Scenario: "failover", Server: server.twin})
	if err == nil || !strings.Contains(err.Error(), "leave out --server") {
		t.Errorf("a server that is not ours: %v", err)
	}
}

func TestGapGoesOnUntilTheNextStep(t *testing.T) {
	var gap longestGap
	began := time.Now().Add(-time.Minute)
	for _, second := range []int{0, 10, 12} {
		gap.add(began.Add(time.Duration(second) * time.Second))
	}
	if got := gap.get().Round(time.Second); got != 48*time.Second {
		t.Errorf("since the last: %s", got)
	}
	gap.add(time.Now())
	gap.reset()
	gap.add(time.Now().Add(time.Second))
	if got := gap.get().Round(time.Second); got != time.Second {
		t.Errorf("after the reset: %s", got)
	}
}

func TestBurstOfTimersIsCountedOnce(t *testing.T) {
	t.Parallel()
	result, err := Run(context.Background(), Options{Scenario: "timers", Count: 100, Server: newTwin(t)})
	if err != nil {
		t.Fatal(err)
	}
	if result.Operations != 100 || result.P99 <= 0 {
		t.Errorf("got %+v", result)
	}
}

func TestTimerThatFiresTwiceFailsTheRun(t *testing.T) {
	t.Parallel()
	server := newTwin(t)
	server.doubles = true
	_, err := Run(context.Background(), Options{Scenario: "timers", Count: 10, Server: server})
	if err == nil || !strings.Contains(err.Error(), "fired twice") {
		t.Errorf("got %v", err)
	}
}

func TestParkDividesTheGrowthByTheThreads(t *testing.T) {
	t.Parallel()
	result, err := Run(context.Background(), Options{Scenario: "park", Clients: 8, Count: 50, Server: newTwin(t)})
	if err != nil {
		t.Fatal(err)
	}
	if result.Operations != 50 || result.DiskBytesPerThread != 100 {
		t.Errorf("got %+v", result)
	}
}

func TestRunThatCannotWorkIsAnError(t *testing.T) {
	server := newTwin(t)
	if _, err := Run(context.Background(), Options{Scenario: "nothing", Server: server}); err == nil || !strings.Contains(err.Error(), "there are cycle, chain") {
		t.Errorf("unknown scenario: %v", err)
	}
	if _, err := Run(context.Background(), Options{Scenario: "restart", Server: server}); err == nil || !strings.Contains(err.Error(), "leave out --server") {
		t.Errorf("restart of a server that is not ours: %v", err)
	}
	server.mu.Lock()
	server.isDead = true
	server.mu.Unlock()
	if _, err := Run(context.Background(), Options{Scenario: "cycle", Clients: 1, Duration: 100 * time.Millisecond, Server: server}); !errors.Is(err, errNothingAnswered) {
		t.Errorf("a server that answers nothing: %v", err)
	}
}

func TestQuantilesAreNearestRank(t *testing.T) {
	var l latencies
	for i := range 100 {
		l.add(time.Duration(100-i) * time.Millisecond)
	}
	if p50, p99, greatest := l.summary(); p50 != 50 || p99 != 99 || greatest != 100 {
		t.Errorf("got %v, %v, %v", p50, p99, greatest)
	}
	var one latencies
	one.add(7 * time.Millisecond)
	if p50, p99, greatest := one.summary(); p50 != 7 || p99 != 7 || greatest != 7 {
		t.Errorf("of one: %v, %v, %v", p50, p99, greatest)
	}
}

func TestOwnUsageIsRead(t *testing.T) {
	usage, err := processUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if usage.RSSBytes < 1<<20 {
		t.Errorf("resident set of %d bytes", usage.RSSBytes)
	}
}
