package statemachine

import (
	"fmt"

	"kont/statemachine/command"
)

func (c *change) applyAddToTransaction(com *command.AddToTransaction) command.Result {
	c.setTime(com.NowUnixMilli)
	tx, err := c.transactionOf(com.TransactionalID, com.Producer)
	if err != nil {
		return err
	}
	errs := make([]error, len(com.Partitions))
	places := make([]transactionPartition, len(com.Partitions))
	isWhole := true
	for i, p := range com.Partitions {
		t := c.work.find(p.Topic, p.Partition)
		if t == nil {
			errs[i] = fmt.Errorf("%w: %q partition %d", command.ErrUnknownTopic, p.Topic, p.Partition)
			isWhole = false
			continue
		}
		places[i] = transactionPartition{t.number, p.Partition}
	}
	if !isWhole {
		return errs
	}
	// Before anything is added, so that a refusal is of all.
	if n := len(tx.partitions) + len(places); n > TransactionPartitionsMax {
		return limitError("partitions of a transaction", n, TransactionPartitionsMax)
	}
	if n := len(tx.groups) + len(com.Groups); n > TransactionGroupsMax {
		return limitError("groups of a transaction", n, TransactionGroupsMax)
	}
	for _, group := range com.Groups {
		if len(group) > GroupNameBytesMax {
			return limitError("bytes of a group's name", len(group), GroupNameBytesMax)
		}
	}
	for _, place := range places {
		c.mustAdd(c.addPartition(c.work.transactions.byID[tx.id], place))
	}
	for _, group := range com.Groups {
		c.mustAdd(c.addGroup(c.work.transactions.byID[tx.id], group))
	}
	return errs
}

// mustAdd is for what was checked.
func (c *change) mustAdd(err error) {
	if err != nil {
		panic(fmt.Sprintf("statemachine: add to a transaction: %v", err))
	}
}
