package statemachine

import (
	"bytes"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// ending is how a transaction ends.
type ending struct {
	isCommit bool
	// markerEpoch is the epoch in the markers. One above the producer's fences what it
	// sends late, partition by partition.
	markerEpoch      int16
	coordinatorEpoch int32
}

// end ends an open transaction, which may be written to: markers in its partitions, its
// offsets to their groups or away, its state. All is in one Pebble batch, so there is no
// state between "prepared" and "complete" as in Kafka, where partitions are elsewhere.
func (c *change) end(tx *transaction, e ending) {
	for _, p := range tx.partitions {
		if t := c.work.numbers[p.topic]; t != nil && t.hasPartition(p.partition) {
			c.endInPartition(t, p.partition, tx.producer.ProducerID, e)
		}
	}
	if len(tx.groups) > 0 {
		c.endOffsets(tx, e.isCommit)
	}
	tx.partitions, tx.groups, tx.startedUnixMilli = nil, nil, 0
	status := command.TransactionCompleteAbort
	if e.isCommit {
		status = command.TransactionCompleteCommit
	}
	c.setStatus(tx, status)
}

func (c *change) endInPartition(t *topic, partition int32, producerID int64, e ending) {
	c.batchBuffer = recordbatch.AppendMarker(c.batchBuffer[:0], recordbatch.Marker{
		ProducerID: producerID, ProducerEpoch: e.markerEpoch, IsCommit: e.isCommit, CoordinatorEpoch: e.coordinatorEpoch, UnixMilli: c.now,
	})
	ended := endedTransaction{isAborted: !e.isCommit, producerID: producerID}
	ended.marker = c.appendBatch(t, partition, c.batchBuffer)
	ended.first = c.closeAt(t, partition, producerID)
	ended.stable = t.partitions[partition].stable()
	c.value = ended.encode(c.value[:0])
	c.set(c.key.InPartition(keys.EndedTransaction, t.number, partition, ended.marker), c.value)
	c.markProducer(t, partition, producerID, e)
	if c.work.isResume(t.spec.Name) {
		c.consumeEnded(t, partition, ended)
	}
	if e.isCommit && t.isScheduler() {
		c.setTimersOf(t, partition, ended)
	}
}

// eachOf calls f with the batches that a transaction wrote to a partition.
func (c *change) eachOf(t *topic, partition int32, e endedTransaction, f func(h recordbatch.Header, batch []byte)) {
	if e.first < 0 {
		return
	}
	from := max(e.first, t.partitions[partition].start)
	if from >= e.marker {
		return
	}
	lower := bytes.Clone(c.key.InPartition(keys.Batch, t.number, partition, from))
	upper := bytes.Clone(c.key.InPartition(keys.Batch, t.number, partition, e.marker))
	c.eachFrom(lower, upper, func(_, batch []byte) (bool, error) {
		h, err := recordbatch.ParseHeader(batch)
		if err == nil && h.ProducerID == e.producerID && h.IsTransactional() && !h.IsControl() {
			f(h, batch)
		}
		return true, err
	})
}

// consumeEnded marks as consumed what is no event: the marker, and the records before it
// if they were aborted. Nothing else would, and consumption could never get past them.
func (c *change) consumeEnded(t *topic, partition int32, e endedTransaction) {
	p := &t.partitions[partition]
	consume := func(first, last int64) {
		for offset := max(first, p.start); offset <= last; offset++ {
			if !p.consumed.contains(offset) {
				p.consumed.add(offset)
			}
		}
	}
	if e.isAborted {
		c.eachOf(t, partition, e, func(h recordbatch.Header, _ []byte) { consume(h.BaseOffset, h.LastOffset()) })
	}
	consume(e.marker, e.marker)
	c.touchConsumption(t, partition)
}

// consumeAllEnded is consumeEnded for a topic that becomes a resume topic: what was
// there before are events from now on, but for what never was a record to anybody.
func (c *change) consumeAllEnded(t *topic) {
	for i := range t.partitions {
		partition := int32(i)
		var all []endedTransaction
		c.each(c.key.PartitionOnly(keys.EndedTransaction, t.number, partition), func(key, value []byte) error {
			marker, err := keys.LastNumber(key)
			if err != nil {
				return err
			}
			e, err := decodeEndedTransaction(marker, value)
			all = append(all, e)
			return err
		})
		for _, e := range all {
			c.consumeEnded(t, partition, e)
		}
	}
}

// setTimersOf sets the timers of a transaction that is committed on a scheduler topic.
// Records of an open one set none: it may still be aborted.
func (c *change) setTimersOf(t *topic, partition int32, e endedTransaction) {
	var batches [][]byte
	c.eachOf(t, partition, e, func(_ recordbatch.Header, batch []byte) { batches = append(batches, bytes.Clone(batch)) })
	for _, batch := range batches {
		if _, err := recordbatch.Validate(batch); err != nil {
			// It was checked unless the topic got its scheduler after it.
			c.store.options.Logger.Warn("scheduler records of a transaction can't be read", "topic", t.spec.Name, "partition", partition, "error", err)
			continue
		}
		c.setTimers(t, batch)
	}
}

// endOffsets gives the offsets that a transaction held to their groups, or drops them.
// Those of topics that were deleted meanwhile are dropped.
func (c *change) endOffsets(tx *transaction, isCommit bool) {
	c.each(c.key.TransactionOnly(tx.id), func(key, value []byte) error {
		_, rest, isOffset, err := keys.ParseTransaction(key)
		if err != nil || !isOffset {
			return err
		}
		group, number, partition, err := keys.ParseTransactionOffset(rest)
		if err != nil {
			return err
		}
		if isCommit && c.work.numbers[number] != nil {
			c.set(c.other.GroupPartition(group, number, partition), value)
		}
		c.delete(key)
		return nil
	})
}

// abortFencing aborts an open transaction, which may be written to, and raises the epoch
// of its producer, so that what it sends late is refused. It is who the producer was.
func (c *change) abortFencing(tx *transaction, coordinatorEpoch int32) (was command.ProducerEpoch) {
	was = tx.producer
	c.end(tx, ending{markerEpoch: was.Epoch + 1, coordinatorEpoch: coordinatorEpoch})
	c.setProducer(tx, command.ProducerEpoch{ProducerID: was.ProducerID, Epoch: was.Epoch + 1})
	tx.last = nobody
	return was
}
