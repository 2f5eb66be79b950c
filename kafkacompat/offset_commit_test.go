package kafkacompat_test

import (
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// kafkajs resets a group by committing an offset that stands for the earliest, and would try again until it is taken.
func TestAnyOffsetIsCommitted(t *testing.T) {
	s, _ := startServerOnStore(t)
	s.createTopic("orders", 1)
	c := s.dial()
	for _, offset := range []int64{-1, -2, math.MinInt64, 0, 7, math.MaxInt64} {
		request := offsetCommitOf("g")
		request.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: offset, LeaderEpoch: -1}}}}
		answer := ask[*kmsg.OffsetCommitResponse](c, request).Topics[0].Partitions[0]
		if got := fetchOffset(c, 9, "g", false); answer.ErrorCode != 0 || got.ErrorCode != 0 || got.Offset != offset {
			t.Errorf("%d: error %d, then %d", offset, answer.ErrorCode, got.Offset)
		}
	}
}
