package statemachine

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

func (c *change) applyCompactRecords(com *command.CompactRecords) command.Result {
	t := c.work.findSame(com.Topic, com.TopicID, com.Partition)
	if t == nil {
		return fmt.Errorf("%w: %q partition %d", command.ErrUnknownTopic, com.Topic, com.Partition)
	}
	if n := len(com.Changes); n > CompactChangesMax {
		return limitError("batches of a compaction", n, CompactChangesMax)
	}
	p := &t.partitions[com.Partition]
	result := command.CompactResult{}
	if !t.hasPolicy(policyCompact) {
		// The policy was taken away while the pass was on its way.
		result.PassedOver = len(com.Changes)
		return result
	}
	limit := c.compactableTo(t, p)
	removed := int64(-1) // the last offset up to which the batch index was looked at
	for i := range com.Changes {
		change := &com.Changes[i]
		if change.LastOffset >= limit || !c.compactBatch(t, com.Partition, change) {
			result.PassedOver++
			continue
		}
		result.Changed++
		if change.Batch == nil && change.LastOffset > removed {
			removed = c.dropEmptyIndexEntry(t, com.Partition, change.LastOffset)
		}
	}
	if com.CleanTo > p.compacted.cleanTo && com.CleanTo <= limit || com.CleanTo != 0 && com.CleanTo == p.compacted.cleanTo {
		p.compacted.cleanTo = com.CleanTo
		p.compacted.rewritten = max(p.compacted.rewritten, com.CleanTo)
		p.compacted.horizonUnixMilli = com.HorizonUnixMilli
		c.touchCompaction(t, com.Partition)
	}
	return result
}

// compactableTo is the offset from which on nothing may be compacted: the last batch's
// first one, since its place is the partition's end, and on a resume topic that of the
// first event that is not consumed.
func (c *change) compactableTo(t *topic, p *partition) int64 {
	limit := p.next - 1 // a last offset below this is not that of the last batch
	if c.work.isResume(t.spec.Name) {
		limit = min(limit, p.consumed.next)
	}
	return limit
}

// compactBatch makes one change, or says that it doesn't fit.
func (c *change) compactBatch(t *topic, partition int32, change *command.BatchChange) bool {
	p := &t.partitions[partition]
	key := bytes.Clone(c.key.InPartition(keys.Batch, t.number, partition, change.LastOffset))
	stored := c.get(key)
	if stored == nil || change.LastOffset < p.start {
		return false
	}
	old, err := recordbatch.ParseHeader(stored)
	if err != nil {
		c.fail(err)
		return false
	}
	if old.CRC != change.CRC {
		return false
	}
	size := 0
	if change.Batch == nil {
		c.delete(key)
		if old.IsControl() {
			// Nothing of the transaction is left. Readers must not be told of it: without the
			// marker they would pass over the next one of its producer, too.
			c.delete(c.key.InPartition(keys.EndedTransaction, t.number, partition, change.LastOffset))
		}
	} else {
		h, err := recordbatch.ValidateCompacted(change.Batch)
		if err != nil || len(change.Batch) > BatchBytesMax || h.BaseOffset != old.BaseOffset || h.LastOffset() != old.LastOffset() ||
			h.ProducerID != old.ProducerID || h.IsControl() != old.IsControl() {
			return false
		}
		size = len(change.Batch)
		c.set(key, change.Batch)
	}
	p.compacted.cleaned += int64(len(stored) - size)
	p.compacted.rewritten = max(p.compacted.rewritten, change.LastOffset+1)
	c.deletedBytes += uint64(len(stored))
	c.touchCompaction(t, partition)
	return true
}

// dropEmptyIndexEntry removes the entry of the batch index behind a batch that was
// removed, if no batch is left between it and the entry before it, so that the index of a
// topic that is compacted for years grows with what is in it and not with all that ever
// was. It returns the last offset of the entry, or one before the next batch: up to there
// nothing is to be done for another removed batch.
func (c *change) dropEmptyIndexEntry(t *topic, partition int32, lastOffset int64) int64 {
	if c.err != nil {
		return lastOffset
	}
	entry, err := firstIndexEntryFrom(c.batch, t.number, partition, lastOffset)
	c.fail(err)
	if entry == nil {
		return lastOffset
	}
	from := t.partitions[partition].start
	before, err := lastIndexEntryBefore(c.batch, t.number, partition, entry.lastOffset)
	c.fail(err)
	if before != nil {
		from = before.lastOffset + 1
	}
	lower := bytes.Clone(c.key.InPartition(keys.Batch, t.number, partition, from))
	upper := bytes.Clone(c.key.InPartition(keys.Batch, t.number, partition, entry.lastOffset+1))
	iterator, err := c.batch.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		c.fail(err)
		return lastOffset
	}
	isEmpty := !iterator.First()
	next := lastOffset
	if !isEmpty {
		// Removed batches before this one change nothing about it.
		if next, err = keys.LastNumber(iterator.Key()); err != nil {
			c.fail(err)
		}
		next--
	}
	c.fail(iterator.Close())
	if isEmpty {
		c.delete(bytes.Clone(c.key.InPartition(keys.BatchIndex, t.number, partition, entry.lastOffset)))
		return entry.lastOffset
	}
	return max(next, lastOffset)
}

func (c *change) touchCompaction(t *topic, p int32) {
	t.partitions[p].isCompactionDirty = true
	c.touch(t)
}

// skipCompacted marks the events between the last consumed one and the next that is there
// as consumed: compaction took them away before the topic was a resume topic, and the
// partition's consumption could never get past them. It is called after an event was
// marked.
func (c *change) skipCompacted(t *topic, partition int32) {
	p := &t.partitions[partition]
	for c.err == nil && p.consumed.next < min(p.compacted.rewritten, p.next) {
		to := p.consumed.next
		lower := bytes.Clone(c.key.InPartition(keys.Batch, t.number, partition, p.consumed.next))
		upper := bytes.Clone(c.key.InPartition(keys.Batch, t.number, partition, p.next))
		c.eachFrom(lower, upper, func(_, batch []byte) (bool, error) {
			var err error
			to, err = firstOffsetFrom(batch, p.consumed.next)
			return false, err
		})
		if to == p.consumed.next {
			return
		}
		p.consumed.skipTo(to)
		c.touchConsumption(t, partition)
	}
}

// firstOffsetFrom is the first offset from one on that a batch has a record at, or the
// offset after it.
func firstOffsetFrom(batch []byte, from int64) (int64, error) {
	h, err := recordbatch.ParseHeader(batch)
	if err != nil || h.BaseOffset > from && h.Count == h.LastOffsetDelta+1 {
		return max(h.BaseOffset, from), err
	}
	if h.Count == h.LastOffsetDelta+1 {
		return from, nil // none is missing
	}
	for record, err := range recordbatch.Records(batch) {
		if err != nil || record.Offset >= from {
			return record.Offset, err
		}
	}
	return h.NextOffset(), nil
}
