package kafkacompat_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The Java client fails with a NullPointerException where a broker's array is never null.
func TestArraysWithNothingInThemAreNotNull(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()

	quotas := kmsg.NewPtrDescribeClientQuotasRequest()
	quotas.Version = 1
	if response := ask[*kmsg.DescribeClientQuotasResponse](c, quotas); response.ErrorCode != 0 || response.Entries == nil {
		t.Errorf("quotas: %+v", response)
	}
	quotas.Components = []kmsg.DescribeClientQuotasRequestComponent{{EntityType: "planet"}}
	if response := ask[*kmsg.DescribeClientQuotasResponse](c, quotas); response.ErrorCode == 0 || response.Entries != nil {
		t.Errorf("quotas of nothing that there is: %+v", response)
	}

	topics := kmsg.NewPtrCreateTopicsRequest()
	topics.Version = 7
	topics.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: "orders", NumPartitions: 1, ReplicationFactor: 1}}
	if answer := ask[*kmsg.CreateTopicsResponse](c, topics).Topics[0]; answer.ErrorCode != kerr.TopicAlreadyExists.Code || answer.Configs == nil {
		t.Errorf("topic: %+v", answer)
	}

	partitions := kmsg.NewPtrDescribeTopicPartitionsRequest()
	partitions.ResponsePartitionLimit = 10
	if p := ask[*kmsg.DescribeTopicPartitionsResponse](c, partitions).Topics[0].Partitions[0]; p.EligibleLeaderReplicas == nil || p.LastKnownELR == nil {
		t.Errorf("partition: %+v", p)
	}
}
