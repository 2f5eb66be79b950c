package server

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"kont/jsvm"
	"kont/raftlog"
	"kont/statemachine/command"
	"kont/statemachine/runner"
)

// simulatedTurns lets the goroutines of the parts that lead run one after the other, in an order that the seed decides.
//
// The parts are the real ones, with their goroutines. Each of them waits for its turn where it reads what others change, runs JavaScript, proposes, or is
// told an outcome. While one has its turn, all others sleep, here or on one another, and the clock of the bubble stands. A turn may wake others; they
// run beside it up to where they wait themselves, and touch nothing in common until then.
type simulatedTurns struct {
	mutex sync.Mutex
	// The mutex guards all that follows.
	waiting  []*simulatedTurn
	arrivals int
}

type simulatedTurn struct {
	what    string
	arrival int
	begin   chan struct{}
}

// await returns when it is the caller's turn, false if one of the channels is closed first. Those that wait at the same time for the same thing have come
// in an order that the seed has decided.
func (t *simulatedTurns) await(what string, dead, done <-chan struct{}) bool {
	own := &simulatedTurn{what: what, begin: make(chan struct{})}
	t.mutex.Lock()
	t.arrivals++
	own.arrival = t.arrivals
	t.waiting = append(t.waiting, own)
	t.mutex.Unlock()
	select {
	case <-own.begin:
		return true
	case <-dead:
	case <-done:
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.waiting = slices.DeleteFunc(t.waiting, func(other *simulatedTurn) bool { return other == own })
	return false
}

// give gives one of those that wait its turn, choose which of them; "" if nobody waits.
func (t *simulatedTurns) give(choose func(n int) int) (what string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.waiting) == 0 {
		return ""
	}
	slices.SortFunc(t.waiting, func(a, b *simulatedTurn) int {
		if order := strings.Compare(a.what, b.what); order != 0 {
			return order
		}
		return a.arrival - b.arrival
	})
	i := choose(len(t.waiting))
	turn := t.waiting[i]
	t.waiting = slices.Delete(t.waiting, i, i+1)
	close(turn.begin)
	return turn.what
}

var errSimulatedCrash = errors.New("the process is gone")

// simulatedLife is a replica from a start to a crash, as its parts see it.
type simulatedLife struct {
	replica *simulatedReplica
	name    string
	// dead is closed by a crash.
	dead chan struct{}
	// leadership holds the latest that the parts have not heard, as the channel of raftlog's does.
	leadership chan bool
	leading    *leading
	proposer   *proposer
}

func (l *simulatedLife) isDead() bool {
	select {
	case <-l.dead:
		return true
	default:
		return false
	}
}

// tell tells the parts whether the node leads.
func (l *simulatedLife) tell(leads bool) {
	select {
	case <-l.leadership:
	default:
	}
	l.leadership <- leads
}

func (l *simulatedLife) await(done <-chan struct{}, format string, args ...any) bool {
	return l.replica.simulation.turns.await(l.name+" "+fmt.Sprintf(format, args...), l.dead, done)
}

// Propose is raftlog's.
func (l *simulatedLife) Propose(ctx context.Context, data []byte) (any, error) {
	sum := fnv.New64a()
	sum.Write(data)
	if !l.await(ctx.Done(), "propose %016x", sum.Sum64()) {
		return nil, fmt.Errorf("withdrawn: %w", raftlog.ErrOutcomeUnknown)
	}
	p := &simulatedProposal{data: data, life: l, outcome: make(chan raftlog.Outcome, 1)}
	if !l.replica.enqueue(p) {
		return nil, raftlog.ErrNotLeader
	}
	select {
	case o := <-p.outcome:
		return o.Result, o.Err
	case <-ctx.Done():
	case <-l.dead:
	}
	p.isWithdrawn.Store(true)
	return nil, fmt.Errorf("given up: %w", raftlog.ErrOutcomeUnknown)
}

// simulatedStore is the store as the parts see it.
type simulatedStore struct {
	storeForRunner
	life *simulatedLife
}

// ReadEvents gives one record at a time, so that the reader queues one event in a turn.
func (s simulatedStore) ReadEvents(topic string, partition int32, offset int64, bytesMax int) ([]runner.Record, error) {
	if s.life.isDead() {
		return nil, errSimulatedCrash
	}
	records, err := s.storeForRunner.ReadEvents(topic, partition, offset, bytesMax)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	if !s.life.await(nil, "read %s %d at %d", topic, partition, offset) {
		return nil, errSimulatedCrash
	}
	records, err = s.storeForRunner.ReadEvents(topic, partition, offset, bytesMax)
	return records[:min(1, len(records))], err
}

func (s simulatedStore) Consumed(topic string, partition int32, offset int64) (bool, error) {
	if !s.life.await(nil, "consumed %s %d at %d", topic, partition, offset) {
		return false, errSimulatedCrash
	}
	return s.storeForRunner.Consumed(topic, partition, offset)
}

// TimersDueBy waits only if there are any.
func (s simulatedStore) TimersDueBy(unixMilli int64, limit int) ([]command.TimerKey, error) {
	if s.life.isDead() {
		return nil, errSimulatedCrash
	}
	due, err := s.Store.TimersDueBy(unixMilli, limit)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	if !s.life.await(nil, "timers") {
		return nil, errSimulatedCrash
	}
	return s.Store.TimersDueBy(unixMilli, limit)
}

// simulatedObserver takes a turn for each step whose outcome the runner hears, so that only one thread at a time is given back.
type simulatedObserver struct{ life *simulatedLife }

func (o simulatedObserver) ObserveStep(command.Outcome, time.Duration) { o.life.await(nil, "settle") }
func (simulatedObserver) ObserveUnmatched(command.UnmatchedClass)      {}
func (simulatedObserver) ObserveRefusedStep()                          {}
func (simulatedObserver) ObserveQueue(int, int64)                      {}

// simulatedEngine runs the real programs, which all replicas share: to make a machine of the engine takes longer than a hundred steps.
type simulatedEngine struct{ life *simulatedLife }

func (e simulatedEngine) Load(bundle []byte) (runner.Program, error) {
	program, err := e.life.replica.simulation.load(bundle)
	if err != nil {
		return nil, err
	}
	return simulatedProgram{program, e.life}, nil
}

type simulatedProgram struct {
	program runner.Program
	life    *simulatedLife
}

func (p simulatedProgram) Step(ctx context.Context, in jsvm.Input) (jsvm.Effects, error) {
	if !p.life.await(ctx.Done(), "step %s %d", in.Thread, in.StepID) {
		return jsvm.Effects{}, errSimulatedCrash
	}
	return p.program.Step(ctx, in)
}

func (simulatedProgram) Close() {}
