package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The accesses of requests about configuration and the cluster, of which the answer has
// no error code at its top.

var codeCluster = kerr.ClusterAuthorizationFailed.Code

// mayConfig tells whether the client may do something with a configuration, or why not.
func (c *call) mayConfig(operation kmsg.ACLOperation, kind kmsg.ConfigResourceType, name string) *kerr.Error {
	switch {
	case kind == kmsg.ConfigResourceTypeTopic:
		if !c.mayTopic(operation, name) {
			return kerr.TopicAuthorizationFailed
		}
	case kind == kmsg.ConfigResourceTypeGroupConfig:
		if !c.mayGroup(operation, name) {
			return kerr.GroupAuthorizationFailed
		}
	case !c.mayCluster(operation):
		return kerr.ClusterAuthorizationFailed
	}
	return nil
}

func filterDescribeConfigs(c *call, request *kmsg.DescribeConfigsRequest) (func(*kmsg.DescribeConfigsResponse), bool) {
	refusal := func(r *kmsg.DescribeConfigsRequestResource) *kerr.Error {
		return c.mayConfig(kmsg.ACLOperationDescribeConfigs, r.ResourceType, r.ResourceName)
	}
	kept, rest, errs := splitBy(request.Resources, refusal)
	request.Resources = kept
	return func(response *kmsg.DescribeConfigsResponse) {
		for i := range rest {
			answer := kmsg.NewDescribeConfigsResponseResource()
			answer.ResourceType, answer.ResourceName = rest[i].ResourceType, rest[i].ResourceName
			answer.ErrorCode, answer.ErrorMessage = errs[i].Code, errorMessage(errs[i])
			response.Resources = append(response.Resources, answer)
		}
	}, false
}

func filterAlterConfigs(c *call, request *kmsg.AlterConfigsRequest) (func(*kmsg.AlterConfigsResponse), bool) {
	refusal := func(r *kmsg.AlterConfigsRequestResource) *kerr.Error {
		return c.mayConfig(kmsg.ACLOperationAlterConfigs, r.ResourceType, r.ResourceName)
	}
	kept, rest, errs := splitBy(request.Resources, refusal)
	request.Resources = kept
	return func(response *kmsg.AlterConfigsResponse) {
		for i := range rest {
			answer := kmsg.NewAlterConfigsResponseResource()
			answer.ResourceType, answer.ResourceName = rest[i].ResourceType, rest[i].ResourceName
			answer.ErrorCode, answer.ErrorMessage = errs[i].Code, errorMessage(errs[i])
			response.Resources = append(response.Resources, answer)
		}
	}, false
}

func filterIncrementalAlterConfigs(c *call, request *kmsg.IncrementalAlterConfigsRequest) (func(*kmsg.IncrementalAlterConfigsResponse), bool) {
	refusal := func(r *kmsg.IncrementalAlterConfigsRequestResource) *kerr.Error {
		return c.mayConfig(kmsg.ACLOperationAlterConfigs, r.ResourceType, r.ResourceName)
	}
	kept, rest, errs := splitBy(request.Resources, refusal)
	request.Resources = kept
	return func(response *kmsg.IncrementalAlterConfigsResponse) {
		for i := range rest {
			answer := kmsg.NewIncrementalAlterConfigsResponseResource()
			answer.ResourceType, answer.ResourceName = rest[i].ResourceType, rest[i].ResourceName
			answer.ErrorCode, answer.ErrorMessage = errs[i].Code, errorMessage(errs[i])
			response.Resources = append(response.Resources, answer)
		}
	}, false
}

func filterCreateACLs(c *call, request *kmsg.CreateACLsRequest) (func(*kmsg.CreateACLsResponse), bool) {
	if c.mayCluster(opAlter) {
		return nil, false
	}
	return func(response *kmsg.CreateACLsResponse) {
		for range request.Creations {
			answer := kmsg.NewCreateACLsResponseResult()
			answer.ErrorCode, answer.ErrorMessage = codeCluster, errorMessage(kerr.ClusterAuthorizationFailed)
			response.Results = append(response.Results, answer)
		}
	}, true
}

func filterDeleteACLs(c *call, request *kmsg.DeleteACLsRequest) (func(*kmsg.DeleteACLsResponse), bool) {
	if c.mayCluster(opAlter) {
		return nil, false
	}
	return func(response *kmsg.DeleteACLsResponse) {
		for range request.Filters {
			answer := kmsg.NewDeleteACLsResponseResult()
			answer.ErrorCode, answer.ErrorMessage = codeCluster, errorMessage(kerr.ClusterAuthorizationFailed)
			response.Results = append(response.Results, answer)
		}
	}, true
}

func filterAlterUserSCRAMCredentials(c *call, request *kmsg.AlterUserSCRAMCredentialsRequest) (func(*kmsg.AlterUserSCRAMCredentialsResponse), bool) {
	if c.mayCluster(opAlter) {
		return nil, false
	}
	return func(response *kmsg.AlterUserSCRAMCredentialsResponse) {
		seen := make(map[string]bool)
		refuse := func(name string) {
			if seen[name] {
				return
			}
			seen[name] = true
			answer := kmsg.NewAlterUserSCRAMCredentialsResponseResult()
			answer.User, answer.ErrorCode, answer.ErrorMessage = name, codeCluster, errorMessage(kerr.ClusterAuthorizationFailed)
			response.Results = append(response.Results, answer)
		}
		for _, asked := range request.Deletions {
			refuse(asked.Name)
		}
		for _, asked := range request.Upsertions {
			refuse(asked.Name)
		}
	}, true
}

func filterAlterClientQuotas(c *call, request *kmsg.AlterClientQuotasRequest) (func(*kmsg.AlterClientQuotasResponse), bool) {
	if c.mayCluster(kmsg.ACLOperationAlterConfigs) {
		return nil, false
	}
	return func(response *kmsg.AlterClientQuotasResponse) {
		for _, asked := range request.Entries {
			answer := kmsg.NewAlterClientQuotasResponseEntry()
			answer.ErrorCode, answer.ErrorMessage = codeCluster, errorMessage(kerr.ClusterAuthorizationFailed)
			for _, entity := range asked.Entity {
				answer.Entity = append(answer.Entity, kmsg.AlterClientQuotasResponseEntryEntity{Type: entity.Type, Name: entity.Name})
			}
			response.Entries = append(response.Entries, answer)
		}
	}, true
}

func filterAlterReplicaLogDirs(c *call, request *kmsg.AlterReplicaLogDirsRequest) (func(*kmsg.AlterReplicaLogDirsResponse), bool) {
	if c.mayCluster(opAlter) {
		return nil, false
	}
	return func(response *kmsg.AlterReplicaLogDirsResponse) {
		for _, dir := range request.Dirs {
			for _, topic := range dir.Topics {
				answer := kmsg.NewAlterReplicaLogDirsResponseTopic()
				answer.Topic = topic.Topic
				for _, number := range topic.Partitions {
					partition := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
					partition.Partition, partition.ErrorCode = number, codeCluster
					answer.Partitions = append(answer.Partitions, partition)
				}
				response.Topics = append(response.Topics, answer)
			}
		}
	}, true
}

func filterDescribeCluster(c *call, request *kmsg.DescribeClusterRequest) (func(*kmsg.DescribeClusterResponse), bool) {
	if !request.IncludeClusterAuthorizedOperations {
		return nil, false
	}
	return func(response *kmsg.DescribeClusterResponse) {
		if response.ErrorCode == 0 {
			response.ClusterAuthorizedOperations = c.clusterOperations()
		}
	}, false
}

// filterElectLeaders has an error for each partition: an answer of version 0 has no other.
func filterElectLeaders(c *call, request *kmsg.ElectLeadersRequest) (func(*kmsg.ElectLeadersResponse), bool) {
	if c.mayCluster(kmsg.ACLOperationAlter) {
		return nil, false
	}
	return func(response *kmsg.ElectLeadersResponse) {
		response.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		for _, asked := range request.Topics {
			topic := kmsg.NewElectLeadersResponseTopic()
			topic.Topic = asked.Topic
			for _, number := range asked.Partitions {
				partition := kmsg.NewElectLeadersResponseTopicPartition()
				partition.Partition, partition.ErrorCode = number, kerr.ClusterAuthorizationFailed.Code
				partition.ErrorMessage = errorMessage(kerr.ClusterAuthorizationFailed)
				topic.Partitions = append(topic.Partitions, partition)
			}
			response.Topics = append(response.Topics, topic)
		}
	}, true
}
