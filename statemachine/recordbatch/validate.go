package recordbatch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// Check makes sure that batch is exactly one batch of format 2 whose header fits
// its bytes: the lengths, the CRC, the codec and the count. It doesn't look at
// the records. The cost is that of the CRC.
func Check(batch []byte) (Header, error) {
	h, err := checkSum(batch)
	if err != nil {
		return h, err
	}
	if h.Count < 1 || h.LastOffsetDelta != h.Count-1 {
		return h, fmt.Errorf("%w: %d records, last offset delta %d", ErrOffsets, h.Count, h.LastOffsetDelta)
	}
	// Markers have no sequence.
	if h.ProducerID >= 0 && (h.ProducerEpoch < 0 || h.BaseSequence < 0 && !h.IsControl()) {
		return h, fmt.Errorf("%w: producer %d with epoch %d and sequence %d",
			ErrRecord, h.ProducerID, h.ProducerEpoch, h.BaseSequence)
	}
	return h, nil
}

// CheckSum checks that a stored batch has the bytes that were written: its length and its CRC. Errors: ErrLength, ErrMagic, ErrCRC, ErrCodec.
func CheckSum(batch []byte) error {
	_, err := checkSum(batch)
	return err
}

// checkSum checks the length, the CRC and the codec.
func checkSum(batch []byte) (Header, error) {
	h, err := ParseHeader(batch)
	if err != nil {
		return h, err
	}
	if h.Bytes() != len(batch) {
		return h, fmt.Errorf("%w: length field makes %d bytes, there are %d", ErrLength, h.Bytes(), len(batch))
	}
	if sum := crc32.Checksum(batch[atAttributes:], castagnoli); sum != h.CRC {
		return h, fmt.Errorf("%w: batch says %08x, its bytes sum to %08x", ErrCRC, h.CRC, sum)
	}
	if h.Codec() > CodecZstd {
		return h, fmt.Errorf("%w: codec %d", ErrCodec, h.Codec())
	}
	return h, nil
}

// Survey is what a walk over the records of a batch finds besides that they are whole.
type Survey struct {
	// MinTimestamp and MaxTimestamp are those of the records, in milliseconds since
	// 1970. A record without a timestamp, -1, counts for MaxTimestamp alone; where no
	// record has one, MinTimestamp is the greatest number there is.
	MinTimestamp int64
	MaxTimestamp int64
	// HasNullKey says that a record has no key.
	HasNullKey bool
}

// Validate is Check and a walk over all records, decompressed if need be: each
// must be whole, its offset delta must be its place, and nothing may follow the
// last one.
func Validate(batch []byte) (Header, error) {
	h, _, err := validate(batch)
	return h, err
}

// Admit is Validate for a batch that a producer sent, and puts its max timestamp
// right, as Kafka's brokers do: some clients leave it at -1, and by that time the
// records would be found too old to be kept. One that claims log append time, which is
// not the producer's to say, claims it no more. A batch that was wrong is written to, and
// summed anew.
func Admit(batch []byte) (Header, Survey, error) {
	h, survey, err := validate(batch)
	if err != nil || !h.IsLogAppendTime() && h.MaxTimestamp == survey.MaxTimestamp {
		return h, survey, err
	}
	binary.BigEndian.PutUint16(batch[atAttributes:], uint16(h.Attributes&^attributeLogAppendTime))
	binary.BigEndian.PutUint64(batch[atMaxTimestamp:], uint64(survey.MaxTimestamp))
	writeSum(batch)
	h, err = ParseHeader(batch)
	return h, survey, err
}

// writeSum writes the CRC of a whole batch into it.
func writeSum(batch []byte) {
	binary.BigEndian.PutUint32(batch[atCRC:], crc32.Checksum(batch[atAttributes:], castagnoli))
}

// validate is Validate with what it found.
func validate(batch []byte) (h Header, survey Survey, err error) {
	if h, err = Check(batch); err != nil {
		return h, survey, err
	}
	data := batch[HeaderBytes:]
	if h.Codec() != CodecNone {
		buffer := takeBuffer()
		defer giveBuffer(buffer)
		if *buffer, err = decompress((*buffer)[:0], data, h.Codec()); err != nil {
			return h, survey, err
		}
		data = *buffer
	}
	survey = Survey{MinTimestamp: math.MaxInt64, MaxTimestamp: math.MinInt64}
	for i := int32(0); i < h.Count; i++ {
		var record readable
		if record, data, err = readRecord(data, h); err != nil {
			return h, survey, err
		}
		if record.offsetDelta != int64(i) {
			return h, survey, fmt.Errorf("%w: record %d has offset delta %d", ErrOffsets, i, record.offsetDelta)
		}
		timestamp := h.BaseTimestamp + record.timestampDelta // whatever the batch claims
		survey.MaxTimestamp = max(survey.MaxTimestamp, timestamp)
		if timestamp != -1 {
			survey.MinTimestamp = min(survey.MinTimestamp, timestamp)
		}
		survey.HasNullKey = survey.HasNullKey || record.Key == nil
	}
	if len(data) > 0 {
		return h, survey, fmt.Errorf("%w: %d bytes after the last record", ErrRecord, len(data))
	}
	return h, survey, nil
}
