package kafkacompat

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// DescribeQuorum tells who votes in the Raft group, and how far each has come (KIP-595). Kafka's tools ask for the one partition of the metadata log, which
// here is the log of everything.
//
// Versions: 1 brought the times of the last fetches (KIP-836), 2 the directories and addresses of the voters (KIP-853). A voter's address is the one
// that clients use: tools print it, and connect to no other.
func init() {
	register(api{
		key: 55, versionMin: 0, versionMax: 2,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("[ s [ i32 ] ]"),
	}, describeQuorum)
}

// topicMetadata is the name by which Kafka's tools ask for the log of the cluster.
const topicMetadata = "__cluster_metadata"

// Quorum is the Raft group as its leader sees it.
type Quorum struct {
	// CommittedIndex is the highest index of the log that is committed.
	CommittedIndex int64
	Voters         []QuorumMember
	// Observers get the log and don't vote.
	Observers []QuorumMember
}

// QuorumMember is one node of a Quorum.
type QuorumMember struct {
	NodeID int32
	// DirectoryID names the node's data for as long as that lives.
	DirectoryID [16]byte
	// EndIndex is one past the last entry of the member's log, as far as the leader knows.
	EndIndex int64
	// LastFetchUnixMilli is when the member was last heard of, LastCaughtUpUnixMilli when it had everything; -1 where nobody knows.
	LastFetchUnixMilli, LastCaughtUpUnixMilli int64
}

func describeQuorum(c *call, request *kmsg.DescribeQuorumRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DescribeQuorumResponse](request)
	leader, epoch := c.cluster().Leader()
	quorum := c.cluster().Quorum()
	isDescribed := false
	for _, asked := range request.Topics {
		topic := kmsg.NewDescribeQuorumResponseTopic()
		topic.Topic = asked.Topic
		for _, partition := range asked.Partitions {
			answer := kmsg.NewDescribeQuorumResponseTopicPartition()
			answer.Partition = partition.Partition
			switch {
			case asked.Topic != topicMetadata || partition.Partition != 0:
				answer.ErrorCode, answer.ErrorMessage = kerr.UnknownTopicOrPartition.Code, errorMessage(kerr.UnknownTopicOrPartition)
			case !c.isLeader():
				answer.ErrorCode, answer.ErrorMessage = kerr.NotLeaderForPartition.Code, errorMessage(kerr.NotLeaderForPartition)
			default:
				isDescribed = true
				answer.LeaderID, answer.LeaderEpoch, answer.HighWatermark = leader, epoch, quorum.CommittedIndex+1
				answer.CurrentVoters, answer.Observers = replicaStates(quorum.Voters), replicaStates(quorum.Observers)
			}
			topic.Partitions = append(topic.Partitions, answer)
		}
		response.Topics = append(response.Topics, topic)
	}
	if !isDescribed {
		return response, nil
	}
	for _, broker := range c.cluster().Brokers(c.listener) {
		node := kmsg.NewDescribeQuorumResponseNode()
		node.NodeID = broker.NodeID
		listener := kmsg.NewDescribeQuorumResponseNodeListener()
		// A broker normalises the names of its listeners, and the Java client refuses an answer with one that is not in upper case.
		listener.Name, listener.Host, listener.Port = strings.ToUpper(c.listener), broker.Host, uint16(broker.Port)
		node.Listeners = append(node.Listeners, listener)
		response.Nodes = append(response.Nodes, node)
	}
	return response, nil
}

func replicaStates(members []QuorumMember) []kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
	states := make([]kmsg.DescribeQuorumResponseTopicPartitionReplicaState, len(members))
	for i, member := range members {
		states[i].Default()
		states[i].ReplicaID, states[i].ReplicaDirectoryID, states[i].LogEndOffset = member.NodeID, member.DirectoryID, member.EndIndex
		states[i].LastFetchTimestamp, states[i].LastCaughtUpTimestamp = member.LastFetchUnixMilli, member.LastCaughtUpUnixMilli
	}
	return states
}
