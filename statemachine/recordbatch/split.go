package recordbatch

import "fmt"

// Split cuts the first batch off a concatenation of batches, as a produce request
// or a fetch response holds it. It looks at nothing but the length, so format 0
// and 1 pass here and are refused by Check.
//
//	for len(data) > 0 {
//		batch, rest, err := recordbatch.Split(data)
//		...
//		data = rest
//	}
//
// A last batch that is cut short, which a fetch response may have, is ErrLength.
func Split(data []byte) (batch, rest []byte, err error) {
	if len(data) < lengthBytes {
		return nil, data, fmt.Errorf("%w: %d bytes left, a batch begins with %d", ErrLength, len(data), lengthBytes)
	}
	length := int64(int32(uint32(data[atLength])<<24 | uint32(data[atLength+1])<<16 |
		uint32(data[atLength+2])<<8 | uint32(data[atLength+3])))
	if length < 0 || length > int64(len(data)-lengthBytes) {
		return nil, data, fmt.Errorf("%w: length field %d, %d bytes left", ErrLength, length, len(data)-lengthBytes)
	}
	end := lengthBytes + int(length)
	return data[:end:end], data[end:], nil
}
