package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// DescribeProducers tells what partitions know of idempotent producers (KIP-664), so that
// a transaction that hangs can be found.
func init() {
	register(api{
		key: 61, versionMin: 0, versionMax: 0,
		requestBytesMax: requestBytesSmall,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[ s []i32 ]"),
	}, describeProducers)
}

func describeProducers(c *call, request *kmsg.DescribeProducersRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DescribeProducersResponse](request)
	isLeader := c.isConfirmedLeader()
	isAnswered := make(map[command.TopicPartition]bool)
	for _, topic := range request.Topics {
		answer := kmsg.NewDescribeProducersResponseTopic()
		answer.Topic = topic.Topic
		for _, asked := range topic.Partitions {
			place := command.TopicPartition{Topic: topic.Topic, Partition: asked}
			if isAnswered[place] {
				continue
			}
			isAnswered[place] = true
			partition := kmsg.NewDescribeProducersResponseTopicPartition()
			partition.Partition = asked
			producers, err := c.log().Producers(topic.Topic, asked)
			if err == nil && !isLeader {
				err = kerr.NotLeaderForPartition
			}
			if err != nil {
				partition.ErrorCode, partition.ErrorMessage = errorCode(err), errorMessage(err)
				producers = nil
			}
			for _, p := range producers {
				active := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
				active.ProducerID, active.ProducerEpoch = p.ProducerID, int32(p.Epoch)
				active.LastSequence, active.LastTimestamp = p.LastSequence, p.LastTimestamp
				active.CoordinatorEpoch, active.CurrentTxnStartOffset = p.CoordinatorEpoch, p.FirstOffset
				partition.ActiveProducers = append(partition.ActiveProducers, active)
			}
			answer.Partitions = append(answer.Partitions, partition)
		}
		if len(answer.Partitions) > 0 || len(topic.Partitions) == 0 {
			response.Topics = append(response.Topics, answer)
		}
	}
	return response, nil
}
