package recordbatch

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// What is left of a batch is exactly what was to be kept, with offsets and times, and the
// header says so; compacted again it is the same as in one go.
func TestCompactedBatchHasTheKeptRecords(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 21))
	for range 300 {
		var records []Record
		for i := range 1 + random.IntN(8) {
			r := Record{TimestampUnixMilli: 1_000_000 + random.Int64N(5000) - 2500, Key: fmt.Appendf(nil, "key-%d", i)}
			if random.IntN(4) > 0 {
				r.Value = fmt.Appendf(nil, "value %d", random.IntN(1000))
			}
			if random.IntN(3) == 0 {
				r.Headers = []RecordHeader{{"h", nil}, {"g", []byte("x")}}
			}
			records = append(records, r)
		}
		options := Options{BaseOffset: random.Int64N(1000), Codec: Codec(random.IntN(5)), LeaderEpoch: 4}
		if random.IntN(2) == 0 {
			options.Producer, options.Transactional = &Producer{ID: 5, Epoch: 2, BaseSequence: 70}, random.IntN(2) == 0
		}
		batch := Append(nil, records, options)
		if random.IntN(4) == 0 {
			SetLogAppendTime(batch, 2_000_000)
		}
		before := bytes.Clone(batch)
		all := collect(t, batch)
		var want []Record
		isKept := make(map[int64]bool)
		hasTombstone := false
		for _, r := range all {
			if random.IntN(3) > 0 {
				isKept[r.Offset] = true
				want = append(want, r)
				hasTombstone = hasTombstone || r.Value == nil
			}
		}
		got, err := Compact(batch, 9_000_000, func(r Record) bool { return isKept[r.Offset] })
		if err != nil || got.Kept != len(want) || got.Kept+got.Dropped != len(all) || !bytes.Equal(batch, before) {
			t.Fatalf("%+v, %v, want %d of %d", got, err, len(want), len(all))
		}
		if hasTombstone != (got.DeleteHorizonUnixMilli == 9_000_000) {
			t.Fatalf("horizon %d, has tombstone %v", got.DeleteHorizonUnixMilli, hasTombstone)
		}
		if got.IsUnchanged {
			if len(want) != len(all) || hasTombstone {
				t.Fatalf("unchanged: %d of %d, tombstone %v", len(want), len(all), hasTombstone)
			}
			continue
		}
		if len(want) == 0 {
			if got.Batch != nil {
				t.Fatal("a batch of nothing")
			}
			continue
		}
		header, err := ValidateCompacted(got.Batch)
		if err != nil {
			t.Fatal(err)
		}
		if left := collect(t, got.Batch); !reflect.DeepEqual(left, want) {
			t.Fatalf("left\n%+v, want\n%+v", left, want)
		}
		old, _ := ParseHeader(batch)
		horizon, hasHorizon := header.DeleteHorizon()
		if hasHorizon != hasTombstone || hasHorizon && horizon != 9_000_000 {
			t.Errorf("horizon %d, %v; tombstones %v", horizon, hasHorizon, hasTombstone)
		}
		latest := want[0].TimestampUnixMilli
		for _, r := range want {
			latest = max(latest, r.TimestampUnixMilli)
		}
		if header.MaxTimestamp != latest || header.IsLogAppendTime() && latest != 2_000_000 {
			t.Errorf("max timestamp %d, want %d", header.MaxTimestamp, latest)
		}
		if header.BaseOffset != old.BaseOffset || header.LastOffset() != old.LastOffset() || header.LastSequence() != old.LastSequence() ||
			header.ProducerID != old.ProducerID || header.ProducerEpoch != old.ProducerEpoch || header.LeaderEpoch != old.LeaderEpoch ||
			header.Attributes&^attributeDeleteHorizon != old.Attributes {
			t.Errorf("header %+v, was %+v", header, old)
		}
		if again, err := Compact(got.Batch, 10_000_000, func(Record) bool { return true }); err != nil || !again.IsUnchanged ||
			hasTombstone && again.DeleteHorizonUnixMilli != 9_000_000 {
			t.Errorf("again: %+v, %v", again, err)
		}
	}
}

func TestBatchThatIsNotCompactedRightIsRefused(t *testing.T) {
	records := []Record{{Key: []byte("a")}, {Key: []byte("b")}, {Key: []byte("c")}}
	whole, err := Compact(Append(nil, records, Options{}), 1, func(r Record) bool { return r.Offset != 1 })
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func([]byte)
		want   error
	}{
		"last offset before that of a record": {func(b []byte) { b[26] = 1 }, ErrOffsets},
		"no records":                          {func(b []byte) { b[60] = 0 }, ErrOffsets},
		"more records than offsets":           {func(b []byte) { b[60] = 4 }, ErrOffsets},
		"a record more than there is":         {func(b []byte) { b[60] = 3 }, ErrRecord},
		"a codec nobody has":                  {func(b []byte) { b[22] |= 7 }, ErrCodec},
	} {
		batch := bytes.Clone(whole.Batch)
		test.change(batch)
		writeSum(batch)
		if _, err := ValidateCompacted(batch); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	for _, offsets := range [][]byte{{0, 0}, {1, 0}, {0, 3}, {2, 2}} {
		var data []byte
		for _, delta := range offsets {
			data = append(data, 12, 0, 0, delta<<1, 1, 1, 0) // no key, no value, no header
		}
		batch := rawBatch(CodecNone, 2, data)
		batch[atLastOffsetDelta+3] = 2
		if _, err := ValidateCompacted(sum(batch)); !errors.Is(err, ErrOffsets) {
			t.Errorf("offset deltas %d: %v", offsets, err)
		}
	}
	torn := bytes.Clone(whole.Batch)
	torn[len(torn)-1] ^= 1
	if _, err := ValidateCompacted(torn); !errors.Is(err, ErrCRC) {
		t.Errorf("flipped bit: %v", err)
	}
	if _, err := Compact(torn[:40], 1, func(Record) bool { return true }); !errors.Is(err, ErrLength) {
		t.Errorf("cut short: %v", err)
	}
}

func TestControlRecordSaysHowATransactionEnded(t *testing.T) {
	for _, want := range []ControlType{ControlAbort, ControlCommit} {
		batch := Append(nil, []Record{{Key: []byte{0, 0, 0, byte(want)}, Value: []byte{0, 0, 0, 0, 0, 1}}},
			Options{Control: true, Transactional: true, Producer: &Producer{ID: 1}})
		if got, err := Control(batch); err != nil || got != want {
			t.Errorf("%d, %v, want %d", got, err, want)
		}
	}
	if _, err := Control(Append(nil, []Record{{Key: []byte{0, 0}}}, Options{Control: true})); !errors.Is(err, ErrRecord) {
		t.Errorf("half a key: %v", err)
	}
	if _, err := Control(rawBatch(CodecNone, 1, []byte{12, 0})); !errors.Is(err, ErrRecord) {
		t.Errorf("half a record: %v", err)
	}
}

// FuzzCompact holds that what is compacted of any batch that is accepted is accepted as a
// compacted one, has the records that were to be kept and no others, and compacted the
// same way again doesn't change; and that nothing panics of a batch that is not.
func FuzzCompact(f *testing.F) {
	for _, codec := range allCodecs {
		f.Add(Append(nil, someRecords(), Options{Codec: codec}), uint64(0b1010_1101))
	}
	f.Add(Append(nil, []Record{{Key: []byte("k")}, {Key: []byte("l"), Value: []byte("v")}}, Options{BaseOffset: 7, Producer: &Producer{ID: 5, Epoch: 2, BaseSequence: 70}}), uint64(1))
	f.Add([]byte{}, uint64(0))
	f.Fuzz(func(t *testing.T, batch []byte, mask uint64) {
		batch = bytes.Clone(batch)
		if len(batch) > HeaderBytes { // let the fuzzer past the CRC
			batch = sum(batch)
		}
		h, err := ValidateCompacted(batch)
		keep := func(r Record) bool { return mask>>uint64(r.Offset%64)&1 == 1 }
		result, compactErr := Compact(batch, 1000, keep)
		_, _ = Control(batch)
		if err != nil {
			return
		}
		if compactErr != nil {
			t.Fatalf("accepted, but not compacted: %v", compactErr)
		}
		if result.Kept+result.Dropped != int(h.Count) {
			t.Fatalf("%d kept, %d dropped of %d", result.Kept, result.Dropped, h.Count)
		}
		if result.IsUnchanged || result.Kept == 0 {
			return
		}
		after, err := ValidateCompacted(result.Batch)
		if err != nil {
			t.Fatalf("compacted, and not accepted: %v", err)
		}
		if after.BaseOffset != h.BaseOffset || after.LastOffset() != h.LastOffset() || after.ProducerID != h.ProducerID || after.BaseSequence != h.BaseSequence {
			t.Fatalf("header %+v became %+v", h, after)
		}
		var want []Record
		for _, r := range collect(t, batch) {
			if keep(r) {
				want = append(want, r)
			}
		}
		if got := collect(t, result.Batch); !reflect.DeepEqual(got, want) {
			t.Fatalf("kept %+v, want %+v", got, want)
		}
		if again, err := Compact(result.Batch, 2000, keep); err != nil || !again.IsUnchanged {
			t.Fatalf("compacted again: %+v, %v", again, err)
		}
	})
}

// A marker with a delete horizon says what it said, at the time at which it did.
func TestMarkerWithADeleteHorizon(t *testing.T) {
	want := Marker{ProducerID: 7, ProducerEpoch: 3, IsCommit: true, CoordinatorEpoch: 9, UnixMilli: 1_700_000_000_123}
	old := AppendMarker(nil, want)
	SetBaseOffset(old, 1234)
	batch, err := WithDeleteHorizon(old, 1_800_000_000_000)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ValidateCompacted(batch)
	if err != nil {
		t.Fatal(err)
	}
	if horizon, has := h.DeleteHorizon(); !has || horizon != 1_800_000_000_000 {
		t.Errorf("horizon %d, %v", horizon, has)
	}
	if h.BaseOffset != 1234 || h.LastOffset() != 1234 || h.MaxTimestamp != want.UnixMilli || h.BaseSequence != -1 || !h.IsControl() || !h.IsTransactional() {
		t.Errorf("header %+v", h)
	}
	if got, isMarker, err := ParseMarker(batch); err != nil || !isMarker || got != want {
		t.Errorf("%+v, %v, %v, want %+v", got, isMarker, err, want)
	}
	none := bytes.Clone(old)
	none[atCount+3] = 0
	for _, broken := range [][]byte{nil, old[:HeaderBytes-1], old[:HeaderBytes+2], none} {
		if _, err := WithDeleteHorizon(broken, 1); err == nil {
			t.Errorf("%d bytes of %d are taken", len(broken), len(old))
		}
	}
}
