package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kont/statemachine"
	"kont/statemachine/command"
)

const (
	// transactionsEvery is how often transactions that take too long are looked for.
	// Kafka takes ten seconds (transaction.abort.timed.out.transaction.cleanup.interval.ms);
	// a look costs next to nothing here.
	transactionsEvery = time.Second
	// transactionalIDsEvery and transactionalIDRetention are Kafka's defaults
	// (transaction.remove.expired.transaction.cleanup.interval.ms,
	// transactional.id.expiration.ms).
	transactionalIDsEvery    = time.Hour
	transactionalIDRetention = 7 * 24 * time.Hour
	// transactionsMax bounds one command.
	transactionsMax = 1000
)

// transactionTimes aborts transactions that take too long, and forgets transactional ids
// that nobody uses, while the node leads. The clock is the leader's, and what it says is
// in the commands.
type transactionTimes struct {
	store  *statemachine.Store
	logger *slog.Logger
	// propose is the proposer's.
	propose func(context.Context, command.Command) (command.Result, error)
	// term is the one in which this node leads.
	term    func() uint64
	every   time.Duration
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func newTransactionTimes(n *Node) *transactionTimes {
	term := func() uint64 {
		term, _ := n.raft.LeaderTerm()
		return term
	}
	return &transactionTimes{store: n.store, logger: n.logger, propose: n.proposer.Propose, term: term, every: transactionsEvery}
}

// Start begins to look for transactions that take too long.
func (t *transactionTimes) Start() {
	var ctx context.Context
	ctx, t.cancel = context.WithCancel(context.Background())
	t.running.Go(func() {
		ticker := time.NewTicker(t.every)
		defer ticker.Stop()
		idsLooked := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				if err := t.abort(ctx, now.UnixMilli()); err != nil && ctx.Err() == nil {
					t.logger.Warn("abort transactions that take too long", "error", err)
				}
				if now.Sub(idsLooked) < transactionalIDsEvery {
					continue
				}
				idsLooked = now
				if err := t.forget(ctx, now.Add(-transactionalIDRetention).UnixMilli()); err != nil && ctx.Err() == nil {
					t.logger.Warn("forget transactional ids", "error", err)
				}
			}
		}
	})
}

// Stop returns when nothing is being aborted any more.
func (t *transactionTimes) Stop() {
	t.cancel()
	t.running.Wait()
}

// abort proposes to abort what takes too long at a time.
func (t *transactionTimes) abort(ctx context.Context, nowUnixMilli int64) error {
	for {
		ids := t.store.TransactionsDueBy(nowUnixMilli, transactionsMax)
		if len(ids) == 0 {
			return nil
		}
		aborted, err := t.propose(ctx, command.AbortTransactions{
			TransactionalIDs: ids, CoordinatorEpoch: int32(t.term()), NowUnixMilli: nowUnixMilli,
		})
		if err != nil {
			return fmt.Errorf("abort %d transactions: %w", len(ids), err)
		}
		t.logger.Info("aborted transactions that took too long", "transactions", aborted, "first", ids[0])
	}
}

// forget proposes to forget transactional ids that were last used before a time.
func (t *transactionTimes) forget(ctx context.Context, beforeUnixMilli int64) error {
	for {
		ids := t.store.TransactionsIdleBefore(beforeUnixMilli, transactionsMax)
		if len(ids) == 0 {
			return nil
		}
		if _, err := t.propose(ctx, command.ForgetTransactions{TransactionalIDs: ids, BeforeUnixMilli: beforeUnixMilli}); err != nil {
			return fmt.Errorf("forget %d transactional ids: %w", len(ids), err)
		}
		t.logger.Info("forgot transactional ids", "transactional_ids", len(ids))
	}
}
