package cli

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/cli/client"
	"kont/server/api"
	"kont/server/api/apitest"
)

// The server tells the end of a thread sooner than the log delivers its record.
func TestResultIsAwaitedAfterTheEnd(t *testing.T) {
	for name, want := range map[string]struct{ topic, value, said, watched string }{
		"result":    {api.TopicResult, "5", "5", api.TopicResult},
		"error":     {api.TopicError, `"bad"`, `thread a ended with "bad"`, api.TopicResult},
		"no record": {"", "", "ended and left no record on workflow-result; if its W.config.resultTopic is one of done, name it with --result-topic", api.TopicResult},
		"elsewhere": {"done", "6", "6", "done"},
		"nowhere":   {"", "", "ended and left no record on done\n", "done"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, api.TopicResult, api.TopicError, "done"))
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				cluster.SleepControl(func() { time.Sleep(3 * fatePoll) })
				return nil, nil, false
			})
			node := &apitest.Node{}
			thread := api.Thread{}
			thread.Key, thread.Status = "a", api.StatusEnded
			node.AddThread(thread, api.HistoryEntry{Outcome: "ended", Started: true})
			server := httptest.NewServer(api.New(node, api.Options{Log: slog.New(slog.DiscardHandler)}))
			defer server.Close()
			kafka, err := kafkaTo(t.Context(), cluster.ListenAddrs()[0])
			if err != nil {
				t.Fatal(err)
			}
			defer kafka.Close()
			w, err := watchResults(t.Context(), kafka, want.watched, api.TopicError)
			if err != nil {
				t.Fatal(err)
			}
			w.declared = []string{"done", api.TopicError}
			if w.server, err = client.New(strings.TrimPrefix(server.URL, "http://")); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"other", "a"} {
				if want.topic == "" {
					continue
				}
				if err := produceOne(t.Context(), kafka, &kgo.Record{Topic: want.topic, Key: []byte(key), Value: []byte(want.value)}); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			start := &kgo.Record{Topic: api.TopicResume, Key: []byte("a")}
			if err := w.printFor(t.Context(), printer{&out, false}, start, false); err != nil {
				out.WriteString(err.Error())
			}
			if !strings.Contains(out.String(), want.said) {
				t.Errorf("said %q, want %q", out.String(), want.said)
			}
		})
	}
}

// With Kafka alone nobody knows where the workflow sends its results, so the wait
// says where it looks.
func TestWaitWithKafkaAloneSaysWhereItLooks(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, api.TopicResume, api.TopicError, "done"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	address := cluster.ListenAddrs()[0]
	said, standardError := io.Pipe()
	var out bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- Main(t.Context(), Process{Args: []string{"start", "a", "1", "--kafka", address, "--wait", "--result-topic", "done"}, Out: &out, Err: standardError})
		standardError.Close()
	}()
	lines := bufio.NewScanner(said)
	if want := "waiting for a record of a on done or workflow-error"; !lines.Scan() || lines.Text() != want {
		t.Fatalf("said %q, want %q", lines.Text(), want)
	}
	kafka, err := kafkaTo(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	if err := produceOne(t.Context(), kafka, &kgo.Record{Topic: "done", Key: []byte("a"), Value: []byte("7")}); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		t.Error(lines.Text())
	}
	if got := <-code; got != 0 || out.String() != "7\n" {
		t.Errorf("exit status %d, printed %q", got, out.String())
	}
}
