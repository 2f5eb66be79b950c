package statemachine

import (
	"fmt"
	"math"

	"kont/statemachine/command"
)

func (c *change) applyInitProducer(com *command.InitProducer) command.Result {
	c.setTime(com.NowUnixMilli)
	if n := len(com.TransactionalID); n < 1 || n > TransactionalIDBytesMax {
		return limitError("bytes of a transactional id", n, TransactionalIDBytesMax)
	}
	if com.TimeoutMilli < 1 {
		return limitError("milliseconds of a transaction", int(com.TimeoutMilli), math.MaxInt32)
	}
	tx := c.work.transactions.byID[com.TransactionalID]
	if tx == nil {
		return c.firstProducer(com)
	}
	isExpected := com.Expected.ProducerID != command.NoProducerID
	switch {
	case !isExpected, com.Expected == tx.producer:
	case com.Expected == tx.last && !tx.isOpen():
		return tx.producer // it was told already
	default:
		// With a transaction open, also one that is told again: a late request of its own
		// must not abort what the producer does since.
		return fmt.Errorf("%w: transactional id %q: producer %d epoch %d, the current one is %d epoch %d", command.ErrProducerFenced,
			tx.id, com.Expected.ProducerID, com.Expected.Epoch, tx.producer.ProducerID, tx.producer.Epoch)
	}
	tx = c.edit(tx)
	was := tx.producer
	if tx.isOpen() {
		c.abortFencing(tx, com.CoordinatorEpoch)
		if tx.producer.Epoch > epochMax {
			c.setProducer(tx, c.newProducer())
		}
	} else {
		c.setProducer(tx, c.nextEpoch(was))
	}
	tx.last = nobody
	if isExpected {
		tx.last = was
	}
	tx.timeoutMilli = com.TimeoutMilli
	c.setStatus(tx, command.TransactionEmpty)
	return tx.producer
}

// firstProducer makes a transactional id. A producer that has an id already, and whose
// transactional id was forgotten, gets another.
func (c *change) firstProducer(com *command.InitProducer) command.Result {
	if n := len(c.work.transactions.byID); n >= TransactionsMax {
		return limitError("transactional ids", n+1, TransactionsMax)
	}
	tx := c.edit(&transaction{id: com.TransactionalID, producer: c.newProducer(), last: nobody, timeoutMilli: com.TimeoutMilli, updatedUnixMilli: c.now})
	c.work.transactions.add(tx) // one that was forgotten in the same call of Apply is no more
	return tx.producer
}
