package kafkacompat

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// ConsumerGroupHeartbeat is all that a member of the new group protocol says: that it
// joins, is there, wants other topics, has given partitions up, or leaves (KIP-848).
// The answer has its epoch and, where that is new, its assignment.
//
// Versions: 1 brought regular expressions, and members that choose their own ids
// (KIP-1082).
//
// What a regular expression matches counts as far as the member may describe it.
//
// Racks of members are kept and told, but the assignors don't heed them: one node
// leads all partitions.
func init() {
	register(api{
		key: 68, versionMin: 0, versionMax: 1,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("s s i32 ns ns i32 []s ns@1+ ns [ uuid []i32 ]"),
	}, consumerGroupHeartbeat)
}

func consumerGroupHeartbeat(c *call, request *kmsg.ConsumerGroupHeartbeatRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.ConsumerGroupHeartbeatResponse](request)
	reply := c.consumerBeat(request)
	if reply.err != nil {
		response.ErrorCode, response.ErrorMessage = errorCode(reply.err), errorMessage(reply.err)
		return response, nil
	}
	response.MemberID, response.MemberEpoch = &reply.memberID, reply.epoch
	if reply.epoch >= 0 {
		response.HeartbeatIntervalMillis = int32(groupMilli(c.log(), &c.server.config.Groups, request.Group, configGroupHeartbeat).Milliseconds())
	}
	if reply.assignment != nil {
		assigned := kmsg.NewConsumerGroupHeartbeatResponseAssignment()
		for _, id := range reply.assignment.topics() {
			topic := kmsg.NewConsumerGroupHeartbeatResponseAssignmentTopic()
			topic.TopicID, topic.Partitions = id, reply.assignment[id]
			assigned.Topics = append(assigned.Topics, topic)
		}
		response.Assignment = &assigned
	}
	return response, nil
}

// consumerBeat hands a heartbeat to its group, and waits until what the answer tells is
// in the log.
func (c *call) consumerBeat(request *kmsg.ConsumerGroupHeartbeatRequest) consumerReply {
	if err := checkConsumerBeat(request); err != nil {
		return consumerReply{err: err}
	}
	if err := c.server.coordinator.checkLeader(); err != nil {
		return consumerReply{err: err}
	}
	g, err := c.server.coordinator.findOrMakeConsumer(request.Group, request.MemberEpoch == epochJoin)
	if err != nil {
		if errors.Is(err, kerr.GroupIDNotFound) && request.MemberEpoch != epochJoin {
			err = kerr.UnknownMemberID // makes clients join; the other is final to them
		}
		return consumerReply{err: err}
	}
	reply := g.beat(c.beatOf(request))
	if err := c.keepConsumers(g); err != nil && reply.err == nil {
		return consumerReply{err: err}
	}
	return reply
}

func (c *call) beatOf(request *kmsg.ConsumerGroupHeartbeatRequest) consumerBeat {
	b := consumerBeat{
		memberID: request.MemberID, epoch: request.MemberEpoch, instanceID: request.InstanceID, rackID: request.RackID,
		clientID: c.header.ClientID, clientHost: c.clientHost(), topics: request.SubscribedTopicNames,
		pattern: request.SubscribedTopicRegex, assignor: request.ServerAssignor, hasOwned: request.Topics != nil,
		rebalanceTimeout: time.Duration(request.RebalanceTimeoutMillis) * time.Millisecond,
		who:              c.viewer(),
	}
	if b.memberID == "" {
		b.memberID = newConsumerID()
	}
	owned := make(map[command.TopicID][]int32, len(request.Topics))
	for _, topic := range request.Topics {
		owned[topic.TopicID] = append(owned[topic.TopicID], topic.Partitions...)
	}
	b.owned = assignmentOf(owned)
	return b
}

// checkConsumerBeat refuses what no client may say.
func checkConsumerBeat(request *kmsg.ConsumerGroupHeartbeatRequest) error {
	invalid := func(format string, arguments ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{kerr.InvalidRequest}, arguments...)...)
	}
	isEmpty := func(s *string) bool { return s != nil && *s == "" }
	isJoining := request.MemberEpoch == epochJoin
	hasPattern := request.SubscribedTopicRegex != nil && *request.SubscribedTopicRegex != ""
	switch {
	case request.Group == "":
		return invalid("a heartbeat names a group")
	case request.MemberEpoch < epochAway:
		return invalid("member epoch %d", request.MemberEpoch)
	case request.MemberID == "" && (!isJoining || request.Version >= 1):
		return invalid("a member has an id")
	case isEmpty(request.InstanceID), isEmpty(request.RackID):
		return invalid("an instance or a rack that is given is not empty")
	case request.MemberEpoch == epochAway && request.InstanceID == nil:
		return invalid("only a static member goes away for a time")
	case request.RebalanceTimeoutMillis < -1, isJoining && request.RebalanceTimeoutMillis < 0:
		return invalid("who joins has a rebalance timeout")
	case isJoining && (request.Topics == nil || len(request.Topics) > 0):
		return invalid("who joins owns no partitions, and says so")
	case isJoining && request.SubscribedTopicNames == nil && request.SubscribedTopicRegex == nil:
		return invalid("who joins subscribes to topics, if only to none")
	}
	if a := request.ServerAssignor; a != nil && assignors[*a] == nil {
		return fmt.Errorf("%w: there are: %s", kerr.UnsupportedAssignor, assignorNames)
	}
	if hasPattern {
		if _, err := compilePattern(*request.SubscribedTopicRegex); err != nil {
			return fmt.Errorf("%w: %w", kerr.InvalidRegularExpression, err)
		}
	}
	return nil
}
