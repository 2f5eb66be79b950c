package recordbatch

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Compacted is what Compact makes of a batch.
type Compacted struct {
	// Batch is the new batch; nil if nothing of the old one is left, or if it needs no
	// change.
	Batch []byte
	// IsUnchanged says that the old batch is to stay as it is.
	IsUnchanged bool
	// Kept and Dropped count records.
	Kept, Dropped int
	// DeleteHorizonUnixMilli is when the tombstones in what is left may go; 0 if there
	// are none.
	DeleteHorizonUnixMilli int64
}

// Compact leaves out the records of a whole batch that keep doesn't want. Those that stay
// have the offset and the time that they had, and the batch its offsets from the first to
// the last, its producer and its sequence numbers, so that nobody who counts by them is
// misled.
//
// A batch with tombstones, records without a value, gets horizonUnixMilli as the time from
// which these may go, unless it has one already (KIP-534): that is noted in place of the
// base timestamp, which no reader needs for anything but the sum with the deltas.
//
// keep is asked once for each record, which it must not hold on to. Memory is that of the
// decompressed records, a byte for each, and the new batch.
func Compact(batch []byte, horizonUnixMilli int64, keep func(Record) bool) (Compacted, error) {
	buffer := takeBuffer()
	defer giveBuffer(buffer)
	h, data, err := openInto(buffer, batch)
	if err != nil {
		return Compacted{}, err
	}
	var isKept []bool
	var result Compacted
	hasTombstone := false
	for rest := data; len(isKept) < int(h.Count); {
		var record readable
		if record, rest, err = readRecord(rest, h); err != nil {
			return Compacted{}, err
		}
		isOne := keep(record.Record)
		if isKept = append(isKept, isOne); isOne {
			result.Kept++
			hasTombstone = hasTombstone || record.Value == nil
		}
	}
	result.Dropped = len(isKept) - result.Kept
	horizon, hasHorizon := h.DeleteHorizon()
	if hasTombstone {
		if !hasHorizon {
			horizon = horizonUnixMilli
		}
		result.DeleteHorizonUnixMilli = horizon
	}
	if result.Dropped == 0 && (hasHorizon || !hasTombstone) {
		result.IsUnchanged = true
		return result, nil
	}
	if result.Kept == 0 {
		return result, nil
	}
	result.Batch, err = rebuild(batch[:HeaderBytes], h, data, isKept, hasTombstone && !hasHorizon, horizon)
	return result, err
}

// openInto is openRecords with a buffer of the pool.
func openInto(buffer *[]byte, batch []byte) (h Header, data []byte, err error) {
	h, data, err = openRecords((*buffer)[:0], batch)
	if h.Codec() != CodecNone {
		*buffer = data
	}
	return h, data, err
}

// WithDeleteHorizon is a whole batch with the same records and a time from which it may
// go: that of a marker (KIP-534). It must have none yet.
func WithDeleteHorizon(batch []byte, horizonUnixMilli int64) ([]byte, error) {
	buffer := takeBuffer()
	defer giveBuffer(buffer)
	h, data, err := openInto(buffer, batch)
	if err != nil {
		return nil, err
	}
	if h.Count < 1 {
		return nil, fmt.Errorf("%w: batch without a record", ErrRecord)
	}
	return rebuild(batch[:HeaderBytes], h, data, nil, true, horizonUnixMilli)
}

// rebuild makes a batch of a header and some of its records, or all.
func rebuild(header []byte, h Header, data []byte, isKept []bool, setsHorizon bool, horizon int64) ([]byte, error) {
	out := append(make([]byte, 0, HeaderBytes+len(data)/4), header...)
	base := h.BaseTimestamp
	attributes := uint16(h.Attributes)
	if setsHorizon {
		base = horizon
		attributes |= attributeDeleteHorizon
	}
	raw := out
	if h.Codec() != CodecNone {
		buffer := takeBuffer()
		defer giveBuffer(buffer)
		raw = (*buffer)[:0]
		defer func() { *buffer = raw }()
	}
	count, maxTimestamp := 0, int64(math.MinInt64)
	for i := range int(h.Count) {
		var record readable
		var err error
		if record, data, err = readRecord(data, h); err != nil {
			return nil, err
		}
		if isKept != nil && !isKept[i] {
			continue
		}
		count++
		maxTimestamp = max(maxTimestamp, record.TimestampUnixMilli)
		raw = appendTail(raw, record.TimestampUnixMilli-base, record.offsetDelta, record.tail)
	}
	if h.Codec() == CodecNone {
		out = raw
	} else {
		out = compress(out, raw, h.Codec(), DefaultLevel)
	}
	binary.BigEndian.PutUint32(out[atLength:], uint32(len(out)-lengthBytes))
	binary.BigEndian.PutUint16(out[atAttributes:], attributes)
	binary.BigEndian.PutUint64(out[atBaseTimestamp:], uint64(base))
	binary.BigEndian.PutUint64(out[atMaxTimestamp:], uint64(maxTimestamp))
	binary.BigEndian.PutUint32(out[atCount:], uint32(count))
	writeSum(out)
	return out, nil
}

// appendTail appends a record of which everything from the key on is written already.
func appendTail(dst []byte, timestampDelta, offsetDelta int64, tail []byte) []byte {
	dst = binary.AppendVarint(dst, int64(1+varintBytes(timestampDelta)+varintBytes(offsetDelta)+len(tail)))
	dst = append(dst, 0)
	dst = binary.AppendVarint(dst, timestampDelta)
	dst = binary.AppendVarint(dst, offsetDelta)
	return append(dst, tail...)
}

// ValidateCompacted is Validate for a batch that may have been compacted: its offset
// deltas ascend up to the last one at most, and there may be fewer records than offsets.
func ValidateCompacted(batch []byte) (Header, error) {
	h, err := checkSum(batch)
	if err != nil {
		return h, err
	}
	if h.Count < 1 || h.LastOffsetDelta < h.Count-1 {
		return h, fmt.Errorf("%w: %d records, last offset delta %d", ErrOffsets, h.Count, h.LastOffsetDelta)
	}
	before := h.BaseOffset - 1
	for record, err := range Records(batch) {
		if err != nil {
			return h, err
		}
		if record.Offset <= before || record.Offset > h.LastOffset() {
			return h, fmt.Errorf("%w: offset %d after %d, the last one is %d", ErrOffsets, record.Offset, before, h.LastOffset())
		}
		before = record.Offset
	}
	return h, nil
}

// ControlType is what a control record says, by its key (KIP-98).
type ControlType int16

// The control records that end a transaction.
const (
	ControlAbort  ControlType = 0
	ControlCommit ControlType = 1
)

// Control reads the type of the first record of a control batch.
func Control(batch []byte) (ControlType, error) {
	for record, err := range Records(batch) {
		switch {
		case err != nil:
			return 0, err
		case len(record.Key) < 4:
			return 0, fmt.Errorf("%w: control record with a key of %d bytes", ErrRecord, len(record.Key))
		}
		return ControlType(binary.BigEndian.Uint16(record.Key[2:])), nil
	}
	return 0, fmt.Errorf("%w: control batch without a record", ErrRecord)
}
