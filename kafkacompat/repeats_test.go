package kafkacompat_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a request names again and again is answered once: an answer may have megabytes for a few bytes of the request.
func TestWhatIsNamedAgainIsAnsweredOnce(t *testing.T) {
	const times = 1000
	s, _ := startServerOnStore(t)
	s.createTopic("orders", 1)
	c := s.dial()
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 3, "classic", "consumer", 60_000, 60_000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: make([]byte, 64<<10)}}
	joined := ask[*kmsg.JoinGroupResponse](c, join)
	requireCode(t, "join", joined.ErrorCode, nil)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID, sync.Generation = 3, "classic", joined.MemberID, joined.Generation
	requireCode(t, "sync", ask[*kmsg.SyncGroupResponse](c, sync).ErrorCode, nil)
	beat := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	beat.Version, beat.Group, beat.MemberID, beat.RebalanceTimeoutMillis = 1, "new", "one", 60_000
	beat.SubscribedTopicNames, beat.Topics = []string{"orders"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	requireNoCodes(t, ask[*kmsg.ConsumerGroupHeartbeatResponse](c, beat))
	metadata := strings.Repeat("m", 4096)
	commit := offsetCommitOf("offsets")
	commit.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 5, Metadata: &metadata}}}}
	requireNoCodes(t, ask[*kmsg.OffsetCommitResponse](c, commit))
	tx := s.txnConn("tx")
	tx.add(3, "orders", 0)
	requireCode(t, "produce", tx.produce(9, "orders", 0, "a"), nil)

	var describe kmsg.DescribeGroupsRequest
	describe.Version = 5
	var consumers kmsg.ConsumerGroupDescribeRequest
	var configs kmsg.DescribeConfigsRequest
	configs.Version = 4
	var producers kmsg.DescribeProducersRequest
	var transactions kmsg.DescribeTransactionsRequest
	all, named, one := kmsg.OffsetFetchRequest{Version: 8}, kmsg.OffsetFetchRequest{Version: 8}, kmsg.OffsetFetchRequest{Version: 7, Group: "offsets"}
	for range times {
		describe.Groups = append(describe.Groups, "classic")
		consumers.Groups = append(consumers.Groups, "new")
		configs.Resources = append(configs.Resources, kmsg.DescribeConfigsRequestResource{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "orders"})
		producers.Topics = append(producers.Topics, kmsg.DescribeProducersRequestTopic{Topic: "orders", Partitions: []int32{0, 0}})
		transactions.TransactionalIDs = append(transactions.TransactionalIDs, "tx")
		all.Groups = append(all.Groups, kmsg.OffsetFetchRequestGroup{Group: "offsets"})
		named.Groups = append(named.Groups, kmsg.OffsetFetchRequestGroup{Group: "offsets", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "orders", Partitions: []int32{0, 0}}}})
		one.Topics = append(one.Topics, kmsg.OffsetFetchRequestTopic{Topic: "orders", Partitions: []int32{0, 0}})
	}
	for _, request := range []kmsg.Request{&describe, &consumers, &configs, &producers, &transactions, &all, &named, &one} {
		const bytesMax = 100 << 10
		response := askAny(c, request)
		requireNoCodes(t, response)
		if bytes := len(response.AppendTo(nil)); bytes > bytesMax {
			t.Errorf("%s, version %d: %d bytes for a request of %d", kmsg.NameForKey(request.Key()), request.GetVersion(), bytes, len(request.AppendTo(nil)))
		}
	}
	first := ask[*kmsg.OffsetFetchResponse](c, &named).Groups[0].Topics[0].Partitions
	if len(first) != 1 || first[0].Offset != 5 || *first[0].Metadata != metadata {
		t.Errorf("%d offsets", len(first))
	}
}
