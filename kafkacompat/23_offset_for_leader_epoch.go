package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// OffsetForLeaderEpoch tells a consumer where a leader epoch ended, so that it
// sees whether what it read has been cut off since (KIP-320).
//
// Nothing ever is: consumers see committed records only, and Raft keeps those.
// So each epoch up to the current one ends at the high watermark.
//
// Versions: 2 brought the current epoch, 3 the replica id, 4 flexible encoding.
// Versions 0 and 1 were for brokers among themselves.
func init() {
	register(api{
		key: 23, versionMin: 2, versionMax: 4,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("i32@3+ [ s [ i32 i32@2+ i32 ] ]"),
	}, offsetForLeaderEpoch)
}

func offsetForLeaderEpoch(c *call, request *kmsg.OffsetForLeaderEpochRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.OffsetForLeaderEpochResponse](request)
	isLeader := c.isConfirmedLeader()
	_, epoch := c.cluster().Leader()
	for _, topic := range request.Topics {
		answer := kmsg.NewOffsetForLeaderEpochResponseTopic()
		answer.Topic = topic.Topic
		for _, asked := range topic.Partitions {
			partition := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			partition.Partition = asked.Partition
			partition.LeaderEpoch, partition.EndOffset = -1, -1
			state, err := c.partition(topic.Topic, asked.Partition)
			switch {
			case err != nil:
			case !isLeader:
				err = kerr.NotLeaderForPartition
			case checkLeaderEpoch(asked.CurrentLeaderEpoch, epoch) != nil:
				err = checkLeaderEpoch(asked.CurrentLeaderEpoch, epoch)
			case asked.LeaderEpoch >= 0 && asked.LeaderEpoch <= epoch:
				partition.LeaderEpoch, partition.EndOffset = asked.LeaderEpoch, state.NextOffset
			}
			partition.ErrorCode = errorCode(err)
			answer.Partitions = append(answer.Partitions, partition)
		}
		response.Topics = append(response.Topics, answer)
	}
	return response, nil
}
