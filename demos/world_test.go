package demos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"time"

	"kont/jsvm"
)

// world runs the threads of a demo's workflows on the engine, with topics in memory and virtual time. Each step starts from the bytes of the
// continuation that the step before returned: every await is restored.
type world struct {
	t      *testing.T
	files  fs.FS
	topic  string // the resume topic of the demo's entry
	stepID uint64
	// newest are the bundles of the resume topics.
	newest  map[string]*jsvm.Pool
	threads map[threadID]thread
	// events have been written to resume topics and have not been handled.
	events  []record
	timers  []timer
	now     int64 // milliseconds
	records []record
	// unmatched has the reasons.
	unmatched []string
}

type record struct{ topic, key, value string }

type threadID struct{ topic, key string }

// thread stays on the bundle that it has been started with.
type thread struct {
	pool         *jsvm.Pool
	continuation []byte
}

type timer struct {
	topic, key string
	due        int64
}

func newWorld(t *testing.T, d Demo) *world {
	t.Helper()
	w := &world{t: t, files: d.Files, topic: cmp.Or(d.ResumeTopic, resumeTopic), newest: map[string]*jsvm.Pool{}, threads: map[threadID]thread{}}
	if err := w.Deploy(t.Context(), d.Entry, w.topic); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) handle(event record) {
	w.t.Helper()
	w.events = append(w.events, event)
	for len(w.events) > 0 {
		event, w.events = w.events[0], w.events[1:]
		w.step(event)
	}
}

func (w *world) step(event record) {
	w.t.Helper()
	w.stepID++
	id := threadID{event.topic, event.key}
	running, exists := w.threads[id]
	in := jsvm.Input{Thread: event.key, StepID: w.stepID}
	argument, isNew := strings.CutPrefix(event.value, "new:")
	if !isNew && strings.HasPrefix(event.value, "init:") {
		if exists {
			return
		}
		argument, isNew = strings.TrimPrefix(event.value, "init:"), true
	}
	switch {
	case isNew:
		running.pool, in.Event = w.newest[event.topic], []byte(argument)
	case exists:
		in.Continuation, in.Event = running.continuation, []byte(event.value)
	default:
		w.unmatched = append(w.unmatched, event.value)
		return
	}
	effects, err := running.pool.Step(w.t.Context(), in)
	if errors.Is(err, jsvm.ErrUnmatched) {
		w.unmatched = append(w.unmatched, event.value)
		return
	}
	if err != nil {
		w.t.Fatalf("step %d of %s: %v", w.stepID, event.key, err)
	}
	if delete(w.threads, id); effects.Continuation != nil {
		w.threads[id] = thread{running.pool, effects.Continuation}
	}
	for _, o := range effects.Outputs {
		w.append(event.topic, record{o.Topic, o.Key, string(o.Value)})
	}
}

// append adds a record that a workflow on resumeTopic has written.
func (w *world) append(from string, r record) {
	if r.topic == resumeTopic {
		r.topic = from
	}
	w.records = append(w.records, r)
	if r.topic == "workflow-scheduler" {
		w.timers = deleteTimer(w.timers, from, r.key)
		if delay, err := strconv.ParseInt(r.value, 10, 64); err != nil {
			w.t.Fatalf("timer %s: %v", r.key, err)
		} else if delay > 0 {
			w.timers = append(w.timers, timer{from, r.key, w.now + delay})
		}
	}
	if w.newest[r.topic] != nil {
		w.events = append(w.events, r)
	}
}

func deleteTimer(timers []timer, topic, key string) []timer {
	var kept []timer
	for _, t := range timers {
		if t.topic != topic || t.key != key {
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
	w.timers = deleteTimer(w.timers, next.topic, next.key)
	w.now = next.due
	thread, value, _ := strings.Cut(next.key, "|")
	w.handle(record{next.topic, thread, value})
	return true
}

// The world is a Stage: what the plays do is tested here, and shown by `kont demo`.

func (w *world) Send(_ context.Context, topic, key, value string) error {
	if w.newest[topic] == nil {
		return fmt.Errorf("nobody reads %s", topic)
	}
	w.handle(record{topic, key, value})
	return nil
}

func (w *world) Deploy(ctx context.Context, entry, resumeTopic string) error {
	b, err := jsvm.Compile(ctx, jsvm.CompileOptions{Entry: entry, Files: w.files})
	if err != nil {
		return err
	}
	pool := jsvm.NewPool(b, jsvm.PoolOptions{Clock: func() time.Time { return time.UnixMilli(w.now) }})
	w.t.Cleanup(pool.Close)
	w.newest[resumeTopic] = pool
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
			for id := range w.threads {
				if id.topic == upgradesTopic && id.key == w.topic {
					delete(w.threads, id) // the upgrade manager has no end
				}
			}
			if len(w.threads) > 0 || len(w.timers) > 0 || len(w.unmatched) != lateEvents[d.Name] {
				t.Errorf("left: threads %d, timers %v, unmatched %q", len(w.threads), w.timers, w.unmatched)
			}
			if d.About == "" || len(d.Next) == 0 {
				t.Error("the demo says nothing about itself")
			}
			if _, err := fs.Stat(d.Files, d.Entry); err != nil {
				t.Error(err)
			}
			if _, err := fs.Stat(files, d.Name+"/README.md"); err != nil {
				t.Error(err)
			}
		})
	}
}
