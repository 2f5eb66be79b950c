package kafkacompat_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// Some clients leave the max timestamp of a batch at -1. Records are kept and found
// by it.
func TestWrongMaxTimestampOfABatchIsPutRight(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	now := time.Now().UnixMilli()
	for i, o := range []recordbatch.Options{{}, {Codec: recordbatch.CodecGzip}} {
		records := []recordbatch.Record{{TimestampUnixMilli: now - 5}, {TimestampUnixMilli: now}, {TimestampUnixMilli: now - 2}}
		batch := recordbatch.Append(nil, records, o)
		binary.BigEndian.PutUint64(batch[35:], 1<<64-1)
		binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
		if p := ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", batch)).Topics[0].Partitions[0]; p.ErrorCode != 0 {
			t.Fatalf("%+v", p)
		}
		fetched := ask[*kmsg.FetchResponse](c, fetchRequest("orders", int64(3*i), 1, 0)).Topics[0].Partitions[0]
		if header, err := recordbatch.Validate(fetched.RecordBatches); err != nil || header.MaxTimestamp != now {
			t.Errorf("%s: max timestamp %d, want %d, error %v", o.Codec, header.MaxTimestamp, now, err)
		}
	}
	// A record of the far future does not get in behind a header that hides it.
	batch := recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: now + 2*time.Hour.Milliseconds()}}, recordbatch.Options{})
	binary.BigEndian.PutUint64(batch[35:], uint64(now))
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
	if p := ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", batch)).Topics[0].Partitions[0]; p.ErrorCode != kerr.InvalidTimestamp.Code {
		t.Errorf("two hours ahead: error %d, want INVALID_TIMESTAMP", p.ErrorCode)
	}
}

func TestMaxTimestampIsFoundInsideOfABatch(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	records := []recordbatch.Record{{TimestampUnixMilli: 1000}, {TimestampUnixMilli: 3000}, {TimestampUnixMilli: 3000}, {TimestampUnixMilli: 2000}}
	ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", recordbatch.Append(nil, records, recordbatch.Options{})))
	request := kmsg.NewPtrListOffsetsRequest()
	request.Version = 7
	asked := kmsg.NewListOffsetsRequestTopicPartition()
	asked.Timestamp, asked.CurrentLeaderEpoch = -3, -1
	request.Topics = append(request.Topics, kmsg.ListOffsetsRequestTopic{
		Topic: "orders", Partitions: []kmsg.ListOffsetsRequestTopicPartition{asked},
	})
	if p := ask[*kmsg.ListOffsetsResponse](c, request).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.Offset != 1 || p.Timestamp != 3000 {
		t.Errorf("%+v, want offset 1 at 3000", p)
	}
}

// The protocols of all members are compared while their group, and whoever looks
// for a group, waits: twenty thousand of them stopped everybody for a second.
func TestMemberWithTooManyProtocolsIsRefused(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	for count, want := range map[int]int16{100: 0, 101: kerr.InconsistentGroupProtocol.Code} {
		join := kmsg.NewPtrJoinGroupRequest()
		join.Group, join.SessionTimeoutMillis, join.ProtocolType = fmt.Sprint("group-", count), 10_000, "consumer"
		for i := range count {
			join.Protocols = append(join.Protocols, kmsg.JoinGroupRequestProtocol{Name: fmt.Sprint("protocol-", i)})
		}
		if response := ask[*kmsg.JoinGroupResponse](c, join); response.ErrorCode != want {
			t.Errorf("%d protocols: error %d, want %d", count, response.ErrorCode, want)
		}
	}
}

// NOT_LEADER_FOR_PARTITION would tell an administrator nothing; NOT_COORDINATOR
// makes its client ask another node.
func TestDeletionOfAGroupThatMeetsALostLeaderGoesToAnother(t *testing.T) {
	s := startServer(t)
	s.log.BeforePropose(func(context.Context, command.Command) error { return command.ErrNotLeader })
	request := kmsg.NewPtrDeleteGroupsRequest()
	request.Groups = []string{"orders"}
	if code := ask[*kmsg.DeleteGroupsResponse](s.dial(), request).Groups[0].ErrorCode; code != kerr.NotCoordinator.Code {
		t.Errorf("error %d, want NOT_COORDINATOR", code)
	}
}
