package kafkacompat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
)

func newTopicsRequest(topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsRequest {
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Version, request.TimeoutMillis, request.Topics = 7, 1000, topics
	return request
}

func TestReplicasOfNewTopicsAreNodes(t *testing.T) {
	s := startServer(t)
	s.cluster.AddBroker(kafkacompat.Broker{NodeID: 2, Host: "127.0.0.1", Port: 1})
	c := s.dial()
	type partition = kmsg.CreateTopicsRequestTopicReplicaAssignment
	for name, test := range map[string]struct {
		assignment []partition
		isTaken    bool
	}{
		"all nodes":      {[]partition{{Partition: 1, Replicas: []int32{1, 2}}, {Partition: 0, Replicas: []int32{2, 1}}}, true},
		"one node":       {[]partition{{Partition: 0, Replicas: []int32{2}}}, true},
		"nobody's node":  {[]partition{{Partition: 0, Replicas: []int32{1}}, {Partition: 1, Replicas: []int32{3}}}, false},
		"a node twice":   {[]partition{{Partition: 0, Replicas: []int32{1, 1}}}, false},
		"no node":        {[]partition{{Partition: 0, Replicas: []int32{}}}, false},
		"other numbers":  {[]partition{{Partition: 0, Replicas: []int32{1}}, {Partition: 1, Replicas: []int32{1, 2}}}, false},
		"a gap":          {[]partition{{Partition: 0, Replicas: []int32{1}}, {Partition: 2, Replicas: []int32{1}}}, false},
		"below 0":        {[]partition{{Partition: -1, Replicas: []int32{1}}}, false},
		"the same twice": {[]partition{{Partition: 0, Replicas: []int32{1}}, {Partition: 0, Replicas: []int32{1}}}, false},
	} {
		topic := strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", "")
		request := newTopicsRequest(kmsg.CreateTopicsRequestTopic{Topic: topic, NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: test.assignment})
		want := int16(0)
		if !test.isTaken {
			want = kerr.InvalidReplicaAssignment.Code
		}
		answer := ask[*kmsg.CreateTopicsResponse](c, request).Topics[0]
		made, isMade := s.log.Topic(topic)
		if answer.ErrorCode != want || isMade != test.isTaken || isMade && int(made.Partitions) != len(test.assignment) {
			t.Errorf("%s: error %d, topic %+v, want error %d", name, answer.ErrorCode, made, want)
		}
	}
}

func TestTopicsAreAnsweredOnce(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	topic := func(name string) kmsg.CreateTopicsRequestTopic {
		return kmsg.CreateTopicsRequestTopic{Topic: name, NumPartitions: 1, ReplicationFactor: 1}
	}
	var got []string
	for _, answer := range ask[*kmsg.CreateTopicsResponse](c, newTopicsRequest(topic("a"), topic("b"), topic("a"), topic("c"), topic("a"))).Topics {
		got = append(got, fmt.Sprint(answer.Topic, answer.ErrorCode))
	}
	if want := "a42 b0 c0"; strings.Join(got, " ") != want {
		t.Errorf("created: %v, want %s", got, want)
	}
	if _, isMade := s.log.Topic("a"); isMade {
		t.Error("a topic that is named twice is made")
	}

	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Version = 12
	b, _ := s.log.Topic("b")
	for _, name := range []string{"c", "b", "nobody", "c", "nobody"} {
		metadata.Topics = append(metadata.Topics, kmsg.MetadataRequestTopic{Topic: &name})
	}
	metadata.Topics = append(metadata.Topics, kmsg.MetadataRequestTopic{TopicID: b.ID})
	got = nil
	for _, answer := range ask[*kmsg.MetadataResponse](c, metadata).Topics {
		got = append(got, fmt.Sprint(*answer.Topic, answer.ErrorCode))
	}
	if want := "c0 b0 nobody3"; strings.Join(got, " ") != want {
		t.Errorf("described: %v, want %s", got, want)
	}

	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.Version = 6
	for _, name := range []string{"c", "b", "nobody", "c"} {
		remove.Topics = append(remove.Topics, kmsg.DeleteTopicsRequestTopic{Topic: &name})
	}
	remove.Topics = append(remove.Topics, kmsg.DeleteTopicsRequestTopic{TopicID: b.ID})
	got = nil
	for _, answer := range ask[*kmsg.DeleteTopicsResponse](c, remove).Topics {
		name := "?"
		if answer.Topic != nil {
			name = *answer.Topic
		}
		got = append(got, fmt.Sprint(name, answer.ErrorCode))
	}
	if want := "c42 b42 nobody3"; strings.Join(got, " ") != want {
		t.Errorf("deleted: %v, want %s", got, want)
	}
	if _, isKept := s.log.Topic("c"); !isKept {
		t.Error("a topic that is named twice is deleted")
	}
	for version := int16(0); version < 6; version++ {
		remove.Version, remove.TopicNames = version, []string{"c", "c"}
		if topics := ask[*kmsg.DeleteTopicsResponse](c, remove).Topics; len(topics) != 1 || topics[0].ErrorCode != kerr.InvalidRequest.Code {
			t.Errorf("version %d: %+v", version, topics)
		}
	}
}

func TestValidatedTopicHasAnID(t *testing.T) {
	s := startServer(t)
	request := newTopicsRequest(kmsg.CreateTopicsRequestTopic{Topic: "orders", NumPartitions: 2, ReplicationFactor: 1})
	request.ValidateOnly = true
	answer := ask[*kmsg.CreateTopicsResponse](s.dial(), request).Topics[0]
	if answer.ErrorCode != 0 || answer.NumPartitions != 2 || answer.TopicID == [16]byte{} {
		t.Errorf("%+v", answer)
	}
	if _, isMade := s.log.Topic("orders"); isMade {
		t.Error("it is made")
	}
}

func TestTopicOfTheClusterItselfIsNotMade(t *testing.T) {
	c := startServer(t, func(c *kafkacompat.Config) { c.AutoCreateTopics = true }).dial()
	const name = "__cluster_metadata"
	request := newTopicsRequest(kmsg.CreateTopicsRequestTopic{Topic: name, NumPartitions: 1, ReplicationFactor: 1})
	if answer := ask[*kmsg.CreateTopicsResponse](c, request).Topics[0]; answer.ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("error %d", answer.ErrorCode)
	}
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Version, metadata.AllowAutoTopicCreation = 12, true
	metadata.Topics = []kmsg.MetadataRequestTopic{{Topic: ptr(name)}}
	if answer := ask[*kmsg.MetadataResponse](c, metadata).Topics[0]; answer.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("error %d where topics are made as they are asked for", answer.ErrorCode)
	}
}

func TestNumbersOfNewTopicsHaveBounds(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	for _, test := range []struct {
		partitions  int32
		replication int16
		want        *kerr.Error
	}{
		{10_000, 1, nil}, {10_001, 1, kerr.InvalidPartitions}, {0, 1, kerr.InvalidPartitions}, {-2, 1, kerr.InvalidPartitions},
		{1, 0, kerr.InvalidReplicationFactor}, {1, -2, kerr.InvalidReplicationFactor}, {1, 2, kerr.InvalidReplicationFactor},
	} {
		request := newTopicsRequest(kmsg.CreateTopicsRequestTopic{Topic: "orders", NumPartitions: test.partitions, ReplicationFactor: test.replication})
		request.ValidateOnly = true
		want := int16(0)
		if test.want != nil {
			want = test.want.Code
		}
		if answer := ask[*kmsg.CreateTopicsResponse](c, request).Topics[0]; answer.ErrorCode != want {
			t.Errorf("%d partitions, %d replicas: error %d, want %d", test.partitions, test.replication, answer.ErrorCode, want)
		}
	}
}

// Kafka has one metric for names that differ in . and _ alone, and refuses the second, however it is to be made.
func TestNamesThatCollideAreRefused(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.AutoCreateTopics = true })
	s.createTopic("a.b_c", 1)
	c := s.dial()
	refused := kerr.InvalidTopicException.Code
	request := newTopicsRequest(kmsg.CreateTopicsRequestTopic{Topic: "a_b.c", NumPartitions: 1, ReplicationFactor: 1},
		kmsg.CreateTopicsRequestTopic{Topic: "a-b_c", NumPartitions: 1, ReplicationFactor: 1})
	answers := ask[*kmsg.CreateTopicsResponse](c, request).Topics
	if answers[0].ErrorCode != refused || answers[1].ErrorCode != 0 {
		t.Errorf("made by an administrator: %+v", answers)
	}
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Version, metadata.AllowAutoTopicCreation = 12, true
	metadata.Topics = []kmsg.MetadataRequestTopic{{Topic: ptr("a_b_c")}, {Topic: ptr("a.b_c")}}
	described := ask[*kmsg.MetadataResponse](c, metadata).Topics
	if described[0].ErrorCode != refused || described[1].ErrorCode != 0 {
		t.Errorf("asked for: %+v", described)
	}
	for _, name := range []string{"a_b.c", "a_b_c"} {
		if _, isMade := s.log.Topic(name); isMade {
			t.Errorf("%s is made", name)
		}
	}
}

// A topic that is not there has no name, also where it is asked for twice.
func TestIDThatIsNamedTwiceIsNoName(t *testing.T) {
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.Version = 6
	request.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: [16]byte{9}}, {TopicID: [16]byte{9}}}
	answers := ask[*kmsg.DeleteTopicsResponse](startServer(t).dial(), request).Topics
	if len(answers) != 1 || answers[0].ErrorCode != kerr.InvalidRequest.Code || answers[0].Topic != nil || answers[0].TopicID != [16]byte{9} {
		t.Errorf("%+v", answers)
	}
}
