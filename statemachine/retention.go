package statemachine

import (
	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// Retention is how long records are kept, and how many bytes of a partition. A
// negative number is no bound.
type Retention struct {
	Milli int64
	Bytes int64
}

// RetentionTrims computes what retention.ms and retention.bytes of each topic with the
// cleanup policy delete, or the default where a topic has none, would delete at a time.
// Events that are not consumed are kept. Trims end between two batches; those for size may leave up to
// batchIndexBytes too much, never too little.
func (s *Store) RetentionTrims(nowUnixMilli int64, absent Retention) ([]command.Trim, error) {
	var trims []command.Trim
	err := s.read(func(db *pebble.DB) error {
		for _, spec := range s.Topics() {
			for i := range spec.Partitions {
				trim, isDue, err := s.retentionTrim(db, &spec, i, nowUnixMilli, absent)
				if err != nil {
					return err
				}
				if isDue {
					trims = append(trims, trim)
				}
			}
		}
		return nil
	})
	return trims, err
}

func (s *Store) retentionTrim(db *pebble.DB, spec *command.Topic, partition int32, now int64, absent Retention) (trim command.Trim, isDue bool, err error) {
	name := spec.Name
	number, p, err := s.partition(name, partition)
	if err != nil {
		return trim, false, nil // deleted meanwhile
	}
	limit := p.next
	retention := absent
	s.view(func(im *image) {
		t := im.topics[name]
		if t == nil || t.number != number {
			return
		}
		if !t.hasPolicy(policyDelete) {
			retention = Retention{Milli: -1, Bytes: -1}
			return
		}
		retention.Milli = t.configNumber(configRetentionMilli, absent.Milli)
		retention.Bytes = t.configNumber(configRetentionBytes, absent.Bytes)
		if im.isResume(name) {
			limit = min(limit, t.partitions[partition].consumed.next)
		}
	})
	if limit <= p.start {
		return trim, false, nil // nothing there, or nothing consumed
	}
	offset := p.start
	if retention.Milli >= 0 {
		byTime, err := offsetAfterTime(db, number, partition, &p, p.start, limit, now-retention.Milli)
		if err != nil {
			return trim, false, err
		}
		offset = max(offset, byTime)
	}
	if excess := p.bytes() - retention.Bytes; retention.Bytes >= 0 && excess > 0 {
		bySize, err := offsetAfterBytes(db, number, partition, &p, excess)
		if err != nil {
			return trim, false, err
		}
		offset = max(offset, bySize)
	}
	offset = min(offset, limit)
	return command.Trim{Topic: name, TopicID: spec.ID, Partition: partition, Offset: offset}, offset > p.start, nil
}

// offsetAfterTime is the offset before which all records are older than a time, from the
// start of a partition or an offset on; where that is enough, it looks no further. A batch
// without timestamps is as old as the entry of the batch index behind it, or as what was
// appended last.
func offsetAfterTime(db *pebble.DB, topic keys.TopicNumber, partition int32, p *partition, from, enough, before int64) (int64, error) {
	if p.maxTimestamp < before {
		return p.next, nil
	}
	offset := max(from, p.start)
	entry, err := searchIndex(db, topic, partition, offset, p.next, func(e indexEntry) bool { return e.maxTimestamp < before })
	if err != nil {
		return offset, err
	}
	if entry != nil {
		offset = entry.lastOffset + 1
	}
	known := indexEntry{lastOffset: -1}
	err = eachBatch(db, topic, partition, offset, p.next, func(h recordbatch.Header, _ []byte) (bool, error) {
		timestamp := h.MaxTimestamp
		if timestamp < 0 {
			if known.lastOffset < h.LastOffset() {
				known, err = indexEntryOrEnd(db, topic, partition, p, h.LastOffset())
			}
			timestamp = known.appendedUnixMilli
		}
		if err != nil || timestamp >= before {
			return false, err
		}
		offset = h.NextOffset()
		return offset < enough, nil
	})
	return offset, err
}

// compactedTrimBytesMax bounds what one look at a compacted partition finds to delete by
// size; the next look goes on.
const compactedTrimBytesMax = 1 << 30

// offsetAfterBytes is an offset before which a partition has at most that many bytes.
func offsetAfterBytes(db *pebble.DB, topic keys.TopicNumber, partition int32, p *partition, bytes int64) (int64, error) {
	if p.compacted.rewritten > p.start {
		// The batch index doesn't know the sizes of what was compacted.
		bytes = min(bytes, compactedTrimBytesMax)
		offset := p.start
		err := eachBatch(db, topic, partition, p.start, p.next, func(h recordbatch.Header, _ []byte) (bool, error) {
			if bytes -= int64(h.Bytes()); bytes < 0 {
				return false, nil
			}
			offset = h.NextOffset()
			return true, nil
		})
		return offset, err
	}
	appended := p.trimmed + uint64(bytes)
	entry, err := searchIndex(db, topic, partition, p.start, p.next, func(e indexEntry) bool { return e.appended <= appended })
	if err != nil || entry == nil {
		return p.start, err
	}
	return entry.lastOffset + 1, nil
}
