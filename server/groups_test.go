package server

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ask sends a request as no client's group would, and gives the answer.
func ask[R kmsg.Response](t *testing.T, client *kgo.Client, request kmsg.Request) R {
	t.Helper()
	response, err := client.Request(testContext(t), request)
	if err != nil {
		t.Fatalf("%T: %v", request, err)
	}
	return response.(R)
}

func joinRequest(memberID string) *kmsg.JoinGroupRequest {
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.MemberID, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis, join.ProtocolType = "g", memberID, 30_000, 30_000, "consumer"
	join.Protocols = append(join.Protocols, kmsg.JoinGroupRequestProtocol{Name: "range", Metadata: []byte("topics")})
	return join
}

// Members of a group go on after a restart of the node: they beat and commit in the
// generation that they had, and nobody joins again.
func TestMembersOfAGroupGoOnAfterARestart(t *testing.T) {
	c := testConfig(t.TempDir())
	n := startNode(t, c)
	client := newClient(t, n)
	if _, err := kadm.NewClient(client).CreateTopic(testContext(t), 1, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	id := ask[*kmsg.JoinGroupResponse](t, client, joinRequest("")).MemberID
	joined := ask[*kmsg.JoinGroupResponse](t, client, joinRequest(id))
	if err := kerr.ErrorForCode(joined.ErrorCode); err != nil {
		t.Fatal(err)
	}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = "g", id, joined.Generation
	sync.ProtocolType, sync.Protocol = joined.ProtocolType, joined.Protocol
	sync.GroupAssignment = append(sync.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: []byte("all")})
	if synced := ask[*kmsg.SyncGroupResponse](t, client, sync); synced.ErrorCode != 0 {
		t.Fatal(kerr.ErrorForCode(synced.ErrorCode))
	}
	client.Close()
	for restart := range 3 {
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		n = startNode(t, c)
		client := newClient(t, n)
		beat := kmsg.NewPtrHeartbeatRequest()
		beat.Group, beat.MemberID, beat.Generation = "g", id, joined.Generation
		if answer := ask[*kmsg.HeartbeatResponse](t, client, beat); answer.ErrorCode != 0 {
			t.Fatalf("heartbeat after restart %d: %v", restart, kerr.ErrorForCode(answer.ErrorCode))
		}
		commit := kmsg.NewPtrOffsetCommitRequest()
		commit.Group, commit.MemberID, commit.Generation = "g", id, joined.Generation
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Offset = int64(restart)
		commit.Topics = append(commit.Topics, kmsg.OffsetCommitRequestTopic{
			Topic: "orders", Partitions: []kmsg.OffsetCommitRequestTopicPartition{partition}})
		if described, err := kadm.NewClient(client).ListTopics(testContext(t), "orders"); err == nil {
			commit.Topics[0].TopicID = described["orders"].ID
		}
		if code := ask[*kmsg.OffsetCommitResponse](t, client, commit).Topics[0].Partitions[0].ErrorCode; code != 0 {
			t.Fatalf("commit after restart %d: %v", restart, kerr.ErrorForCode(code))
		}
		groups, err := kadm.NewClient(client).DescribeGroups(testContext(t), "g")
		if err != nil || groups["g"].State != "Stable" || len(groups["g"].Members) != 1 || groups["g"].Members[0].MemberID != id {
			t.Errorf("after restart %d: %+v, %v", restart, groups["g"], err)
		}
		client.Close()
	}

	// The group of before, emptied, is there until it is deleted, and then is not.
	client = newClient(t, n)
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.MemberID = "g", id
	leave.Members = append(leave.Members, kmsg.LeaveGroupRequestMember{MemberID: id})
	if code := ask[*kmsg.LeaveGroupResponse](t, client, leave).ErrorCode; code != 0 {
		t.Fatal(kerr.ErrorForCode(code))
	}
	if deleted, err := kadm.NewClient(client).DeleteGroups(testContext(t), "g"); err != nil || deleted["g"].Err != nil {
		t.Fatalf("%+v, %v", deleted, err)
	}
	if stored, err := n.store.StoredGroups(); err != nil || len(stored) > 0 {
		t.Errorf("%d groups are kept after a deletion: %v", len(stored), err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = startNode(t, c)
	listed, err := kadm.NewClient(newClient(t, n)).ListGroups(testContext(t))
	if err != nil || len(listed) != 0 {
		t.Errorf("after the last restart: %v, %v", listed, err)
	}
}

// A member that franz-go's client runs notices nothing but a lost connection, by
// either protocol.
func TestConsumingMemberIsNotRebalancedByARestart(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]kgo.Opt{"classic": nil, "consumer": {kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer())}} {
		t.Run(name, func(t *testing.T) { testRestartUnderAMember(t, options...) })
	}
}

func testRestartUnderAMember(t *testing.T, options ...kgo.Opt) {
	c := testConfig(t.TempDir())
	c.GroupConsumerHeartbeatInterval = 50 * time.Millisecond
	n := startNode(t, c)
	c.KafkaListen = n.KafkaAddress()
	assigned := make(chan map[string][]int32, 10)
	lost := make(chan map[string][]int32, 10)
	client := newClient(t, n, append(options, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.AllowAutoTopicCreation(),
		kgo.HeartbeatInterval(50*time.Millisecond), kgo.AutoCommitInterval(100*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			if len(partitions) > 0 {
				assigned <- partitions
			}
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) { lost <- partitions }),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	poll := func(want string) {
		t.Helper()
		ctx := testContext(t)
		for {
			fetches := client.PollFetches(ctx)
			if ctx.Err() != nil {
				t.Fatalf("%q is not delivered", want)
			}
			for _, r := range fetches.Records() {
				if string(r.Value) == want {
					return
				}
				t.Fatalf("got %q, want %q", r.Value, want)
			}
		}
	}
	produce(t, client, "orders", "k", "before")
	poll("before")
	generation := func() int32 { _, g := client.GroupMetadata(); return g }
	before := generation()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	startNode(t, c)
	produce(t, client, "orders", "k", "after")
	poll("after")
	if err := client.CommitUncommittedOffsets(testContext(t)); err != nil {
		t.Errorf("commit after the restart: %v", err)
	}
	if after := generation(); after != before || before < 1 {
		t.Errorf("generation %d after the restart, %d before", after, before)
	}
	if len(assigned) != 1 || len(lost) > 0 {
		t.Errorf("%d assignments, want the first one only; %d losses", len(assigned), len(lost))
	}
}
