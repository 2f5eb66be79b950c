package recordbatch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// DecompressedBytesMax bounds the records of one batch after decompression. A
// kilobyte of zstd can claim to be a gigabyte.
const DecompressedBytesMax = 64 << 20

// Codec is the compression of a batch.
type Codec int8

// The codecs of Kafka. Zstandard is KIP-110.
const (
	CodecNone   Codec = 0
	CodecGzip   Codec = 1
	CodecSnappy Codec = 2
	CodecLZ4    Codec = 3
	CodecZstd   Codec = 4
)

// String gives Kafka's name of the codec, as in compression.type.
func (c Codec) String() string {
	switch c {
	case CodecNone:
		return "none"
	case CodecGzip:
		return "gzip"
	case CodecSnappy:
		return "snappy"
	case CodecLZ4:
		return "lz4"
	case CodecZstd:
		return "zstd"
	}
	return fmt.Sprintf("codec %d", int8(c))
}

// Decompressors are kept: a fresh zstd decoder costs more than a small batch.
var (
	gzipReaders sync.Pool
	lz4Readers  = sync.Pool{New: func() any { return lz4.NewReader(nil) }}
	zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
		decoder, err := zstd.NewReader(nil,
			zstd.WithDecoderConcurrency(0),
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(DecompressedBytesMax),
			zstd.WithDecoderMaxMemory(DecompressedBytesMax))
		if err != nil {
			panic(err) // constant options
		}
		return decoder
	})
)

// decompress appends the decompressed data to dst and returns it, also with an
// error, so that a pooled buffer isn't lost. Errors: ErrCodec, ErrCompressed,
// ErrTooLarge.
func decompress(dst, data []byte, codec Codec) ([]byte, error) {
	switch codec {
	case CodecGzip:
		return decompressGzip(dst, data)
	case CodecSnappy:
		return decompressSnappy(dst, data)
	case CodecLZ4:
		reader := lz4Readers.Get().(*lz4.Reader)
		defer lz4Readers.Put(reader)
		reader.Reset(bytes.NewReader(data))
		return readAll(dst, reader, codec)
	case CodecZstd:
		out, err := zstdDecoder().DecodeAll(data, dst)
		switch {
		case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
			return dst, tooLarge(codec)
		case err != nil:
			return dst, fmt.Errorf("%w: zstd: %w", ErrCompressed, err)
		}
		return out, nil
	}
	return dst, fmt.Errorf("%w: %s", ErrCodec, codec)
}

func decompressGzip(dst, data []byte) ([]byte, error) {
	reader, _ := gzipReaders.Get().(*gzip.Reader)
	if reader == nil {
		reader = new(gzip.Reader)
	}
	defer gzipReaders.Put(reader)
	if err := reader.Reset(bytes.NewReader(data)); err != nil {
		return dst, fmt.Errorf("%w: gzip: %w", ErrCompressed, err)
	}
	return readAll(dst, reader, CodecGzip)
}

// readAll appends all of r to dst, up to DecompressedBytesMax.
func readAll(dst []byte, r io.Reader, codec Codec) ([]byte, error) {
	for empty := 0; ; empty++ {
		if empty == emptyReadsMax {
			return dst, fmt.Errorf("%w: %s: %w", ErrCompressed, codec, io.ErrNoProgress)
		}
		if len(dst) == cap(dst) {
			// Doubled, but no further than what is known to be too much.
			dst = slices.Grow(dst, min(max(len(dst), 512), DecompressedBytesMax+1-len(dst)))
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if n > 0 {
			empty = -1
		}
		if len(dst) > DecompressedBytesMax {
			return dst, tooLarge(codec)
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, fmt.Errorf("%w: %s: %w", ErrCompressed, codec, err)
		}
	}
}

// emptyReadsMax is how often in a row a decompressor may give neither data nor an
// error, as a frame of empty blocks makes it.
const emptyReadsMax = 100

func tooLarge(codec Codec) error {
	return fmt.Errorf("%w: %s: more than %d bytes", ErrTooLarge, codec, DecompressedBytesMax)
}

// pooledBufferBytesMax keeps one huge batch from staying in memory for ever.
const pooledBufferBytesMax = 1 << 20

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func takeBuffer() *[]byte { return buffers.Get().(*[]byte) }

func giveBuffer(buffer *[]byte) {
	if cap(*buffer) <= pooledBufferBytesMax {
		buffers.Put(buffer)
	}
}
