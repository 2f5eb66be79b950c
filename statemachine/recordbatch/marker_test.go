package recordbatch

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Markers are what franz-go reads in a control batch.
func TestMarkersAreReadByUsAndByFranz(t *testing.T) {
	for _, want := range []Marker{
		{ProducerID: 7, ProducerEpoch: 3, IsCommit: true, CoordinatorEpoch: 9, UnixMilli: 1_700_000_000_000},
		{ProducerID: 1 << 40, ProducerEpoch: 32767, CoordinatorEpoch: 1, UnixMilli: 5},
	} {
		batch := AppendMarker(nil, want)
		h, err := Validate(batch)
		if err != nil || !h.IsControl() || !h.IsTransactional() || h.BaseSequence != -1 {
			t.Fatalf("%+v, %v", h, err)
		}
		if got, isMarker, err := ParseMarker(batch); got != want || !isMarker || err != nil {
			t.Errorf("got %+v, %v, %v, want %+v", got, isMarker, err, want)
		}
		for record, err := range Records(batch) {
			if err != nil {
				t.Fatal(err)
			}
			var key kmsg.ControlRecordKey
			var value kmsg.EndTxnMarker
			if err := key.ReadFrom(record.Key); err != nil {
				t.Fatal(err)
			}
			if err := value.ReadFrom(record.Value); err != nil {
				t.Fatal(err)
			}
			if isCommit := key.Type == kmsg.ControlRecordKeyTypeCommit; isCommit != want.IsCommit || value.CoordinatorEpoch != want.CoordinatorEpoch {
				t.Errorf("franz-go reads %+v %+v of %+v", key, value, want)
			}
		}
	}
	for name, o := range map[string]Options{"records": {}, "records of a transaction": {Transactional: true, Producer: &Producer{}}, "control": {Control: true}} {
		if _, isMarker, err := ParseMarker(Append(nil, []Record{{Key: []byte("abcd"), Value: []byte("abcdef")}}, o)); isMarker || err != nil {
			t.Errorf("%s: marker %v, %v", name, isMarker, err)
		}
	}
}

// What has not all of a marker is none, whatever it is.
func TestMarkerHasAKeyAndAValue(t *testing.T) {
	for _, test := range []struct {
		key, value, kind     int
		control, transaction bool
		want                 bool
	}{
		{4, 6, 0, true, true, true}, {4, 6, 1, true, true, true}, {5, 7, 1, true, true, true},
		{3, 6, 1, true, true, false}, {4, 5, 1, true, true, false}, {0, 0, 0, true, true, false},
		{4, 6, 2, true, true, false}, {4, 6, 1, false, true, false}, {4, 6, 1, true, false, false},
	} {
		key := make([]byte, test.key)
		if test.key > 3 {
			key[3] = byte(test.kind)
		}
		batch := Append(nil, []Record{{Key: key, Value: make([]byte, test.value)}},
			Options{Producer: &Producer{ID: 1, BaseSequence: -1}, Control: test.control, Transactional: test.transaction})
		if m, is, err := ParseMarker(batch); is != test.want || err != nil || is && m.IsCommit != (test.kind == 1) {
			t.Errorf("%+v: %+v, %v, %v", test, m, is, err)
		}
	}
	if _, is, err := ParseMarker(rawBatch(CodecNone, 1, nil)); is || err != nil {
		t.Errorf("a batch of records that can't be read: %v, %v", is, err)
	}
}
