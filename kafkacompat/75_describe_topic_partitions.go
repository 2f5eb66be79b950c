package kafkacompat

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// DescribeTopicPartitions tells of topics what Metadata does, a bounded number of partitions at a time (KIP-966). Topics come in the order of their names; where
// the bound is reached the answer has a cursor from which the next request goes on.
//
// Left out: eligible leader replicas, of which there are none: a node that lacks committed records is not elected.
func init() {
	register(api{
		key: 75, versionMin: 0, versionMax: 0,
		requestBytesMax: requestBytesSmall,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[ s ] i32 ?{ s i32 }"),
	}, describeTopicPartitions)
}

// partitionsDescribedMax bounds an answer whatever its client asks for (max.request.partition.size.limit).
const partitionsDescribedMax = 2000

func describeTopicPartitions(c *call, request *kmsg.DescribeTopicPartitionsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DescribeTopicPartitionsResponse](request)
	var names []string
	isAll := len(request.Topics) == 0
	if isAll {
		for _, topic := range c.log().Topics() {
			// Before they are paged: the cursor names one.
			if c.mayTopic(opDescribe, topic.Name) {
				names = append(names, topic.Name)
			}
		}
	}
	for _, asked := range request.Topics {
		names = append(names, asked.Topic)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	cursor := kmsg.NewDescribeTopicPartitionsRequestCursor()
	if request.Cursor != nil {
		cursor = *request.Cursor
		from, isAsked := slices.BinarySearch(names, cursor.Topic)
		// Of all topics, that of the cursor may have been deleted.
		if cursor.Partition < 0 || !isAsked && !isAll {
			return refuseTopicPartitions(request), nil
		}
		names = names[from:]
	}
	room := min(max(request.ResponsePartitionLimit, 1), partitionsDescribedMax)
	view := newTopicView(c, c.cluster().Brokers(c.listener))
	for _, name := range names {
		topic, ok := c.log().Topic(name)
		if !ok && isAll {
			continue // deleted meanwhile
		}
		first := int32(0)
		if name == cursor.Topic {
			first = min(cursor.Partition, topic.Partitions)
		}
		last := min(topic.Partitions, first+room)
		isFull := room == 0
		if !isFull {
			response.Topics = append(response.Topics, view.describePartitions(name, topic, first, last))
		}
		if room -= last - first; isFull || last < topic.Partitions {
			next := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
			next.Topic, next.Partition = name, last
			response.NextCursor = &next
			break
		}
	}
	return response, nil
}

// refuseTopicPartitions answers a cursor that is none of the server's.
func refuseTopicPartitions(request *kmsg.DescribeTopicPartitionsRequest) *kmsg.DescribeTopicPartitionsResponse {
	response := responseTo[*kmsg.DescribeTopicPartitionsResponse](request)
	for i := range request.Topics {
		answer := kmsg.NewDescribeTopicPartitionsResponseTopic()
		answer.Topic, answer.ErrorCode = &request.Topics[i].Topic, kerr.InvalidRequest.Code
		response.Topics = append(response.Topics, answer)
	}
	return response
}

// describePartitions describes the partitions from first to below last of a topic, which is empty if there is none of the name.
func (view topicView) describePartitions(name string, topic command.Topic, first, last int32) kmsg.DescribeTopicPartitionsResponseTopic {
	answer := kmsg.NewDescribeTopicPartitionsResponseTopic()
	answer.Topic, answer.TopicID, answer.IsInternal = &name, topic.ID, isInternalTopic(name)
	if topic.Partitions == 0 {
		answer.ErrorCode = cmp.Or(errorCode(checkTopicName(name)), kerr.UnknownTopicOrPartition.Code)
		return answer
	}
	for _, partition := range view.describe(topic).Partitions[first:last] {
		answer.Partitions = append(answer.Partitions, partitionOfMetadata(partition))
	}
	return answer
}

// partitionOfMetadata is a partition as Metadata describes it.
func partitionOfMetadata(p kmsg.MetadataResponseTopicPartition) kmsg.DescribeTopicPartitionsResponseTopicPartition {
	answer := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
	answer.ErrorCode, answer.Partition, answer.LeaderID, answer.LeaderEpoch = p.ErrorCode, p.Partition, p.Leader, p.LeaderEpoch
	answer.Replicas, answer.ISR, answer.OfflineReplicas = p.Replicas, p.ISR, p.OfflineReplicas
	// Null is allowed by the protocol, but Kafka never sends it here, and its Java client ends with a NullPointerException on it.
	answer.EligibleLeaderReplicas, answer.LastKnownELR = []int32{}, []int32{}
	return answer
}
