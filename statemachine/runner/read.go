package runner

import (
	"slices"

	"kont/statemachine/command"
)

// readBytes is how much is read of a partition before the next one's turn.
const readBytes = 256 << 10

// cursor is how far a partition is read into the queue.
type cursor struct {
	Partition
	next int64
	// beyond are the consumed offsets from next on.
	beyond []OffsetRange
}

// read is the reader: it goes round the partitions and queues their events until
// the term is over.
func (t *term) read() {
	cursors := map[Partition]*cursor{}
	failures := 0
	for t.ctx.Err() == nil {
		// Taken before reading, so that no change is missed.
		changed := t.Store.Changed()
		isBehind, err := t.readRound(cursors)
		if err != nil {
			t.Logger.Error("read events", "error", err)
			t.pause(failures)
			failures++
			continue
		}
		failures = 0
		if isBehind {
			continue
		}
		select {
		case <-t.ctx.Done():
		case <-changed:
		}
	}
}

// readRound reads a piece of each partition and says whether there may be more.
func (t *term) readRound(cursors map[Partition]*cursor) (isBehind bool, err error) {
	partitions, err := t.Store.ResumePartitions()
	if err != nil {
		return false, err
	}
	for known := range cursors {
		if !slices.Contains(partitions, known) {
			delete(cursors, known)
		}
	}
	for _, partition := range partitions {
		c := cursors[partition]
		if c == nil {
			consumption, err := t.Store.Consumption(partition.Topic, partition.Partition)
			if err != nil {
				return false, err
			}
			c = &cursor{Partition: partition, next: consumption.Offset, beyond: consumption.Beyond}
			cursors[partition] = c
		}
		records, err := t.Store.ReadEvents(c.Topic, c.Partition.Partition, c.next, readBytes)
		if err != nil {
			return false, err
		}
		for _, record := range records {
			if record.Offset < c.next {
				continue
			}
			if !record.IsSkipped && !c.isConsumed(record.Offset) {
				if !t.queue.waitRoom() {
					return false, nil
				}
				t.enqueue(c, record)
			}
			c.next = record.Offset + 1
			isBehind = true
		}
	}
	return isBehind, nil
}

// isConsumed tells whether an offset was consumed before the term. Offsets are
// asked for in ascending order.
func (c *cursor) isConsumed(offset int64) bool {
	for len(c.beyond) > 0 && c.beyond[0].Last < offset {
		c.beyond = c.beyond[1:]
	}
	return len(c.beyond) > 0 && c.beyond[0].First <= offset
}

func (t *term) enqueue(c *cursor, record Record) {
	e := event{partition: c.Partition.Partition, offset: record.Offset, value: record.Value}
	key, bad := parseKey(record.Key)
	if record.Unreadable != "" {
		key, bad = "", &mismatch{command.UnmatchedBatch, cutText(record.Unreadable, reasonBytesMax)}
	}
	e.mismatch = bad
	t.queue.put(threadID{c.Topic, c.ID, key}, e)
}

// reload reads the values of a taken thread's next events again.
func (t *term) reload(thread *thread) ([]event, error) {
	waiting := t.queue.waiting(thread, threadLoadedMax)
	first := waiting[0]
	records, err := t.Store.ReadEvents(thread.id.topic, first.partition, first.offset, threadLoadedBytesMax)
	if err != nil {
		return nil, err
	}
	var loaded []event
	bytes := 0
	for _, record := range records {
		if len(loaded) == len(waiting) || bytes > threadLoadedBytesMax {
			break
		}
		e := waiting[len(loaded)]
		if record.Offset < e.offset || record.IsSkipped {
			continue
		}
		if record.Offset > e.offset {
			break
		}
		if e.mismatch == nil {
			e.value = record.Value
		}
		bytes += e.bytes()
		loaded = append(loaded, e)
	}
	if len(loaded) == 0 {
		// Deleted before its turn: it can't be run, but it must be consumed.
		first.mismatch = &mismatch{command.UnmatchedBatch, "record was deleted before it was consumed"}
		loaded = []event{first}
	}
	return t.queue.load(thread, loaded), nil
}
