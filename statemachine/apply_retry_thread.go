package statemachine

import (
	"bytes"
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// applyRetryThread puts kept events back, and those that are not consumed yet behind
// them.
func (c *change) applyRetryThread(com *command.RetryThread) error {
	c.setTime(com.NowUnixMilli)
	t := c.work.topics[com.ResumeTopic]
	if t == nil {
		return fmt.Errorf("%w: %s: topic %q", command.ErrUnknownThread, com.Thread, com.ResumeTopic)
	}
	old := c.loadThread(t, com.Thread)
	if !old.isLive() {
		return fmt.Errorf("%w: %s", command.ErrUnknownThread, com.Thread)
	}
	if old.status != command.ThreadFaulted {
		return fmt.Errorf("%w: %s", command.ErrNotFaulted, com.Thread)
	}
	events := outbox{}
	c.gatherKept(t, com.Thread, &old, &events)
	moved, err := c.gatherUnconsumed(t, com.Thread, &events)
	if err != nil {
		return fmt.Errorf("thread %s: %w", com.Thread, err)
	}
	for _, place := range moved {
		t.partitions[place.partition].consumed.add(place.offset)
		c.skipCompacted(t, place.partition)
		c.touchConsumption(t, place.partition)
	}
	c.appendOutputs(&events)
	c.deleteKept(t, com.Thread, &old)
	changed := old
	changed.status = command.ThreadSuspended
	if old.continuationBytes == 0 {
		changed.status = command.ThreadEnded // its start faulted: there is nothing to go on from
	}
	changed.fault, changed.kept, changed.keptBytes = "", 0, 0
	changed.updatedUnixMilli = c.now
	c.storeThread(t, com.Thread, &old, &changed, false)
	return nil
}

// gatherKept gathers the kept events of a thread for the partitions that they came
// from.
func (c *change) gatherKept(t *topic, key string, th *thread, events *outbox) {
	for n := range th.kept {
		value := c.get(c.key.Numbered(keys.KeptEvent, t.number, key, n))
		e, err := decodeKeptEvent(value)
		if err != nil {
			c.fail(err)
			return
		}
		events.addTo(t, e.partition, c.eventAgain(key, e.value))
	}
}

func (c *change) eventAgain(key string, value []byte) recordbatch.Record {
	return recordbatch.Record{TimestampUnixMilli: c.now, Key: []byte(key), Value: value}
}

// eventPlace is where an event lies in its topic.
type eventPlace struct {
	partition int32
	offset    int64
}

// gatherUnconsumed gathers the events of a thread that are not consumed yet, in the
// partitions that events are gathered for already, and tells where they are. Without
// that they would run before the older ones, which are appended behind them.
func (c *change) gatherUnconsumed(t *topic, key string, events *outbox) (moved []eventPlace, err error) {
	gathered := 0
	for i := range events.groups {
		partition := events.groups[i].partition
		p := &t.partitions[partition]
		from := max(p.consumed.next, p.start)
		if unread := c.unreadBytes(t, partition, from); unread > retryBytesMax {
			return nil, limitError("bytes of events that are not consumed yet", int(unread), retryBytesMax)
		}
		lower := bytes.Clone(c.key.InPartition(keys.Batch, t.number, partition, from))
		upper := keys.After(c.key.PartitionOnly(keys.Batch, t.number, partition))
		c.eachFrom(lower, upper, func(_, batch []byte) (bool, error) {
			if h, err := recordbatch.ParseHeader(batch); err == nil && p.isUndecided(h) {
				return true, nil // perhaps never an event
			}
			for _, record := range eventsOf(batch, key) {
				if record.Offset < from || p.consumed.contains(record.Offset) {
					continue
				}
				if gathered += len(record.Key) + len(record.Value); gathered > retryBytesMax {
					err = limitError("bytes of the thread's events that are not consumed yet", gathered, retryBytesMax)
					return false, nil
				}
				events.addTo(t, partition, c.eventAgain(key, bytes.Clone(record.Value)))
				moved = append(moved, eventPlace{partition, record.Offset})
			}
			return true, nil
		})
	}
	return moved, err
}

// unreadBytes is the size of the batches of a partition from the one that holds an offset on; where
// the partition was compacted, whose sizes the batch index doesn't know, it is more than
// retryBytesMax if it is that.
func (c *change) unreadBytes(t *topic, partition int32, from int64) uint64 {
	p := &t.partitions[partition]
	if p.compacted.rewritten <= p.start || c.work.nodes.Level < command.LevelRetriesCompacted {
		return p.appended - c.bytesBefore(t, partition, from)
	}
	unread := uint64(0)
	c.fail(eachBatch(c.batch, t.number, partition, from, p.next, func(h recordbatch.Header, _ []byte) (bool, error) {
		unread += uint64(h.Bytes())
		return unread <= retryBytesMax, nil
	}))
	return unread
}

// eventsOf are the records of a batch that have a key; none if it can't be read,
// since none of its records is anybody's event then.
func eventsOf(batch []byte, key string) []recordbatch.Record {
	if h, err := recordbatch.ParseHeader(batch); err != nil || h.IsControl() {
		return nil
	}
	var events []recordbatch.Record
	for record, err := range recordbatch.Records(batch) {
		if err != nil {
			return nil
		}
		if string(record.Key) == key {
			events = append(events, record)
		}
	}
	return events
}
