package demos

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"kont/jsvm"
)

// world runs the threads of one workflow on the engine, with topics in memory and virtual time. Each step starts from the bytes of the
// continuation that the step before returned: every await is restored.
type world struct {
	t       *testing.T
	pool    *jsvm.Pool
	stepID  uint64
	threads map[string][]byte
	timers  []timer
	now     int64 // milliseconds
	records []record
	// unmatched has the reasons.
	unmatched []string
}

type record struct{ topic, key, value string }

type timer struct {
	key string
	due int64
}

func newWorld(t *testing.T, d Demo) *world {
	t.Helper()
	b, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: d.Entry, Files: d.Files})
	if err != nil {
		t.Fatal(err)
	}
	pool := jsvm.NewPool(b, jsvm.PoolOptions{})
	t.Cleanup(pool.Close)
	return &world{t: t, pool: pool, threads: map[string][]byte{}}
}

// event handles one record of workflow-resume.
func (w *world) event(thread, value string) {
	w.t.Helper()
	w.stepID++
	in := jsvm.Input{Thread: thread, StepID: w.stepID}
	if argument, isNew := strings.CutPrefix(value, "new:"); isNew {
		in.Event = []byte(argument)
	} else {
		in.Continuation, in.Event = w.threads[thread], []byte(value)
		if in.Continuation == nil {
			w.unmatched = append(w.unmatched, value)
			return
		}
	}
	effects, err := w.pool.Step(w.t.Context(), in)
	if errors.Is(err, jsvm.ErrUnmatched) {
		w.unmatched = append(w.unmatched, value)
		return
	}
	if err != nil {
		w.t.Fatalf("step %d of %s: %v", w.stepID, thread, err)
	}
	if delete(w.threads, thread); effects.Continuation != nil {
		w.threads[thread] = effects.Continuation
	}
	for _, o := range effects.Outputs {
		w.append(record{o.Topic, o.Key, string(o.Value)})
	}
}

// append adds a record that the workflow has written.
func (w *world) append(r record) {
	w.records = append(w.records, r)
	switch r.topic {
	case "workflow-scheduler":
		w.timers = deleteTimer(w.timers, r.key)
		if delay, err := strconv.ParseInt(r.value, 10, 64); err != nil {
			w.t.Fatalf("timer %s: %v", r.key, err)
		} else if delay > 0 {
			w.timers = append(w.timers, timer{r.key, w.now + delay})
		}
	case resumeTopic:
		w.event(r.key, r.value)
	}
}

func deleteTimer(timers []timer, key string) []timer {
	var kept []timer
	for _, t := range timers {
		if t.key != key {
			kept = append(kept, t)
		}
	}
	return kept
}

// fire lets time pass until the next timer is due; false if there is none.
func (w *world) fire() bool {
	if len(w.timers) == 0 {
		return false
	}
	next := w.timers[0]
	for _, t := range w.timers {
		if t.due < next.due {
			next = t
		}
	}
	w.timers = deleteTimer(w.timers, next.key)
	w.now = next.due
	thread, value, _ := strings.Cut(next.key, "|")
	w.event(thread, value)
	return true
}

// The world is a Stage: what the plays do is tested here, and shown by `kont demo`.

func (w *world) Send(_ context.Context, topic, key, value string) error {
	if topic != resumeTopic {
		return fmt.Errorf("nobody reads %s", topic)
	}
	w.event(key, value)
	return nil
}

// Await lets timers fire if the record is not there yet: nothing else can happen.
func (w *world) Await(_ context.Context, topic, key string, matches func(string) bool) (string, error) {
	for {
		for _, r := range w.records {
			if r.topic == topic && r.key == key && (matches == nil || matches(r.value)) {
				return r.value, nil
			}
		}
		if !w.fire() {
			return "", fmt.Errorf("no record of %s with key %s comes, only %v", topic, key, w.records)
		}
	}
}

// Crash does nothing: threads are restored for each step anyway.
func (w *world) Crash(context.Context) error { return nil }

func (w *world) Say(string, ...any) {}

// lateEvents are those that a play sends to show that they change nothing.
var lateEvents = map[string]int{"expense-approval": 1}

func TestPlays(t *testing.T) {
	for _, d := range All() {
		t.Run(d.Name, func(t *testing.T) {
			w := newWorld(t, d)
			if err := d.Play(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			if len(w.threads) > 0 || len(w.timers) > 0 || len(w.unmatched) != lateEvents[d.Name] {
				t.Errorf("left: threads %d, timers %v, unmatched %q", len(w.threads), w.timers, w.unmatched)
			}
			if d.About == "" || len(d.Next) == 0 {
				t.Error("the demo says nothing about itself")
			}
			for _, name := range []string{"README.md", d.Entry} {
				if f, err := d.Files.Open(name); err != nil {
					t.Error(err)
				} else {
					f.Close()
				}
			}
		})
	}
}
