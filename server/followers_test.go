package server

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// askNode sends a request to one node, whatever the client knows of the cluster.
func askNode[R kmsg.Response](t testing.TB, client *kgo.Client, node *Node, request kmsg.Request) R {
	t.Helper()
	response, err := client.Broker(int(node.identity.NodeID)).Request(testContext(t), request)
	if err != nil {
		t.Fatal(err)
	}
	return response.(R)
}

// Any node may be asked for what only the leader can do, as any broker of Kafka.
func TestFollowersLetTheLeaderAnswer(t *testing.T) {
	c := newTestCluster(t, 3)
	follower, client := c.follower(), c.client()
	// The client learns the addresses.
	if err := client.Ping(testContext(t)); err != nil {
		t.Fatal(err)
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "orders", 2, -1
	create.Topics = append(create.Topics, topic)
	if answer := askNode[*kmsg.CreateTopicsResponse](t, client, follower, create); answer.Topics[0].ErrorCode != 0 || answer.Topics[0].NumPartitions != 2 {
		t.Errorf("create: %+v", answer)
	}
	value := "1000"
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	alter.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "orders",
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "retention.ms", Value: &value}}}}
	if answer := askNode[*kmsg.IncrementalAlterConfigsResponse](t, client, follower, alter); answer.Resources[0].ErrorCode != 0 {
		t.Errorf("alter: %+v", answer)
	}
	waitFor(t, "the configuration on the follower", func() bool {
		found, _ := follower.store.Topic("orders")
		return found.Configs["retention.ms"] == value
	})
	ids := map[int64]bool{}
	for _, node := range c.nodes {
		producer := kmsg.NewPtrInitProducerIDRequest()
		producer.ProducerID, producer.ProducerEpoch = -1, -1
		answer := askNode[*kmsg.InitProducerIDResponse](t, client, node, producer)
		if answer.ErrorCode != 0 || ids[answer.ProducerID] {
			t.Errorf("producer id: %+v", answer)
		}
		ids[answer.ProducerID] = true
	}
	quorum := kmsg.NewPtrDescribeQuorumRequest()
	quorum.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}}}
	if p := askNode[*kmsg.DescribeQuorumResponse](t, client, follower, quorum).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.LeaderID != c.leader().identity.NodeID {
		t.Errorf("quorum: %+v", p)
	}
	// A topic on demand is there when the client asks again.
	name := "on-demand"
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Topics, metadata.AllowAutoTopicCreation = []kmsg.MetadataRequestTopic{{Topic: &name}}, true
	waitFor(t, "the topic", func() bool {
		code := askNode[*kmsg.MetadataResponse](t, client, follower, metadata).Topics[0].ErrorCode
		if code != 0 && code != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("metadata: error %d", code)
		}
		return code == 0
	})
}
