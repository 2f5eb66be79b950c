package recordbatch

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/snappy"
)

// xerialMagic begins the framing of snappy-java, which Kafka's own clients write:
//
//	| magic 8 | version int32 | compatible version int32 | { length int32 | snappy block }... |
//
// librdkafka and others write one bare block instead; brokers read both.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeaderBytes = 16

func decompressSnappy(dst, data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, xerialMagic) {
		return decompressBlock(dst, data)
	}
	if len(data) < xerialHeaderBytes {
		return dst, fmt.Errorf("%w: snappy: framing header of %d bytes, want %d", ErrCompressed, len(data), xerialHeaderBytes)
	}
	data = data[xerialHeaderBytes:]
	for len(data) > 0 {
		if len(data) < 4 {
			return dst, fmt.Errorf("%w: snappy: %d bytes after the last block", ErrCompressed, len(data))
		}
		length := binary.BigEndian.Uint32(data)
		data = data[4:]
		if uint64(length) > uint64(len(data)) {
			return dst, fmt.Errorf("%w: snappy: block of %d bytes, %d left", ErrCompressed, length, len(data))
		}
		var err error
		if dst, err = decompressBlock(dst, data[:length]); err != nil {
			return dst, err
		}
		data = data[length:]
	}
	return dst, nil
}

// decompressBlock appends one decompressed block to dst. The size that a block
// claims is compared with the bound, and with what so few bytes can be, before
// memory is taken for it.
func decompressBlock(dst, block []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return dst, fmt.Errorf("%w: snappy: %w", ErrCompressed, err)
	}
	if n > DecompressedBytesMax-len(dst) {
		return dst, tooLarge(CodecSnappy)
	}
	// The densest element is a copy of 64 bytes in three.
	if n > 64*len(block) {
		return dst, fmt.Errorf("%w: snappy: %d bytes can't become %d", ErrCompressed, len(block), n)
	}
	start := len(dst)
	if cap(dst)-start < n {
		grown := make([]byte, start, max(start+n, 2*start))
		copy(grown, dst)
		dst = grown
	}
	if _, err := snappy.Decode(dst[start:start+n], block); err != nil {
		return dst, fmt.Errorf("%w: snappy: %w", ErrCompressed, err)
	}
	return dst[:start+n], nil
}
