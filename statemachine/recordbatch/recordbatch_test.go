package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

var allCodecs = []Codec{CodecNone, CodecGzip, CodecSnappy, CodecLZ4, CodecZstd}

func someRecords() []Record {
	return []Record{
		{TimestampUnixMilli: 1000, Key: []byte("order-1"), Value: []byte(`new:{"n":1}`)},
		{TimestampUnixMilli: 990, Key: nil, Value: []byte{}},
		{TimestampUnixMilli: 2500, Key: []byte{}, Value: nil, Headers: []RecordHeader{
			{Key: "trace", Value: []byte("abc")}, {Key: "", Value: nil}, {Key: "empty", Value: []byte{}},
		}},
		{TimestampUnixMilli: 2500, Key: []byte("k"), Value: bytes.Repeat([]byte("x"), 5000)},
	}
}

func collect(t *testing.T, batch []byte) []Record {
	t.Helper()
	var records []Record
	for record, err := range recordsWithHeaders(batch) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	return records
}

// recordsWithHeaders is Records, with what Records leaves out.
func recordsWithHeaders(batch []byte) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		h, data, err := openRecords(nil, batch)
		for range h.Count {
			var record readable
			if err == nil {
				record, data, err = readRecord(data, h)
			}
			if err == nil {
				r := fields{data: record.tail}
				r.nullableBytes()
				r.nullableBytes()
				for range r.count() {
					record.Headers = append(record.Headers, RecordHeader{Key: string(r.bytes()), Value: r.nullableBytes()})
				}
			}
			if !yield(record.Record, err) || err != nil {
				return
			}
		}
	}
}

func TestRecordsComeBackAsAppended(t *testing.T) {
	for _, codec := range allCodecs {
		t.Run(codec.String(), func(t *testing.T) {
			batch := Append(nil, someRecords(), Options{Codec: codec, BaseOffset: 77, LeaderEpoch: 3,
				Producer: &Producer{ID: 9, Epoch: 1, BaseSequence: 40}})
			h, err := Validate(batch)
			if err != nil {
				t.Fatal(err)
			}
			want := Header{BaseOffset: 77, Length: int32(len(batch) - 12), LeaderEpoch: 3, Magic: 2, CRC: h.CRC,
				Attributes: int16(codec), LastOffsetDelta: 3, BaseTimestamp: 1000, MaxTimestamp: 2500,
				ProducerID: 9, ProducerEpoch: 1, BaseSequence: 40, Count: 4}
			if h != want {
				t.Errorf("header\n got %+v\nwant %+v", h, want)
			}
			if h.LastSequence() != 43 || h.NextOffset() != 81 || h.Bytes() != len(batch) {
				t.Errorf("last sequence %d, next offset %d, bytes %d", h.LastSequence(), h.NextOffset(), h.Bytes())
			}
			expected := someRecords()
			for i := range expected {
				expected[i].Offset = 77 + int64(i)
			}
			if got := collect(t, batch); !reflect.DeepEqual(got, expected) {
				t.Errorf("records\n got %+v\nwant %+v", got, expected)
			}
		})
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	first := Append(nil, someRecords()[:1], Options{})
	both := Append(bytes.Clone(first), someRecords(), Options{Codec: CodecZstd})
	if !bytes.HasPrefix(both, first) {
		t.Fatal("the first batch changed")
	}
	batch, rest, err := Split(both)
	if err != nil || !bytes.Equal(batch, first) {
		t.Fatalf("split: %v", err)
	}
	if _, err := Validate(rest); err != nil {
		t.Fatal(err)
	}
}

func TestSequenceWrapsToZero(t *testing.T) {
	h := Header{BaseSequence: 0x7fffffff, LastOffsetDelta: 2}
	if h.LastSequence() != 1 {
		t.Errorf("last sequence %d", h.LastSequence())
	}
}

// sum writes the CRC that makes a tampered batch pass the first check.
func sum(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[atCRC:], crc32.Checksum(batch[atAttributes:], castagnoli))
	return batch
}

// rawBatch is a batch of count records whose record section is exactly data.
func rawBatch(codec Codec, count int, data []byte) []byte {
	batch := Append(nil, make([]Record, count), Options{})[:HeaderBytes]
	batch = append(batch, data...)
	binary.BigEndian.PutUint32(batch[atLength:], uint32(len(batch)-lengthBytes))
	binary.BigEndian.PutUint16(batch[atAttributes:], uint16(codec))
	return sum(batch)
}

func TestValidateTellsFaultsApart(t *testing.T) {
	good := func() []byte { return Append(nil, someRecords(), Options{}) }
	edit := func(at int, b ...byte) []byte { return sum(append(good()[:at], append(b, good()[at+len(b):]...)...)) }
	recordsOf := func(records []Record) []byte { return appendRecords(nil, records, 0) }
	one := recordsOf([]Record{{Key: []byte("k"), Value: []byte("v")}})
	xerial := func(tail ...byte) []byte {
		return append(append(bytes.Clone(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1), tail...)
	}

	tests := []struct {
		name  string
		batch []byte
		want  error
	}{
		{"nothing", nil, ErrLength},
		{"half a header", good()[:40], ErrLength},
		{"cut at the end", good()[:len(good())-1], ErrLength},
		{"one byte more", append(good(), 0), ErrLength},
		{"negative length", edit(atLength, 0xff, 0xff, 0xff, 0xff), ErrLength},
		{"length of less than a header", edit(atLength, 0, 0, 0, 10), ErrLength},
		{"magic 0", edit(atMagic, 0), ErrMagic},
		{"magic 1", edit(atMagic, 1), ErrMagic},
		{"magic 1, short", edit(atMagic, 1)[:30], ErrMagic},
		{"magic 3", edit(atMagic, 3), ErrMagic},
		{"flipped bit", func() []byte { b := good(); b[len(b)-1] ^= 1; return b }(), ErrCRC},
		{"codec 5", edit(atAttributes, 0, 5), ErrCodec},
		{"no records", edit(atCount, 0, 0, 0, 0), ErrOffsets},
		{"negative count", edit(atCount, 0xff, 0, 0, 0), ErrOffsets},
		{"last offset delta too large", edit(atLastOffsetDelta, 0, 0, 0, 9), ErrOffsets},
		{"count and last delta beyond the records", sum(append(append(good()[:atLastOffsetDelta], 0, 0, 0, 4),
			append(append(good()[atLastOffsetDelta+4:atCount], 0, 0, 0, 5), good()[HeaderBytes:]...)...)), ErrRecord},
		{"producer without sequence", edit(atProducerID, 0, 0, 0, 0, 0, 0, 0, 1), ErrRecord},
		{"offset delta twice", rawBatch(CodecNone, 2, append(bytes.Clone(one), one...)), ErrOffsets},
		{"bytes after the last record", rawBatch(CodecNone, 1, append(bytes.Clone(one), 1)), ErrRecord},
		{"record too long", rawBatch(CodecNone, 1, []byte{100, 0, 0, 0}), ErrRecord},
		{"record of negative length", rawBatch(CodecNone, 1, []byte{1, 0, 0, 0}), ErrRecord},
		{"varint without end", rawBatch(CodecNone, 1, bytes.Repeat([]byte{0xff}, 20)), ErrRecord},
		{"key length beyond the record", rawBatch(CodecNone, 1, []byte{12, 0, 0, 0, 40, 1, 1}), ErrRecord},
		{"key length of -2", rawBatch(CodecNone, 1, []byte{12, 0, 0, 0, 3, 1, 0}), ErrRecord},
		{"more headers than bytes", rawBatch(CodecNone, 1, []byte{14, 0, 0, 0, 1, 1, 0x80, 0x40}), ErrRecord},
		{"header without key", rawBatch(CodecNone, 1, []byte{16, 0, 0, 0, 1, 1, 2, 1, 1}), ErrRecord},
		{"bytes after the last header", rawBatch(CodecNone, 1, []byte{14, 0, 0, 0, 1, 1, 0, 9}), ErrRecord},
		{"gzip that isn't", rawBatch(CodecGzip, 1, one), ErrCompressed},
		{"gzip cut short", rawBatch(CodecGzip, 1, compress(nil, one, CodecGzip, DefaultLevel)[:12]), ErrCompressed},
		{"lz4 that isn't", rawBatch(CodecLZ4, 1, one), ErrCompressed},
		{"zstd that isn't", rawBatch(CodecZstd, 1, one), ErrCompressed},
		{"snappy that isn't", rawBatch(CodecSnappy, 1, []byte{0xff, 0xff}), ErrCompressed},
		{"snappy that can't be so large", rawBatch(CodecSnappy, 1, binary.AppendUvarint(nil, 1<<20)), ErrCompressed},
		{"xerial header cut short", rawBatch(CodecSnappy, 1, xerialMagic), ErrCompressed},
		{"xerial block beyond the end", rawBatch(CodecSnappy, 1, xerial(0, 0, 1, 0, 1)), ErrCompressed},
		{"xerial with a stray byte", rawBatch(CodecSnappy, 1, xerial(7)), ErrCompressed},
		{"bad offsets inside zstd", rawBatch(CodecZstd, 2,
			compress(nil, append(bytes.Clone(one), one...), CodecZstd, DefaultLevel)), ErrOffsets},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Validate(test.batch); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			for _, err := range Records(test.batch) {
				_ = err // must end and not panic
			}
		})
	}
}

func TestDecompressionBombIsRefused(t *testing.T) {
	zeros := make([]byte, DecompressedBytesMax+1)
	for _, codec := range allCodecs[1:] {
		t.Run(codec.String(), func(t *testing.T) {
			var bomb []byte
			switch codec {
			case CodecSnappy: // raw snappy is not dense enough for the ratio check
				bomb = snappy.Encode(nil, zeros)
			case CodecZstd: // one with the size in its header, as an attacker would not send
				encoder, err := zstd.NewWriter(nil, zstd.WithSingleSegment(false))
				if err != nil {
					t.Fatal(err)
				}
				bomb = encoder.EncodeAll(zeros, nil)
			default:
				bomb = compress(nil, zeros, codec, DefaultLevel)
			}
			if _, err := Validate(rawBatch(codec, 1, bomb)); !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v, want %v", err, ErrTooLarge)
			}
			for _, err := range Records(rawBatch(codec, 1, bomb)) {
				if !errors.Is(err, ErrTooLarge) {
					t.Errorf("records: got %v, want %v", err, ErrTooLarge)
				}
			}
		})
	}
	t.Run("zstd stream without a size", func(t *testing.T) {
		var out bytes.Buffer
		w, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 { // in pieces, so that the size is not known when the frame begins
			if _, err := w.Write(zeros[:len(zeros)/3]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Validate(rawBatch(CodecZstd, 1, out.Bytes())); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v, want %v", err, ErrTooLarge)
		}
	})
}

func TestXerialFramesAreRead(t *testing.T) {
	data := appendRecords(nil, someRecords(), 1000)
	framed := append([]byte("\x82SNAPPY\x00"), 0, 0, 0, 1, 0, 0, 0, 1)
	for len(data) > 0 {
		n := min(1000, len(data))
		block := snappy.Encode(nil, data[:n])
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(block)))
		framed = append(framed, block...)
		data = data[n:]
	}
	batch := rawBatch(CodecSnappy, 4, framed)
	if _, err := Validate(batch); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, batch); len(got) != 4 || len(got[3].Value) != 5000 {
		t.Errorf("got %d records", len(got))
	}
}

func TestPatchesKeepTheBatchValid(t *testing.T) {
	batch := Append(nil, someRecords(), Options{Codec: CodecLZ4})
	SetBaseOffset(batch, 1<<40)
	SetLeaderEpoch(batch, 12)
	if h, err := Validate(batch); err != nil || h.BaseOffset != 1<<40 || h.LeaderEpoch != 12 {
		t.Fatalf("%+v %v", h, err)
	}
	SetLogAppendTime(batch, 5000)
	h, err := Validate(batch)
	if err != nil || !h.IsLogAppendTime() || h.MaxTimestamp != 5000 || h.Codec() != CodecLZ4 {
		t.Fatalf("%+v %v", h, err)
	}
	for _, record := range collect(t, batch) {
		if record.TimestampUnixMilli != 5000 {
			t.Errorf("offset %d has time %d", record.Offset, record.TimestampUnixMilli)
		}
	}
}

func TestAdmitPutsTheMaxTimestampRight(t *testing.T) {
	for _, codec := range allCodecs {
		good := Append(nil, someRecords(), Options{Codec: codec})
		for _, wrong := range []int64{-1, 0, 1 << 40} {
			batch := bytes.Clone(good)
			binary.BigEndian.PutUint64(batch[atMaxTimestamp:], uint64(wrong))
			h, _, err := Admit(sum(batch))
			if err != nil || h.MaxTimestamp != 2500 || !bytes.Equal(batch, good) {
				t.Errorf("%s, %d: %+v %v", codec, wrong, h, err)
			}
		}
		batch := bytes.Clone(good)
		SetLogAppendTime(batch, 5000)
		if h, _, err := Admit(batch); err != nil || h.IsLogAppendTime() || !bytes.Equal(batch, good) {
			t.Errorf("%s, log append time: %+v %v", codec, h, err)
		}
	}
	batch := Append(nil, someRecords(), Options{})
	batch[len(batch)-1] ^= 1
	if _, _, err := Admit(batch); !errors.Is(err, ErrCRC) {
		t.Errorf("flipped bit: %v", err)
	}
}

func TestFirstAtOrAfter(t *testing.T) {
	batch := Append(nil, someRecords(), Options{BaseOffset: 10, Codec: CodecGzip})
	for _, test := range []struct {
		from, time, offset, at int64
		found                  bool
	}{{0, 0, 10, 1000, true}, {0, 1000, 10, 1000, true}, {0, 1001, 12, 2500, true}, {0, 2501, 0, 0, false},
		{11, 0, 11, 990, true}, {13, 0, 13, 2500, true}, {14, 0, 0, 0, false}} {
		offset, at, found, err := FirstAtOrAfter(batch, test.from, test.time)
		if err != nil || offset != test.offset || at != test.at || found != test.found {
			t.Errorf("%d: got %d at %d, %v, %v", test.time, offset, at, found, err)
		}
	}
}

func TestSplitRefusesACutBatch(t *testing.T) {
	data := Append(Append(nil, someRecords(), Options{}), someRecords()[:2], Options{Codec: CodecZstd})
	for cut := range len(data) {
		rest := data[:cut]
		var err error
		whole := 0
		for len(rest) > 0 && err == nil {
			if _, rest, err = Split(rest); err == nil {
				whole++
			}
		}
		if len(rest) > 0 && !errors.Is(err, ErrLength) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

// The vectors of Kafka's UtilsTest.testMurmur2.
func TestMurmur2(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(Murmur2([]byte(key))); got != want {
			t.Errorf("%q: got %d, want %d", key, got, want)
		}
	}
}

func TestPartitionForKeyIsInRange(t *testing.T) {
	for n := int32(1); n < 20; n++ {
		for i := range 100 {
			if p := PartitionForKey(fmt.Appendf(nil, "k%d", i), n); p < 0 || p >= n {
				t.Fatalf("partition %d of %d", p, n)
			}
		}
	}
	if PartitionForKey(nil, 7) != PartitionForKey([]byte{}, 7) {
		t.Error("nil and empty differ")
	}
}

func TestAppendAllocatesNothingIntoSpace(t *testing.T) {
	records := someRecords()
	dst := make([]byte, 0, 1<<16)
	if n := testing.AllocsPerRun(100, func() { dst = Append(dst[:0], records, Options{}) }); n > 0 {
		t.Errorf("Append: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = Validate(dst) }); n > 0 {
		t.Errorf("Validate: %v allocations", n)
	}
}

func fuzzSeeds(f *testing.F) {
	for _, codec := range allCodecs {
		f.Add(Append(nil, someRecords(), Options{Codec: codec}))
	}
	f.Add([]byte{})
	f.Add(rawBatch(CodecSnappy, 1, append(bytes.Clone(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 1, 0, 0)))
}

// FuzzValidate holds that nothing panics, and that what Validate accepts Records
// reads whole, with consecutive offsets, also when it is compressed or compacted.
func FuzzValidate(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, batch []byte) {
		batch = bytes.Clone(batch)
		if len(batch) > HeaderBytes { // let the fuzzer past the CRC
			batch = sum(batch)
		}
		h, err := Validate(batch)
		n := int32(0)
		for record, recordErr := range Records(batch) {
			if recordErr != nil {
				if err == nil {
					t.Fatalf("valid, but record %d: %v", n, recordErr)
				}
				break
			}
			if err == nil && record.Offset != h.BaseOffset+int64(n) {
				t.Fatalf("record %d has offset %d", n, record.Offset)
			}
			n++
		}
		if err == nil && n != h.Count {
			t.Fatalf("%d records, the header says %d", n, h.Count)
		}
		if err == nil {
			if _, _, err := Admit(batch); err != nil {
				t.Fatalf("valid, but not admitted: %v", err)
			}
			if _, err := Validate(batch); err != nil {
				t.Fatalf("admitted, but not valid: %v", err)
			}
			// The same records, however they are written again.
			want := collect(t, batch)
			again, err := Recompress(batch, Codec(len(batch)%5), DefaultLevel)
			if err != nil {
				t.Fatalf("valid, but not compressed: %v", err)
			}
			if _, err := Validate(again); err != nil || !reflect.DeepEqual(collect(t, again), want) {
				t.Fatalf("compressed again: %v", err)
			}
			due, err := WithDeleteHorizon(again, int64(len(batch)))
			if err != nil {
				t.Fatalf("valid, but has no horizon: %v", err)
			}
			if _, err := ValidateCompacted(due); err != nil || !reflect.DeepEqual(collect(t, due), want) {
				t.Fatalf("with a horizon: %v", err)
			}
		}
	})
}

// FuzzSplit holds that the pieces are the whole.
func FuzzSplit(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var joined []byte
		rest := data
		for len(rest) > 0 {
			batch, after, err := Split(rest)
			if err != nil {
				break
			}
			if len(batch) < lengthBytes {
				t.Fatalf("a batch of %d bytes", len(batch))
			}
			joined = append(joined, batch...)
			rest = after
		}
		if !bytes.Equal(append(joined, rest...), data) {
			t.Fatal("the pieces are not the whole")
		}
	})
}

func benchmarkRecords(n, valueBytes int) []Record {
	source := rand.New(rand.NewPCG(1, 2))
	records := make([]Record, n)
	for i := range records {
		value := make([]byte, valueBytes)
		for j := range value {
			value[j] = "abcdefgh"[source.IntN(8)]
		}
		records[i] = Record{TimestampUnixMilli: 1000, Key: fmt.Appendf(nil, "key-%d", i), Value: value}
	}
	return records
}

func BenchmarkAppend(b *testing.B) {
	records := benchmarkRecords(100, 100)
	for _, codec := range allCodecs {
		b.Run("codec="+codec.String(), func(b *testing.B) {
			dst := Append(nil, records, Options{Codec: codec})
			b.SetBytes(int64(len(dst)))
			b.ReportAllocs()
			for b.Loop() {
				dst = Append(dst[:0], records, Options{Codec: codec})
			}
		})
	}
}

func BenchmarkValidate(b *testing.B) {
	records := benchmarkRecords(100, 100)
	for _, codec := range allCodecs {
		b.Run("codec="+codec.String(), func(b *testing.B) {
			batch := Append(nil, records, Options{Codec: codec})
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Validate(batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestRecompressedBatchHasTheSameRecords(t *testing.T) {
	records := []Record{
		{TimestampUnixMilli: 1000, Key: []byte("k"), Value: bytes.Repeat([]byte("value "), 500)},
		{TimestampUnixMilli: 900, Value: []byte{}, Headers: []RecordHeader{{"h", nil}, {"h", []byte("v")}}},
	}
	for from := CodecNone; from <= CodecZstd; from++ {
		batch := Append(nil, records, Options{BaseOffset: 7, Codec: from, Producer: &Producer{ID: 3, Epoch: 1, BaseSequence: 9}})
		want, err := ParseHeader(batch)
		if err != nil {
			t.Fatal(err)
		}
		for to := CodecNone; to <= CodecZstd; to++ {
			for _, level := range []int{DefaultLevel, -1, 1, 3, 9, 17, 22} {
				before := bytes.Clone(batch)
				again, err := Recompress(batch, to, level)
				if err != nil {
					t.Fatalf("%s to %s at level %d: %v", from, to, level, err)
				}
				got, err := Validate(again)
				if err != nil || got.Codec() != to || !bytes.Equal(batch, before) {
					t.Fatalf("%s to %s at level %d: %+v, %v", from, to, level, got, err)
				}
				got.CRC, got.Length, got.Attributes = want.CRC, want.Length, want.Attributes
				if got != want {
					t.Errorf("%s to %s: header %+v, want %+v", from, to, got, want)
				}
				place := 0
				for record, err := range recordsWithHeaders(again) {
					wanted := records[place]
					wanted.Offset = 7 + int64(place)
					if err != nil || !reflect.DeepEqual(record, wanted) {
						t.Errorf("%s to %s: record %+v, %v, want %+v", from, to, record, err, wanted)
					}
					place++
				}
			}
		}
	}
	if _, err := Recompress(Append(nil, records, Options{}), CodecZstd+1, DefaultLevel); !errors.Is(err, ErrCodec) {
		t.Errorf("an unknown codec: %v", err)
	}
}
