package raftlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// batch is one log entry under way.
type batch struct {
	proposals []*proposal
	future    raft.ApplyFuture
	cut       time.Time
	// settled is closed when the outcomes are delivered.
	settled chan struct{}
}

// Propose writes data to the log and returns the state machine's result once it has
// been applied here. Proposals of one caller take effect in the order of the calls.
// data may not be changed until Propose has returned, and never if it returns
// ErrOutcomeUnknown: it may be on its way into the log just then.
//
// It waits while the queue is full. If ctx ends before the proposal is handed to the
// log, the error wraps ctx's and the proposal is not made; if it ends later, the error
// wraps ErrOutcomeUnknown as well. Other errors: ErrNotLeader, ErrQueueFull,
// ErrProposalTooLarge, ErrStopped, ErrOutcomeUnknown.
func (n *Node) Propose(ctx context.Context, data []byte) (any, error) {
	p, err := n.enqueue(ctx, data)
	if err != nil {
		return nil, err
	}
	select {
	case o := <-p.outcome:
		return o.Result, o.Err
	case <-ctx.Done():
	}
	if p.withdraw() {
		return nil, fmt.Errorf("propose %d bytes: %w", len(data), context.Cause(ctx))
	}
	return nil, fmt.Errorf("propose %d bytes: %w: %w", len(data), ErrOutcomeUnknown, context.Cause(ctx))
}

// ProposeAsync is Propose without the wait for the outcome: it returns when there is
// room in the queue, and the channel gets exactly one Outcome. ctx bounds only the
// wait for room.
func (n *Node) ProposeAsync(ctx context.Context, data []byte) (<-chan Outcome, error) {
	p, err := n.enqueue(ctx, data)
	if err != nil {
		return nil, err
	}
	return p.outcome, nil
}

func (n *Node) enqueue(ctx context.Context, data []byte) (*proposal, error) {
	if len(data) > n.cfg.ProposalBytesMax {
		return nil, fmt.Errorf("propose %d bytes, at most %d: %w", len(data), n.cfg.ProposalBytesMax, ErrProposalTooLarge)
	}
	if err := n.Err(); err != nil {
		return nil, err
	}
	if !n.takesProposals() {
		return nil, fmt.Errorf("propose: %w", ErrNotLeader)
	}
	p, err := n.queue.put(ctx, data)
	if err == nil && !n.takesProposals() {
		// It waited for room until leadership was left. What takes from the queue may wait for the disk.
		n.queue.refuseWaiting()
	}
	return p, err
}

func (n *Node) takesProposals() bool {
	return n.raft.State() == raft.Leader && !n.stalls.isLeaving.Load()
}

// gather cuts batches and hands them to raft. A batch is cut only when the log has
// written the one before, so everything that arrives during an fsync shares the next
// one, and a lone proposal waits for nothing. Batches are not held up by the commit or
// the application of earlier ones.
func (n *Node) gather() {
	defer close(n.underWay)
	for {
		proposals := n.queue.take(n.cfg.BatchBytesMax, n.cfg.BatchProposalsMax)
		if len(proposals) == 0 {
			return
		}
		select {
		case <-n.log.stored:
		default:
		}
		b := &batch{proposals: proposals, cut: time.Now(), settled: make(chan struct{})}
		n.inLog.add(b)
		b.future = n.raft.ApplyLog(raft.Log{Data: encodeFrame(proposals)}, 0)
		n.stats.batches.Add(1)
		n.underWay <- b
		// A token may come from an entry that is not ours. Then the next batch is cut a
		// little early, no more.
		select {
		case <-n.log.stored:
		case <-b.settled:
		}
	}
}

// settle delivers outcomes in the order of the batches.
func (n *Node) settle() {
	for b := range n.underWay {
		err := b.future.Error()
		var results []any
		if err != nil {
			err = n.proposalError(err)
		} else {
			switch response := b.future.Response().(type) {
			case []any:
				results = response
			case error:
				err = response
			}
		}
		// Before a proposer learns its outcome: what it reads then counts its own.
		n.stats.commits.observe(time.Since(b.cut))
		n.inLog.remove(b)
		n.finishAll(b, results, err)
		close(b.settled)
	}
}

// finishAll delivers the outcomes of a batch, but to proposals that have theirs.
func (n *Node) finishAll(b *batch, results []any, err error) {
	for i, p := range b.proposals {
		switch {
		case !p.state.CompareAndSwap(proposalTaken, proposalFinished):
		case err != nil:
			n.queue.finish(p, Outcome{Err: err})
		default:
			n.queue.finish(p, Outcome{Result: results[i]})
		}
	}
}

// proposalError translates raft's errors for a proposal that raft was asked to write.
func (n *Node) proposalError(err error) error {
	stopped := n.Err()
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress),
		errors.Is(err, raft.ErrRaftShutdown):
		if stopped != nil {
			return fmt.Errorf("propose: %w", stopped)
		}
		return fmt.Errorf("propose: %w", ErrNotLeader)
	case stopped != nil:
		return fmt.Errorf("propose: %w: %w", ErrOutcomeUnknown, stopped)
	default:
		return fmt.Errorf("propose: %w: %w", ErrOutcomeUnknown, err)
	}
}
