package statemachine

import (
	"bytes"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// ReadBatches returns whole batches as they were sent, one after the other,
// beginning with the one that holds offset, or the next one that compaction has left
// there: its first records may lie before offset, and before the partition's start. There are as many as fit in bytesMax,
// but one if there is any; at the partition's end none. Errors: ErrUnknownTopic,
// ErrOffsetOutOfRange.
func (s *Store) ReadBatches(topic string, partition int32, offset int64, bytesMax int) ([]byte, error) {
	var out []byte
	err := s.read(func(db *pebble.DB) error {
		number, p, err := s.partition(topic, partition)
		if err != nil {
			return err
		}
		// A policy that is seen here and taken away meanwhile has done nothing since.
		isCompacted := s.mayBeCompacted(topic, &p)
		out, _, err = readBatches(db, number, &p, isCompacted, topic, partition, offset, p.next, bytesMax)
		return err
	})
	return out, err
}

// readBatches does the work of ReadBatches, up to upTo, where a batch ends, and tells the
// offset after the last one.
func readBatches(db pebble.Reader, number keys.TopicNumber, p *partition, isCompacted bool, topic string, partition int32, offset, upTo int64, bytesMax int) (out []byte, end int64, err error) {
	if offset < p.start || offset > p.next {
		return nil, 0, fmt.Errorf("%w: read %q partition %d from %d: it has %d to %d",
			command.ErrOffsetOutOfRange, topic, partition, offset, p.start, p.next)
	}
	if offset >= upTo {
		return nil, offset, nil
	}
	err = eachBatch(db, number, partition, offset, upTo, func(h recordbatch.Header, batch []byte) (bool, error) {
		if out == nil && h.BaseOffset > offset && !isCompacted {
			// Deleted since we looked.
			return false, fmt.Errorf("%w: read %q partition %d from %d", command.ErrOffsetOutOfRange, topic, partition, offset)
		}
		if out != nil && len(out)+len(batch) > bytesMax {
			return false, nil
		}
		if out == nil {
			out = make([]byte, 0, max(len(batch), min(bytesMax, p.bytesFrom(offset), 1<<20)))
		}
		out = append(out, batch...)
		end = h.NextOffset()
		return len(out) < bytesMax, nil
	})
	return out, end, err
}

// mayBeCompacted says whether batches of a partition may be missing. What Pebble has is
// seen before the image of the readers tells of it, so the policy counts as well as what
// is known to be rewritten.
func (s *Store) mayBeCompacted(topic string, p *partition) (is bool) {
	s.view(func(im *image) {
		t := im.topics[topic]
		is = p.compacted.rewritten > p.start || t != nil && t.hasPolicy(policyCompact)
	})
	return is
}

// bytesFrom guesses the size of the batches from an offset on, a little too large.
func (p *partition) bytesFrom(offset int64) int {
	mean := p.bytes()/max(p.next-p.start, 1) + 1
	return int((p.next-offset)*mean*9/8) + 64
}

// OffsetForTimestamp finds the first record whose timestamp is at least unixMilli,
// and its timestamp; false if all are before. It reads part of the batch index and
// about batchIndexBytes of batches.
func (s *Store) OffsetForTimestamp(topic string, partition int32, unixMilli int64) (offset, timestampUnixMilli int64, found bool, err error) {
	err = s.read(func(db *pebble.DB) error {
		number, p, err := s.partition(topic, partition)
		if err != nil || unixMilli > p.maxTimestamp || p.start == p.next {
			return err
		}
		entry, err := searchIndex(db, number, partition, p.start, p.next, func(e indexEntry) bool {
			return e.maxTimestamp < unixMilli
		})
		if err != nil {
			return err
		}
		from := p.start
		if entry != nil {
			from = entry.lastOffset + 1
		}
		return eachBatch(db, number, partition, from, p.next, func(h recordbatch.Header, batch []byte) (bool, error) {
			if h.MaxTimestamp < unixMilli {
				return true, nil
			}
			var err error
			offset, timestampUnixMilli, found, err = recordbatch.FirstAtOrAfter(batch, p.start, unixMilli)
			return !found, err
		})
	})
	return offset, timestampUnixMilli, found, err
}

// MaxTimestamp is the greatest timestamp of the records of a partition and the last
// offset of the batch that has it; false if no record has one.
//
// It is known from the appends, unless that record was deleted since and those that
// came after it are older by their timestamps, or came without any. Then it is looked
// for in the headers of all batches: the batch index has the greatest timestamp up to
// a place, and not from there on.
func (s *Store) MaxTimestamp(topic string, partition int32) (offset, timestampUnixMilli int64, found bool, err error) {
	err = s.read(func(db *pebble.DB) error {
		number, p, err := s.partition(topic, partition)
		if err != nil {
			return err
		}
		look := func(h recordbatch.Header, batch []byte) (bool, error) {
			greatest, err := maxTimestampFrom(h, batch, p.start)
			if greatest > timestampUnixMilli || !found && greatest >= 0 {
				offset, timestampUnixMilli, found = h.LastOffset(), greatest, true
			}
			return true, err
		}
		if err := eachBatch(db, number, partition, max(p.maxOffset, p.start), p.maxOffset+1, look); err != nil {
			return err
		}
		if found && timestampUnixMilli == p.maxTimestamp {
			return nil
		}
		return eachBatch(db, number, partition, p.start, p.next, look)
	})
	return offset, timestampUnixMilli, found, err
}

// maxTimestampFrom is the greatest timestamp of the records of a batch from an
// offset on, -1 for none.
func maxTimestampFrom(h recordbatch.Header, batch []byte, from int64) (int64, error) {
	if h.BaseOffset >= from || h.MaxTimestamp < 0 {
		return h.MaxTimestamp, nil
	}
	greatest := int64(-1)
	for record, err := range recordbatch.Records(batch) {
		if err != nil {
			return -1, err
		}
		if record.Offset >= from {
			greatest = max(greatest, record.TimestampUnixMilli)
		}
	}
	return greatest, nil
}

// partition is the readers' copy of a partition, without its consumption.
func (s *Store) partition(topic string, partition int32) (number keys.TopicNumber, p partition, err error) {
	found := false
	s.view(func(im *image) {
		if t := im.find(topic, partition); t != nil {
			number, p, found = t.number, t.partitions[partition], true
			p.consumed = consumption{}
		}
	})
	if !found {
		err = errUnknownPartition(topic, partition)
	}
	return number, p, err
}

// eachBatch calls f with the batches from the one that holds offset from to the
// one before next, until it returns false.
func eachBatch(db pebble.Reader, topic keys.TopicNumber, partition int32, from, next int64, f func(recordbatch.Header, []byte) (bool, error)) error {
	if from >= next {
		return nil
	}
	var k keys.Key
	lower := bytes.Clone(k.InPartition(keys.Batch, topic, partition, from))
	upper := bytes.Clone(k.InPartition(keys.Batch, topic, partition, min(next, math.MaxInt64)))
	return eachIn(db, lower, upper, func(_, batch []byte) (bool, error) {
		h, err := recordbatch.ParseHeader(batch)
		if err != nil {
			return false, err
		}
		return f(h, batch)
	})
}
