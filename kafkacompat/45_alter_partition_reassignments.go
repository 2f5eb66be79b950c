package kafkacompat

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// AlterPartitionReassignments moves replicas between nodes (KIP-455). Every node has every partition, so the only assignment that is taken is the one that
// is there, and nothing moves.
//
// Versions: 1 lets a client forbid that the number of replicas changes (KIP-860).
func init() {
	register(api{
		key: 45, versionMin: 0, versionMax: 1,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("i32 bool@1+ [ s [ i32 []i32 ] ]"),
	}, alterPartitionAssignments)
}

func alterPartitionAssignments(c *call, request *kmsg.AlterPartitionAssignmentsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.AlterPartitionAssignmentsResponse](request)
	response.AllowReplicationFactorChange = request.AllowReplicationFactorChange
	if !c.isLeader() {
		response.ErrorCode, response.ErrorMessage = errorCode(kerr.NotController), errorMessage(kerr.NotController)
		return response, nil
	}
	nodes := newTopicView(c, c.cluster().Brokers(c.listener)).replicas
	for _, asked := range request.Topics {
		topic := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		topic.Topic = asked.Topic
		for _, partition := range asked.Partitions {
			answer := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			answer.Partition = partition.Partition
			_, err := c.partition(asked.Topic, partition.Partition)
			if err == nil {
				err = checkReplicas(partition.Replicas, nodes)
			}
			answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
			topic.Partitions = append(topic.Partitions, answer)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response, nil
}

// checkReplicas refuses any replicas but all nodes. Null takes back a reassignment, of which there are none.
func checkReplicas(replicas, nodes []int32) error {
	if replicas == nil {
		return fmt.Errorf("no replica is being moved: %w", kerr.NoReassignmentInProgress)
	}
	wanted := slices.Sorted(slices.Values(replicas))
	if !slices.Equal(wanted, slices.Sorted(slices.Values(nodes))) {
		return fmt.Errorf("replicas %v, must be all nodes, %v: every node has every partition: %w", replicas, nodes, kerr.InvalidReplicaAssignment)
	}
	return nil
}
