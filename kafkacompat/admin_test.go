package kafkacompat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
)

func TestLogDirsHaveTheSizesOfPartitions(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 2)
	s.createTopic("bills", 1)
	c := s.dial()
	batch := oneBatch("a")
	ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", batch))
	for version := int16(0); version <= 5; version++ {
		request := kmsg.NewPtrDescribeLogDirsRequest()
		request.Version = version
		all := ask[*kmsg.DescribeLogDirsResponse](c, request)
		if len(all.Dirs) != 1 || all.Dirs[0].Dir != "/var/lib/kont" || len(all.Dirs[0].Topics) != 2 {
			t.Fatalf("version %d: %+v", version, all)
		}
		if dir := all.Dirs[0]; version >= 4 && (dir.TotalBytes != 100 || dir.UsableBytes != 50) {
			t.Errorf("version %d: %d bytes of %d", version, dir.UsableBytes, dir.TotalBytes)
		}
		if orders := all.Dirs[0].Topics[1]; orders.Topic != "orders" || orders.Partitions[0].Size != int64(len(batch)) || orders.Partitions[1].Size != 0 {
			t.Errorf("version %d: %+v", version, orders)
		}
		request.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: "orders", Partitions: []int32{1, 7, 1}}, {Topic: "nobody", Partitions: []int32{0}}}
		if some := ask[*kmsg.DescribeLogDirsResponse](c, request).Dirs[0].Topics; len(some) != 1 || len(some[0].Partitions) != 1 || some[0].Partitions[0].Partition != 1 {
			t.Errorf("version %d: %+v", version, some)
		}
	}
}

func TestNoElectionIsNeeded(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	elect := func(version int16, kind int8, topics ...kmsg.ElectLeadersRequestTopic) *kmsg.ElectLeadersResponse {
		request := kmsg.NewPtrElectLeadersRequest()
		request.Version, request.ElectionType, request.Topics = version, kind, topics
		return ask[*kmsg.ElectLeadersResponse](c, request)
	}
	asked := kmsg.ElectLeadersRequestTopic{Topic: "orders", Partitions: []int32{0, 1}}
	for version := int16(0); version <= 2; version++ {
		response := elect(version, 0, asked)
		p := response.Topics[0].Partitions
		if response.ErrorCode != 0 || p[0].ErrorCode != kerr.ElectionNotNeeded.Code || p[1].ErrorCode != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("version %d: %+v", version, response)
		}
		if response := elect(version, 0); response.ErrorCode != 0 || len(response.Topics) != 0 {
			t.Errorf("version %d, all partitions: %+v", version, response)
		}
	}
	if code := elect(2, 7, asked).ErrorCode; code != kerr.InvalidRequest.Code {
		t.Errorf("type 7: error %d", code)
	}
	s.cluster.SetLeader(2)
	if response := elect(2, 0, asked); response.ErrorCode != kerr.NotController.Code || response.Topics[0].Partitions[0].ErrorCode != kerr.NotController.Code {
		t.Errorf("on another node: %+v", response)
	}
}

func TestOnlyAllNodesAreAnAssignment(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	s.cluster.AddBroker(kafkacompat.Broker{NodeID: 2, Host: "127.0.0.1", Port: 1})
	c := s.dial()
	for _, test := range []struct {
		partition int32
		replicas  []int32
		want      *kerr.Error
	}{
		{0, []int32{1, 2}, nil},
		{0, []int32{2, 1}, nil},
		{0, []int32{1}, kerr.InvalidReplicaAssignment},
		{0, []int32{1, 1}, kerr.InvalidReplicaAssignment},
		{0, []int32{}, kerr.InvalidReplicaAssignment},
		{0, nil, kerr.NoReassignmentInProgress},
		{1, []int32{1, 2}, kerr.UnknownTopicOrPartition},
	} {
		request := kmsg.NewPtrAlterPartitionAssignmentsRequest()
		request.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{
			Topic: "orders", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Partition: test.partition, Replicas: test.replicas}},
		}}
		want := int16(0)
		if test.want != nil {
			want = test.want.Code
		}
		if got := ask[*kmsg.AlterPartitionAssignmentsResponse](c, request).Topics[0].Partitions[0]; got.ErrorCode != want {
			t.Errorf("partition %d, replicas %v: %+v, want error %d", test.partition, test.replicas, got, want)
		}
	}
	if response := ask[*kmsg.ListPartitionReassignmentsResponse](c, kmsg.NewPtrListPartitionReassignmentsRequest()); response.ErrorCode != 0 || len(response.Topics) != 0 {
		t.Errorf("%+v", response)
	}
}

func TestQuorumIsThatOfTheLogOfEverything(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	request := kmsg.NewPtrDescribeQuorumRequest()
	request.Topics = []kmsg.DescribeQuorumRequestTopic{
		{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{Partition: 0}, {Partition: 1}}},
		{Topic: "orders", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{Partition: 0}}},
	}
	for version := int16(0); version <= 2; version++ {
		request.Version = version
		response := ask[*kmsg.DescribeQuorumResponse](c, request)
		p := response.Topics[0].Partitions[0]
		if response.ErrorCode != 0 || p.ErrorCode != 0 || p.LeaderID != 1 || p.HighWatermark != 10 || len(p.CurrentVoters) != 1 || p.CurrentVoters[0].LogEndOffset != 11 {
			t.Errorf("version %d: %+v", version, response)
		}
		if other := response.Topics[0].Partitions[1].ErrorCode; other != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("version %d, partition 1: error %d", version, other)
		}
		if other := response.Topics[1].Partitions[0].ErrorCode; other != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("version %d, another topic: error %d", version, other)
		}
		if version >= 2 && (len(response.Nodes) != 1 || response.Nodes[0].NodeID != 1 || p.CurrentVoters[0].ReplicaDirectoryID == [16]byte{}) {
			t.Errorf("version %d: %+v", version, response)
		}
		if version >= 2 && response.Nodes[0].Listeners[0].Name != "TEST" {
			t.Errorf("the listener test is called %s, the Java client takes upper case only", response.Nodes[0].Listeners[0].Name)
		}
	}
	s.cluster.SetLeader(2)
	if p := ask[*kmsg.DescribeQuorumResponse](c, request).Topics[0].Partitions[0]; p.ErrorCode != kerr.NotLeaderForPartition.Code {
		t.Errorf("on another node: %+v", p)
	}
}

func TestConfigResourcesAreListed(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	list := func(version int16, kinds ...int8) string {
		request := kmsg.NewPtrListConfigResourcesRequest()
		request.Version, request.ResourceTypes = version, kinds
		response := ask[*kmsg.ListConfigResourcesResponse](c, request)
		if response.ErrorCode != 0 {
			return fmt.Sprint(response.ErrorCode)
		}
		var lines []string
		for _, resource := range response.ConfigResources {
			lines = append(lines, fmt.Sprintf("%d:%s", resource.Type, resource.Name))
		}
		return strings.Join(lines, " ")
	}
	for got, want := range map[string]string{
		list(0): "", list(1, 16) + " client metrics": " client metrics", list(1): "2:orders 4:1 8:1", list(1, 2): "2:orders",
		list(1, 4, 32): "4:1", list(1, 99): fmt.Sprint(kerr.UnsupportedVersion.Code),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// However small the answers are, they make up the whole together.
func TestTopicPartitionsComeInPieces(t *testing.T) {
	s := startServer(t)
	want := []string{"nobody/-"}
	for name, count := range map[string]int32{"a": 1, "b": 5, "c": 2} {
		s.createTopic(name, count)
		for i := range count {
			want = append(want, fmt.Sprintf("%s/%d", name, i))
		}
	}
	slices.Sort(want)
	c := s.dial()
	for limit := int32(1); limit <= 9; limit++ {
		request := kmsg.NewPtrDescribeTopicPartitionsRequest()
		request.ResponsePartitionLimit = limit
		for _, name := range []string{"c", "a", "nobody", "b", "a"} {
			request.Topics = append(request.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: name})
		}
		var got []string
		for {
			response := ask[*kmsg.DescribeTopicPartitionsResponse](c, request)
			count := int32(0)
			for _, topic := range response.Topics {
				if topic.ErrorCode != 0 {
					got = append(got, *topic.Topic+"/-")
				}
				for _, p := range topic.Partitions {
					got = append(got, fmt.Sprintf("%s/%d", *topic.Topic, p.Partition))
					if count++; p.LeaderID != 1 || len(p.ISR) != 1 {
						t.Errorf("%+v", p)
					}
					if p.EligibleLeaderReplicas == nil || p.LastKnownELR == nil {
						t.Errorf("replicas that may be elected are null, on which the Java client fails: %+v", p)
					}
				}
			}
			if count > limit {
				t.Errorf("%d partitions, at most %d", count, limit)
			}
			if response.NextCursor == nil {
				break
			}
			request.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: response.NextCursor.Topic, Partition: response.NextCursor.Partition}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("limit %d: %v, want %v", limit, got, want)
		}
	}
	for name, test := range map[string]struct {
		limit  int32
		cursor *kmsg.DescribeTopicPartitionsRequestCursor
		want   string
	}{
		"no limit":             {0, nil, "a:0 b/0"},
		"a limit below none":   {-5, nil, "a:0 b/0"},
		"full before nobody":   {6, nil, "a:0 b:0 nobody/0"},
		"room for nobody":      {7, nil, "a:0 b:0 nobody:3"},
		"a cursor within":      {9, &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "b", Partition: 3}, "b:0 nobody:3"},
		"a cursor behind":      {9, &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "b", Partition: 9}, "b:0 nobody:3"},
		"a cursor below none":  {9, &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "b", Partition: -1}, "a:42 b:42 nobody:42"},
		"a cursor not asked":   {9, &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "c"}, "a:42 b:42 nobody:42"},
		"a cursor past it all": {9, &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "z"}, "a:42 b:42 nobody:42"},
	} {
		request := kmsg.NewPtrDescribeTopicPartitionsRequest()
		request.ResponsePartitionLimit, request.Cursor = test.limit, test.cursor
		request.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "a"}, {Topic: "b"}, {Topic: "nobody"}}
		response := ask[*kmsg.DescribeTopicPartitionsResponse](c, request)
		var got []string
		for _, topic := range response.Topics {
			got = append(got, fmt.Sprintf("%s:%d", *topic.Topic, topic.ErrorCode))
		}
		if response.NextCursor != nil {
			got = append(got, fmt.Sprintf("%s/%d", response.NextCursor.Topic, response.NextCursor.Partition))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %v, want %s", name, got, test.want)
		}
	}
	all := kmsg.NewPtrDescribeTopicPartitionsRequest()
	all.ResponsePartitionLimit = 2000
	for _, cursor := range []*kmsg.DescribeTopicPartitionsRequestCursor{{Topic: "b", Partition: 1 << 30}, {Topic: "b", Partition: -5}, {Topic: "bb", Partition: 3}, {Topic: "z"}} {
		all.Cursor = cursor
		if response := ask[*kmsg.DescribeTopicPartitionsResponse](c, all); response.NextCursor != nil || len(response.Topics) > 2 {
			t.Errorf("from %+v: %+v", cursor, response)
		}
	}
}

func TestNothingOfANodeIsSetAndWhatIsNotSetIsRemoved(t *testing.T) {
	c := startServer(t).dial()
	const set, remove = kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpDelete
	for _, test := range []struct {
		node string
		op   kmsg.IncrementalAlterConfigOp
		want int16
	}{
		{"1", remove, 0}, {"", remove, 0}, {"1", set, kerr.InvalidRequest.Code}, {"", set, kerr.InvalidRequest.Code},
		{"7", remove, kerr.InvalidRequest.Code}, {"one", remove, kerr.InvalidRequest.Code},
	} {
		request := kmsg.NewPtrIncrementalAlterConfigsRequest()
		request.Version = 1
		rate := "1000"
		request.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
			ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: test.node,
			Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "leader.replication.throttled.rate", Op: test.op, Value: &rate}},
		}}
		if r := ask[*kmsg.IncrementalAlterConfigsResponse](c, request).Resources[0]; r.ErrorCode != test.want {
			t.Errorf("node %q, operation %d: code %d, want %d", test.node, test.op, r.ErrorCode, test.want)
		}
	}
}
