package statemachine

import (
	"errors"
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

func (c *change) applyAppendRecords(com *command.AppendRecords) []command.AppendResult {
	c.setTime(com.NowUnixMilli)
	c.forgetIdleProducers()
	results := make([]command.AppendResult, len(com.Appends))
	for i := range com.Appends {
		results[i] = c.appendChecked(&com.Appends[i])
	}
	return results
}

// appendChecked appends one batch of a client.
func (c *change) appendChecked(a *command.Append) command.AppendResult {
	refused := func(err error) command.AppendResult {
		return command.AppendResult{Err: err, BaseOffset: -1, LogStartOffset: -1, LogAppendUnixMilli: -1}
	}
	t := c.work.findSame(a.Topic, a.TopicID, a.Partition)
	if t == nil {
		return refused(fmt.Errorf("%w: %q partition %d", command.ErrUnknownTopic, a.Topic, a.Partition))
	}
	if len(a.Batch) > BatchBytesMax {
		return refused(limitError("bytes of a batch", len(a.Batch), BatchBytesMax))
	}
	h, err := recordbatch.Check(a.Batch)
	if err != nil {
		return refused(errors.Join(command.ErrInvalidBatch, err))
	}
	if t.isScheduler() {
		// Its records are going to be read, so they are checked while the batch can
		// still be refused.
		if _, err := recordbatch.Validate(a.Batch); err != nil {
			return refused(errors.Join(command.ErrInvalidBatch, err))
		}
	}
	if h.IsControl() {
		return refused(fmt.Errorf("%w: control batches are written by ends of transactions", command.ErrInvalidBatch))
	}
	start := t.partitions[a.Partition].start
	if h.ProducerID >= 0 {
		base, isRepeat, err := c.checkProducer(t, a, h)
		if err != nil {
			return refused(err)
		}
		if isRepeat {
			return command.AppendResult{BaseOffset: base, LogStartOffset: start,
				LogAppendUnixMilli: c.logAppendTimeAt(t, a.Partition, base+int64(h.LastOffsetDelta))}
		}
	}
	result := command.AppendResult{BaseOffset: c.appendBatch(t, a.Partition, a.Batch), LogStartOffset: start, LogAppendUnixMilli: -1}
	if t.isLogAppendTime() {
		result.LogAppendUnixMilli = c.now
	}
	return result
}

// logAppendTimeAt is the log append time of the batch with a last offset, -1 if it has
// none or is gone.
func (c *change) logAppendTimeAt(t *topic, partition int32, lastOffset int64) int64 {
	if !t.isLogAppendTime() {
		return -1
	}
	h, err := recordbatch.ParseHeader(c.get(c.key.InPartition(keys.Batch, t.number, partition, lastOffset)))
	if err != nil || !h.IsLogAppendTime() {
		return -1
	}
	return h.MaxTimestamp
}

// appendBatch appends a whole batch, which it patches, and returns its first
// offset. Records of a scheduler topic set their timers.
func (c *change) appendBatch(t *topic, partition int32, batch []byte) int64 {
	p := &t.partitions[partition]
	recordbatch.SetBaseOffset(batch, p.next)
	if t.isLogAppendTime() {
		recordbatch.SetLogAppendTime(batch, c.now)
	}
	h, err := recordbatch.ParseHeader(batch)
	if err != nil {
		panic(fmt.Sprintf("statemachine: append to %s partition %d: %v", t.spec.Name, partition, err)) // was checked
	}
	c.set(c.key.InPartition(keys.Batch, t.number, partition, h.LastOffset()), batch)
	if entry, isDue := p.extend(h, c.now); isDue {
		c.value = entry.encode(c.value[:0])
		c.set(c.key.InPartition(keys.BatchIndex, t.number, partition, entry.lastOffset), c.value)
	}
	c.touchPartition(t, partition)
	if t.isScheduler() && !h.IsTransactional() {
		c.setTimers(t, batch) // those of a transaction are set when it is committed
	}
	return h.BaseOffset
}
