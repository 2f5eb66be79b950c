package statemachine

import (
	"bytes"
	"fmt"

	"kont/statemachine/command"
)

func (c *change) applyCommitTransactionOffsets(com *command.CommitTransactionOffsets) command.Result {
	c.setTime(com.NowUnixMilli)
	tx, err := c.transactionOf(com.TransactionalID, com.Producer)
	if err != nil {
		return err
	}
	if !tx.isOpen() || !tx.hasGroup(com.Group) {
		if !com.AddsGroup {
			return fmt.Errorf("%w: transactional id %q has not added group %q", command.ErrTransactionState, tx.id, com.Group)
		}
		if err := c.addGroup(tx, com.Group); err != nil {
			return err
		}
	}
	errs := make([]error, len(com.Offsets))
	for i := range com.Offsets {
		o := &com.Offsets[i]
		t, err := c.checkGroupOffset(com.Group, o)
		if errs[i] = err; err != nil {
			continue
		}
		c.value = encodeGroupOffset(c.value[:0], o, c.now)
		c.set(c.key.TransactionOffset(tx.id, com.Group, t.number, o.Partition), c.value)
	}
	return errs
}

// dropTransactionOffsets drops what open transactions hold for a group that is deleted,
// and says whether there was any.
func (c *change) dropTransactionOffsets(group string) (isAny bool) {
	for _, id := range c.work.transactions.openWithGroup(group) {
		c.each(bytes.Clone(c.key.TransactionGroup(id, group)), func(key, _ []byte) error {
			isAny = true
			c.delete(key)
			return nil
		})
	}
	return isAny
}
