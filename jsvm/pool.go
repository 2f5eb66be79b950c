package jsvm

import (
	"context"
	"runtime"
	"sync"

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
}

// Pool runs the steps of one bundle on warm VMs. It is safe for concurrent use.
//
// A VM serves many threads in turn. It is dropped after a fault, and made when a step finds none idle.
type Pool struct {
	bundle *Bundle
	limits Limits
	slots  chan struct{} // one token a VM that may be busy

	mu        sync.Mutex // guards idle and closed
	idle      []*vm
	closed    bool
	abandoned chan struct{}
}

// NewPool makes a pool. It starts no VM and no goroutine.
func NewPool(b *Bundle, o PoolOptions) *Pool {
	set(&o.VMsMax, runtime.GOMAXPROCS(0))
	set(&o.AbandonedMax, 4)
	return &Pool{bundle: b, limits: o.Limits.withDefaults(), slots: make(chan struct{}, o.VMsMax), abandoned: make(chan struct{}, o.AbandonedMax)}
}

// Bundle is the bundle whose steps the pool runs.
func (p *Pool) Bundle() *Bundle { return p.bundle }

// Close drops the idle VMs. Steps that run go on; later ones get ErrClosed.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.idle = nil
}

// take waits for a slot and returns an idle VM or a new one.
func (p *Pool) take(ctx context.Context) (*vm, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		<-p.slots
		return nil, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		v := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return v, nil
	}
	p.mu.Unlock()
	v, err := newVM(p.bundle, goja.New(), p.limits)
	if err != nil {
		<-p.slots
		return nil, faultf(FaultEngine, "load the bundle: %v", err)
	}
	return v, nil
}

// abandon gives up a VM whose step goes on in a native call. wait returns when it has ended.
func (p *Pool) abandon(wait func()) {
	select {
	case p.abandoned <- struct{}{}:
		p.give(nil)
		go func() {
			wait()
			<-p.abandoned
		}()
	default:
		go func() { // too many: the slot is taken until the call ends
			wait()
			p.give(nil)
		}()
	}
}

// give returns a VM and its slot; a nil VM was dropped.
func (p *Pool) give(v *vm) {
	p.mu.Lock()
	if v != nil && !p.closed {
		p.idle = append(p.idle, v)
	}
	p.mu.Unlock()
	<-p.slots
}
