package jsvm

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/dop251/goja"
)

// PoolOptions size a pool.
type PoolOptions struct {
	Limits Limits
	// VMsMax bounds the VMs, busy ones included; default: the number of CPUs. One VM takes some hundred KiB.
	VMsMax int
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
	slots     chan struct{} // one token a VM that may be busy
	abandoned chan struct{}
	idle      *shelf
}

// shelf holds the idle VMs of a pool. It is an object of its own so that it can be emptied when its pool is garbage.
type shelf struct {
	isTurning bool // the VM that was given back last is not taken

	mu     sync.Mutex // guards what follows
	vms    []*vm
	closed bool
}

// NewPool makes a pool. It starts no VM and no goroutine; later each VM has one, until the pool is closed or garbage.
func NewPool(b *Bundle, o PoolOptions) *Pool {
	set(&o.VMsMax, runtime.GOMAXPROCS(0))
	set(&o.AbandonedMax, 4)
	p := &Pool{bundle: b, limits: o.Limits.withDefaults(), world: worldOf(o), restore: o.Restore,
		slots: make(chan struct{}, o.VMsMax), abandoned: make(chan struct{}, o.AbandonedMax), idle: &shelf{isTurning: o.Restore != RestoreAnywhere}}
	runtime.AddCleanup(p, (*shelf).close, p.idle)
	return p
}

// Bundle is the bundle whose steps the pool runs.
func (p *Pool) Bundle() *Bundle { return p.bundle }

// Close drops the idle VMs. Steps that run go on; later ones get ErrClosed.
func (p *Pool) Close() { p.idle.close() }

func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, v := range s.vms {
		v.retire()
	}
	s.vms = nil
}

// take returns an idle VM, nil if there is none.
func (s *shelf) take() (*vm, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	n := len(s.vms)
	if s.isTurning {
		n--
	}
	if n <= 0 {
		return nil, nil
	}
	v := s.vms[n-1]
	s.vms = slices.Delete(s.vms, n-1, n)
	return v, nil
}

func (s *shelf) give(v *vm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		v.retire()
		return
	}
	s.vms = append(s.vms, v)
}

// take waits for a slot and returns an idle VM or a new one.
func (p *Pool) take(ctx context.Context) (*vm, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	v, err := p.idle.take()
	if v == nil && err == nil {
		if v, err = newVMIn(p.bundle, goja.New(), p.limits, p.world); err != nil {
			err = faultf(FaultEngine, "load the bundle: %v", err)
		} else {
			v.serve()
		}
	}
	if err != nil {
		<-p.slots
		return nil, err
	}
	return v, nil
}

// abandon gives up a VM whose step goes on in a native call.
func (p *Pool) abandon(v *vm) {
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

// give returns a VM and its slot.
func (p *Pool) give(v *vm) {
	p.idle.give(v)
	<-p.slots
}

// drop gives up a VM and returns its slot.
func (p *Pool) drop(v *vm) {
	v.retire()
	<-p.slots
}
