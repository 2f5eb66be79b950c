package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// DeleteRecords makes the records of partitions before an offset unreadable; -1
// is the end. What has gone already is no error. A topic whose cleanup policy is not delete refuses, as on a broker: what
// compaction keeps is meant to stay.
//
// Versions: 2 brought flexible encoding.
func init() {
	register(api{
		key: 21, versionMin: 0, versionMax: 2,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("[ s [ i32 i64 ] ] i32"),
	}, deleteRecords)
}

func deleteRecords(c *call, request *kmsg.DeleteRecordsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DeleteRecordsResponse](request)
	isLeader := c.isLeader()
	var trims []command.Trim
	var places []*kmsg.DeleteRecordsResponseTopicPartition
	response.Topics = make([]kmsg.DeleteRecordsResponseTopic, len(request.Topics))
	for i, topic := range request.Topics {
		response.Topics[i].Topic = topic.Topic
		response.Topics[i].Partitions = make([]kmsg.DeleteRecordsResponseTopicPartition, len(topic.Partitions))
		known, _ := c.log().Topic(topic.Topic)
		for j, asked := range topic.Partitions {
			answer := &response.Topics[i].Partitions[j]
			answer.Partition = asked.Partition
			offset := asked.Offset
			state, err := c.partition(topic.Topic, asked.Partition)
			switch {
			case !isLeader:
				err = kerr.NotLeaderForPartition
			case err == nil && isInternalTopic(topic.Topic):
				err = checkNotInternal(topic.Topic)
			case err == nil && !hasCleanupPolicy(known, policyDelete):
				err = kerr.PolicyViolation
			case err == nil && offset == -1:
				offset = state.NextOffset
			case err == nil && (offset < 0 || offset > state.NextOffset):
				err = command.ErrOffsetOutOfRange
			}
			if err != nil {
				answer.ErrorCode, answer.LowWatermark = errorCode(err), -1
				continue
			}
			answer.LowWatermark = max(offset, state.StartOffset)
			if offset > state.StartOffset {
				trims = append(trims, command.Trim{Topic: topic.Topic, TopicID: known.ID, Partition: asked.Partition, Offset: offset})
				places = append(places, answer)
			}
		}
	}
	if len(trims) > 0 {
		for i, err := range c.proposeEach(request.TimeoutMillis, len(trims), command.DeleteRecords{Trims: trims}) {
			if err != nil {
				places[i].ErrorCode, places[i].LowWatermark = errorCode(err), -1
				continue
			}
			// More may have gone since the request was checked.
			if state, err := c.partition(trims[i].Topic, trims[i].Partition); err == nil {
				places[i].LowWatermark = max(places[i].LowWatermark, state.StartOffset)
			}
		}
	}
	return response, nil
}
