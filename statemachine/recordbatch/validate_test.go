package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/snappy"
)

func TestProducerOfABatchHasAnEpochAndASequence(t *testing.T) {
	for _, test := range []struct {
		producer  Producer
		isControl bool
		want      error
	}{
		{Producer{0, 0, 0}, false, nil},
		{Producer{0, -1, 0}, false, ErrRecord},
		{Producer{0, 0, -1}, false, ErrRecord},
		{Producer{7, -1, 5}, false, ErrRecord},
		{Producer{-1, -1, -1}, false, nil},
		{Producer{7, 0, -1}, true, nil}, // a marker
		{Producer{7, -1, -1}, true, ErrRecord},
	} {
		batch := Append(nil, someRecords(), Options{Producer: &test.producer, Control: test.isControl})
		if _, err := Check(batch); !errors.Is(err, test.want) {
			t.Errorf("%+v, control %v: %v, want %v", test.producer, test.isControl, err, test.want)
		}
	}
}

// Check doesn't look at the records, so that it must know the codec by itself.
func TestCodecThatNobodyHasIsKnownByTheHeader(t *testing.T) {
	batch := Append(nil, someRecords(), Options{})
	for codec := range byte(8) {
		batch[atAttributes+1] = codec
		if _, err := Check(sum(batch)); errors.Is(err, ErrCodec) != (Codec(codec) > CodecZstd) {
			t.Errorf("codec %d: %v", codec, err)
		}
	}
}

func TestSurveyIsThatOfTheRecords(t *testing.T) {
	at := func(times ...int64) (records []Record) {
		for _, time := range times {
			records = append(records, Record{TimestampUnixMilli: time, Key: []byte{}})
		}
		return records
	}
	keyless := at(5, 6, 7)
	keyless[1].Key = nil
	for _, test := range []struct {
		records []Record
		want    Survey
	}{
		{at(5), Survey{5, 5, false}},
		{at(5, 3, 9, 4), Survey{3, 9, false}},
		{at(-1, 3, -1), Survey{3, 3, false}},
		{at(-1, -1), Survey{math.MaxInt64, -1, false}},
		{at(0, -1, 1), Survey{0, 1, false}},
		{at(-2, 0), Survey{-2, 0, false}},
		{keyless, Survey{5, 7, true}},
	} {
		if _, got, err := Admit(Append(nil, test.records, Options{})); err != nil || got != test.want {
			t.Errorf("%+v: %+v, %v, want %+v", test.records, got, err, test.want)
		}
	}
}

// The greatest timestamp is right as it is, and who wrote it there was not the broker.
func TestAdmitTakesAwayALogAppendTimeThatFits(t *testing.T) {
	good := Append(nil, someRecords(), Options{})
	batch := bytes.Clone(good)
	SetLogAppendTime(batch, 2500)
	if h, _, err := Admit(batch); err != nil || h.IsLogAppendTime() || !bytes.Equal(batch, good) {
		t.Errorf("%+v, %v", h, err)
	}
}

// Who reads what was never validated is told of it once, rather than that there is nothing.
func TestRecordsOfABrokenBatchEndWithAnError(t *testing.T) {
	whole := Append(nil, someRecords(), Options{})
	more := bytes.Clone(whole)
	binary.BigEndian.PutUint32(more[atCount:], 5)
	for name, test := range map[string]struct {
		batch []byte
		count int
		want  error
	}{
		"nothing":                 {nil, 0, ErrLength},
		"cut":                     {whole[:len(whole)-1], 0, ErrLength},
		"gzip that isn't":         {rawBatch(CodecGzip, 1, whole), 0, ErrCompressed},
		"one more than there are": {more, 4, ErrRecord},
	} {
		count, errs := 0, 0
		for _, err := range Records(test.batch) {
			if err == nil {
				count++
			} else if errs++; !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
		}
		if count != test.count || errs != 1 {
			t.Errorf("%s: %d records and %d errors, want %d and one", name, count, errs, test.count)
		}
		if _, _, found, err := FirstAtOrAfter(test.batch, 0, math.MaxInt64); found || !errors.Is(err, test.want) {
			t.Errorf("%s: first at or after: %v, %v, want %v", name, found, err, test.want)
		}
	}
}

// A record that ends before its last field, whichever that is, is no shorter record; nor is
// one with a number of more than 64 bits.
func TestRecordThatEndsEarlyIsRefused(t *testing.T) {
	whole := appendRecords(nil, []Record{{Key: []byte("key"), Value: []byte("v"), Headers: []RecordHeader{{"h", []byte("x")}, {"", nil}}}}, 0)
	body := whole[1:]
	check := func(what string, body []byte) {
		t.Helper()
		batch := rawBatch(CodecNone, 1, append(binary.AppendVarint(nil, int64(len(body))), body...))
		if _, err := Validate(batch); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v", what, err)
		}
		for _, err := range Records(batch) {
			if !errors.Is(err, ErrRecord) {
				t.Errorf("%s: read, %v", what, err)
			}
		}
	}
	for cut := range body {
		check(fmt.Sprintf("%d bytes of %d", cut, len(body)), body[:cut])
	}
	long := bytes.Repeat([]byte{0x80}, 10)
	for at := 1; at < 4; at++ {
		check(fmt.Sprintf("a long number at %d", at), slices.Concat(body[:at], long, body[at:]))
	}
}

// A batch of a few kilobytes may have millions of headers, or of records. Whoever reads or
// compacts it needs the memory that its bytes take when they are decompressed, and not many
// times as much for what they say.
func TestMemoryIsThatOfTheDecompressedBytes(t *testing.T) {
	headers := make([]RecordHeader, 2_000_000)
	records := make([]Record, 1_000_000)
	for i := range records {
		records[i].Key = []byte{}
	}
	for name, test := range map[string]struct {
		records []Record
		bytes   uint64
	}{
		"headers": {[]Record{{Key: []byte("k"), Headers: headers}, {}}, 4_000_000},
		"records": {records, 10_000_000},
	} {
		batch := Append(nil, test.records, Options{Codec: CodecZstd})
		for what, use := range map[string]func() error{
			"read": func() (err error) {
				for _, one := range Records(batch) {
					err = errors.Join(err, one)
				}
				return err
			},
			"compact": func() error {
				_, err := Compact(batch, 1, func(r Record) bool { return r.Offset != 1 })
				return err
			},
			"horizon": func() error {
				_, err := WithDeleteHorizon(batch, 1)
				return err
			},
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := use()
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; err != nil || got > 10*test.bytes {
				t.Errorf("%s of many %s: %d bytes for some %d, %v", what, name, got, test.bytes, err)
			}
		}
	}
}

// A number of headers that can't be there is refused before it is believed.
func TestNumberOfHeadersIsNotBelieved(t *testing.T) {
	for _, count := range []int64{-1, -2, 1, 2, 1 << 31, 1 << 40, math.MaxInt64, math.MinInt64} {
		body := binary.AppendVarint([]byte{0, 0, 0, 1, 1}, count)
		batch := rawBatch(CodecNone, 1, append(binary.AppendVarint(nil, int64(len(body))), body...))
		if _, err := Validate(batch); !errors.Is(err, ErrRecord) {
			t.Errorf("%d headers: %v", count, err)
		}
		for _, err := range Records(batch) {
			if !errors.Is(err, ErrRecord) {
				t.Errorf("%d headers: read, %v", count, err)
			}
		}
	}
}

// bodyOf is a record of a null key whose value makes all of it as long as that.
func bodyOf(bytes int) []byte {
	value := make([]byte, bytes)
	for len(value) > 0 {
		records := appendRecords(nil, []Record{{Value: value}}, 0)
		if len(records) <= bytes {
			return records
		}
		value = value[:len(value)-(len(records)-bytes)]
	}
	return nil
}

// As much as is allowed may be read, and a byte more may not, however it is cut in blocks.
func TestBoundOfDecompressedBytesIsExact(t *testing.T) {
	for _, over := range []int{0, 1} {
		data := bodyOf(DecompressedBytesMax + over)
		if len(data) != DecompressedBytesMax+over {
			t.Fatalf("%d bytes", len(data))
		}
		framed := append(bytes.Clone(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1)
		for block := range slices.Chunk(data, DecompressedBytesMax/4-100) {
			block = snappy.Encode(nil, block)
			framed = append(binary.BigEndian.AppendUint32(framed, uint32(len(block))), block...)
		}
		want := []error{nil, ErrTooLarge}[over]
		if _, err := Validate(rawBatch(CodecSnappy, 1, framed)); !errors.Is(err, want) {
			t.Errorf("snappy in blocks, %d over: %v, want %v", over, err, want)
		}
		for _, codec := range allCodecs[1:] {
			if _, err := Validate(rawBatch(codec, 1, compress(nil, data, codec, DefaultLevel))); !errors.Is(err, want) {
				t.Errorf("%s, %d over: %v, want %v", codec, over, err, want)
			}
		}
	}
}

// Five bytes that claim to be many are refused before memory is taken for them.
func TestSizeThatABlockClaimsIsNotBelieved(t *testing.T) {
	for _, claimed := range []uint64{DecompressedBytesMax, 1 << 31, 1<<32 - 1, 1 << 32, math.MaxUint64} {
		batch := rawBatch(CodecSnappy, 1, binary.AppendUvarint(nil, claimed))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Validate(batch)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 1<<20 {
			t.Errorf("%d bytes claimed: %d taken, %v", claimed, got, err)
		}
	}
}
