package recordbatch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// HeaderBytes is the size of everything before the first record.
const HeaderBytes = 61

// lengthBytes is the size of what the length field does not count: the base
// offset and the length field itself.
const lengthBytes = 12

// Magic is the only format that this package reads and writes.
const Magic = 2

const (
	attributeCodec         = 0x07
	attributeLogAppendTime = 0x08
	attributeTransactional = 0x10
	attributeControl       = 0x20
	attributeDeleteHorizon = 0x40
)

// Where the fields are.
const (
	atBaseOffset      = 0
	atLength          = 8
	atLeaderEpoch     = 12
	atMagic           = 16
	atCRC             = 17
	atAttributes      = 21
	atLastOffsetDelta = 23
	atBaseTimestamp   = 27
	atMaxTimestamp    = 35
	atProducerID      = 43
	atProducerEpoch   = 51
	atBaseSequence    = 53
	atCount           = 57
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header is everything of a batch but its records.
type Header struct {
	BaseOffset int64
	// Length is the number of bytes after the length field.
	Length          int32
	LeaderEpoch     int32
	Magic           int8
	CRC             uint32
	Attributes      int16
	LastOffsetDelta int32
	// BaseTimestamp and MaxTimestamp are in milliseconds since 1970.
	BaseTimestamp int64
	MaxTimestamp  int64
	// ProducerID is -1 for a producer that is not idempotent.
	ProducerID    int64
	ProducerEpoch int16
	BaseSequence  int32
	Count         int32
}

// ParseHeader reads the header of the first batch in data, which may end after
// the header or go on with more batches. It checks no more than that the header
// is there, of format 2, and that its length is possible: ErrLength, ErrMagic.
func ParseHeader(data []byte) (Header, error) {
	if len(data) <= atMagic {
		return Header{}, fmt.Errorf("%w: %d bytes, a header has %d", ErrLength, len(data), HeaderBytes)
	}
	// Formats 0 and 1 have shorter headers but the same place for the magic byte.
	if magic := int8(data[atMagic]); magic != Magic {
		return Header{}, fmt.Errorf("%w: magic %d, only %d is supported", ErrMagic, magic, Magic)
	}
	if len(data) < HeaderBytes {
		return Header{}, fmt.Errorf("%w: %d bytes, a header has %d", ErrLength, len(data), HeaderBytes)
	}
	h := Header{
		BaseOffset:      int64(binary.BigEndian.Uint64(data[atBaseOffset:])),
		Length:          int32(binary.BigEndian.Uint32(data[atLength:])),
		LeaderEpoch:     int32(binary.BigEndian.Uint32(data[atLeaderEpoch:])),
		Magic:           int8(data[atMagic]),
		CRC:             binary.BigEndian.Uint32(data[atCRC:]),
		Attributes:      int16(binary.BigEndian.Uint16(data[atAttributes:])),
		LastOffsetDelta: int32(binary.BigEndian.Uint32(data[atLastOffsetDelta:])),
		BaseTimestamp:   int64(binary.BigEndian.Uint64(data[atBaseTimestamp:])),
		MaxTimestamp:    int64(binary.BigEndian.Uint64(data[atMaxTimestamp:])),
		ProducerID:      int64(binary.BigEndian.Uint64(data[atProducerID:])),
		ProducerEpoch:   int16(binary.BigEndian.Uint16(data[atProducerEpoch:])),
		BaseSequence:    int32(binary.BigEndian.Uint32(data[atBaseSequence:])),
		Count:           int32(binary.BigEndian.Uint32(data[atCount:])),
	}
	if h.Length < HeaderBytes-lengthBytes {
		return Header{}, fmt.Errorf("%w: length field %d, at least %d", ErrLength, h.Length, HeaderBytes-lengthBytes)
	}
	return h, nil
}

// Bytes is the size of the whole batch.
func (h Header) Bytes() int { return int(h.Length) + lengthBytes }

// LastOffset is the offset of the last record.
func (h Header) LastOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) }

// NextOffset is the offset after the last record.
func (h Header) NextOffset() int64 { return h.LastOffset() + 1 }

// LastSequence is the sequence number of the last record. Sequences wrap from
// 2^31-1 to 0.
func (h Header) LastSequence() int32 {
	return (h.BaseSequence + h.LastOffsetDelta) & 0x7fffffff
}

// Codec is the compression of the records.
func (h Header) Codec() Codec { return Codec(h.Attributes & attributeCodec) }

// IsLogAppendTime says that all records have the time MaxTimestamp, at which the
// batch was appended, rather than their own.
func (h Header) IsLogAppendTime() bool { return h.Attributes&attributeLogAppendTime != 0 }

// IsTransactional says that the batch belongs to a transaction.
func (h Header) IsTransactional() bool { return h.Attributes&attributeTransactional != 0 }

// IsControl says that the records are markers, written by brokers and hidden from
// consumers.
func (h Header) IsControl() bool { return h.Attributes&attributeControl != 0 }

// DeleteHorizon is the time from which the tombstones of a compacted batch may go, or the
// marker that it is; false if it has none. The base timestamp holds it (KIP-534).
func (h Header) DeleteHorizon() (unixMilli int64, exists bool) {
	return h.BaseTimestamp, h.Attributes&attributeDeleteHorizon != 0
}

// SetBaseOffset writes the base offset into the batch. The CRC does not cover it.
// The batch must hold a header.
func SetBaseOffset(batch []byte, offset int64) {
	binary.BigEndian.PutUint64(batch[atBaseOffset:], uint64(offset))
}

// SetLeaderEpoch writes the partition leader epoch into the batch. The CRC does
// not cover it. The batch must hold a header.
func SetLeaderEpoch(batch []byte, epoch int32) {
	binary.BigEndian.PutUint32(batch[atLeaderEpoch:], uint32(epoch))
}

// SetLogAppendTime makes the batch one of log append time with the given time,
// and sums it anew. Its records are left as they are. The batch must be whole.
func SetLogAppendTime(batch []byte, unixMilli int64) {
	attributes := binary.BigEndian.Uint16(batch[atAttributes:])
	binary.BigEndian.PutUint16(batch[atAttributes:], attributes|attributeLogAppendTime)
	binary.BigEndian.PutUint64(batch[atMaxTimestamp:], uint64(unixMilli))
	writeSum(batch)
}
