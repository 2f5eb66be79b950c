package statemachine

import (
	"bytes"
	"encoding/binary"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// The newest unmatched events of all threads and topics are in one list, so that a
// person who doesn't know which key went wrong has a place to look. It is a ring:
// an entry a key, numbered as they come; each new one pushes out the oldest while
// there are too many or they are too large. One ring for all topics bounds the
// whole, at the cost that a topic with many drives out those of others; each
// thread's own history is bounded apart.
//
// A topic that is deleted takes its entries along, which leaves holes. A thread
// that is deleted leaves its entries, since to find them is to read the list.

// unmatchedEnds is what is there of the list: numbers from first to before next.
//
// Invariant: next - first <= UnmatchedEventsMax; bytes is the size of the values
// between them, and at most UnmatchedBytesMax.
type unmatchedEnds struct {
	first uint64
	next  uint64
	bytes uint64
}

func (e *unmatchedEnds) encode(dst []byte) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendUvarint(dst, e.first)
	dst = binary.AppendUvarint(dst, e.next)
	return binary.AppendUvarint(dst, e.bytes)
}

func decodeUnmatchedEnds(value []byte) (unmatchedEnds, error) {
	r := readValue(value)
	e := unmatchedEnds{first: r.uint(), next: r.uint(), bytes: r.uint()}
	if e.next < e.first {
		r.bad = true
	}
	return e, r.end("ends of the unmatched events")
}

// unmatchedEvent is an entry of the list.
type unmatchedEvent struct {
	topic     keys.TopicNumber
	unixMilli int64
	partition int32
	offset    int64
	// key is the event's, cut to ThreadKeyBytesMax; no longer one names a thread.
	key    string
	reason string
	// value is cut to historyEventBytesMax.
	value []byte
}

func (e *unmatchedEvent) encode(dst []byte) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendUvarint(dst, uint64(e.topic))
	dst = binary.AppendVarint(dst, e.unixMilli)
	dst = binary.AppendUvarint(dst, uint64(e.partition))
	dst = binary.AppendUvarint(dst, uint64(e.offset))
	dst = appendString(dst, e.key)
	dst = appendString(dst, e.reason)
	return append(dst, e.value...)
}

func decodeUnmatchedEvent(value []byte) (unmatchedEvent, error) {
	r := readValue(value)
	e := unmatchedEvent{
		topic:     keys.TopicNumber(r.uint()),
		unixMilli: r.int(),
		partition: int32(r.uint()),
		offset:    int64(r.uint()),
		key:       r.string(),
		reason:    r.string(),
	}
	if rest := r.rest(); len(rest) > 0 {
		e.value = append([]byte(nil), rest...)
	}
	return e, r.end("unmatched event")
}

// listUnmatched adds an event to the list.
func (c *change) listUnmatched(t *topic, key string, entry *command.HistoryEntry) {
	e := unmatchedEvent{
		topic:     t.number,
		unixMilli: entry.UnixMilli,
		partition: entry.Partition,
		offset:    entry.Offset,
		key:       cutText(key, ThreadKeyBytesMax),
		reason:    cutText(entry.Reason, historyReasonBytesMax),
		value:     entry.Event[:min(len(entry.Event), historyEventBytesMax)],
	}
	c.value = e.encode(c.value[:0])
	ends := &c.work.unmatched
	// Of what can't be read the size is not known: the loop would not end.
	for c.err == nil && (ends.next-ends.first >= UnmatchedEventsMax || ends.bytes+uint64(len(c.value)) > UnmatchedBytesMax) {
		oldest := c.key.UnmatchedAt(ends.first)
		ends.bytes -= uint64(len(c.get(oldest)))
		c.delete(oldest)
		ends.first++
	}
	c.set(c.key.UnmatchedAt(ends.next), c.value)
	ends.next++
	ends.bytes += uint64(len(c.value))
	c.isUnmatchedDirty = true
}

// deleteUnmatchedOf takes a topic's events out of the list.
func (c *change) deleteUnmatchedOf(t *topic) {
	if len(t.tally.unmatched) == 0 {
		return
	}
	ends := &c.work.unmatched
	lower := bytes.Clone(c.key.UnmatchedAt(ends.first)) // what is before has left its graves
	c.eachFrom(lower, c.other.UnmatchedAt(ends.next), func(key, value []byte) (bool, error) {
		e, err := decodeUnmatchedEvent(value)
		if err == nil && e.topic == t.number {
			ends.bytes -= uint64(len(value))
			c.isUnmatchedDirty = true
			c.delete(key)
		}
		return true, err
	})
}
