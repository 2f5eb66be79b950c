package kafkacompat_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func createPartitionsRequest(version int16, topic string, count int32, assignment ...[]int32) *kmsg.CreatePartitionsRequest {
	r := kmsg.NewPtrCreatePartitionsRequest()
	r.Version = version
	one := kmsg.NewCreatePartitionsRequestTopic()
	one.Topic, one.Count = topic, count
	for _, replicas := range assignment {
		one.Assignment = append(one.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: replicas})
	}
	r.Topics = append(r.Topics, one)
	return r
}

func TestPartitionsAreCreatedOrRefused(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 2)
	c := s.dial()
	for _, test := range []struct {
		name    string
		request *kmsg.CreatePartitionsRequest
		want    int16
		// count is how many there are then.
		count int32
	}{
		{"as many as there are", createPartitionsRequest(0, "orders", 2), kerr.InvalidPartitions.Code, 2},
		{"fewer", createPartitionsRequest(1, "orders", 1), kerr.InvalidPartitions.Code, 2},
		{"far too many", createPartitionsRequest(2, "orders", 1_000_000), kerr.InvalidPartitions.Code, 2},
		{"of nobody", createPartitionsRequest(3, "nobody", 4), kerr.UnknownTopicOrPartition.Code, 2},
		{"too few assignments", createPartitionsRequest(3, "orders", 4, []int32{1}), kerr.InvalidReplicaAssignment.Code, 2},
		{"on nobody's node", createPartitionsRequest(3, "orders", 4, []int32{1}, []int32{7}), kerr.InvalidReplicaAssignment.Code, 2},
		{"twice on a node", createPartitionsRequest(3, "orders", 3, []int32{1, 1}), kerr.InvalidReplicaAssignment.Code, 2},
		{"on no node", createPartitionsRequest(3, "orders", 3, []int32{}), kerr.InvalidReplicaAssignment.Code, 2},
		{"more", createPartitionsRequest(0, "orders", 3), 0, 3},
		{"more, on a node", createPartitionsRequest(3, "orders", 5, []int32{1}, []int32{1}), 0, 5},
	} {
		answer := ask[*kmsg.CreatePartitionsResponse](c, test.request).Topics[0]
		if answer.Topic != test.request.Topics[0].Topic || answer.ErrorCode != test.want || (answer.ErrorMessage == nil) != (test.want == 0) {
			t.Errorf("%s: %+v, want %v", test.name, answer, kerr.ErrorForCode(test.want))
		}
		if topic, _ := s.log.Topic("orders"); topic.Partitions != test.count {
			t.Errorf("%s: %d partitions, want %d", test.name, topic.Partitions, test.count)
		}
	}
	only := createPartitionsRequest(3, "orders", 9)
	only.ValidateOnly = true
	if answer := ask[*kmsg.CreatePartitionsResponse](c, only).Topics[0]; answer.ErrorCode != 0 {
		t.Errorf("validated: %+v", answer)
	}
	twice := createPartitionsRequest(3, "orders", 9)
	twice.Topics = append(twice.Topics, twice.Topics[0])
	for _, answer := range ask[*kmsg.CreatePartitionsResponse](c, twice).Topics {
		if answer.ErrorCode != kerr.InvalidRequest.Code {
			t.Errorf("named twice: %+v", answer)
		}
	}
	if topic, _ := s.log.Topic("orders"); topic.Partitions != 5 {
		t.Errorf("%d partitions", topic.Partitions)
	}
	s.cluster.SetLeader(2)
	if answer := ask[*kmsg.CreatePartitionsResponse](c, createPartitionsRequest(3, "orders", 9)).Topics[0]; answer.ErrorCode != kerr.NotController.Code {
		t.Errorf("elsewhere: %+v", answer)
	}
}
