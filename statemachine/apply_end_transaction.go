package statemachine

import (
	"fmt"

	"kont/statemachine/command"
)

func (c *change) applyEndTransaction(com *command.EndTransaction) command.Result {
	c.setTime(com.NowUnixMilli)
	if tx := c.work.transactions.byID[com.TransactionalID]; tx != nil && com.BumpsEpoch && tx.isEndOf(com) {
		return tx.producer // it was told already
	}
	tx, err := c.transactionOf(com.TransactionalID, com.Producer)
	if err != nil {
		return err
	}
	if tx.isOpen() {
		tx = c.edit(tx)
		e := ending{isCommit: com.Commit, markerEpoch: com.Producer.Epoch, coordinatorEpoch: com.CoordinatorEpoch}
		if com.BumpsEpoch {
			e.markerEpoch++
		}
		c.end(tx, e)
		c.bumpIf(tx, com)
		return tx.producer
	}
	switch {
	case com.BumpsEpoch && !com.Commit:
		// A producer that can't know whether anything of its transaction has arrived, since
		// partitions are added with their first batch, aborts in any case. With another
		// epoch, what arrives now is refused.
		tx = c.edit(tx)
		c.setStatus(tx, command.TransactionCompleteAbort)
		c.bumpIf(tx, com)
		return tx.producer
	case !com.BumpsEpoch && com.Commit && tx.status == command.TransactionCompleteCommit,
		!com.BumpsEpoch && !com.Commit && tx.status == command.TransactionCompleteAbort:
		return tx.producer // it was told already
	}
	return fmt.Errorf("%w: transactional id %q is %s", command.ErrTransactionState, tx.id, tx.status)
}

// bumpIf gives the producer its next epoch if it wants one. tx may be written to.
func (c *change) bumpIf(tx *transaction, com *command.EndTransaction) {
	tx.last = nobody
	if com.BumpsEpoch {
		c.setProducer(tx, c.nextEpoch(com.Producer))
		tx.last = com.Producer
	}
}

// isEndOf says whether the transaction ended by just this command, or by one like it,
// and its producer has not heard of that.
func (tx *transaction) isEndOf(com *command.EndTransaction) bool {
	want := command.TransactionCompleteAbort
	if com.Commit {
		want = command.TransactionCompleteCommit
	}
	return com.Producer == tx.last && tx.status == want
}

func (c *change) applyAbortTransactions(com *command.AbortTransactions) int {
	c.setTime(com.NowUnixMilli)
	aborted := 0
	for _, id := range com.TransactionalIDs {
		// It may have ended, and another begun, since the proposer looked.
		if tx := c.work.transactions.open[id]; tx != nil && tx.dueUnixMilli() <= c.now {
			c.abortFencing(c.edit(tx), com.CoordinatorEpoch)
			aborted++
		}
	}
	return aborted
}

func (c *change) applyForgetTransactions(com *command.ForgetTransactions) int {
	forgotten := 0
	for _, id := range com.TransactionalIDs {
		tx := c.work.transactions.byID[id]
		if tx == nil || tx.isOpen() || tx.updatedUnixMilli >= com.BeforeUnixMilli {
			continue
		}
		c.work.transactions.remove(c.edit(tx))
		c.delete(c.key.TransactionOnly(id))
		forgotten++
	}
	return forgotten
}
