package raftlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// Node is one member of a Raft cluster. Its methods may be called from any goroutine.
type Node struct {
	cfg   Config
	stats *counters
	fault *fault

	raft *raft.Raft
	// running is raft for what it calls itself, nil until it is there.
	running   atomic.Pointer[raft.Raft]
	transport raft.Transport
	// streams are the transport's connections, nil for a node that is alone.
	streams *streams
	// idOf is memberAt once raft is there.
	idOf      atomic.Pointer[func(address string) string]
	log       *logStore
	fsm       *fsm
	snapshots *snapshotStore
	// files are closed in reverse order, after raft has ended.
	files []io.Closer

	queue      *queue
	underWay   chan *batch
	inLog      inLog
	leadership *leadership
	answers    *answers
	stalls     stalls
	// stays has a token when the node was about to leave leadership, and may lead on.
	stays chan struct{}
	// reloading lets one change of raft's configuration follow the other.
	reloading sync.Mutex
	// grown has a token when the log exceeds a bound.
	grown chan struct{}
	// snapshotMu lets one snapshot be taken after the other.
	snapshotMu sync.Mutex
	// dropData: the newest snapshot holds data that the state machine has on disk too.
	dropData atomic.Bool

	// stopping is closed when the node stops, by Close or by a fault.
	stopping chan struct{}
	stopOnce sync.Once
	// loops are gather, settle, trim and the watches of leadership and of writes, calls those that wait
	// for raft. Raft is shut down after both, because it forgets some answers then.
	loops, supervisor sync.WaitGroup
	// nominating ends at the latest with the connections.
	nominating sync.WaitGroup
	calls      callGroup
	changes    sync.WaitGroup // the changes of membership of which the outcome is not known
	closed     atomic.Bool
	closeOnce  sync.Once
	closeErr   error
}

// Open starts a node. It reads the whole log once and refuses files that do not hold
// what was written to them, and logs and state machines that do not fit together. The
// node is a follower when Open returns; a node that is alone leads some milliseconds
// later, see AwaitLeadership.
//
// Besides the errors of the operating system: ErrLocked, ErrCorrupt, ErrStateLost.
func Open(cfg Config, sm StateMachine) (*Node, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, errors.Join(err, closePort(cfg))
	}
	stats := &counters{}
	n := &Node{
		cfg:      cfg,
		stats:    stats,
		fault:    newFault(),
		queue:    newQueue(cfg.QueueBytesMax, cfg.QueueProposalsMax, stats),
		underWay: make(chan *batch, 256),
		grown:    make(chan struct{}, 1),
		stays:    make(chan struct{}, 1),
		stopping: make(chan struct{}),
		answers:  newAnswers(),
	}
	if err := n.open(sm); err != nil {
		return nil, errors.Join(fmt.Errorf("open raft node in %s: %w", cfg.Dir, withAdvice(err)), n.closeFiles(), closePort(cfg))
	}
	n.leadership = newLeadership()
	for _, loop := range []func(){n.gather, n.settle, n.trim, n.watchLeadership, n.watchWrites} {
		n.loops.Go(loop)
	}
	n.supervisor.Go(n.supervise)
	return n, nil
}

// Close stops the node: proposals that were taken get their outcome, later ones
// ErrStopped. When it returns, all goroutines have ended and another process may open
// the directory. The state machine is the caller's to close, afterwards.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		n.closed.Store(true)
		n.stop()
		n.supervisor.Wait()
		n.closeErr = n.closeFiles()
	})
	return n.closeErr
}

// Err is nil while the node takes part. Otherwise it wraps ErrStopped and the fault
// that stopped it, if it was not Close.
func (n *Node) Err() error {
	if fault := n.fault.get(); fault != nil {
		return fmt.Errorf("%w: %w", ErrStopped, fault)
	}
	if n.closed.Load() {
		return ErrStopped
	}
	return nil
}

// Fail stops the node as after a failed write, because of what its state machine can't do any more: it
// leaves leadership now, and not with the next entry that is not applied. The first fault counts.
func (n *Node) Fail(err error) { n.fault.set(err) }

// Stopped is closed when the node begins to stop, by Close or by a fault; Err says
// which. After a fault the state machine can still be read.
func (n *Node) Stopped() <-chan struct{} { return n.stopping }

// supervise stops the node after a fault.
func (n *Node) supervise() {
	select {
	case <-n.fault.raised:
		n.cfg.Logger.Error("raft node stops taking proposals", "error", n.fault.get())
		n.calls.start(n.tellFault)
		n.stop()
	case <-n.stopping:
	}
}

// tellFault lets raft hear of the fault, so that it leaves leadership and gives what is under way its outcome: that may wait for entries of the
// tail. Raft hears of it with the next entry.
func (n *Node) tellFault() {
	for errors.Is(n.raft.Barrier(0).Error(), raft.ErrLeadershipTransferInProgress) {
		time.Sleep(askAgainAfter)
	}
}

// askAgainAfter is the wait for raft while it hands leadership over.
const askAgainAfter = 10 * time.Millisecond

// stop ends everything but the files.
func (n *Node) stop() {
	n.stopOnce.Do(func() {
		err := n.Err()
		n.queue.close(err)
		n.calls.close()
		close(n.stopping)
		n.loops.Wait()
		n.calls.wait()
		if n.streams != nil {
			n.streams.closeAll() // raft would wait for the other end of a snapshot
		}
		n.raft.Shutdown().Error() // closes the transport; it has no error to return
		n.nominating.Wait()
		n.log.tail.end()
		if transport, ok := n.transport.(*quietTransport); ok {
			transport.CloseStreams() // connections that are pooled for other members
			closePort(n.cfg)         // raft has closed its listener, and calls may come no more
		}
		n.snapshots.watching.Wait()
		n.leadership.close()
	})
}

// closePort closes the port of a node that is not opened; raft closes that of one that was.
func closePort(cfg Config) error {
	if cfg.Port == nil {
		return nil
	}
	return cfg.Port.Close()
}

func (n *Node) closeFiles() error {
	var err error
	for i := len(n.files) - 1; i >= 0; i-- {
		err = errors.Join(err, n.files[i].Close())
	}
	n.files = nil
	return err
}

// Barrier returns when everything that was committed before the call is applied here.
// Only the leader can tell.
func (n *Node) Barrier(ctx context.Context) error {
	return n.call(ctx, "barrier", func() error { return n.raft.Barrier(0).Error() })
}

// call runs f, which waits for raft, and returns its error or, earlier, ctx's.
func (n *Node) call(ctx context.Context, what string, f func() error) error {
	done, err := n.begin(what, f)
	if err != nil {
		return err
	}
	return await(ctx, what, done)
}

// begin starts f, whose error comes by the channel.
func (n *Node) begin(what string, f func() error) (<-chan error, error) {
	if err := n.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	done := make(chan error, 1)
	if !n.calls.start(func() { done <- f() }) {
		return nil, fmt.Errorf("%s: %w", what, ErrStopped)
	}
	return done, nil
}

func await(ctx context.Context, what string, done <-chan error) error {
	select {
	case err := <-done:
		return callError(what, err)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
}

// callGroup is a WaitGroup that can be closed for newcomers.
type callGroup struct {
	mu     sync.Mutex
	closed bool // guarded by mu
	group  sync.WaitGroup
}

func (g *callGroup) start(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.group.Go(f)
	}
	return !g.closed
}

func (g *callGroup) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
}

func (g *callGroup) wait() { g.group.Wait() }
