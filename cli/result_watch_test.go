package cli

import (
	"bytes"
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
	for name, want := range map[string]struct{ topic, value, said string }{
		"result":    {api.TopicResult, "5", "5"},
		"error":     {api.TopicError, `"bad"`, `thread a ended with "bad"`},
		"no record": {"", "", "ended and left no record"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, api.TopicResult, api.TopicError))
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
			w, err := watchResults(t.Context(), kafka)
			if err != nil {
				t.Fatal(err)
			}
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
