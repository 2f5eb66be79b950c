package statemachine

import (
	"fmt"

	"kont/statemachine/command"
)

func (c *change) applyDeleteOffsets(com *command.DeleteOffsets) []error {
	errs := make([]error, len(com.Offsets))
	for i, o := range com.Offsets {
		t := c.work.find(o.Topic, o.Partition)
		if t == nil {
			errs[i] = fmt.Errorf("%w: %q partition %d", command.ErrUnknownTopic, o.Topic, o.Partition)
			continue
		}
		c.delete(c.key.GroupPartition(com.Group, t.number, o.Partition))
	}
	return errs
}
