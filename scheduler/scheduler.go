package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"kont/statemachine/command"
)

// timersMax is how many timers one command fires at most. A bigger burst takes several, one
// after the other. Large commands keep a burst short: between two of them, the
// steps of the first compete with the second for the processors.
const timersMax = 4096

// keyBytesMax bounds the keys of one command, which has to fit into an entry of the
// log: keys can be long.
const keyBytesMax = 1 << 20

// lookEvery is how long the scheduler waits at most before it looks at the wall
// clock again, which may have been set.
const lookEvery = time.Second

// Pauses after a failure of the node double from retryAfter to retryAfterMax.
const (
	retryAfter    = 10 * time.Millisecond
	retryAfterMax = time.Second
)

// Store is what the scheduler reads of the state machine. Methods are safe for
// concurrent use.
type Store interface {
	// TimersDueBy lists the timers that are due at a time or before, in due order,
	// limit of them at most.
	TimersDueBy(unixMilli int64, limit int) ([]command.TimerKey, error)
	// NextTimerDue is when the next timer is due, false if none is set.
	NextTimerDue() (unixMilli int64, exists bool, err error)
	// WatchTimers sends to wake, without blocking, after a timer was set that is
	// due before all that NextTimerDue told of, until cancel is called.
	WatchTimers(wake chan<- struct{}) (cancel func())
}

// Proposer puts commands into the log.
type Proposer interface {
	// Propose returns when the command is applied. After an error it may or may
	// not be applied later.
	Propose(ctx context.Context, c command.Command) (command.Result, error)
}

// Observer is told of fired timers, for metrics. It must not block.
type Observer interface {
	// ObserveTimer reports a timer that fired late by so much.
	ObserveTimer(lateness time.Duration)
}

// Config is what a scheduler needs. Observer and Logger may be nil.
type Config struct {
	Store    Store
	Proposer Proposer
	Observer Observer
	Logger   *slog.Logger
}

// Scheduler fires timers while the node leads.
type Scheduler struct {
	config Config

	// mutex guards cancel and is held by Start and Stop as long as they take.
	mutex   sync.Mutex
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New makes a scheduler that does nothing until Start.
func New(c Config) *Scheduler {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Scheduler{config: c}
}

// Start begins to fire timers, those first that became due while nobody did. It
// returns at once, and does nothing if the scheduler runs already.
func (s *Scheduler) Start() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	t := &term{Config: s.config, ctx: ctx}
	s.running.Go(t.run)
}

// Stop returns once nothing runs any more. A proposal that is under way may still
// take effect later.
func (s *Scheduler) Stop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.running.Wait()
	s.cancel = nil
}

// term is the time between Start and Stop.
type term struct {
	Config
	ctx context.Context
}

func (t *term) run() {
	// With room for one, so that a timer that is set between a look and the wait
	// is not missed.
	wake := make(chan struct{}, 1)
	cancel := t.Store.WatchTimers(wake)
	defer cancel()
	failures := 0
	var passed command.TimerKey // the first of those that were proposed last
	for t.ctx.Err() == nil {
		due, err := t.Store.TimersDueBy(time.Now().UnixMilli(), timersMax)
		if err == nil && len(due) == 0 {
			var d time.Duration
			if d, err = t.untilNext(); err == nil {
				failures = 0
				t.wait(wake, d)
				continue
			}
		}
		if err != nil {
			t.Logger.Error("read timers", "error", err)
			t.wait(nil, pause(failures))
			failures++
			continue
		}
		due = fitting(due)
		switch fired, err := t.fire(due); {
		case t.ctx.Err() != nil:
		case err != nil:
			level := slog.LevelError
			if errors.Is(err, command.ErrNotLeader) {
				level = slog.LevelDebug // Stop is on its way.
			}
			t.Logger.Log(t.ctx, level, "propose timers", "timers", len(due), "error", err)
			t.wait(nil, pause(failures))
			failures++
		case fired == 0 && due[0] == passed:
			// The store and Apply disagree, which must not become a busy loop.
			t.wait(nil, pause(failures))
			failures++
		default:
			// Also if none of them fired: all were cancelled meanwhile, or have no
			// topic any more to which their events could go.
			failures = 0
		}
		passed = due[0]
	}
}

// untilNext is how long to wait for the next timer, lookEvery at most.
func (t *term) untilNext() (time.Duration, error) {
	dueUnixMilli, exists, err := t.Store.NextTimerDue()
	if err != nil || !exists {
		return lookEvery, err
	}
	return min(lookEvery, time.Until(time.UnixMilli(dueUnixMilli))), nil
}

// fitting is as many of the timers as fit into one command, at least one.
func fitting(due []command.TimerKey) []command.TimerKey {
	bytes := 0
	for i := range due {
		if bytes += len(due[i].Key); i > 0 && bytes > keyBytesMax {
			return due[:i]
		}
	}
	return due
}

func pause(failures int) time.Duration {
	return min(retryAfterMax, retryAfter<<min(failures, 10))
}

// fire proposes one command and returns how many timers it fired.
func (t *term) fire(due []command.TimerKey) (int, error) {
	result, err := t.Proposer.Propose(t.ctx, command.FireTimers{Timers: due, NowUnixMilli: time.Now().UnixMilli()})
	if err != nil {
		return 0, err
	}
	if err, refused := result.(error); refused {
		return 0, err
	}
	fired := result.(int)
	if t.Observer != nil && fired > 0 {
		// Which ones were passed over, because they had been cancelled, is not
		// known; that is rare.
		now := time.Now()
		for _, timer := range due[:min(fired, len(due))] {
			t.Observer.ObserveTimer(now.Sub(time.UnixMilli(timer.DueUnixMilli)))
		}
	}
	return fired, nil
}

// wait returns after a wake, after d, or when the term is over.
func (t *term) wait(wake <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}
