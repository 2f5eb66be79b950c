package recordbatch

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Options are what a batch has besides its records. The zero value makes an
// uncompressed batch at offset 0 of no idempotent producer.
type Options struct {
	BaseOffset  int64
	LeaderEpoch int32
	Codec       Codec
	// Producer is nil for none.
	Producer      *Producer
	Transactional bool
	Control       bool
}

// Producer identifies a batch of an idempotent producer (KIP-98).
type Producer struct {
	ID           int64
	Epoch        int16
	BaseSequence int32
}

// Append appends one batch of the records to dst, which may be nil, and returns
// it. Offsets follow from Options.BaseOffset and the order; Record.Offset is not
// looked at. There must be a record.
func Append(dst []byte, records []Record, o Options) []byte {
	if len(records) == 0 {
		panic("recordbatch: a batch without records")
	}
	start := len(dst)
	dst = append(dst, make([]byte, HeaderBytes)...)
	baseTimestamp := records[0].TimestampUnixMilli
	maxTimestamp := baseTimestamp
	for i := range records {
		maxTimestamp = max(maxTimestamp, records[i].TimestampUnixMilli)
	}
	if o.Codec == CodecNone {
		dst = appendRecords(dst, records, baseTimestamp)
	} else {
		buffer := takeBuffer()
		*buffer = appendRecords((*buffer)[:0], records, baseTimestamp)
		dst = compress(dst, *buffer, o.Codec, DefaultLevel)
		giveBuffer(buffer)
	}

	attributes := uint16(o.Codec)
	if o.Transactional {
		attributes |= attributeTransactional
	}
	if o.Control {
		attributes |= attributeControl
	}
	producer := Producer{ID: -1, Epoch: -1, BaseSequence: -1}
	if o.Producer != nil {
		producer = *o.Producer
	}
	batch := dst[start:]
	binary.BigEndian.PutUint64(batch[atBaseOffset:], uint64(o.BaseOffset))
	binary.BigEndian.PutUint32(batch[atLength:], uint32(len(batch)-lengthBytes))
	binary.BigEndian.PutUint32(batch[atLeaderEpoch:], uint32(o.LeaderEpoch))
	batch[atMagic] = Magic
	binary.BigEndian.PutUint16(batch[atAttributes:], attributes)
	binary.BigEndian.PutUint32(batch[atLastOffsetDelta:], uint32(len(records)-1))
	binary.BigEndian.PutUint64(batch[atBaseTimestamp:], uint64(baseTimestamp))
	binary.BigEndian.PutUint64(batch[atMaxTimestamp:], uint64(maxTimestamp))
	binary.BigEndian.PutUint64(batch[atProducerID:], uint64(producer.ID))
	binary.BigEndian.PutUint16(batch[atProducerEpoch:], uint16(producer.Epoch))
	binary.BigEndian.PutUint32(batch[atBaseSequence:], uint32(producer.BaseSequence))
	binary.BigEndian.PutUint32(batch[atCount:], uint32(len(records)))
	writeSum(batch)
	return dst
}

func appendRecords(dst []byte, records []Record, baseTimestamp int64) []byte {
	for i := range records {
		dst = appendRecord(dst, &records[i], records[i].TimestampUnixMilli-baseTimestamp, int64(i))
	}
	return dst
}

func appendRecord(dst []byte, record *Record, timestampDelta, offsetDelta int64) []byte {
	dst = binary.AppendVarint(dst, int64(recordBytes(record, timestampDelta, offsetDelta)))
	dst = append(dst, 0)
	dst = binary.AppendVarint(dst, timestampDelta)
	dst = binary.AppendVarint(dst, offsetDelta)
	dst = appendNullable(dst, record.Key)
	dst = appendNullable(dst, record.Value)
	dst = binary.AppendVarint(dst, int64(len(record.Headers)))
	for _, header := range record.Headers {
		dst = binary.AppendVarint(dst, int64(len(header.Key)))
		dst = append(dst, header.Key...)
		dst = appendNullable(dst, header.Value)
	}
	return dst
}

func appendNullable(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(b)))
	return append(dst, b...)
}

// recordBytes is the size of a record without its length field.
func recordBytes(record *Record, timestampDelta, offsetDelta int64) int {
	n := 1 + varintBytes(timestampDelta) + varintBytes(offsetDelta) +
		nullableBytes(record.Key) + nullableBytes(record.Value) + varintBytes(int64(len(record.Headers)))
	for _, header := range record.Headers {
		n += varintBytes(int64(len(header.Key))) + len(header.Key) + nullableBytes(header.Value)
	}
	return n
}

func nullableBytes(b []byte) int {
	if b == nil {
		return 1
	}
	return varintBytes(int64(len(b))) + len(b)
}

func varintBytes(v int64) int {
	u := uint64(v)<<1 ^ uint64(v>>63)
	n := 1
	for ; u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

// DefaultLevel is the level of a compression that nobody chose one for.
const DefaultLevel = math.MinInt

var (
	// gzipWriters are by level, from gzip.HuffmanOnly on.
	gzipWriters [gzip.BestCompression - gzip.HuffmanOnly + 1]sync.Pool
	lz4Writers  = sync.Pool{New: func() any {
		w := lz4.NewWriter(nil)
		if err := w.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ConcurrencyOption(1)); err != nil {
			panic(err) // constant options
		}
		return w
	}}
	// zstdEncoders are by the library's level.
	zstdEncoders [zstd.SpeedBestCompression + 1]struct {
		once    sync.Once
		encoder *zstd.Encoder
	}
)

// gzipWriter takes a writer of a level that gzip has, else of its default.
func gzipWriter(level int) (*gzip.Writer, *sync.Pool) {
	if level < gzip.HuffmanOnly || level > gzip.BestCompression {
		level = gzip.DefaultCompression
	}
	pool := &gzipWriters[level-gzip.HuffmanOnly]
	if w, ok := pool.Get().(*gzip.Writer); ok {
		return w, pool
	}
	w, err := gzip.NewWriterLevel(nil, level)
	if err != nil {
		panic(err) // the level was checked
	}
	return w, pool
}

// zstdEncoder is the encoder for a level of the reference implementation, of which the
// library has four steps. The fastest one is for those who chose none.
func zstdEncoder(level int) *zstd.Encoder {
	speed := zstd.SpeedFastest
	if level != DefaultLevel {
		speed = zstd.EncoderLevelFromZstd(level)
	}
	shared := &zstdEncoders[speed]
	shared.once.Do(func() {
		encoder, err := zstd.NewWriter(nil,
			zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderLevel(speed))
		if err != nil {
			panic(err) // constant options
		}
		shared.encoder = encoder
	})
	return shared.encoder
}

// sliceWriter is an io.Writer that appends, and so never fails.
type sliceWriter struct{ data []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.data = append(w.data, p...)
	return len(p), nil
}

// compress appends the compressed data to dst.
func compress(dst, data []byte, codec Codec, level int) []byte {
	switch codec {
	case CodecGzip:
		out := sliceWriter{dst}
		w, pool := gzipWriter(level)
		defer pool.Put(w)
		w.Reset(&out)
		must(w.Write(data))
		must(0, w.Close())
		return out.data
	case CodecSnappy:
		return append(dst, snappy.Encode(nil, data)...)
	case CodecLZ4:
		out := sliceWriter{dst}
		w := lz4Writers.Get().(*lz4.Writer)
		defer lz4Writers.Put(w)
		w.Reset(&out)
		must(w.Write(data))
		must(0, w.Close())
		return out.data
	case CodecZstd:
		return zstdEncoder(level).EncodeAll(data, dst)
	}
	panic(fmt.Sprintf("recordbatch: compress with %s", codec))
}

// must is for compressors that write into memory, where nothing can fail.
func must(_ int, err error) {
	if err != nil {
		panic(fmt.Sprintf("recordbatch: compress into memory: %v", err))
	}
}
