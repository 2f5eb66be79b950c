package statemachine

import (
	"encoding/binary"

	"kont/statemachine/recordbatch"
)

// batchIndexBytes is how many bytes of batches lie between two entries of the
// batch index: a lookup by time or size reads no more than that.
const batchIndexBytes = 64 << 10

// partition is the end of a partition's log.
//
// Invariant: 0 <= start <= next; trimmed <= indexed <= appended, the latter two only where
// nothing from start on is compacted.
type partition struct {
	start int64
	next  int64
	// appended and trimmed count the bytes of all batches ever.
	appended uint64
	trimmed  uint64
	// indexed is appended at the last entry of the batch index.
	indexed uint64
	// maxTimestamp is the greatest of all records, -1 for none; maxOffset is the
	// last offset of the batch that brought it. A batch without timestamps counts with
	// the time of its append, or retention would take it for older than all others.
	maxTimestamp int64
	maxOffset    int64
	// appendedUnixMilli is when the last batch was appended: the age of batches without
	// timestamps, also when maxTimestamp is that of a record which is gone.
	appendedUnixMilli int64
	// consumed is stored apart, since it changes at other times.
	consumed consumption
	// open are the transactions that have written to the partition and are not decided,
	// by their first offset, stored apart. The slice is replaced, never written to.
	open []openTransaction
	// compacted is too.
	compacted compaction

	// isDirty, isConsumptionDirty and isCompactionDirty say what the change at hand has to
	// write.
	isDirty            bool
	isConsumptionDirty bool
	isCompactionDirty  bool
}

// batchTimesVersion is the version of a stored partition and of an entry of the batch
// index. Version 1 had no time of the append; the greatest timestamp, which counts a batch
// without timestamps with the time of its append, is no earlier for any of those.
const batchTimesVersion = 2

func newPartition() partition {
	return partition{maxTimestamp: -1, maxOffset: -1, appendedUnixMilli: -1}
}

// bytes is the size of the partition's batches.
func (p *partition) bytes() int64 { return int64(p.appended-p.trimmed) - p.compacted.cleaned }

func (p *partition) encode(dst []byte) []byte {
	dst = append(dst, batchTimesVersion)
	dst = binary.AppendVarint(dst, p.start)
	dst = binary.AppendVarint(dst, p.next)
	dst = binary.AppendUvarint(dst, p.appended)
	dst = binary.AppendUvarint(dst, p.trimmed)
	dst = binary.AppendUvarint(dst, p.indexed)
	dst = binary.AppendVarint(dst, p.maxTimestamp)
	dst = binary.AppendVarint(dst, p.maxOffset)
	return binary.AppendVarint(dst, p.appendedUnixMilli)
}

func decodePartition(value []byte) (partition, error) {
	r, version := readVersions(value, batchTimesVersion)
	p := partition{
		start:        r.int(),
		next:         r.int(),
		appended:     r.uint(),
		trimmed:      r.uint(),
		indexed:      r.uint(),
		maxTimestamp: r.int(),
		maxOffset:    r.int(),
	}
	p.appendedUnixMilli = p.maxTimestamp
	if version >= 2 {
		p.appendedUnixMilli = r.int()
	}
	return p, r.end("partition")
}

// indexEntry is a place in a partition: what had been appended with the batch
// under whose last offset it is filed.
type indexEntry struct {
	lastOffset int64
	// maxTimestamp is the greatest of all batches up to this one, so it never
	// decreases from entry to entry.
	maxTimestamp int64
	appended     uint64
	// appendedUnixMilli is when that batch was appended; it never decreases either.
	appendedUnixMilli int64
}

func (e indexEntry) encode(dst []byte) []byte {
	dst = append(dst, batchTimesVersion)
	dst = binary.AppendVarint(dst, e.maxTimestamp)
	dst = binary.AppendUvarint(dst, e.appended)
	return binary.AppendVarint(dst, e.appendedUnixMilli)
}

func decodeIndexEntry(lastOffset int64, value []byte) (indexEntry, error) {
	r, version := readVersions(value, batchTimesVersion)
	e := indexEntry{lastOffset: lastOffset, maxTimestamp: r.int(), appended: r.uint()}
	e.appendedUnixMilli = e.maxTimestamp
	if version >= 2 {
		e.appendedUnixMilli = r.int()
	}
	return e, r.end("batch index entry")
}

// extend accounts for a batch that is appended at a time, and says whether it gets
// an entry in the batch index.
func (p *partition) extend(h recordbatch.Header, nowUnixMilli int64) (entry indexEntry, isDue bool) {
	p.next = h.NextOffset()
	p.appended += uint64(h.Bytes())
	p.appendedUnixMilli = nowUnixMilli
	timestamp := h.MaxTimestamp
	if timestamp < 0 {
		timestamp = nowUnixMilli
	}
	if timestamp > p.maxTimestamp {
		p.maxTimestamp, p.maxOffset = timestamp, h.LastOffset()
	}
	if p.appended-p.indexed < batchIndexBytes {
		return indexEntry{}, false
	}
	p.indexed = p.appended
	return indexEntry{lastOffset: h.LastOffset(), maxTimestamp: p.maxTimestamp, appended: p.appended, appendedUnixMilli: nowUnixMilli}, true
}
