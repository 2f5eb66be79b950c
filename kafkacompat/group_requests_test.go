package kafkacompat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func commitOf(group, member string, generation int32, instance *string, offset int64) *kmsg.OffsetCommitRequest {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.MemberID, r.Generation, r.InstanceID = 8, group, member, generation, instance
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = "orders"
	partition := kmsg.NewOffsetCommitRequestTopicPartition()
	partition.Offset = offset
	topic.Partitions = append(topic.Partitions, partition)
	r.Topics = append(r.Topics, topic)
	return r
}

func joinOf(group, member string, instance *string) *kmsg.JoinGroupRequest {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group, r.MemberID, r.InstanceID, r.ProtocolType = 3, group, member, instance, "consumer"
	if instance != nil {
		r.Version = 9
	}
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 10_000, 10_000
	subscription := kmsg.NewConsumerMemberMetadata()
	subscription.Topics = []string{"orders"}
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name, protocol.Metadata = "range", subscription.AppendTo(nil)
	r.Protocols = append(r.Protocols, protocol)
	return r
}

func deletionOf(group string) *kmsg.DeleteGroupsRequest {
	r := kmsg.NewPtrDeleteGroupsRequest()
	r.Version, r.Groups = 2, []string{group}
	return r
}

// What Apache Kafka 4.3.1 answers was asked of it: offsets of the group with the empty name are committed and
// deleted, offsets may be any number, and a group that has nothing but offsets knows no member.
func TestGroupsThatHaveNothingButOffsets(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	commit := func(group, member string, generation int32, offset int64, want *kerr.Error) {
		t.Helper()
		code := ask[*kmsg.OffsetCommitResponse](c, commitOf(group, member, generation, nil, offset)).Topics[0].Partitions[0].ErrorCode
		if got := kerr.ErrorForCode(code); got != orNil(want) {
			t.Errorf("commit of %d in group %q by %q in generation %d: %v, want %v", offset, group, member, generation, got, want)
		}
	}
	for _, group := range []string{"", "orders"} {
		commit(group, "me", 5, 3, kerr.IllegalGeneration) // there is none
		commit(group, "", -1, 3, nil)
		commit(group, "me", 5, 3, kerr.UnknownMemberID)
		commit(group, "me", -1, -7, nil)
		fetch := kmsg.NewPtrOffsetFetchRequest()
		fetch.Version, fetch.Group, fetch.Topics = 7, group, nil
		fetched := ask[*kmsg.OffsetFetchResponse](c, fetch)
		if len(fetched.Topics) != 1 || fetched.Topics[0].Partitions[0].Offset != -7 {
			t.Errorf("group %q has %+v", group, fetched.Topics)
		}
		for _, want := range []error{nil, kerr.GroupIDNotFound} {
			if got := kerr.ErrorForCode(ask[*kmsg.DeleteGroupsResponse](c, deletionOf(group)).Groups[0].ErrorCode); got != want {
				t.Errorf("deletion of group %q: %v, want %v", group, got, want)
			}
		}
	}
}

// Only the Java client checks instance ids, by the rules for names of topics; a broker takes any.
func TestInstanceIDsMayBeAnyText(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	for _, instance := range []string{"", "my app/1", `a\b`, "ü"} {
		joined := ask[*kmsg.JoinGroupResponse](s.dial(), joinOf("of "+instance, "", &instance))
		if joined.ErrorCode != 0 || joined.Generation != 1 {
			t.Errorf("%q: %+v", instance, joined)
		}
	}
}

// A member that is not static, or has another instance id, is not the one that is named.
func TestUnknownInstanceIsAnUnknownMember(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	joined := ask[*kmsg.JoinGroupResponse](c, joinOf("orders", "", nil))
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID, sync.Generation = 3, "orders", joined.MemberID, joined.Generation
	heartbeat := kmsg.NewPtrHeartbeatRequest()
	heartbeat.Version, heartbeat.Group, heartbeat.MemberID, heartbeat.Generation = 4, "orders", joined.MemberID, joined.Generation
	nobody := "nobody"
	for _, test := range []struct {
		instance *string
		want     error
	}{{&nobody, kerr.UnknownMemberID}, {nil, nil}} {
		sync.InstanceID, heartbeat.InstanceID = test.instance, test.instance
		codes := map[string]int16{
			"sync":      ask[*kmsg.SyncGroupResponse](c, sync).ErrorCode,
			"heartbeat": ask[*kmsg.HeartbeatResponse](c, heartbeat).ErrorCode,
		}
		codes["commit"] = ask[*kmsg.OffsetCommitResponse](c, commitOf("orders", joined.MemberID, joined.Generation, test.instance, 1)).Topics[0].Partitions[0].ErrorCode
		for name, code := range codes {
			if got := kerr.ErrorForCode(code); got != test.want {
				t.Errorf("%s: %v, want %v", name, got, test.want)
			}
		}
	}
}

// A consumer of thousands of topics names all of them in a heartbeat, and a tool asks about all groups at once.
func TestRequestsAboutManyTopicsAndGroupsAreAnswered(t *testing.T) {
	s := startServer(t)
	names := make([]string, 6000)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", strings.Repeat("x", 240), i)
	}
	beat := beatRequest("me", 0, [16]byte{}, nil)
	beat.SubscribedTopicNames = names
	if response := ask[*kmsg.ConsumerGroupHeartbeatResponse](s.dial(), beat); response.ErrorCode != 0 || response.MemberEpoch != 1 {
		t.Errorf("heartbeat: %+v", response)
	}
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.Version, find.CoordinatorKeys = 4, names
	if response := ask[*kmsg.FindCoordinatorResponse](s.dial(), find); len(response.Coordinators) != len(names) {
		t.Errorf("%d coordinators", len(response.Coordinators))
	}
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Version, describe.Groups = 5, names
	if response := ask[*kmsg.DescribeGroupsResponse](s.dial(), describe); len(response.Groups) != len(names) {
		t.Errorf("%d groups", len(response.Groups))
	}
	consumers := kmsg.NewPtrConsumerGroupDescribeRequest()
	consumers.Version, consumers.Groups = 1, names
	if response := ask[*kmsg.ConsumerGroupDescribeResponse](s.dial(), consumers); len(response.Groups) != len(names) {
		t.Errorf("%d consumer groups", len(response.Groups))
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Version, leave.Group = 5, "orders"
	for _, name := range names {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = name
		leave.Members = append(leave.Members, member)
	}
	if response := ask[*kmsg.LeaveGroupResponse](s.dial(), leave); len(response.Members) != len(names) {
		t.Errorf("%d members", len(response.Members))
	}
}
