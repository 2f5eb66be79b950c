package recordbatch

import (
	"encoding/binary"
	"fmt"
)

// Recompress returns the batch with its records compressed by another codec, in memory
// of its own. Everything else of it stays. The level is one of the codec's, or
// DefaultLevel; lz4 and snappy have one only. The batch must have passed Validate.
func Recompress(batch []byte, codec Codec, level int) ([]byte, error) {
	h, err := ParseHeader(batch)
	if err != nil {
		return nil, err
	}
	if codec > CodecZstd {
		return nil, fmt.Errorf("%w: %s", ErrCodec, codec)
	}
	data := batch[HeaderBytes:h.Bytes()]
	if h.Codec() != CodecNone {
		buffer := takeBuffer()
		defer giveBuffer(buffer)
		if *buffer, err = decompress((*buffer)[:0], data, h.Codec()); err != nil {
			return nil, err
		}
		data = *buffer
	}
	out := append(make([]byte, 0, HeaderBytes+len(data)), batch[:HeaderBytes]...)
	if codec == CodecNone {
		out = append(out, data...)
	} else {
		out = compress(out, data, codec, level)
	}
	attributes := binary.BigEndian.Uint16(out[atAttributes:])
	binary.BigEndian.PutUint16(out[atAttributes:], attributes&^attributeCodec|uint16(codec))
	binary.BigEndian.PutUint32(out[atLength:], uint32(len(out)-lengthBytes))
	writeSum(out)
	return out, nil
}
