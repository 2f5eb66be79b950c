package server

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/jsvm"
	"kont/server/api"
	"kont/statemachine/command"
	"kont/statemachine/runner"
)

// mendable is a puppet that faults at an order until it is mended.
type mendable struct {
	puppet
	order    string
	isMended atomic.Bool
}

func (m *mendable) Load([]byte) (runner.Program, error) { return m, nil }

func (m *mendable) Step(ctx context.Context, in jsvm.Input) (jsvm.Effects, error) {
	if strings.Contains(string(in.Event), `"`+m.order+`"`) && !m.isMended.Load() {
		return jsvm.Effects{}, &jsvm.Fault{Kind: jsvm.FaultEngine, Message: "as told"}
	}
	return m.puppet.Step(ctx, in)
}

// Events go on coming while a faulted thread is retried. It sees all of them, once
// and in the order in which they were sent.
func TestRetryKeepsTheOrderOfEventsThatGoOnComing(t *testing.T) {
	for round := range 5 {
		engine := &mendable{order: "20"}
		c := testConfig(t.TempDir())
		c.Engine = engine
		n := startNode(t, c)
		deployPuppet(t, n)
		client := newClient(t, n)
		produce(t, client, command.TopicResume, "a", `new:"begin"`)

		const count = 2000
		want := "begin;"
		failed := make(chan error, count+1)
		for i := range count {
			want += fmt.Sprint(i, ";")
			record := &kgo.Record{Topic: command.TopicResume, Key: []byte("a"), Value: fmt.Appendf(nil, `{"ref":"r","value":"%d"}`, i)}
			client.Produce(t.Context(), record, func(_ *kgo.Record, err error) { failed <- err })
			if i != 100*(round+1) {
				continue
			}
			waitFor(t, "the fault", func() bool {
				thread, err := n.Thread(t.Context(), command.TopicResume, "a")
				return err == nil && thread.Status == api.StatusFaulted
			})
			engine.isMended.Store(true)
			go func() { failed <- n.RetryThread(t.Context(), command.TopicResume, "a") }()
		}
		for range count + 1 {
			if err := <-failed; err != nil {
				t.Fatal(err)
			}
		}
		continuation := func() string {
			thread, _, err := n.store.Thread(command.TopicResume, "a")
			if err != nil {
				t.Fatal(err)
			}
			return string(thread.Continuation)
		}
		waitFor(t, "all events", func() bool { return len(continuation()) >= len(want) })
		if got := continuation(); got != want {
			at := 0
			for got[at] == want[at] {
				at++
			}
			t.Fatalf("round %d: the thread saw …%.100s, want …%.100s", round, got[max(0, at-20):], want[max(0, at-20):])
		}
	}
}
