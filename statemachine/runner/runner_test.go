package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kont/jsvm"
	"kont/statemachine/command"
)

// fixture is a runner between twins.
type fixture struct {
	*memory
	puppet *puppet
	runner *Runner
	counts *counts
}

func newFixture(t testing.TB, change func(*Config)) *fixture {
	f := &fixture{memory: newMemory(4), puppet: newPuppet(), counts: &counts{unmatched: map[command.UnmatchedClass]int{}, outcomes: map[command.Outcome]int{}}}
	f.deploy(1)
	c := Config{
		Store:    f.memory,
		Proposer: f.memory,
		Engine:   f.puppet,
		Observer: f.counts,
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&c)
	}
	f.runner = New(c)
	t.Cleanup(f.runner.Stop)
	return f
}

func (f *fixture) thread(key string) *command.Thread {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.threads[named(key)]
}

func (f *fixture) historyOf(key string) []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.Clone(f.history[named(key)])
}

func (f *fixture) outputsOf(key string) []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.Clone(f.outputs[named(key)])
}

func TestThreadRunsItsEventsInOrder(t *testing.T) {
	f := newFixture(t, nil)
	f.runner.Start()
	f.produce("a", start("begin"))
	for i := range 200 {
		f.produce("a", resume(i+1, fmt.Sprint(i)))
	}
	f.produce("a", resume(201, "end"))
	f.waitConsumed(t)
	outputs := f.outputsOf("a")
	if len(outputs) != 202 {
		t.Fatalf("%d outputs, want 202", len(outputs))
	}
	if want := "begin;0;1;2;3;"; !strings.HasPrefix(outputs[201], "out a ended after "+want) {
		t.Errorf("last output %.80q", outputs[201])
	}
	if thread := f.thread("a"); thread != nil {
		t.Errorf("thread is still there: %+v", thread)
	}
}

func TestThreadsRunInParallel(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Workers = 3 })
	for _, key := range []string{"a", "b", "c"} {
		f.puppet.block[key] = make(chan struct{})
		f.produce(key, start("begin"))
	}
	f.runner.Start()
	for range 3 {
		<-f.puppet.entered // All three are inside of their steps at once.
	}
	for _, key := range []string{"a", "b", "c"} {
		close(f.puppet.block[key])
	}
	f.waitConsumed(t)
}

// One thread's step never ends, on the only partition and the only worker, and
// more events wait for it than may be held.
func TestRunawayStepStallsNobodyElse(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Workers = 1 })
	f.memory = newMemory(1)
	f.deploy(1)
	f.runner = New(Config{Store: f.memory, Proposer: f.memory, Engine: f.puppet, Workers: 1, SlowAfter: time.Millisecond, QueueBytesMax: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(f.runner.Stop)
	f.puppet.block["slow"] = make(chan struct{})
	f.produce("slow", start("begin"))
	filler := strings.Repeat("x", 1000)
	for i := range 5000 {
		f.produce("slow", resume(i+1, filler))
	}
	for i := range 100 {
		f.produce(fmt.Sprint("quick", i), start("end"))
	}
	f.runner.Start()
	waitFor(t, func() bool { return f.unconsumed() == 5001 })

	close(f.puppet.block["slow"])
	f.waitConsumed(t)
	if outputs := f.outputsOf("slow"); len(outputs) != 5001 {
		t.Errorf("slow thread wrote %d records, want 5001", len(outputs))
	}
}

func waitFor(t testing.TB, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal("condition does not hold after a minute")
		}
		time.Sleep(time.Millisecond)
	}
}

// What events do, without JavaScript where the table says so.
func TestEventsMatchByTheStoredThread(t *testing.T) {
	long := strings.Repeat("k", threadKeyBytesMax+1)
	for _, test := range []struct {
		name      string
		key       string
		events    []string
		history   []string
		unmatched command.UnmatchedClass
		steps     int
	}{
		{"start and end", "a", []string{start("end")}, []string{"2@0 "}, "", 1},
		{"new replaces", "a", []string{start("x"), start("y"), resume(1, "end")}, []string{"1@0 ", "1@1 ", "2@2 "}, "", 3},
		{"init without state", "a", []string{ensure("x")}, []string{"1@0 "}, "", 1},
		{"init after the end", "a", []string{start("end"), ensure("x")}, []string{"2@0 ", "1@1 "}, "", 2},
		{"init with state", "a", []string{start("x"), ensure("y")}, []string{"1@0 ", "3@1 thread exists already: init is ignored"}, command.UnmatchedHasState, 1},
		{"unknown ref", "a", []string{start("x"), resume(7, "y")}, []string{"1@0 ", `3@1 ref "r7" is not pending`}, command.UnmatchedUnknownRef, 1},
		{"settled ref", "a", []string{start("x"), resume(1, "y"), resume(1, "y")}, []string{"1@0 ", "1@1 ", `3@2 ref "r1" is not pending`}, command.UnmatchedUnknownRef, 2},
		{"no thread", "a", []string{resume(1, "x")}, []string{"3@0 no such thread"}, command.UnmatchedNoThread, 0},
		{"after the end", "a", []string{start("end"), resume(1, "x")}, []string{"2@0 ", "3@1 no such thread"}, command.UnmatchedNoThread, 1},
		{"no JSON", "a", []string{"{"}, []string{"3@0 invalid JSON: unexpected end of JSON input"}, command.UnmatchedJSON, 0},
		{"no JSON to start", "a", []string{"new:{"}, []string{"3@0 invalid JSON in the start's argument"}, command.UnmatchedJSON, 0},
		{"nothing to start", "a", []string{"new:"}, []string{"3@0 invalid JSON in the start's argument"}, command.UnmatchedJSON, 0},
		{"empty", "a", []string{""}, []string{"3@0 invalid JSON: unexpected end of JSON input"}, command.UnmatchedJSON, 0},
		{"number", "a", []string{"5"}, []string{"3@0 value is neither a start nor an object"}, command.UnmatchedNoRef, 0},
		{"null", "a", []string{"null"}, []string{"3@0 object has no ref"}, command.UnmatchedNoRef, 0},
		{"no ref", "a", []string{`{"Ref":"r1"}`}, []string{"3@0 object has no ref"}, command.UnmatchedNoRef, 0},
		{"ref is a number", "a", []string{`{"ref":1}`}, []string{"3@0 ref is no string"}, command.UnmatchedNoRef, 0},
		{"ref is null", "a", []string{`{"ref":null}`}, []string{"3@0 ref is no string"}, command.UnmatchedNoRef, 0},
		{"not UTF-8", "a", []string{"new:\"\xff\""}, []string{"3@0 value is not UTF-8"}, command.UnmatchedValue, 0},
		{"engine finds no match", "a", []string{start("x"), resume(1, "mismatch")}, []string{"1@0 ", "3@1 unmatched event: odd"}, command.UnmatchedByEngine, 2},
		{"empty key", "", []string{start("x")}, []string{"3@0 record has an empty key"}, command.UnmatchedKey, 0},
		{"long key", long, []string{start("x")}, []string{"3@0 key of 4097 bytes, the limit is 4096"}, command.UnmatchedKey, 0},
		{"key is not UTF-8", "\xff", []string{start("x")}, []string{"3@0 key is not UTF-8"}, command.UnmatchedKey, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, nil)
			for _, event := range test.events {
				f.produceTo(0, []byte(test.key), []byte(event))
			}
			f.runner.Start()
			f.waitConsumed(t)
			f.waitCounted(t, func(c *counts) bool { return c.steps() == len(test.events) })
			f.runner.Stop()
			thread := test.key
			if test.unmatched == command.UnmatchedKey {
				thread = ""
			}
			if got := f.historyOf(thread); !slices.Equal(got, test.history) {
				t.Errorf("history %q, want %q", got, test.history)
			}
			if f.stale != 0 {
				t.Errorf("%d stale steps", f.stale)
			}
			if f.puppet.ran != test.steps {
				t.Errorf("%d steps ran, want %d", f.puppet.ran, test.steps)
			}
			want := map[command.UnmatchedClass]int{}
			if test.unmatched != "" {
				want[test.unmatched] = 1
				_, reason, _ := strings.Cut(test.history[len(test.history)-1], " ")
				if class := command.UnmatchedClassOf(reason); class != test.unmatched {
					t.Errorf("%q is %s to those who have the reason alone, want %s", reason, class, test.unmatched)
				}
			}
			if got := f.counts.unmatched; len(got) != len(want) || got[test.unmatched] != want[test.unmatched] {
				t.Errorf("unmatched %v, want %v", got, want)
			}
		})
	}
}

func TestNullKeyAndValueAreUnmatched(t *testing.T) {
	f := newFixture(t, nil)
	f.produceTo(0, nil, []byte(start("x")))
	f.produceTo(0, []byte("a"), nil)
	f.runner.Start()
	f.waitConsumed(t)
	if got := append(f.historyOf(""), f.historyOf("a")...); !slices.Equal(got, []string{"3@0 record has no key", "3@1 record has no value"}) {
		t.Errorf("history %q", got)
	}
}

func TestStartWithoutDeploymentIsUnmatched(t *testing.T) {
	f := newFixture(t, nil)
	delete(f.deployments, command.TopicResume)
	f.produceTo(0, []byte("a"), []byte(start("x")))
	f.runner.Start()
	f.waitConsumed(t)
	if got := f.historyOf("a"); !slices.Equal(got, []string{`3@0 nothing is deployed on topic "workflow-resume"`}) {
		t.Errorf("history %q", got)
	}
}

// A batch that can't be decoded consumes its offsets and nothing else.
func TestUnreadableRecordStopsNoPartition(t *testing.T) {
	f := newFixture(t, nil)
	p := Partition{Topic: command.TopicResume}
	f.partitions[p] = []Record{{Offset: 0, Unreadable: "malformed compressed records"}, {Offset: 1, Key: []byte("a"), Value: []byte(start("end"))}}
	f.runner.Start()
	f.waitConsumed(t)
	if got := append(f.historyOf(""), f.historyOf("a")...); !slices.Equal(got, []string{"3@0 malformed compressed records", "2@1 "}) {
		t.Errorf("history %q", got)
	}
}

func TestFaultKeepsTheEventAndThoseBehindIt(t *testing.T) {
	for _, test := range []struct{ order, reason string }{
		{"fault", "step went wrong"},
		{"panic", "engine panicked: puppet panics"},
		{"topic", `output to topic "nowhere": no such topic; declare it in manifest.outputTopics`},
	} {
		t.Run(test.order, func(t *testing.T) {
			f := newFixture(t, nil)
			f.produce("a", start("x"))
			f.produce("a", resume(1, test.order))
			f.produce("a", resume(1, "y"))
			f.produce("a", ensure("z"))
			f.runner.Start()
			f.waitConsumed(t)
			thread := f.thread("a")
			if thread == nil || thread.Status != command.ThreadFaulted || thread.Fault != test.reason {
				t.Fatalf("thread %+v, want it faulted by %q", thread, test.reason)
			}
			if string(thread.Continuation) != "x;" {
				t.Errorf("continuation %q, want the last good one", thread.Continuation)
			}
			if len(thread.KeptEvents) != 2 || string(thread.KeptEvents[0]) != resume(1, test.order) || string(thread.KeptEvents[1]) != resume(1, "y") {
				t.Errorf("kept %q", thread.KeptEvents)
			}
			if got := f.outputsOf("a"); len(got) != 1 {
				t.Errorf("outputs %q, want the first step's only", got)
			}
			if f.stale != 0 {
				t.Errorf("%d stale steps", f.stale)
			}

			f.produce("a", start("anew"))
			f.waitConsumed(t)
			if thread := f.thread("a"); thread.Status != command.ThreadSuspended || string(thread.Continuation) != "anew;" {
				t.Errorf("new: left %+v", thread)
			}
		})
	}
}

func TestMissingAndBrokenBundlesAreFaults(t *testing.T) {
	for name, data := range map[string][]byte{"missing": nil, "broken": []byte("broken")} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.produce("a", start("x"))
			f.runner.Start()
			f.waitConsumed(t)
			f.runner.Stop()
			delete(f.bundles, command.BundleHash{1})
			if data != nil {
				f.bundles[command.BundleHash{1}] = data
			}
			f.runner.Start()
			f.produce("a", resume(1, "y"))
			f.produce("b", "5")
			f.waitConsumed(t)
			thread := f.thread("a")
			if thread.Status != command.ThreadFaulted || !strings.Contains(thread.Fault, "bundle 01") {
				t.Errorf("thread %+v", thread)
			}
		})
	}
}

func TestBundleProgramsAreClosedWhenTheyGo(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.BundlesMax = 2 })
	f.runner.Start()
	for hash := byte(1); hash <= 5; hash++ {
		f.deploy(hash)
		f.produce(fmt.Sprint("t", hash), start("x"))
		f.waitConsumed(t)
	}
	f.puppet.mutex.Lock()
	if f.puppet.loaded != 5 || f.puppet.closed != 3 {
		t.Errorf("%d loaded, %d closed, want 5 and 3", f.puppet.loaded, f.puppet.closed)
	}
	f.puppet.mutex.Unlock()
	f.runner.Stop()
	if f.puppet.closed != 5 {
		t.Errorf("%d closed after Stop, want 5", f.puppet.closed)
	}
}

// A deposed leader's step in flight leaves nothing behind.
func TestStopDropsTheStepInFlight(t *testing.T) {
	f := newFixture(t, nil)
	f.puppet.block["a"] = make(chan struct{})
	f.produce("a", start("x"))
	f.runner.Start()
	<-f.puppet.entered
	f.runner.Stop()
	if f.unconsumed() != 1 || f.commands != 0 {
		t.Fatalf("%d unconsumed, %d commands after Stop", f.unconsumed(), f.commands)
	}
	close(f.puppet.block["a"])
	f.runner.Start()
	<-f.puppet.entered
	f.waitConsumed(t)
	if got := f.outputsOf("a"); len(got) != 1 {
		t.Errorf("outputs %q", got)
	}
}

func TestStaleStepReadsTheThreadAgain(t *testing.T) {
	f := newFixture(t, nil)
	f.produce("a", start("x"))
	f.runner.Start()
	f.waitConsumed(t)
	f.puppet.block["a"] = make(chan struct{})
	f.produce("a", resume(1, "y"))
	<-f.puppet.entered
	// The thread is deleted while the step runs.
	f.mutex.Lock()
	delete(f.threads, named("a"))
	f.mutex.Unlock()
	close(f.puppet.block["a"])
	f.waitConsumed(t)
	f.waitCounted(t, func(c *counts) bool { return c.dropped > 0 && c.steps() == 2 })
	f.runner.Stop()
	if got := f.historyOf("a"); !slices.Equal(got[1:], []string{"3@1 no such thread"}) {
		t.Errorf("history %q", got)
	}
	if f.counts.dropped != 1 {
		t.Errorf("%d dropped, want 1", f.counts.dropped)
	}
}

// A step that Apply refuses for what is in it faults its thread; others in the
// same command take effect.
func TestRefusedStepFaultsItsThreadOnly(t *testing.T) {
	f := newFixture(t, nil)
	refuse := &refuser{memory: f.memory, thread: "bad"}
	f.runner = New(Config{Store: f.memory, Proposer: refuse, Engine: f.puppet, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(f.runner.Stop)
	for i := range 20 {
		f.produce(fmt.Sprint("good", i), start("x"))
		if i == 10 {
			f.produce("bad", start("x"))
		}
	}
	f.runner.Start()
	f.waitConsumed(t)
	if thread := f.thread("bad"); thread == nil || thread.Status != command.ThreadFaulted || !strings.Contains(thread.Fault, "limit exceeded") {
		t.Errorf("thread %+v", thread)
	}
}

// The store fails for a while, then comes back; time is virtual.
func TestStoreFailureIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		down := time.Now().Add(time.Minute)
		f.readFail = func() error {
			if time.Now().Before(down) {
				return errors.New("input/output error")
			}
			return nil
		}
		f.produce("a", start("end"))
		f.runner.Start()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := f.outputsOf("a"); len(got) != 1 {
			t.Errorf("outputs %q", got)
		}
		f.runner.Stop()
	})
}

func TestStartAndStopMayBeRepeated(t *testing.T) {
	f := newFixture(t, nil)
	f.runner.Stop()
	f.runner.Start()
	f.runner.Start()
	f.produce("a", start("end"))
	f.waitConsumed(t)
	f.runner.Stop()
	f.runner.Stop()
}

// Two applications on one cluster: what a workflow calls its resume topic and its
// scheduler are its own.
func TestWorkflowsOfAnotherResumeTopicReachTheirOwnThreads(t *testing.T) {
	outputs := []jsvm.Output{
		{Topic: command.TopicResume, Key: "k", Value: []byte("init:1")},
		{Topic: command.TopicScheduler, Key: "k|x", Value: []byte("5")},
		{Topic: "out", Key: "k", Value: []byte("v")},
	}
	for resumeTopic, want := range map[string][]string{
		command.TopicResume: {command.TopicResume, command.TopicScheduler, "out"},
		"orders":            {"orders", "orders-scheduler", "out"},
	} {
		var got []string
		for _, output := range outputsOf(resumeTopic, outputs) {
			got = append(got, output.Topic)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: outputs to %v, want %v", resumeTopic, got, want)
		}
	}
}

// Events that were committed out of order behind a slow one are not run again by
// the next leader.
func TestConsumedEventsAreNotRunAgain(t *testing.T) {
	f := newFixture(t, nil)
	f.puppet.block["slow"] = make(chan struct{})
	f.produceTo(0, []byte("slow"), []byte(start("x")))
	for i := range 10 {
		f.produceTo(0, fmt.Append(nil, "quick", i), []byte(start("x")))
	}
	f.runner.Start()
	waitFor(t, func() bool { return f.unconsumed() == 1 })
	f.runner.Stop()
	close(f.puppet.block["slow"])
	f.runner.Start()
	f.waitConsumed(t)
	f.runner.Stop()
	if f.puppet.ran != 12 || f.stale != 0 {
		t.Errorf("%d steps ran, want 10 quick ones and the slow one twice; %d stale", f.puppet.ran, f.stale)
	}
}

// A worker that was started in the place of a slow one goes when that one is back.
func TestSlowStepsLendTheirPlaceForAsLongAsTheyTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Workers, c.SlowWorkersMax, c.SlowAfter = 1, 2, time.Second })
		f.runner.Start()
		entered := func() int {
			synctest.Wait()
			f.puppet.mutex.Lock()
			defer f.puppet.mutex.Unlock()
			return len(f.puppet.running)
		}
		for round := range 3 {
			release := make(chan struct{})
			for i := range 5 {
				key := fmt.Sprint(round, "-", i)
				f.puppet.mutex.Lock()
				f.puppet.block[key] = release
				f.puppet.mutex.Unlock()
				f.produce(key, start("end"))
			}
			for seconds, want := range []int{1, 2, 3, 3} {
				if got := entered(); got != want {
					t.Errorf("round %d: %d steps at once after %d s, want %d", round, got, seconds, want)
				}
				time.Sleep(time.Second + time.Millisecond)
			}
			close(release)
			if got := entered(); got != 0 || f.unconsumed() != 0 {
				t.Errorf("round %d: %d steps and %d events are left", round, got, f.unconsumed())
			}
		}
		f.runner.Stop()
	})
}

// A log that stands still holds back the workers before effects fill the memory.
func TestEffectsThatWaitForTheLogAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.OutcomeBytesMax, c.Workers = 2000, 2 })
		stuck := &stuckLog{memory: f.memory, open: make(chan struct{})}
		f.runner.config.Proposer = stuck
		for i := range 200 {
			f.produce(fmt.Sprint(i), start("end"))
		}
		f.runner.Start()
		synctest.Wait()
		// About 200 B a step.
		if f.puppet.ran < 5 || f.puppet.ran > 20 {
			t.Errorf("%d steps ran while the log stood still", f.puppet.ran)
		}
		close(stuck.open)
		time.Sleep(time.Second)
		synctest.Wait()
		if f.unconsumed() != 0 {
			t.Errorf("%d events are left", f.unconsumed())
		}
		f.runner.Stop()
	})
}

// stuckLog is a proposer that waits until it is open.
type stuckLog struct {
	*memory
	open chan struct{}
}

func (l *stuckLog) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	select {
	case <-l.open:
		return l.memory.Propose(ctx, c)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// The resume topic is deleted and made again while events wait and a step runs:
// none of the old events touches the new topic.
func TestEventsOfADeletedTopicAreDropped(t *testing.T) {
	f := newFixture(t, nil)
	f.puppet.block["a"] = make(chan struct{})
	f.produceTo(0, []byte("a"), []byte(start("old")))
	for range 200 {
		f.produceTo(0, []byte("a"), []byte(resume(1, "old")))
	}
	f.runner.Start()
	<-f.puppet.entered
	f.recreate()
	f.produceTo(0, []byte("a"), []byte(start("new")))
	f.produceTo(0, []byte("b"), []byte(start("new")))
	close(f.puppet.block["a"])
	waitFor(t, func() bool { return f.unconsumed() == 0 })
	f.runner.Stop()
	for _, key := range []string{"a", "b"} {
		if thread := f.thread(key); thread == nil || string(thread.Continuation) != "new;" {
			t.Errorf("thread %s is %+v", key, thread)
		}
	}
}

// The same after the runner has looked at the topic for the last time: the event that
// is at the old one's offset now must not count as consumed.
func TestStepsOfATopicThatIsMadeAgainOnTheirWayAreRefused(t *testing.T) {
	f := newFixture(t, nil)
	var once sync.Once
	f.beforeApply = func() {
		once.Do(func() {
			f.recreate()
			f.produceTo(0, []byte("b"), []byte(start("new")))
		})
	}
	f.produceTo(0, []byte("a"), []byte(start("old")))
	f.runner.Start()
	waitFor(t, func() bool { return f.thread("b") != nil && f.unconsumed() == 0 })
	f.runner.Stop()
	if thread := f.thread("a"); thread != nil {
		t.Errorf("the old topic's thread is there: %+v", thread)
	}
}

// A worker in the place of a slow one costs the engine a machine, so there is none
// before it has something to do.
func TestSlowStepsLendTheirPlaceOnlyToWaitingThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Workers, c.SlowAfter = 1, time.Second })
		release := make(chan struct{})
		f.puppet.block["slow"] = release
		f.runner.Start()
		f.produce("slow", start("end"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if lent := f.runner.term.slots.lent; lent != 0 {
			t.Errorf("%d workers were started for nobody", lent)
		}
		f.produce("quick", start("end"))
		time.Sleep(time.Second)
		synctest.Wait()
		if left := f.unconsumed(); left != 1 {
			t.Errorf("%d events are left beside a slow step, want that step's", left)
		}
		close(release)
		synctest.Wait()
		if left := f.unconsumed(); left != 0 {
			t.Errorf("%d events are left", left)
		}
		f.runner.Stop()
	})
}

// narrow is a log that refuses a command of more than its bytes.
type narrow struct {
	*memory
	bytesMax int
}

func (n *narrow) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	data, err := command.Encode(c)
	if err != nil {
		return nil, err
	}
	if len(data) > n.bytesMax {
		return nil, fmt.Errorf("%w: %d bytes", command.ErrLimit, len(data))
	}
	return n.memory.Propose(ctx, c)
}

// A compressed batch may hold an event that is larger than an entry of the log. It
// would have to be kept if its step failed, so it is unmatched, and its thread goes on.
func TestEventThatTheLogCannotKeepIsUnmatched(t *testing.T) {
	f := newFixture(t, nil)
	f.runner = New(Config{Store: f.memory, Proposer: &narrow{f.memory, 32 << 20}, Engine: f.puppet, Observer: f.counts,
		Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(f.runner.Stop)
	huge := strings.Repeat("x", 33<<20)
	f.produce("a", start("fault"))
	f.produce("a", fmt.Sprintf(`{"ref":"r1","value":%q}`, huge))
	f.produce("b", start("begin"))
	f.produce("b", `{"ref":"r1","value":"fault"}`+strings.Repeat(" ", 33<<20))
	f.produce("b", resume(1, "end"))
	f.runner.Start()
	f.waitConsumed(t)
	f.waitCounted(t, func(c *counts) bool { return c.steps() == 5 })
	if got := f.counts.unmatched[command.UnmatchedValue]; got != 2 {
		t.Errorf("%d unmatched for their size, want 2", got)
	}
	if outputs := f.outputsOf("b"); len(outputs) != 2 {
		t.Errorf("outputs %.80q", outputs)
	}
}
