package kafkacompat

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// ConsumerGroupDescribe tells the state and the members of groups of the new protocol
// (KIP-848). A classic group is none to it.
//
// Versions: 1 brought the types of members (KIP-1099).
//
// Left out: authorised operations.
func init() {
	register(api{
		key: 69, versionMin: 0, versionMax: 1,
		requestBytesMax: requestBytesLarge,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[]s bool"),
	}, consumerGroupDescribe)
}

func consumerGroupDescribe(c *call, request *kmsg.ConsumerGroupDescribeRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.ConsumerGroupDescribeResponse](request)
	notLeader := c.checkConfirmedLeader()
	once, _ := countNames(request.Groups, func(id string) string { return id }) // an answer may have megabytes for each
	for _, id := range once {
		answer := kmsg.NewConsumerGroupDescribeResponseGroup()
		answer.Group = id
		err := notLeader
		switch {
		case err != nil:
		case id == "":
			err = kerr.InvalidGroupID
		default:
			if err = c.describeConsumers(id, &answer); errors.Is(err, kerr.GroupIDNotFound) {
				err = errGroupNotFound(id)
			}
		}
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		response.Groups = append(response.Groups, answer)
	}
	return response, nil
}

func (c *call) describeConsumers(id string, answer *kmsg.ConsumerGroupDescribeResponseGroup) error {
	g, err := c.server.coordinator.findOrMakeConsumer(id, false)
	if err != nil {
		return err
	}
	defer g.Unlock()
	answer.State = string(g.groupState())
	answer.Epoch, answer.AssignmentEpoch, answer.AssignorName = g.epoch, g.targetEpoch, g.assignorName()
	for _, m := range g.inOrder() {
		member := kmsg.NewConsumerGroupDescribeResponseGroupMember()
		member.MemberID, member.InstanceID, member.RackID = m.id, m.instanceID, m.rackID
		member.MemberEpoch, member.ClientID, member.ClientHost = m.epoch, m.clientID, m.clientHost
		member.SubscribedTopics = m.topics
		member.SubscribedTopicRegex = &m.pattern
		const typeClassic, typeConsumer = 0, 1
		if member.MemberType = typeConsumer; m.classic != nil {
			member.MemberType = typeClassic
		}
		member.Assignment, member.TargetAssignment = c.described(m.assigned), c.described(m.target)
		answer.Members = append(answer.Members, member)
	}
	return nil
}

// described is an assignment with the names of topics that are there.
func (c *call) described(a assignment) kmsg.Assignment {
	described := kmsg.NewAssignment()
	for _, id := range a.topics() {
		topic, exists := c.log().TopicByID(id)
		if !exists {
			continue
		}
		partitions := kmsg.NewAssignmentTopicPartition()
		partitions.TopicID, partitions.Topic, partitions.Partitions = id, topic.Name, a[id]
		described.TopicPartitions = append(described.TopicPartitions, partitions)
	}
	return described
}
