package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// OffsetDelete forgets offsets of a group, but for topics that a member reads
// (KIP-496).
func init() {
	register(api{
		key: 47, versionMin: 0, versionMax: 0,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("s [ s []i32 ]"),
	}, offsetDelete)
}

func offsetDelete(c *call, request *kmsg.OffsetDeleteRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.OffsetDeleteResponse](request)
	names := make([]string, len(request.Topics))
	for i, topic := range request.Topics {
		names[i] = topic.Topic
	}
	isRead, err := c.topicsRead(request.Group, names)
	if response.ErrorCode = errorCode(err); err != nil {
		return response, nil
	}
	var offsets []command.TopicPartition
	var places []*kmsg.OffsetDeleteResponseTopicPartition
	response.Topics = make([]kmsg.OffsetDeleteResponseTopic, len(request.Topics))
	for i, asked := range request.Topics {
		answer := &response.Topics[i]
		answer.Topic = asked.Topic
		answer.Partitions = make([]kmsg.OffsetDeleteResponseTopicPartition, len(asked.Partitions))
		topic, exists := c.log().Topic(asked.Topic)
		for j, p := range asked.Partitions {
			place := &answer.Partitions[j]
			place.Partition = p.Partition
			switch {
			case !exists || p.Partition < 0 || p.Partition >= topic.Partitions:
				place.ErrorCode = kerr.UnknownTopicOrPartition.Code
			case isRead[asked.Topic]:
				place.ErrorCode = kerr.GroupSubscribedToTopic.Code
			default:
				offsets = append(offsets, command.TopicPartition{Topic: asked.Topic, Partition: p.Partition})
				places = append(places, place)
			}
		}
	}
	if len(offsets) > 0 {
		for i, err := range c.proposeEach(0, len(offsets), command.DeleteOffsets{Group: request.Group, Offsets: offsets}) {
			places[i].ErrorCode = errorCode(groupError(err))
		}
	}
	return response, nil
}

// topicsRead says which of some topics the members of a group read. It is
// NON_EMPTY_GROUP for a group whose members are no consumers, so that nobody knows, and
// GROUP_ID_NOT_FOUND for one that has neither members nor offsets.
func (c *call) topicsRead(id string, topics []string) (map[string]bool, error) {
	if id == "" {
		return nil, kerr.InvalidGroupID
	}
	if err := c.server.coordinator.checkLeader(); err != nil {
		return nil, err
	}
	summary, err := c.server.coordinator.describe(id)
	switch {
	case err != nil:
		return nil, err
	case summary.state == groupDead:
		return nil, kerr.GroupIDNotFound
	case summary.state != groupEmpty && summary.protocolType != protocolTypeConsumer:
		return nil, kerr.NonEmptyGroup
	}
	isRead := make(map[string]bool)
	if g := c.server.coordinator.find(id); g != nil {
		defer g.Unlock()
		isSubscribed := g.subscribed()
		for _, topic := range topics {
			isRead[topic] = isSubscribed(topic)
		}
	}
	return isRead, nil
}
