package recordbatch

import "errors"

// What can be wrong with a batch. Each comes wrapped with the numbers; compare
// with errors.Is. Answer the producer; none of them is worth a retry.
var (
	// ErrLength: shorter than a header, or the length field does not fit the
	// bytes that are there.
	ErrLength = errors.New("batch length does not fit")
	// ErrMagic: format 0, 1 or one from the future.
	ErrMagic = errors.New("unsupported batch format")
	// ErrCRC: the bytes are not those that the producer summed.
	ErrCRC = errors.New("batch checksum does not match")
	// ErrOffsets: the offset deltas are not 0, 1, 2 up to the last one, or the
	// number of records differs from what they say.
	ErrOffsets = errors.New("batch offsets are not consecutive")
	// ErrRecord: a record ends outside of the batch or holds an impossible length.
	ErrRecord = errors.New("malformed record")
	// ErrCodec: a compression that nobody has defined.
	ErrCodec = errors.New("unknown compression")
	// ErrCompressed: the compressed data is damaged.
	ErrCompressed = errors.New("malformed compressed records")
	// ErrTooLarge: the records decompress to more than DecompressedBytesMax.
	ErrTooLarge = errors.New("decompressed records too large")
)
