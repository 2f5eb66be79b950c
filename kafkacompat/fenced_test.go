package kafkacompat_test

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
)

// Clients are not sent to a node that the leader does not hear of. It has its replicas all the same, and may be asked for by those who look after the cluster.
func TestClientsHearNothingOfAFencedNode(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	s.cluster.AddBroker(kafkacompat.Broker{NodeID: 2, Host: "127.0.0.2", Port: 9092})
	s.cluster.AddBroker(kafkacompat.Broker{NodeID: 3, Host: "127.0.0.3", Port: 9092, IsFenced: true})
	c := s.dial()
	answer := ask[*kmsg.MetadataResponse](c, metadataRequest())
	var ids []int32
	for _, broker := range answer.Brokers {
		ids = append(ids, broker.NodeID)
	}
	if !slices.Equal(ids, []int32{1, 2}) {
		t.Errorf("brokers %v", ids)
	}
	p := answer.Topics[0].Partitions[0]
	if !slices.Equal(p.Replicas, []int32{1, 2, 3}) || !slices.Equal(p.ISR, []int32{1, 2}) || !slices.Equal(p.OfflineReplicas, []int32{3}) {
		t.Errorf("partition %+v", p)
	}
	for _, includes := range []bool{false, true} {
		request := kmsg.NewPtrDescribeClusterRequest()
		request.Version, request.EndpointType, request.IncludeFencedBrokers = 2, 1, includes
		fenced := map[int32]bool{}
		for _, broker := range ask[*kmsg.DescribeClusterResponse](c, request).Brokers {
			fenced[broker.NodeID] = broker.IsFenced
		}
		if is, exists := fenced[3]; exists != includes || is != includes || fenced[1] || fenced[2] {
			t.Errorf("described, fenced ones included: %v: %v", includes, fenced)
		}
	}
}
