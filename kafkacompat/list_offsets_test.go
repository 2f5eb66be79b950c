package kafkacompat_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/recordbatch"
)

func listOffsetsRequest(version int16, topic string, timestamp int64, epoch int32) *kmsg.ListOffsetsRequest {
	r := kmsg.NewPtrListOffsetsRequest()
	r.Version, r.ReplicaID = version, -1
	asked := kmsg.NewListOffsetsRequestTopicPartition()
	asked.Timestamp, asked.CurrentLeaderEpoch = timestamp, epoch
	r.Topics = append(r.Topics, kmsg.ListOffsetsRequestTopic{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{asked}})
	return r
}

// Every special time, from the version on that knows it, and times that are times.
func TestOffsetsOfTimes(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	for _, at := range []int64{1000, 3000, 2000} {
		batch := recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: at}, {TimestampUnixMilli: at + 10}}, recordbatch.Options{})
		if p := produceOne(c, 9, "orders", batch); p.ErrorCode != 0 {
			t.Fatalf("%+v", p)
		}
	}
	trim := kmsg.NewPtrDeleteRecordsRequest()
	trim.Version = 2
	trim.Topics = append(trim.Topics, kmsg.DeleteRecordsRequestTopic{Topic: "orders", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: 1}}})
	ask[*kmsg.DeleteRecordsResponse](c, trim)
	const unsupported = -100
	for _, test := range []struct {
		name              string
		at                int64
		versionMin        int16
		offset, timestamp int64
	}{
		{"the end", -1, 1, 6, -1},
		{"the start", -2, 1, 1, -1},
		{"the greatest", -3, 7, 3, 3010},
		{"the start on this disk", -4, 8, 1, -1},
		{"the end of what is elsewhere", -5, 9, -1, -1},
		{"the start of what goes elsewhere", -6, 11, -1, -1},
		{"none that is defined", -7, unsupported, 0, 0},
		{"a time before the start", 0, 1, 1, 1010},
		{"a time in a batch", 1001, 1, 1, 1010},
		{"the next batch", 1011, 1, 2, 3000},
		{"inside of the next batch", 3001, 1, 3, 3010},
		{"none so late", 3011, 1, -1, -1},
	} {
		for version := int16(1); version <= 11; version++ {
			p := ask[*kmsg.ListOffsetsResponse](c, listOffsetsRequest(version, "orders", test.at, -1)).Topics[0].Partitions[0]
			if version < test.versionMin || test.versionMin == unsupported {
				if p.ErrorCode != kerr.UnsupportedVersion.Code || p.Offset != -1 {
					t.Errorf("%s, version %d: %+v", test.name, version, p)
				}
				continue
			}
			if p.ErrorCode != 0 || p.Offset != test.offset || p.Timestamp != test.timestamp {
				t.Errorf("%s, version %d: %+v, want offset %d at %d", test.name, version, p, test.offset, test.timestamp)
			}
		}
	}
	twice := listOffsetsRequest(7, "orders", -1, -1)
	twice.Topics = append(twice.Topics, twice.Topics[0])
	topics := ask[*kmsg.ListOffsetsResponse](c, twice).Topics
	if len(topics) != 1 || len(topics[0].Partitions) != 1 || topics[0].Partitions[0].ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("named twice: %+v", topics)
	}
}

// KIP-320: a client of an older epoch has missed a change of leader, one of a later epoch
// knows of one that this node has missed.
func TestLeaderEpochsOfClientsAreCompared(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	s.cluster.SetLeader(1) // epoch 2
	for epoch, want := range map[int32]int16{-1: 0, 1: kerr.FencedLeaderEpoch.Code, 2: 0, 3: kerr.UnknownLeaderEpoch.Code} {
		fetch := fetchRequest("orders", 0, 1, 0)
		fetch.Topics[0].Partitions[0].CurrentLeaderEpoch = epoch
		fetch.Version = 16
		topic, _ := s.log.Topic("orders")
		fetch.Topics[0].TopicID = topic.ID
		if p := ask[*kmsg.FetchResponse](c, fetch).Topics[0].Partitions[0]; p.ErrorCode != want {
			t.Errorf("fetch in epoch %d: error %d, want %d", epoch, p.ErrorCode, want)
		} else if want == kerr.FencedLeaderEpoch.Code && (p.CurrentLeader.LeaderID != 1 || p.CurrentLeader.LeaderEpoch != 2) {
			t.Errorf("fetch in epoch %d: told of the leader %+v", epoch, p.CurrentLeader)
		}
		if p := ask[*kmsg.ListOffsetsResponse](c, listOffsetsRequest(7, "orders", -1, epoch)).Topics[0].Partitions[0]; p.ErrorCode != want {
			t.Errorf("list offsets in epoch %d: error %d, want %d", epoch, p.ErrorCode, want)
		}
		request := kmsg.NewPtrOffsetForLeaderEpochRequest()
		request.Version, request.ReplicaID = 4, -1
		asked := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		asked.CurrentLeaderEpoch, asked.LeaderEpoch = epoch, 1
		request.Topics = append(request.Topics, kmsg.OffsetForLeaderEpochRequestTopic{
			Topic: "orders", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{asked}})
		p := ask[*kmsg.OffsetForLeaderEpochResponse](c, request).Topics[0].Partitions[0]
		if p.ErrorCode != want || want == 0 && (p.LeaderEpoch != 1 || p.EndOffset != 0) || want != 0 && p.EndOffset != -1 {
			t.Errorf("end of an epoch in epoch %d: %+v, want error %d", epoch, p, want)
		}
	}
}
