package jsvm

import (
	"container/list"
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dop251/goja"
)

// PoolOptions size a pool.
type PoolOptions struct {
	Limits Limits
	// VMsMax bounds the VMs, busy ones included; default: the number of CPUs. One VM takes some hundred KiB.
	VMsMax int
	// LiveThreadsMax bounds the threads that are kept, with all their objects, in the VMs that ran their last steps, so that a next step which
	// presents the same continuation need not restore it; nothing but time tells it from one that does. Those used longest ago go first.
	// Default 0: none is kept, as for a bundle with packages.
	LiveThreadsMax int
	// LiveBytesMax bounds about what they take together; default 16 MiB. A small thread takes some 10 KiB.
	LiveBytesMax int
	// AbandonedMax bounds the VMs whose step did not answer an interrupt (it sits in one native
	// call) and that still burn a CPU. Up to it, another VM may run in their place. Default 4.
	AbandonedMax int

	// The rest is for tests of workflows.

	// Clock is what Date shows; nil is the system's clock.
	Clock func() time.Time
	// Random is where Math.random and crypto take chance from; nil is true chance. The pool draws from it under a lock.
	Random rand.Source
	// Restore says how often a thread is written to bytes and goes on from them in another VM.
	Restore Restore
}

// Pool runs the steps of one bundle on warm VMs. It is safe for concurrent use.
//
// A VM serves many threads in turn. It is dropped after a fault, and made when a step finds none idle.
type Pool struct {
	bundle    *Bundle
	limits    Limits
	world     world
	restore   Restore
	keepsLive bool
	slots     chan struct{} // one token a VM that may be busy
	abandoned chan struct{}
	idle      *shelf
	hasChance atomic.Bool // see LoadsByChance
}

// shelf holds the idle VMs of a pool. It is an object of its own so that it can be emptied when its pool is garbage.
type shelf struct {
	isTurning bool // the VM that was given back last is not taken

	mu     sync.Mutex // guards what follows
	vms    []*vm
	live   liveThreads
	closed bool
}

// NewPool makes a pool. It starts no VM and no goroutine; later each VM has one, until the pool is closed or garbage.
func NewPool(b *Bundle, o PoolOptions) *Pool {
	set(&o.VMsMax, runtime.GOMAXPROCS(0))
	set(&o.AbandonedMax, 4)
	set(&o.LiveBytesMax, 16<<20)
	p := &Pool{bundle: b, limits: o.Limits.withDefaults(), world: worldOf(o), restore: o.Restore,
		slots: make(chan struct{}, o.VMsMax), abandoned: make(chan struct{}, o.AbandonedMax), idle: &shelf{isTurning: o.Restore != RestoreAnywhere}}
	if o.LiveThreadsMax > 0 && o.Restore == RestoreAnywhere && !b.hasPackages() {
		p.keepsLive = true
		p.idle.live = liveThreads{threadsMax: o.LiveThreadsMax, bytesMax: o.LiveBytesMax, byThread: map[string]*list.Element{}}
	}
	runtime.AddCleanup(p, (*shelf).close, p.idle)
	return p
}

// Bundle is the bundle whose steps the pool runs.
func (p *Pool) Bundle() *Bundle { return p.bundle }

// LoadsByChance says that module code of the bundle has asked PoolOptions.Clock or Random for something while a VM loaded: what threads find in the
// pool's VMs depends on when these were made.
func (p *Pool) LoadsByChance() bool { return p.hasChance.Load() }

// Close drops the idle VMs. Steps that run go on; later ones get ErrClosed.
func (p *Pool) Close() { p.idle.close() }

func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.live = liveThreads{}
	for _, v := range s.vms {
		v.retire()
	}
	s.vms = nil
}

// take returns an idle VM, nil if there is none; the one where the thread is alive, if it is idle.
func (s *shelf) take(thread string) (*vm, *liveThread, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrClosed
	}
	n := len(s.vms)
	if s.isTurning {
		n--
	}
	if n <= 0 {
		s.live.take(thread)
		return nil, nil, nil
	}
	at, live := n-1, s.live.take(thread)
	if live != nil {
		if i := slices.Index(s.vms, live.vm); i >= 0 {
			at = i
		} else {
			live = nil // it is busy with another thread
		}
	}
	v := s.vms[at]
	s.vms = slices.Delete(s.vms, at, at+1)
	return v, live, nil
}

// give takes an idle VM back, and a thread that is alive in it, if any.
func (s *shelf) give(v *vm, live *liveThread) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		v.retire()
		return
	}
	s.vms = append(s.vms, v)
	if live != nil {
		s.live.put(live)
	}
}

// forget gives up the threads that are alive in a VM which is given up.
func (s *shelf) forget(v *vm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live.forget(v)
}

// take waits for a slot and returns an idle VM or a new one, and the input's thread if it is alive there.
func (p *Pool) take(ctx context.Context, in *Input) (*vm, *liveThread, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	v, live, err := p.idle.take(in.Thread)
	if live != nil && !live.is(in.Continuation) {
		live = nil
	}
	if v == nil && err == nil {
		world, loaded := p.world.loading(func() { p.hasChance.Store(true) })
		v, err = newVMIn(p.bundle, goja.New(), p.limits, world)
		if loaded(); err != nil {
			err = faultf(FaultEngine, "load the bundle: %v", err)
		} else {
			v.keepsLive = p.keepsLive
			v.serve()
		}
	}
	if err != nil {
		<-p.slots
		return nil, nil, err
	}
	return v, live, nil
}

// abandon gives up a VM whose step goes on in a native call.
func (p *Pool) abandon(v *vm) {
	p.idle.forget(v)
	wait := func() {
		<-v.answers
		v.retire()
	}
	select {
	case p.abandoned <- struct{}{}:
		<-p.slots
		go func() {
			wait()
			<-p.abandoned
		}()
	default:
		go func() { // too many: the slot is taken until the call ends
			wait()
			<-p.slots
		}()
	}
}

// give returns a VM, with a thread that is alive in it or nil, and its slot.
func (p *Pool) give(v *vm, live *liveThread) {
	p.idle.give(v, live)
	<-p.slots
}

// drop gives up a VM and returns its slot.
func (p *Pool) drop(v *vm) {
	p.idle.forget(v)
	v.retire()
	<-p.slots
}
