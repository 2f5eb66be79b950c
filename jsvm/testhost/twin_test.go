package testhost

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/cli/client"
	"kont/jsvm"
	"kont/server"
	"kont/server/api"
	"kont/server/config"
)

var (
	twinSeed   = flag.Uint64("seed", 1, "of the events that a host and a node are given")
	twinEvents = flag.Int("twin-events", 400, "how many")
)

// twinEventsOfAThread leaves room in a node's history, of 100 entries, for all of them to come twice.
const twinEventsOfAThread = 40

const twinWorkflow = `import * as W from "kont";
export const manifest = { outputTopics: ["said"] };
export default async function main(start: any) {
  W.outputJSON({ start }, "said");
  const words = W.inbox<string>("word");
  const first = W.refId<any>("a").then((value) => { W.outputJSON({ a: value }, "said"); return value; }, (error) => { W.outputJSON({ failed: error }, "said"); return error; });
  for (let count = 0; ; count++) {
    const word = await words.next();
    W.outputJSON({ count, word }, "said");
    switch (word) {
      case "end": return count;
      case "throw": throw new Error("thrown at " + count);
      case "aside": void (async () => { await null; throw new TypeError("aside"); })(); break;
      case "undeclared": W.output("x", "nowhere"); break;
      case "proxy": { const held = new Proxy({}, {}); await W.refId("b"); W.output(typeof held, "said"); break; }
      case "wait": W.outputJSON(await W.refId("b"), "said"); break;
      case "race": W.outputJSON(await Promise.race([W.refId("b"), W.refId("c").then((value) => ({ c: value }))]), "said"); break;
      case "join": return [await first];
    }
  }
}`

// A node is given the same events as a host. Threads, their records and what was unmatched are the same; where the engine failed, so is the fault.
func TestHostDoesWhatANodeDoes(t *testing.T) {
	project(t, "app.ts", twinWorkflow)
	ctx := t.Context()
	settings := config.Default()
	settings.DataDir, settings.KafkaListen, settings.HTTPListen = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	running, err := server.Start(ctx, server.Config{Config: settings, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	node, err := client.New(running.HTTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := jsvm.Compile(ctx, jsvm.CompileOptions{Entry: "app.ts"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.Deploy(ctx, "app", topicResume, bundle.Encode()); err != nil {
		t.Fatal(err)
	}
	kafka, err := kgo.NewClient(kgo.SeedBrokers(running.KafkaAddress()), kgo.ConsumeTopics("said", topicResult, topicError), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()

	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	bundles := NewBundles()
	defer bundles.Close()
	h := newHost(bundles, hostOptions{topic: topicResume, now: nowDefault, restore: jsvm.RestoreJobs})
	defer h.close()
	if err := h.deploy(ctx, here+"/app.ts", ""); err != nil {
		t.Fatal(err)
	}

	random := rand.New(rand.NewPCG(*twinSeed, 0))
	var keys []string
	for i := range *twinEvents / twinEventsOfAThread {
		keys = append(keys, fmt.Sprint("thread-", i))
	}
	sent := map[string]int{}
	for _, key := range keys {
		for _, value := range append([]string{"init:0"}, eventsOf(random, twinEventsOfAThread)...) {
			sent[key]++
			record := &kgo.Record{Topic: topicResume, Key: []byte(key), Value: []byte(value)}
			kafka.Produce(ctx, record, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
			if err := h.send(ctx, topicResume, key, &value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := kafka.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		waitForHistory(t, node, key, sent[key])
		compareThread(t, node, h, key)
	}
	for _, key := range keys { // kept events come again
		if h.thread(threadID{topicResume, key}).status != statusFaulted {
			continue
		}
		kept := len(h.thread(threadID{topicResume, key}).kept)
		if err := node.RetryThread(ctx, topicResume, key); err != nil {
			t.Fatal(err)
		}
		if err := h.retry(ctx, threadID{topicResume, key}); err != nil {
			t.Fatal(err)
		}
		waitForHistory(t, node, key, sent[key]+kept)
		compareThread(t, node, h, key)
	}
	compareRecords(t, kafka, h)
	statuses := map[string]int{}
	for _, th := range h.threads {
		statuses[th.status]++
	}
	if len(h.records) < *twinEvents/6 || len(h.unmatched) < *twinEvents/10 {
		t.Errorf("seed %d shows little: %d records, %d unmatched, %v", *twinSeed, len(h.records), len(h.unmatched), statuses)
	}
}

// eventsOf draws events for a thread: mostly such as fit it.
func eventsOf(random *rand.Rand, count int) (events []string) {
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	for range count {
		word := pick("hi", "hi", "hi", "hi", "hi", "end", "throw", "aside", "wait", "wait", "race", "race", "join")
		if random.IntN(40) == 0 { // what follows a fault is kept
			word = pick("undeclared", "proxy")
		}
		events = append(events, pick(
			fmt.Sprintf(`{"ref":"word","value":%q}`, word), fmt.Sprintf(`{"ref":"word","value":%q}`, word), fmt.Sprintf(`{"ref":"word","value":%q}`, word),
			pick(`{"ref":"b","value":{"x":[1]}}`, `{"ref":"b"}`, `{"ref":"c","value":-0.5}`, `{"ref":"c","error":"no"}`),
			pick(`{"ref":"a","value":"v"}`, `{"ref":"a","error":1}`, `init:2`, `init:[3]`),
			pick(`new:{"n":1}`, `new:{`, `init:`, `{`, `7`, `null`, ``, `{"ref":7}`, `{"value":1}`, `{"ref":"word","ref":"b"}`, `{"REF":"word"}`, `init:4`)))
	}
	return events
}

func historyOf(t *testing.T, node *client.Client, key string) ([]api.HistoryEntry, error) {
	var answer struct{ History []api.HistoryEntry }
	err := node.Call(t.Context(), http.MethodGet, "/api/v1/thread/history", url.Values{"topic": {topicResume}, "key": {key}, "limit": {"1000"}}, nil, &answer)
	return answer.History, err
}

// waitForHistory waits until a node has done with a number of events of a thread.
func waitForHistory(t *testing.T, node *client.Client, key string, count int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; <-time.After(5 * time.Millisecond) {
		history, err := historyOf(t, node, key)
		if err == nil && len(history) >= count {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has %d of %d events in its history, %v", key, len(history), count, err)
		}
	}
}

func compareThread(t *testing.T, node *client.Client, h *Host, key string) {
	t.Helper()
	id := threadID{topicResume, key}
	mine := h.thread(id)
	theirs, err := node.Thread(t.Context(), topicResume, key)
	if err != nil && !client.IsCode(err, "unknown_thread") {
		t.Fatal(err)
	}
	status := map[string]string{"suspended": statusRunning, "ended": statusEnded, "faulted": statusFaulted, "": statusAbsent}[theirs.Status]
	if status == statusEnded && mine.status == statusAbsent {
		status = statusAbsent // a node has a history of it
	}
	fault, _, _ := strings.Cut(mine.fault, "\n\t(this await") // the host's own words
	if mine.status != status || !slices.Equal(mine.refs, theirs.Refs) || mine.status == statusFaulted && fault != theirs.Fault || len(mine.kept) != len(theirs.KeptEvents) && mine.status == statusFaulted {
		t.Errorf("seed %d: %s is %s %v %q with %d kept, on a node %s %v %q with %d kept", *twinSeed, key,
			mine.status, mine.refs, fault, len(mine.kept), status, theirs.Refs, theirs.Fault, len(theirs.KeptEvents))
	}
	history, err := historyOf(t, node, key)
	if err != nil {
		t.Fatal(err)
	}
	var reasons, want []string
	for _, u := range h.unmatched {
		if u.Thread == key {
			reasons = append(reasons, u.Reason)
		}
	}
	for _, entry := range history {
		if entry.Outcome == "unmatched" {
			want = append(want, entry.Reason)
		}
	}
	if !slices.Equal(reasons, want) {
		t.Errorf("seed %d: unmatched of %s:\n%s\non a node\n%s", *twinSeed, key, strings.Join(reasons, "\n"), strings.Join(want, "\n"))
	}
}

// compareRecords reads as many records as the host has, of each topic and key in order.
func compareRecords(t *testing.T, kafka *kgo.Client, h *Host) {
	t.Helper()
	type line struct{ topic, key string }
	mine, theirs := map[line][]string{}, map[line][]string{}
	for _, r := range h.records {
		at := line{r.Topic, r.Key}
		mine[at] = append(mine[at], r.Text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for count := 0; count < len(h.records) && ctx.Err() == nil; {
		kafka.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			at := line{r.Topic, string(r.Key)}
			theirs[at] = append(theirs[at], string(r.Value))
			count++
		})
	}
	for at, texts := range mine {
		if !slices.Equal(texts, theirs[at]) {
			t.Errorf("seed %d: %s of %s:\n%s\non a node\n%s", *twinSeed, at.topic, at.key, strings.Join(texts, "\n"), strings.Join(theirs[at], "\n"))
		}
		delete(theirs, at)
	}
	if len(theirs) > 0 {
		t.Errorf("seed %d: only a node has %v", *twinSeed, theirs)
	}
}
