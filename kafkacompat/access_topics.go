package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/acl"
)

// The accesses of requests about topics and their records. A topic that may not be
// described is refused by name whether it is there or not, so that nobody learns which.

const (
	opRead     = kmsg.ACLOperationRead
	opWrite    = kmsg.ACLOperationWrite
	opDescribe = kmsg.ACLOperationDescribe
	opDelete   = kmsg.ACLOperationDelete
	opAlter    = kmsg.ACLOperationAlter
	opCreate   = kmsg.ACLOperationCreate
)

var codeTopic = kerr.TopicAuthorizationFailed.Code

func filterListOffsets(c *call, request *kmsg.ListOffsetsRequest) (func(*kmsg.ListOffsetsResponse), bool) {
	kept, rest := split(request.Topics, func(t *kmsg.ListOffsetsRequestTopic) bool { return c.mayTopic(opDescribe, t.Topic) })
	request.Topics = kept
	return func(response *kmsg.ListOffsetsResponse) {
		for _, topic := range rest {
			answer := kmsg.NewListOffsetsResponseTopic()
			answer.Topic = topic.Topic
			for _, asked := range topic.Partitions {
				partition := kmsg.NewListOffsetsResponseTopicPartition()
				partition.Partition, partition.ErrorCode = asked.Partition, codeTopic
				partition.Offset, partition.Timestamp = -1, -1
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
	}, false
}

func filterMetadata(c *call, request *kmsg.MetadataRequest) (func(*kmsg.MetadataResponse), bool) {
	isAll := request.Topics == nil || request.Version == 0 && len(request.Topics) == 0
	mayCreate := c.mayMakeTopics(request)
	kept, rest := split(request.Topics, func(t *kmsg.MetadataRequestTopic) bool {
		if isNamedByID(*t) {
			return c.mayNamed(opDescribe, "", t.TopicID)
		}
		if !c.mayTopic(opDescribe, *t.Topic) {
			return false
		}
		return !mayCreate || c.exists(*t.Topic) || c.mayCreateTopic(*t.Topic)
	})
	if !isAll {
		request.Topics = kept
	}
	return func(response *kmsg.MetadataResponse) {
		if isAll {
			response.Topics, _ = split(response.Topics, func(t *kmsg.MetadataResponseTopic) bool { return c.mayTopic(opDescribe, *t.Topic) })
		} else if len(kept) == 0 {
			response.Topics = nil // version 0 took none for all
		}
		for i := range response.Topics {
			if topic := &response.Topics[i]; request.IncludeTopicAuthorizedOperations && topic.ErrorCode == 0 && topic.Topic != nil {
				topic.AuthorizedOperations = c.authorizedOperations(kmsg.ACLResourceTypeTopic, *topic.Topic)
			}
		}
		for _, asked := range rest {
			answer := kmsg.NewMetadataResponseTopic()
			if answer.ErrorCode = codeTopic; isNamedByID(asked) {
				answer.TopicID = asked.TopicID
			} else {
				answer.Topic = asked.Topic
			}
			response.Topics = append(response.Topics, answer)
		}
		if request.IncludeClusterAuthorizedOperations {
			response.AuthorizedOperations = c.clusterOperations()
		}
	}, false
}

// clusterOperations are those that the client may do with the cluster, if it may know.
func (c *call) clusterOperations() int32 {
	if !c.mayCluster(opDescribe) {
		return 0
	}
	return c.authorizedOperations(kmsg.ACLResourceTypeCluster, acl.ClusterName)
}

func (c *call) mayCreateTopic(name string) bool {
	return c.mayCluster(opCreate) || c.mayTopic(opCreate, name)
}

func filterCreateTopics(c *call, request *kmsg.CreateTopicsRequest) (func(*kmsg.CreateTopicsResponse), bool) {
	kept, rest := split(request.Topics, func(t *kmsg.CreateTopicsRequestTopic) bool { return c.mayCreateTopic(t.Topic) })
	request.Topics = kept
	return func(response *kmsg.CreateTopicsResponse) {
		for i := range response.Topics {
			if answer := &response.Topics[i]; answer.ErrorCode == 0 && !c.mayTopic(kmsg.ACLOperationDescribeConfigs, answer.Topic) {
				answer.ConfigErrorCode, answer.Configs = codeTopic, []kmsg.CreateTopicsResponseTopicConfig{}
				answer.NumPartitions, answer.ReplicationFactor = -1, -1
			}
		}
		for _, asked := range rest {
			answer := kmsg.NewCreateTopicsResponseTopic()
			answer.Topic, answer.ErrorCode, answer.ErrorMessage = asked.Topic, codeTopic, errorMessage(kerr.TopicAuthorizationFailed)
			answer.NumPartitions, answer.ReplicationFactor, answer.Configs = -1, -1, []kmsg.CreateTopicsResponseTopicConfig{}
			response.Topics = append(response.Topics, answer)
		}
	}, false
}

func filterDeleteTopics(c *call, request *kmsg.DeleteTopicsRequest) (func(*kmsg.DeleteTopicsResponse), bool) {
	names, refusedNames := split(request.TopicNames, func(name *string) bool { return c.mayTopic(opDelete, *name) })
	topics, refusedTopics := split(request.Topics, func(t *kmsg.DeleteTopicsRequestTopic) bool {
		if t.Topic != nil {
			return c.mayTopic(opDelete, *t.Topic)
		}
		return c.mayNamed(opDelete, "", t.TopicID)
	})
	request.TopicNames, request.Topics = names, topics
	return func(response *kmsg.DeleteTopicsResponse) {
		for i := range refusedNames {
			refusedTopics = append(refusedTopics, kmsg.DeleteTopicsRequestTopic{Topic: &refusedNames[i]})
		}
		for _, asked := range refusedTopics {
			answer := kmsg.NewDeleteTopicsResponseTopic()
			answer.Topic, answer.TopicID, answer.ErrorCode = asked.Topic, asked.TopicID, codeTopic
			answer.ErrorMessage = errorMessage(kerr.TopicAuthorizationFailed)
			if name, isKnown := c.nameOf(asked.TopicID); asked.Topic == nil && isKnown && c.mayTopic(opDescribe, name) {
				answer.Topic = &name
			}
			response.Topics = append(response.Topics, answer)
		}
	}, false
}

func filterDeleteRecords(c *call, request *kmsg.DeleteRecordsRequest) (func(*kmsg.DeleteRecordsResponse), bool) {
	kept, rest := split(request.Topics, func(t *kmsg.DeleteRecordsRequestTopic) bool { return c.mayTopic(opDelete, t.Topic) })
	request.Topics = kept
	return func(response *kmsg.DeleteRecordsResponse) {
		for _, topic := range rest {
			answer := kmsg.NewDeleteRecordsResponseTopic()
			answer.Topic = topic.Topic
			for _, asked := range topic.Partitions {
				partition := kmsg.NewDeleteRecordsResponseTopicPartition()
				partition.Partition, partition.ErrorCode, partition.LowWatermark = asked.Partition, codeTopic, -1
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
	}, false
}

func filterOffsetForLeaderEpoch(c *call, request *kmsg.OffsetForLeaderEpochRequest) (func(*kmsg.OffsetForLeaderEpochResponse), bool) {
	kept, rest := split(request.Topics, func(t *kmsg.OffsetForLeaderEpochRequestTopic) bool { return c.mayTopic(opDescribe, t.Topic) })
	request.Topics = kept
	return func(response *kmsg.OffsetForLeaderEpochResponse) {
		for _, topic := range rest {
			answer := kmsg.NewOffsetForLeaderEpochResponseTopic()
			answer.Topic = topic.Topic
			for _, asked := range topic.Partitions {
				partition := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				partition.Partition, partition.ErrorCode = asked.Partition, codeTopic
				partition.LeaderEpoch, partition.EndOffset = -1, -1
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
	}, false
}

func filterCreatePartitions(c *call, request *kmsg.CreatePartitionsRequest) (func(*kmsg.CreatePartitionsResponse), bool) {
	kept, rest := split(request.Topics, func(t *kmsg.CreatePartitionsRequestTopic) bool { return c.mayTopic(opAlter, t.Topic) })
	request.Topics = kept
	return func(response *kmsg.CreatePartitionsResponse) {
		for _, asked := range rest {
			answer := kmsg.NewCreatePartitionsResponseTopic()
			answer.Topic, answer.ErrorCode, answer.ErrorMessage = asked.Topic, codeTopic, errorMessage(kerr.TopicAuthorizationFailed)
			response.Topics = append(response.Topics, answer)
		}
	}, false
}

func filterDescribeProducers(c *call, request *kmsg.DescribeProducersRequest) (func(*kmsg.DescribeProducersResponse), bool) {
	kept, rest := split(request.Topics, func(t *kmsg.DescribeProducersRequestTopic) bool { return c.mayTopic(opRead, t.Topic) })
	request.Topics = kept
	return func(response *kmsg.DescribeProducersResponse) {
		for _, topic := range rest {
			answer := kmsg.NewDescribeProducersResponseTopic()
			answer.Topic = topic.Topic
			for _, number := range topic.Partitions {
				partition := kmsg.NewDescribeProducersResponseTopicPartition()
				partition.Partition, partition.ErrorCode = number, codeTopic
				partition.ErrorMessage = errorMessage(kerr.TopicAuthorizationFailed)
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
	}, false
}

func filterDescribeTopicPartitions(c *call, request *kmsg.DescribeTopicPartitionsRequest) (func(*kmsg.DescribeTopicPartitionsResponse), bool) {
	// No topics are all topics, as far as they may be described.
	isAll := len(request.Topics) == 0
	kept, rest := split(request.Topics, func(t *kmsg.DescribeTopicPartitionsRequestTopic) bool { return c.mayTopic(opDescribe, t.Topic) })
	request.Topics = kept
	amend := func(response *kmsg.DescribeTopicPartitionsResponse) {
		response.Topics, _ = split(response.Topics, func(t *kmsg.DescribeTopicPartitionsResponseTopic) bool {
			return t.Topic == nil || c.mayTopic(opDescribe, *t.Topic)
		})
		for i := range response.Topics {
			if topic := &response.Topics[i]; topic.ErrorCode == 0 && topic.Topic != nil {
				topic.AuthorizedOperations = c.authorizedOperations(kmsg.ACLResourceTypeTopic, *topic.Topic)
			}
		}
		for i := range rest {
			answer := kmsg.NewDescribeTopicPartitionsResponseTopic()
			answer.Topic, answer.ErrorCode = &rest[i].Topic, codeTopic
			response.Topics = append(response.Topics, answer)
		}
	}
	return amend, !isAll && len(kept) == 0
}
