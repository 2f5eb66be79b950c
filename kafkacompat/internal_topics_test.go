package kafkacompat_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/recordbatch"
)

func findCoordinator(c *rawConn, kind int8) int16 {
	request := kmsg.NewPtrFindCoordinatorRequest()
	request.Version, request.CoordinatorType, request.CoordinatorKeys = 4, kind, []string{"key"}
	return ask[*kmsg.FindCoordinatorResponse](c, request).Coordinators[0].ErrorCode
}

func TestInternalTopicsAreThereOnceTheirCoordinatorIsLookedFor(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	topics := func() (names []string) {
		request := kmsg.NewPtrMetadataRequest()
		request.Version = 12
		for _, topic := range ask[*kmsg.MetadataResponse](c, request).Topics {
			if topic.IsInternal != (*topic.Topic != "orders") {
				t.Errorf("%s: is internal: %v", *topic.Topic, topic.IsInternal)
			}
			names = append(names, *topic.Topic)
			byID := kmsg.NewPtrMetadataRequest()
			byID.Version = 12
			byID.Topics = []kmsg.MetadataRequestTopic{{TopicID: topic.TopicID}}
			if found := ask[*kmsg.MetadataResponse](c, byID).Topics[0]; found.ErrorCode != 0 || *found.Topic != *topic.Topic {
				t.Errorf("by its id: %+v", found)
			}
		}
		return names
	}
	named := kmsg.NewPtrMetadataRequest()
	named.Version, named.AllowAutoTopicCreation = 12, true
	named.Topics = []kmsg.MetadataRequestTopic{{Topic: ptr("__consumer_offsets")}}
	if topic := ask[*kmsg.MetadataResponse](c, named).Topics[0]; topic.ErrorCode != kerr.UnknownTopicOrPartition.Code || !topic.IsInternal {
		t.Errorf("before: %+v", topic)
	}
	if got := topics(); !slices.Equal(got, []string{"orders"}) {
		t.Errorf("before: %v", got)
	}
	for kind, want := range [][]string{{"__consumer_offsets", "orders"}, {"__consumer_offsets", "__transaction_state", "orders"}} {
		if code := findCoordinator(c, int8(kind)); code != 0 {
			t.Fatal(kerr.ErrorForCode(code))
		}
		if got := topics(); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	describe := kmsg.NewPtrDescribeTopicPartitionsRequest()
	describe.ResponsePartitionLimit = 2000
	if got := ask[*kmsg.DescribeTopicPartitionsResponse](c, describe).Topics; len(got) != 3 || !got[1].IsInternal || len(got[1].Partitions) != 50 || got[2].IsInternal {
		t.Errorf("described: %d topics", len(got))
	}
}

func TestInternalTopicsAreEmptyAndStaySo(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	const name = "__consumer_offsets"
	findCoordinator(c, 0)
	internal := kerr.InvalidTopicException
	batch := recordbatch.Append(nil, []recordbatch.Record{{Value: []byte("v")}}, recordbatch.Options{})
	if p := ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, name, batch)).Topics[0].Partitions[0]; p.ErrorCode != internal.Code {
		t.Errorf("produce: %+v", p)
	}
	if p := ask[*kmsg.FetchResponse](c, fetchRequest(name, 0, 1, 0)).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.HighWatermark != 0 || len(p.RecordBatches) != 0 {
		t.Errorf("fetch: %+v", p)
	}
	if p := ask[*kmsg.FetchResponse](c, fetchRequest(name, 1, 1, 0)).Topics[0].Partitions[0]; p.ErrorCode != kerr.OffsetOutOfRange.Code {
		t.Errorf("fetch behind the end: %+v", p)
	}
	if answer := ask[*kmsg.CreatePartitionsResponse](c, createPartitionsRequest(3, name, 60)).Topics[0]; answer.ErrorCode != internal.Code {
		t.Errorf("more partitions: %+v", answer)
	}
	client := s.client(kgo.MaxConcurrentFetches(1))
	admin := kadm.NewClient(client)
	if offsets, err := admin.ListEndOffsets(testContext(t), name); err != nil || len(offsets[name]) != 50 || offsets.Error() != nil || offsets[name][49].Offset != 0 {
		t.Errorf("offsets %v, error %v", offsets, err)
	}
	if _, err := admin.CreateTopic(testContext(t), 1, 1, nil, name); !errors.Is(err, kerr.TopicAlreadyExists) {
		t.Errorf("create: %v", err)
	}
	if _, err := admin.DeleteTopic(testContext(t), name); !errors.Is(err, internal) {
		t.Errorf("delete: %v", err)
	}
	altered, err := admin.AlterTopicConfigs(testContext(t), []kadm.AlterConfig{{Name: "retention.ms", Value: ptr("1")}}, name)
	if err != nil || !errors.Is(altered[0].Err, internal) {
		t.Errorf("alter: %v, %v", altered, err)
	}
	configs, err := admin.DescribeTopicConfigs(testContext(t), name)
	if err != nil || configs[0].Err != nil || len(configs[0].Configs) == 0 {
		t.Errorf("configs: %v, %v", configs, err)
	}
	if topics := s.log.Topics(); len(topics) != 0 {
		t.Errorf("stored: %v", topics)
	}
}
