package raftlog

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// Outcome is what became of a proposal: the state machine's result, or an error.
type Outcome struct {
	Result any
	Err    error
}

// The states of a proposal: it is queued, then withdrawn, or taken into a batch and finished.
const (
	proposalQueued = iota
	proposalTaken
	proposalWithdrawn
	proposalFinished
)

type proposal struct {
	data  []byte
	state atomic.Int32
	// outcome has room for the one outcome, so that nobody waits to deliver it.
	outcome chan Outcome
}

// withdraw reports whether the proposal was taken back before it was put into a batch.
func (p *proposal) withdraw() bool {
	return p.state.CompareAndSwap(proposalQueued, proposalWithdrawn)
}

// queue holds proposals that wait for a batch. Room is taken when a proposal is made
// and given back when it has its outcome, so the queue also bounds what is under way.
type queue struct {
	bytesRoom, proposalsRoom *semaphore.Weighted
	stats                    *counters

	mu      sync.Mutex
	waiting []*proposal   // guarded by mu
	closed  error         // guarded by mu; what later proposals get
	wake    chan struct{} // holds a token if waiting or closed may have changed
}

func newQueue(bytesMax, proposalsMax int, stats *counters) *queue {
	return &queue{
		bytesRoom:     semaphore.NewWeighted(int64(bytesMax)),
		proposalsRoom: semaphore.NewWeighted(int64(proposalsMax)),
		stats:         stats,
		wake:          make(chan struct{}, 1),
	}
}

// put waits for room and queues a proposal.
func (q *queue) put(ctx context.Context, data []byte) (*proposal, error) {
	if err := q.proposalsRoom.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("propose %d bytes: %w: %w", len(data), ErrQueueFull, err)
	}
	if err := q.bytesRoom.Acquire(ctx, int64(len(data))); err != nil {
		q.proposalsRoom.Release(1)
		return nil, fmt.Errorf("propose %d bytes: %w: %w", len(data), ErrQueueFull, err)
	}
	p := &proposal{data: data, outcome: make(chan Outcome, 1)}
	q.mu.Lock()
	err := q.closed
	if err == nil {
		q.waiting = append(q.waiting, p)
	}
	q.mu.Unlock()
	if err != nil {
		q.proposalsRoom.Release(1)
		q.bytesRoom.Release(int64(len(data)))
		return nil, err
	}
	q.stats.proposals.Add(1)
	q.stats.proposalBytes.Add(uint64(len(data)))
	q.stats.proposalsQueued.Add(1)
	q.signal()
	return p, nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for proposals and returns as many as fit into one batch, at least one;
// nil once the queue is closed and empty.
func (q *queue) take(bytesMax, proposalsMax int) []*proposal {
	for {
		q.mu.Lock()
		batch := q.takeLocked(bytesMax, proposalsMax)
		done := q.closed != nil && len(q.waiting) == 0
		q.mu.Unlock()
		if len(batch) > 0 || done {
			return batch
		}
		<-q.wake
	}
}

func (q *queue) takeLocked(bytesMax, proposalsMax int) []*proposal {
	var batch []*proposal
	bytes, passed := 0, 0
	for _, p := range q.waiting {
		if len(batch) == proposalsMax || (len(batch) > 0 && bytes+len(p.data) > bytesMax) {
			break
		}
		passed++
		if p.state.CompareAndSwap(proposalQueued, proposalTaken) {
			batch = append(batch, p)
			bytes += len(p.data)
		} else {
			q.release(p)
		}
	}
	if passed == len(q.waiting) {
		clear(q.waiting)
		q.waiting = q.waiting[:0]
	} else {
		q.waiting = append([]*proposal(nil), q.waiting[passed:]...)
	}
	return batch
}

// refuseWaiting gives those that are queued ErrNotLeader.
func (q *queue) refuseWaiting() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.waiting {
		if p.state.CompareAndSwap(proposalQueued, proposalFinished) {
			q.finish(p, Outcome{Err: fmt.Errorf("propose: %w", ErrNotLeader)})
		} else {
			q.release(p) // withdrawn
		}
	}
	clear(q.waiting)
	q.waiting = q.waiting[:0]
}

// finish gives the room back and delivers the outcome, in this order: whoever has the
// outcome finds the counts right.
func (q *queue) finish(p *proposal, o Outcome) {
	if o.Err != nil {
		q.stats.proposalsFailed.Add(1)
	}
	q.release(p)
	p.outcome <- o
}

func (q *queue) release(p *proposal) {
	q.stats.proposalsQueued.Add(-1)
	q.bytesRoom.Release(int64(len(p.data)))
	q.proposalsRoom.Release(1)
}

// close lets later proposals fail with err; those that are queued stay.
func (q *queue) close(err error) {
	q.mu.Lock()
	if q.closed == nil {
		q.closed = err
	}
	q.mu.Unlock()
	q.signal()
}
