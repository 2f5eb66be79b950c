package statemachine

import (
	"fmt"

	"kont/statemachine/command"
)

func (c *change) applyCreatePartitions(com *command.CreatePartitions) []error {
	errs := make([]error, len(com.Topics))
	for i := range com.Topics {
		errs[i] = c.createPartitions(&com.Topics[i])
	}
	return errs
}

// createPartitions adds partitions to a topic, at the end. What is stored stays where it
// is: from now on keys are spread over more partitions, and those of records, events and
// timers that were written before may have moved.
func (c *change) createPartitions(grown *command.PartitionCount) error {
	t := c.work.findSame(grown.Topic, grown.TopicID, 0)
	if t == nil {
		return fmt.Errorf("%w: %q", command.ErrUnknownTopic, grown.Topic)
	}
	if grown.Count <= t.spec.Partitions || grown.Count > PartitionsMax {
		return fmt.Errorf("%w: topic %q: %d, from %d to %d", command.ErrInvalidPartitions, grown.Topic, grown.Count, t.spec.Partitions+1, PartitionsMax)
	}
	more := int(grown.Count - t.spec.Partitions)
	if err := c.checkRoomForPartitions(more); err != nil {
		return err
	}
	c.work.partitionsInAll += more
	partitions := make([]partition, grown.Count)
	copy(partitions, t.partitions)
	for i := len(t.partitions); i < len(partitions); i++ {
		partitions[i] = newPartition()
	}
	t.partitions = partitions
	t.spec.Partitions = grown.Count
	c.writeTopic(t)
	return nil
}
