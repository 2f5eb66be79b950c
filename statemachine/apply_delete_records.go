package statemachine

import (
	"bytes"
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

func (c *change) applyDeleteRecords(com *command.DeleteRecords) []error {
	errs := make([]error, len(com.Trims))
	for i, trim := range com.Trims {
		errs[i] = c.deleteRecords(trim)
	}
	return errs
}

// deleteRecords moves the start of a partition up. A batch that holds the new
// start stays whole, as in Kafka; readers skip its first records. Events that go
// without having been consumed count as consumed, or the partition's consumption
// could never get past them. One that is below it already stays where it is: what was to
// go has gone.
func (c *change) deleteRecords(trim command.Trim) error {
	t := c.work.findSame(trim.Topic, trim.TopicID, trim.Partition)
	if t == nil {
		return fmt.Errorf("%w: %q partition %d", command.ErrUnknownTopic, trim.Topic, trim.Partition)
	}
	p := &t.partitions[trim.Partition]
	if trim.Offset < 0 || trim.Offset > p.next {
		return fmt.Errorf("%w: delete records of %q partition %d before %d: it has %d to %d",
			command.ErrOffsetOutOfRange, trim.Topic, trim.Partition, trim.Offset, p.start, p.next)
	}
	if trim.Offset <= p.start {
		return nil
	}
	before := p.bytes()
	c.trimBytes(t, trim.Partition, trim.Offset)
	c.deletedBytes += uint64(max(before-p.bytes(), 0))
	p.start = trim.Offset
	// Batches are filed under their last offset: those before the start go.
	for _, letter := range []byte{keys.Batch, keys.BatchIndex, keys.EndedTransaction} {
		lower := bytes.Clone(c.key.PartitionOnly(letter, t.number, trim.Partition))
		c.deleteRange(lower, c.key.InPartition(letter, t.number, trim.Partition, trim.Offset))
	}
	c.touchPartition(t, trim.Partition)
	if p.consumed.next < p.start {
		p.consumed.skipTo(p.start)
		c.touchConsumption(t, trim.Partition)
	}
	return nil
}

// trimBytes counts the bytes off that go with a new start.
//
// Where batches were compacted, the batch index doesn't know their sizes, and they are
// added up: what is deleted there is read once more. From rewritten on it does, counted
// back from the entry behind the new start, and then nothing compacted is left.
func (c *change) trimBytes(t *topic, partition int32, offset int64) {
	p := &t.partitions[partition]
	var err error
	switch {
	case p.compacted.rewritten <= p.start:
		p.trimmed = c.bytesBefore(t, partition, offset)
	case offset < p.compacted.rewritten:
		err = eachBatch(c.batch, t.number, partition, p.start, offset, func(h recordbatch.Header, _ []byte) (bool, error) {
			p.trimmed += uint64(h.Bytes())
			return true, nil
		})
	default:
		p.trimmed, err = appendedBefore(c.batch, t.number, partition, p, offset)
		p.compacted.cleaned = 0
		c.touchCompaction(t, partition)
	}
	c.fail(err)
}

// bytesBefore is what had been appended to a partition, since it was made, before
// the batch that holds offset. It reads an entry of the batch index and the
// batches behind it, batchIndexBytes of them at most, but for large ones.
func (c *change) bytesBefore(t *topic, partition int32, offset int64) uint64 {
	p := &t.partitions[partition]
	if offset == p.next {
		return p.appended
	}
	entry := indexEntry{lastOffset: p.start - 1, appended: p.trimmed}
	last, err := lastIndexEntryBefore(c.batch, t.number, partition, offset)
	c.fail(err)
	if last != nil {
		entry = *last
	}
	before := entry.appended
	lower := bytes.Clone(c.key.InPartition(keys.Batch, t.number, partition, entry.lastOffset+1))
	upper := bytes.Clone(c.key.InPartition(keys.Batch, t.number, partition, offset))
	c.eachFrom(lower, upper, func(_, value []byte) (bool, error) {
		h, err := recordbatch.ParseHeader(value)
		before += uint64(h.Bytes())
		return true, err
	})
	return before
}
