package recordbatch

import (
	"encoding/binary"
	"fmt"
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
func Compact(batch []byte, horizonUnixMilli int64, keep func(Record) bool) (Compacted, error) {
	h, err := ParseHeader(batch)
	if err != nil {
		return Compacted{}, err
	}
	var kept []Record
	var result Compacted
	hasTombstone := false
	for record, err := range Records(batch) {
		if err != nil {
			return Compacted{}, err
		}
		if !keep(record) {
			result.Dropped++
			continue
		}
		kept = append(kept, record)
		hasTombstone = hasTombstone || record.Value == nil
	}
	result.Kept = len(kept)
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
	if len(kept) == 0 {
		return result, nil
	}
	result.Batch = rebuild(batch[:HeaderBytes], h, kept, hasTombstone && !hasHorizon, horizon)
	return result, nil
}

// WithDeleteHorizon is a whole batch with the same records and a time from which it may
// go: that of a marker (KIP-534). It must have none yet.
func WithDeleteHorizon(batch []byte, horizonUnixMilli int64) ([]byte, error) {
	h, err := ParseHeader(batch)
	if err != nil {
		return nil, err
	}
	var records []Record
	for record, err := range Records(batch) {
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%w: batch without a record", ErrRecord)
	}
	return rebuild(batch[:HeaderBytes], h, records, true, horizonUnixMilli), nil
}

// rebuild makes a batch of some of the records of one with a header.
func rebuild(header []byte, h Header, records []Record, setsHorizon bool, horizon int64) []byte {
	out := append(make([]byte, 0, HeaderBytes+len(records)*16), header...)
	base := h.BaseTimestamp
	attributes := uint16(h.Attributes)
	if setsHorizon {
		base = horizon
		attributes |= attributeDeleteHorizon
	}
	maxTimestamp := records[0].TimestampUnixMilli
	for i := range records {
		maxTimestamp = max(maxTimestamp, records[i].TimestampUnixMilli)
	}
	raw := out
	if h.Codec() != CodecNone {
		buffer := takeBuffer()
		defer giveBuffer(buffer)
		raw = (*buffer)[:0]
		defer func() { *buffer = raw }()
	}
	for i := range records {
		raw = appendRecord(raw, &records[i], records[i].TimestampUnixMilli-base, records[i].Offset-h.BaseOffset)
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
	binary.BigEndian.PutUint32(out[atCount:], uint32(len(records)))
	writeSum(out)
	return out
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
