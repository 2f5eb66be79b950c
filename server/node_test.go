package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/server/api"
	"kont/server/config"
	"kont/statemachine/command"
)

func TestNodeServesEventsOfARealClient(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	deployPuppet(t, n)
	client := newClient(t, n)
	produce(t, client, command.TopicResume, "a", `new:"begin"`)
	produce(t, client, command.TopicResume, "a", `{"ref":"r","value":"more"}`)
	produce(t, client, command.TopicResume, "a", `{"ref":"r","value":"end"}`)
	records := consume(t, n, command.TopicResult, 1)
	if got := string(records[0].Key) + " " + string(records[0].Value); got != "a begin;more;end;" {
		t.Errorf("result %q", got)
	}
	history, err := n.History(t.Context(), command.TopicResume, "a", 10)
	if err != nil {
		t.Fatal(err)
	}
	var outcomes []string
	for _, entry := range history {
		outcomes = append(outcomes, entry.Outcome)
	}
	if !slices.Equal(outcomes, []string{"suspended", "suspended", "ended"}) {
		t.Errorf("history %v", outcomes)
	}
}

func TestProtocolTopicsAreThereAtStart(t *testing.T) {
	c := testConfig(t.TempDir())
	c.ResumePartitions = 5
	n := startNode(t, c)
	topics, err := n.Topics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, topic := range topics {
		got[topic.Name] = len(topic.Partitions)
	}
	for _, name := range []string{command.TopicResume, command.TopicResult, command.TopicError, command.TopicScheduler} {
		if got[name] != 5 {
			t.Errorf("%s has %d partitions, want 5", name, got[name])
		}
	}
}

// Records that set no timer because they are malformed are counted where people
// look.
func TestRejectedTimersAreCounted(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	client := newClient(t, n)
	for _, value := range []string{"soon", "-5", "1.5", "60000"} {
		produce(t, client, command.TopicScheduler, "a|{}", value)
	}
	stats := n.Status(t.Context()).Stats
	if stats.TimersRejected != 3 || stats.TimersPending != 1 || stats.TimersLost != 0 {
		t.Errorf("stats %+v", stats)
	}
}

// Timers of a thread fire while the node runs, and at start if they became due
// while it did not.
func TestTimersFireAcrossRestart(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, testConfig(dir))
	deployPuppet(t, n)
	client := newClient(t, n)
	produce(t, client, command.TopicResume, "soon", `new:"timer 20"`)
	consume(t, n, command.TopicResult, 1)
	produce(t, client, command.TopicResume, "late", `new:"timer 300"`)
	waitFor(t, "the timer to be set", func() bool { return n.Status(t.Context()).Stats.TimersPending == 1 })
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = startNode(t, testConfig(dir))
	records := consume(t, n, command.TopicResult, 2)
	keys := []string{string(records[0].Key), string(records[1].Key)}
	slices.Sort(keys)
	if !slices.Equal(keys, []string{"late", "soon"}) {
		t.Errorf("results of %v", keys)
	}
}

// Threads, records and offsets are the same after a restart, and events that were
// produced but not run are run then, once.
func TestRestartGoesOnWhereItWas(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		n := startNode(t, testConfig(dir))
		if round == 0 {
			deployPuppet(t, n)
		}
		client := newClient(t, n)
		for i := range 20 {
			key := fmt.Sprintf("t%d", i)
			switch round {
			case 0:
				produce(t, client, command.TopicResume, key, `new:"begin"`)
			case 1:
				produce(t, client, command.TopicResume, key, `{"ref":"r","value":"more"}`)
			default:
				produce(t, client, command.TopicResume, key, `{"ref":"r","value":"end"}`)
			}
		}
		if round == 2 {
			records := consume(t, n, command.TopicResult, 20)
			for _, record := range records {
				if string(record.Value) != "begin;more;end;" {
					t.Errorf("result of %s is %q", record.Key, record.Value)
				}
			}
			if len(records) != 20 {
				t.Errorf("%d results", len(records))
			}
		}
		client.Close()
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFaultedThreadIsListedRetriedAndDeleted(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	deployPuppet(t, n)
	client := newClient(t, n)
	produce(t, client, command.TopicResume, "a", `new:"begin"`)
	produce(t, client, command.TopicResume, "a", `{"ref":"r","value":"fault"}`)
	produce(t, client, command.TopicResume, "a", `{"ref":"r","value":"behind"}`)
	faulted := func() api.Thread {
		thread, err := n.Thread(t.Context(), command.TopicResume, "a")
		if err != nil && !errors.Is(err, command.ErrUnknownThread) {
			t.Fatal(err)
		}
		return thread
	}
	waitFor(t, "the fault and the event behind it", func() bool { return len(faulted().KeptEvents) == 2 })
	if thread := faulted(); thread.Status != api.StatusFaulted || thread.Fault != "as told" {
		t.Errorf("thread %+v", thread)
	}
	page, err := n.Threads(t.Context(), api.ThreadsQuery{Status: api.StatusFaulted, Limit: 10})
	if err != nil || len(page.Threads) != 1 || page.Threads[0].Key != "a" {
		t.Errorf("faulted threads %+v, %v", page, err)
	}
	if err := n.RetryThread(t.Context(), command.TopicResume, "a"); err != nil {
		t.Fatal(err)
	}
	// It fails again, and the event behind it is kept again.
	waitFor(t, "the second fault", func() bool { return faulted().StepID > 2 && len(faulted().KeptEvents) == 2 })
	if err := n.DeleteThread(t.Context(), command.TopicResume, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Thread(t.Context(), command.TopicResume, "a"); !errors.Is(err, command.ErrUnknownThread) {
		t.Errorf("after delete: %v", err)
	}
	if err := n.RetryThread(t.Context(), command.TopicResume, "a"); !errors.Is(err, command.ErrUnknownThread) {
		t.Errorf("retry after delete: %v", err)
	}
}

// The runner remembers suspended threads; one that is deleted meanwhile is gone for
// it too.
func TestDeletedThreadTakesNoEvents(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	deployPuppet(t, n)
	client := newClient(t, n)
	produce(t, client, command.TopicResume, "a", `new:"begin"`)
	suspended := func() bool { return n.Status(t.Context()).Stats.ThreadsSuspended == 1 }
	waitFor(t, "the thread", suspended)
	if err := n.DeleteThread(t.Context(), command.TopicResume, "a"); err != nil {
		t.Fatal(err)
	}
	produce(t, client, command.TopicResume, "a", `{"ref":"r","value":"end"}`)
	produce(t, client, command.TopicResume, "a", `init:"anew"`)
	waitFor(t, "the new thread", suspended)
	history, err := n.History(t.Context(), command.TopicResume, "a", 10)
	if err != nil || len(history) != 2 || history[0].Reason != "no such thread" || !history[1].Started {
		t.Errorf("history %+v, %v", history, err)
	}
	if count := recordCount(t, n, command.TopicResult); count != 0 {
		t.Errorf("%d results of a deleted thread", count)
	}
}

func TestHTTPTellsHealthAndMetrics(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	response, err := http.Get("http://" + n.HTTPAddress() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var health api.Health
	if err := json.NewDecoder(response.Body).Decode(&health); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || !health.Ready || !health.IsLeader {
		t.Errorf("%s %+v", response.Status, health)
	}
	status := n.Status(t.Context())
	if status.Stats.MemoryBytes == 0 || status.Stats.DiskBytes == 0 || status.Stats.AppliedIndex == 0 || status.Version != "test" {
		t.Errorf("status %+v", status)
	}
}

func TestDirectoryIsUsedByOneNode(t *testing.T) {
	dir := t.TempDir()
	startNode(t, testConfig(dir))
	if n, err := Start(testContext(t), testConfig(dir)); err == nil {
		n.Close()
		t.Fatal("a second node started on the same directory")
	} else if !strings.Contains(err.Error(), "another node") {
		t.Errorf("error %v", err)
	}
}

func TestTakenPortIsAnErrorThatNamesTheFlag(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	c := testConfig(t.TempDir())
	c.KafkaListen = n.KafkaAddress()
	if _, err := Start(testContext(t), c); err == nil || !strings.Contains(err.Error(), "--kafka-listen") {
		t.Errorf("error %v", err)
	}
	if entries, err := os.ReadDir(c.DataDir); err != nil || len(entries) > 0 {
		t.Errorf("%d files were written, %v", len(entries), err)
	}
}

func TestUnusableDirectoriesAreErrors(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "node.json"), []byte(`{"version":`), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := t.TempDir()
	if err := os.WriteFile(filepath.Join(newer, "node.json"), []byte(`{"version":3,"cluster_id":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		filepath.Join(blocked, "data"): "not a directory",
		damaged:                        "damaged",
		newer:                          "version 3, newest known is 2",
	} {
		if _, err := Start(testContext(t), testConfig(dir)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", dir, err, want)
		}
	}
}

func TestInvalidConfigurationIsAnError(t *testing.T) {
	c := testConfig("")
	if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "data: empty") {
		t.Errorf("error %v", err)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if n, err := Start(ctx, testConfig(dir)); err == nil {
		// It was ready before it looked; then it has to be whole.
		if !n.Health(t.Context()).Ready {
			t.Error("not ready")
		}
		n.Close()
	} else if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	startNode(t, testConfig(dir)) // nothing was left behind that is in the way
}

func TestClusterKeepsItsID(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, testConfig(dir))
	id := n.identity.ClusterID
	if len(id) != 22 {
		t.Errorf("cluster id %q", id)
	}
	n.Close()
	if again := startNode(t, testConfig(dir)).identity.ClusterID; again != id {
		t.Errorf("cluster id %q after restart, was %q", again, id)
	}
}

func TestTopicsMadeOnDemandHaveAsManyPartitionsAsIsSet(t *testing.T) {
	c := testConfig(t.TempDir())
	c.TopicPartitions = 4
	n := startNode(t, c)
	produce(t, newClient(t, n, kgo.AllowAutoTopicCreation()), "on-demand", "a", "b")
	if topic, exists := n.store.Topic("on-demand"); !exists || topic.Partitions != 4 {
		t.Errorf("topic %+v, want 4 partitions", topic)
	}
}

func TestTopicsAreMadeByThoseWhoMayOnly(t *testing.T) {
	c := testConfig(t.TempDir())
	c.AutoCreateTopics = false
	n := startNode(t, c)
	client := newClient(t, n, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1))
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "on-demand", Value: []byte("a")}).FirstErr(); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("error %v", err)
	}
	if topic, exists := n.store.Topic("on-demand"); exists {
		t.Errorf("made: %+v", topic)
	}
	configs, err := kadm.NewClient(client).DescribeBrokerConfigs(t.Context(), 1)
	if err != nil || !slices.ContainsFunc(configs[0].Configs, func(c kadm.Config) bool { return c.Key == "auto.create.topics.enable" && c.MaybeValue() == "false" }) {
		t.Errorf("configuration of the node: %+v, error %v", configs, err)
	}
}

func TestRetentionDeletesOldRecordsButNoEvents(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	client := newClient(t, n)
	produce(t, client, command.TopicResult, "a", "old")
	r := &retention{node: n, every: time.Hour}
	week := 8 * 24 * time.Hour
	if err := r.trim(t.Context(), time.Now().Add(week).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	var start int64
	for i := range n.config.ResumePartitions {
		state, err := n.store.Partition(command.TopicResult, i)
		if err != nil {
			t.Fatal(err)
		}
		start += state.StartOffset
	}
	if start != 1 {
		t.Errorf("%d records deleted, want 1", start)
	}
}

func TestMisspeltVariableIsWarnedOfInTheLog(t *testing.T) {
	var log bytes.Buffer
	loaded, err := config.Load(config.Sources{Env: []string{"KONT_STEP_TIMEOT=1s"}})
	if err != nil {
		t.Fatal(err)
	}
	c := testConfig(t.TempDir())
	c.UnknownVariables = loaded.UnknownVariables
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	startNode(t, c).Close()
	if want := "variable=KONT_STEP_TIMEOT nearest=KONT_STEP_TIMEOUT"; !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), want) {
		t.Errorf("the log has no warning with %q:\n%s", want, log.String())
	}
}
