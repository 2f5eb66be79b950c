package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The accesses of requests about groups and their offsets.

var codeGroup = kerr.GroupAuthorizationFailed.Code

// onGroup is refuseUnless the client may do something with a group.
func onGroup[Q kmsg.Request](operation kmsg.ACLOperation, group func(Q) string) access {
	return refuseUnless(operation.String()+" on the group", func(c *call, request kmsg.Request) *kerr.Error {
		if c.mayGroup(operation, group(request.(Q))) {
			return nil
		}
		return kerr.GroupAuthorizationFailed
	})
}

func filterOffsetCommit(c *call, request *kmsg.OffsetCommitRequest) (func(*kmsg.OffsetCommitResponse), bool) {
	code, isRefused := codeTopic, false
	kept, rest := split(request.Topics, func(t *kmsg.OffsetCommitRequestTopic) bool { return c.mayNamed(opRead, t.Topic, t.TopicID) })
	if !c.mayGroup(opRead, request.Group) {
		code, isRefused, rest = codeGroup, true, request.Topics
	}
	request.Topics = kept
	return func(response *kmsg.OffsetCommitResponse) {
		for _, topic := range rest {
			answer := kmsg.NewOffsetCommitResponseTopic()
			answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
			for _, asked := range topic.Partitions {
				partition := kmsg.NewOffsetCommitResponseTopicPartition()
				partition.Partition, partition.ErrorCode = asked.Partition, code
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
	}, isRefused
}

func filterOffsetFetch(c *call, request *kmsg.OffsetFetchRequest) (func(*kmsg.OffsetFetchResponse), bool) {
	if request.Version >= 8 {
		return filterOffsetFetchGroups(c, request), false
	}
	isRefused := !c.mayGroup(opDescribe, request.Group)
	kept, rest := split(request.Topics, func(t *kmsg.OffsetFetchRequestTopic) bool { return c.mayTopic(opDescribe, t.Topic) })
	code := codeTopic
	if isRefused {
		code, rest = codeGroup, request.Topics
	}
	isAll := request.Topics == nil
	if !isAll {
		request.Topics = kept
	}
	return func(response *kmsg.OffsetFetchResponse) {
		if isRefused {
			response.ErrorCode = codeGroup
			if request.Version >= 2 {
				return // the error is for all
			}
		}
		if isAll {
			response.Topics, _ = split(response.Topics, func(t *kmsg.OffsetFetchResponseTopic) bool { return c.mayTopic(opDescribe, t.Topic) })
		}
		for _, topic := range rest {
			answer := kmsg.NewOffsetFetchResponseTopic()
			answer.Topic = topic.Topic
			for _, number := range topic.Partitions {
				partition := kmsg.NewOffsetFetchResponseTopicPartition()
				partition.Partition, partition.Offset, partition.ErrorCode = number, -1, code
				partition.Metadata = new(string)
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
	}, isRefused
}

func filterOffsetFetchGroups(c *call, request *kmsg.OffsetFetchRequest) func(*kmsg.OffsetFetchResponse) {
	kept, refusedGroups := split(request.Groups, func(g *kmsg.OffsetFetchRequestGroup) bool { return c.mayGroup(opDescribe, g.Group) })
	request.Groups = kept
	// The handler answers in the order of groups, of which one may be there twice.
	isAll, refusedTopics := make([]bool, len(kept)), make([][]kmsg.OffsetFetchRequestGroupTopic, len(kept))
	for i := range kept {
		group := &kept[i]
		if isAll[i] = group.Topics == nil; isAll[i] {
			continue
		}
		group.Topics, refusedTopics[i] = split(group.Topics, func(t *kmsg.OffsetFetchRequestGroupTopic) bool {
			return c.mayNamed(opDescribe, t.Topic, t.TopicID)
		})
	}
	return func(response *kmsg.OffsetFetchResponse) {
		for i := range response.Groups {
			group := &response.Groups[i]
			if isAll[i] {
				group.Topics, _ = split(group.Topics, func(t *kmsg.OffsetFetchResponseGroupTopic) bool {
					return c.mayNamed(opDescribe, t.Topic, t.TopicID)
				})
			}
			if group.ErrorCode != 0 {
				continue
			}
			for _, topic := range refusedTopics[i] {
				answer := kmsg.NewOffsetFetchResponseGroupTopic()
				answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
				for _, number := range topic.Partitions {
					partition := kmsg.NewOffsetFetchResponseGroupTopicPartition()
					partition.Partition, partition.Offset, partition.ErrorCode = number, -1, codeTopic
					partition.Metadata = new(string)
					answer.Partitions = append(answer.Partitions, partition)
				}
				group.Topics = append(group.Topics, answer)
			}
		}
		for _, group := range refusedGroups {
			answer := kmsg.NewOffsetFetchResponseGroup()
			answer.Group, answer.ErrorCode = group.Group, codeGroup
			response.Groups = append(response.Groups, answer)
		}
	}
}

// filterFindCoordinator leaves to the handler what is neither a group nor a
// transactional id: it refuses the request, which is nobody's secret. Coordinators of
// share groups need CLUSTER_ACTION on the cluster from version 6 on, the first that has
// them.
func filterFindCoordinator(c *call, request *kmsg.FindCoordinatorRequest) (func(*kmsg.FindCoordinatorResponse), bool) {
	may, err := c.mayGroup, kerr.GroupAuthorizationFailed
	switch request.CoordinatorType {
	case coordinatorOfGroup:
	case coordinatorOfTransaction:
		may, err = c.mayTransaction, kerr.TransactionalIDAuthorizationFailed
	default:
		return nil, false
	}
	if request.Version < 4 {
		if may(opDescribe, request.CoordinatorKey) {
			return nil, false
		}
		return func(response *kmsg.FindCoordinatorResponse) {
			response.ErrorCode, response.ErrorMessage = err.Code, errorMessage(err)
			response.NodeID, response.Port = -1, -1
		}, true
	}
	kept, rest := split(request.CoordinatorKeys, func(key *string) bool { return may(opDescribe, *key) })
	request.CoordinatorKeys = kept
	return func(response *kmsg.FindCoordinatorResponse) {
		for _, key := range rest {
			answer := kmsg.NewFindCoordinatorResponseCoordinator()
			answer.Key, answer.ErrorCode, answer.ErrorMessage = key, err.Code, errorMessage(err)
			answer.NodeID, answer.Port = -1, -1
			response.Coordinators = append(response.Coordinators, answer)
		}
	}, false
}

func filterDescribeGroups(c *call, request *kmsg.DescribeGroupsRequest) (func(*kmsg.DescribeGroupsResponse), bool) {
	kept, rest := split(request.Groups, func(group *string) bool { return c.mayGroup(opDescribe, *group) })
	request.Groups = kept
	return func(response *kmsg.DescribeGroupsResponse) {
		for i := range response.Groups {
			if group := &response.Groups[i]; request.IncludeAuthorizedOperations && group.ErrorCode == 0 {
				group.AuthorizedOperations = c.authorizedOperations(kmsg.ACLResourceTypeGroup, group.Group)
			}
		}
		for _, name := range rest {
			answer := kmsg.NewDescribeGroupsResponseGroup()
			answer.Group, answer.ErrorCode, answer.ErrorMessage = name, codeGroup, errorMessage(kerr.GroupAuthorizationFailed)
			response.Groups = append(response.Groups, answer)
		}
	}, false
}

func filterConsumerGroupDescribe(c *call, request *kmsg.ConsumerGroupDescribeRequest) (func(*kmsg.ConsumerGroupDescribeResponse), bool) {
	kept, rest := split(request.Groups, func(group *string) bool { return c.mayGroup(opDescribe, *group) })
	request.Groups = kept
	return func(response *kmsg.ConsumerGroupDescribeResponse) {
		for i := range response.Groups {
			group := &response.Groups[i]
			if !c.mayDescribeTopicsOf(group.Members) {
				// As Kafka: all of the group is kept back, not half of it shown.
				group.ErrorCode, group.ErrorMessage = codeTopic, errorMessage(kerr.TopicAuthorizationFailed)
				group.Members = nil
			}
			if request.IncludeAuthorizedOperations && group.ErrorCode == 0 {
				group.AuthorizedOperations = c.authorizedOperations(kmsg.ACLResourceTypeGroup, group.Group)
			}
		}
		for _, name := range rest {
			answer := kmsg.NewConsumerGroupDescribeResponseGroup()
			answer.Group, answer.ErrorCode, answer.ErrorMessage = name, codeGroup, errorMessage(kerr.GroupAuthorizationFailed)
			response.Groups = append(response.Groups, answer)
		}
	}, false
}

func (c *call) mayDescribeTopicsOf(members []kmsg.ConsumerGroupDescribeResponseGroupMember) bool {
	for i := range members {
		for _, topic := range members[i].SubscribedTopics {
			if !c.mayTopic(opDescribe, topic) {
				return false
			}
		}
		for _, assignment := range []kmsg.Assignment{members[i].Assignment, members[i].TargetAssignment} {
			for _, topic := range assignment.TopicPartitions {
				if !c.mayTopic(opDescribe, topic.Topic) {
					return false
				}
			}
		}
	}
	return true
}

func mayConsumerGroupHeartbeat(c *call, request kmsg.Request) *kerr.Error {
	heartbeat := request.(*kmsg.ConsumerGroupHeartbeatRequest)
	if !c.mayGroup(opRead, heartbeat.Group) {
		return kerr.GroupAuthorizationFailed
	}
	for _, topic := range heartbeat.SubscribedTopicNames {
		if !c.mayTopic(opDescribe, topic) {
			return kerr.TopicAuthorizationFailed
		}
	}
	return nil
}

func filterListGroups(c *call, _ *kmsg.ListGroupsRequest) (func(*kmsg.ListGroupsResponse), bool) {
	if c.mayCluster(opDescribe) {
		return nil, false
	}
	return func(response *kmsg.ListGroupsResponse) {
		response.Groups, _ = split(response.Groups, func(g *kmsg.ListGroupsResponseGroup) bool { return c.mayGroup(opDescribe, g.Group) })
	}, false
}

func filterDeleteGroups(c *call, request *kmsg.DeleteGroupsRequest) (func(*kmsg.DeleteGroupsResponse), bool) {
	kept, rest := split(request.Groups, func(group *string) bool { return c.mayGroup(opDelete, *group) })
	request.Groups = kept
	return func(response *kmsg.DeleteGroupsResponse) {
		for _, name := range rest {
			answer := kmsg.NewDeleteGroupsResponseGroup()
			answer.Group, answer.ErrorCode, answer.ErrorMessage = name, codeGroup, errorMessage(kerr.GroupAuthorizationFailed)
			response.Groups = append(response.Groups, answer)
		}
	}, false
}

func filterOffsetDelete(c *call, request *kmsg.OffsetDeleteRequest) (func(*kmsg.OffsetDeleteResponse), bool) {
	if !c.mayGroup(opDelete, request.Group) {
		return func(response *kmsg.OffsetDeleteResponse) { response.ErrorCode = codeGroup }, true
	}
	kept, rest := split(request.Topics, func(t *kmsg.OffsetDeleteRequestTopic) bool { return c.mayTopic(opRead, t.Topic) })
	request.Topics = kept
	return func(response *kmsg.OffsetDeleteResponse) {
		if response.ErrorCode != 0 {
			return
		}
		for _, topic := range rest {
			answer := kmsg.NewOffsetDeleteResponseTopic()
			answer.Topic = topic.Topic
			for _, asked := range topic.Partitions {
				partition := kmsg.NewOffsetDeleteResponseTopicPartition()
				partition.Partition, partition.ErrorCode = asked.Partition, codeTopic
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
	}, false
}
