package runner

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"kont/jsvm"
	"kont/statemachine/command"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the property test, 0 for a fresh one")

// refuser refuses commands with a suspending step of one thread.
type refuser struct {
	*memory
	thread string
}

func (r *refuser) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	for _, step := range c.(command.CommitSteps).Steps {
		if step.Thread == r.thread && step.Outcome == command.OutcomeSuspended {
			return nil, fmt.Errorf("continuation: %w", command.ErrLimit)
		}
	}
	return r.memory.Propose(ctx, c)
}

// Random events of random threads go through the runner while proposals get lost,
// take effect unheard or late, reads fail and leadership changes. What is left has
// to be what a loop over the events, one after the other, leaves.
func TestRunnerEqualsSequentialTwin(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	for round := range uint64(12) {
		t.Run(fmt.Sprintf("seed=%d", seed+round), func(t *testing.T) {
			compareWithTwin(t, seed+round)
		})
	}
}

func compareWithTwin(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	f := newFixture(t, nil)
	f.puppet.pauseMax = 50 * time.Microsecond
	f.runner = New(Config{
		Store: f.memory, Proposer: f.memory, Engine: f.puppet, Workers: 1 + random.IntN(4),
		SlowAfter: 100 * time.Microsecond, SlowWorkersMax: 4, ProposalsMax: 1 + random.IntN(4),
		QueueEventsMax: 5 + random.IntN(200), QueueBytesMax: 100 + random.IntN(4000), OutcomeBytesMax: 500 + random.IntN(5000),
		CacheBytesMax: 1 + random.IntN(8000),
		RetryAfter:    100 * time.Microsecond, RetryAfterMax: time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(f.runner.Stop)
	var mutex sync.Mutex // guards faults
	faults := rand.New(rand.NewPCG(seed, 2))
	f.fail = func() proposalFault {
		mutex.Lock()
		defer mutex.Unlock()
		return []proposalFault{faultLost, faultReplyLost, faultLate, faultLimit, faultNone, faultNone, faultNone, faultNone}[faults.IntN(8)]
	}
	f.readFail = func() error {
		mutex.Lock()
		defer mutex.Unlock()
		if faults.IntN(50) == 0 {
			return errors.New("input/output error")
		}
		return nil
	}

	events := randomEvents(random, 1500)
	for i, e := range events {
		f.produce(e.key, e.value)
		if i%100 != 0 {
			continue
		}
		if random.IntN(3) == 0 {
			f.runner.Stop()
		}
		if random.IntN(2) == 0 {
			f.applyLate()
		}
		f.runner.Start()
	}
	f.runner.Start()
	f.waitConsumed(t)
	f.runner.Stop()
	f.applyLate()
	if f.puppet.overlaps > 0 {
		t.Errorf("%d steps began while another one of their thread ran", f.puppet.overlaps)
	}

	twin := newMemory(4)
	twin.deploy(1)
	runSequentially(twin, events)
	for id, want := range twin.history {
		if got := f.history[id]; !slices.Equal(got, want) {
			t.Fatalf("history of %q:\n%q, want\n%q", id.key, got, want)
		}
	}
	if !maps.EqualFunc(f.outputs, twin.outputs, slices.Equal) {
		t.Errorf("outputs differ")
	}
	same := func(a, b *command.Thread) bool {
		return a.Status == b.Status && string(a.Continuation) == string(b.Continuation) && a.Fault == b.Fault && len(a.KeptEvents) == len(b.KeptEvents)
	}
	if !maps.EqualFunc(f.threads, twin.threads, same) {
		t.Errorf("threads differ")
	}
}

type keyValue struct{ key, value string }

func randomEvents(random *rand.Rand, count int) []keyValue {
	orders := []string{"a", "b", "c", "d", "e", "f", "end", "fault", "panic", "topic", "mismatch"}
	events := make([]keyValue, count)
	guess := map[string]int{}
	for i := range events {
		key := fmt.Sprint("t", random.IntN(20))
		order := orders[random.IntN(len(orders))]
		value := ""
		switch random.IntN(12) {
		case 0:
			value = start(order)
			guess[key] = 0
		case 1:
			value = ensure(order)
		case 2:
			value = resume(random.IntN(5), order)
		case 3:
			value = []string{"", "{", "[]", `{"ref":7}`, "new:", "\xff"}[random.IntN(6)]
		default:
			guess[key]++
			value = resume(guess[key], order)
		}
		events[i] = keyValue{key, value}
	}
	return events
}

// runSequentially is the dumb twin of the whole package: one event after the
// other, one command each.
func runSequentially(m *memory, events []keyValue) {
	for _, e := range events {
		m.produce(e.key, e.value)
	}
	ids := newStepIDs(0)
	for partition := range int32(4) {
		for _, record := range m.partitions[Partition{Topic: command.TopicResume, Partition: partition}] {
			id := named(string(record.Key))
			step := command.Step{ResumeTopic: command.TopicResume, Partition: partition, Offset: record.Offset, Thread: id.key, Hash: command.BundleHash{1}}
			thread := m.threads[id]
			if thread != nil {
				step.PreviousStepID = thread.StepID
			}
			step.Event = record.Value
			sequentialStep(&step, thread, ids)
			if err := m.applyStepLocked(step); err != nil {
				panic(err)
			}
		}
	}
}

func sequentialStep(step *command.Step, thread *command.Thread, ids *stepIDs) {
	r, bad := parseValue(step.Event)
	if bad != nil {
		step.Outcome, step.Reason = command.OutcomeUnmatched, bad.reason
		return
	}
	in := jsvm.Input{Thread: step.Thread, Event: r.body}
	isStart := r.kind == eventNew || r.kind == eventInit && thread == nil
	if !isStart {
		switch {
		case r.kind == eventInit:
			step.Outcome, step.Reason = command.OutcomeUnmatched, "thread exists already: init is ignored"
			return
		case thread == nil:
			step.Outcome, step.Reason = command.OutcomeUnmatched, "no such thread"
			return
		case thread.Status == command.ThreadFaulted:
			step.Outcome = command.OutcomeKept
			return
		case !slices.Contains(thread.Refs, r.ref):
			step.Outcome, step.Reason = command.OutcomeUnmatched, fmt.Sprintf("ref %q is not pending", r.ref)
			return
		}
		in.Continuation = thread.Continuation
	}
	step.Started = isStart
	step.StepID = ids.next(step.PreviousStepID)
	effects, err := sequentialEngine(in)
	switch {
	case errors.Is(err, jsvm.ErrUnmatched):
		step.Outcome, step.Reason, step.StepID, step.Started = command.OutcomeUnmatched, err.Error(), 0, false
		return
	case err != nil:
		step.Outcome, step.Reason = command.OutcomeFaulted, err.Error()
		return
	}
	for _, output := range effects.Outputs {
		if output.Topic != "out" {
			step.Outcome, step.Reason = command.OutcomeFaulted, fmt.Sprintf("output to topic %q: no such topic; declare it in manifest.outputTopics", output.Topic)
			step.Outputs = nil
			return
		}
		step.Outputs = append(step.Outputs, command.Output{Topic: output.Topic, Key: []byte(output.Key), Value: output.Value})
	}
	step.Outcome = command.OutcomeEnded
	if effects.Continuation != nil {
		step.Outcome, step.Continuation, step.Refs = command.OutcomeSuspended, effects.Continuation, effects.Refs
	}
}

func sequentialEngine(in jsvm.Input) (effects jsvm.Effects, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("engine panicked: %v", panicked)
		}
	}()
	return puppetStep(in)
}
