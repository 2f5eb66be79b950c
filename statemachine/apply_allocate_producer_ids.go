package statemachine

import "kont/statemachine/command"

// producerIDsMax bounds one allocation, so that no command can use up the numbers.
const producerIDsMax = 1 << 20

func (c *change) applyAllocateProducerIDs(com *command.AllocateProducerIDs) command.Result {
	if com.Count < 1 || com.Count > producerIDsMax {
		return limitError("producer ids at once", int(com.Count), producerIDsMax)
	}
	first := c.work.meta.nextProducerID
	c.work.meta.nextProducerID += com.Count
	c.isMetaDirty = true
	return first
}
