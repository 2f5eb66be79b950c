package runner

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"
)

// Config is what a runner needs. Zero values take the defaults named here.
type Config struct {
	Store    Store
	Proposer Proposer
	Engine   Engine
	// Observer may be nil.
	Observer Observer
	// Logger gets console lines of workflows at their level, faults and failures
	// of the node. Default slog.Default().
	Logger *slog.Logger
	// Workers is how many steps run at the same time, default GOMAXPROCS.
	Workers int
	// SlowAfter is how long a step may hold its place among Workers while others
	// wait, default 100 ms; see slowWatch. A slower one goes on, and another worker
	// is started meanwhile, up to SlowWorkersMax, default 64.
	SlowAfter      time.Duration
	SlowWorkersMax int
	// ProposalsMax is how many proposals may be under way, default 4.
	ProposalsMax int
	// QueueEventsMax bounds the events queued, default 262,144, about 64 B each;
	// QueueBytesMax the values held of them, default 32 MiB.
	QueueEventsMax int
	QueueBytesMax  int
	// OutcomeBytesMax bounds the effects that wait for the log, default 64 MiB.
	OutcomeBytesMax int
	// CacheBytesMax bounds the states of suspended threads that are remembered
	// between their events, default 8 MiB.
	CacheBytesMax int
	// BundlesMax is how many bundles are kept loaded, default 16.
	BundlesMax int
	// RetryAfter and RetryAfterMax bound the pause after a failure of the node,
	// which doubles each time; defaults 10 ms and 1 s.
	RetryAfter    time.Duration
	RetryAfterMax time.Duration
}

const slowWorkersMaxDefault = 64

// StepsMax is how many steps may run at the same time with so many Workers and the
// default of SlowWorkersMax, slow ones included. An engine should be able to run
// them all.
func StepsMax(workers int) int {
	setDefault(&workers, runtime.GOMAXPROCS(0))
	return workers + slowWorkersMaxDefault
}

func (c Config) withDefaults() Config {
	setDefault(&c.Workers, runtime.GOMAXPROCS(0))
	setDefault(&c.SlowAfter, 100*time.Millisecond)
	setDefault(&c.SlowWorkersMax, slowWorkersMaxDefault)
	setDefault(&c.ProposalsMax, 4)
	setDefault(&c.QueueEventsMax, 1<<18)
	setDefault(&c.QueueBytesMax, 32<<20)
	setDefault(&c.OutcomeBytesMax, 64<<20)
	setDefault(&c.CacheBytesMax, 8<<20)
	setDefault(&c.BundlesMax, 16)
	setDefault(&c.RetryAfter, 10*time.Millisecond)
	setDefault(&c.RetryAfterMax, time.Second)
	if c.Observer == nil {
		c.Observer = noObserver{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Runner executes steps while the node leads.
type Runner struct {
	config Config

	// mutex guards term; it is held by Start and Stop as long as they take.
	mutex sync.Mutex
	term  *term
}

// New makes a runner that does nothing until Start.
func New(c Config) *Runner { return &Runner{config: c.withDefaults()} }

// Start begins to execute steps, from where the store says that the last leader
// got to. It returns at once, and does nothing if the runner runs already.
func (r *Runner) Start() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.term != nil {
		return
	}
	r.term = startTerm(r.config)
}

// Stop drops the steps in flight and returns once nothing runs any more.
// Proposals that are under way may still take effect later.
func (r *Runner) Stop() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.term == nil {
		return
	}
	r.term.stop()
	r.term = nil
}

// term is the time between Start and Stop. Everything in memory dies with it.
type term struct {
	Config
	ctx     context.Context
	cancel  context.CancelFunc
	queue   *queue
	outbox  *outbox
	cache   *threadCache
	bundles *bundles
	ids     *stepIDs
	slots   *slots
	running sync.WaitGroup
}

func startTerm(c Config) *term {
	ctx, cancel := context.WithCancel(context.Background())
	t := &term{
		Config:  c,
		ctx:     ctx,
		cancel:  cancel,
		queue:   newQueue(c.QueueEventsMax, c.QueueBytesMax, c.Observer),
		outbox:  newOutbox(c.OutcomeBytesMax),
		cache:   newThreadCache(c.CacheBytesMax),
		bundles: newBundles(c.Store, c.Engine, c.BundlesMax),
		ids:     newStepIDs(c.Store.LastStepID()),
		slots:   newSlots(c.SlowWorkersMax),
	}
	t.queue.closeWith(ctx)
	t.outbox.closeWith(ctx)
	t.running.Go(t.read)
	for range c.Workers {
		t.running.Go(t.work)
	}
	for range c.ProposalsMax {
		t.running.Go(t.commit)
	}
	return t
}

func (t *term) stop() {
	t.cancel()
	t.running.Wait()
	t.bundles.close()
}

// pause waits before the attempt-th retry, from 0 on; false if the term is over.
func (t *term) pause(attempt int) bool {
	wait := t.RetryAfterMax
	if attempt < 16 {
		wait = min(wait, t.RetryAfter<<attempt)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-t.ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// stepIDs hands out StepIDs.
type stepIDs struct {
	mutex sync.Mutex
	last  uint64
}

func newStepIDs(last uint64) *stepIDs { return &stepIDs{last: last} }

// next is greater than all ids before and than those of the thread.
func (s *stepIDs) next(previous uint64) uint64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.last = max(s.last, previous) + 1
	return s.last
}

// slots lends places to further workers while steps are slow.
type slots struct {
	max   int
	mutex sync.Mutex
	lent  int
}

func newSlots(max int) *slots { return &slots{max: max} }

// lend says whether another worker may be started.
func (s *slots) lend() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.lent >= s.max {
		return false
	}
	s.lent++
	return true
}

// giveBack is called when a worker goes in whose place another was started.
func (s *slots) giveBack() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.lent--
}
