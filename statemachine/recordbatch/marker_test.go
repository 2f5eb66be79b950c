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
