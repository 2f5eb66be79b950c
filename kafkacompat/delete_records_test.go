package kafkacompat_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/recordbatch"
)

// Deleting what is gone is no error, also when it went after the request was checked, as by
// another one or by retention: the answer is where the partition begins.
func TestDeletingWhatIsGoneTellsTheStart(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	produceOne(c, 9, "orders", recordbatch.Append(nil, make([]recordbatch.Record, 6), recordbatch.Options{}))
	outOfRange := kerr.OffsetOutOfRange.Code
	type answer struct {
		code         int16
		lowWatermark int64
	}
	for _, test := range []struct {
		name    string
		offsets []int64
		want    []answer
	}{
		{"nothing", []int64{0}, []answer{{0, 0}}},
		{"less behind more", []int64{3, 2, 3}, []answer{{0, 3}, {0, 3}, {0, 3}}},
		{"what is gone", []int64{1, 0}, []answer{{0, 3}, {0, 3}}},
		{"beyond the end, and negative", []int64{7, -2, 4}, []answer{{outOfRange, -1}, {outOfRange, -1}, {0, 4}}},
		{"all", []int64{-1}, []answer{{0, 6}}},
		{"all of nothing", []int64{-1, 6}, []answer{{0, 6}, {0, 6}}},
	} {
		r := kmsg.NewPtrDeleteRecordsRequest()
		r.Version, r.TimeoutMillis = 2, 5000
		r.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: "orders"}}
		for _, offset := range test.offsets {
			r.Topics[0].Partitions = append(r.Topics[0].Partitions, kmsg.DeleteRecordsRequestTopicPartition{Offset: offset})
		}
		for i, p := range ask[*kmsg.DeleteRecordsResponse](c, r).Topics[0].Partitions {
			if got := (answer{p.ErrorCode, p.LowWatermark}); got != test.want[i] {
				t.Errorf("%s: offset %d: %+v, want %+v", test.name, test.offsets[i], got, test.want[i])
			}
		}
	}
}
