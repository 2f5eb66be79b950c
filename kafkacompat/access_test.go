package kafkacompat_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"kont/kafkacompat"
	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// withAuthorizer asks ACLs.
func withAuthorizer(change ...func(*kafkacompat.AuthorizerConfig)) func(*kafkacompat.Config) {
	return func(c *kafkacompat.Config) {
		c.Authorizer.IsOn = true
		for _, f := range change {
			f(&c.Authorizer)
		}
	}
}

// allow makes an ACL that lets everybody do something with a resource.
func (s *testServer) allow(operation kmsg.ACLOperation, kind kmsg.ACLResourceType, name string) {
	s.t.Helper()
	s.rule("User:*", kmsg.ACLPermissionTypeAllow, operation, kind, name)
}

func (s *testServer) rule(principal string, permission kmsg.ACLPermissionType, operation kmsg.ACLOperation, kind kmsg.ACLResourceType, name string) {
	s.t.Helper()
	if _, err := s.log.Propose(s.t.Context(), command.CreateACLs{ACLs: []command.ACL{{ResourceType: int8(kind), Pattern: int8(kmsg.ACLResourcePatternTypeLiteral),
		Name: name, Principal: principal, Host: "*", Operation: int8(operation), Permission: int8(permission)}}}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *testServer) forgetRules() {
	s.t.Helper()
	if _, err := s.log.Propose(s.t.Context(), command.DeleteACLs{ACLs: s.log.ACLs().List}); err != nil {
		s.t.Fatal(err)
	}
}

// makeTopic makes a topic behind the listener's back.
func (s *testServer) makeTopic(name string, id byte) {
	s.t.Helper()
	if _, err := s.log.Propose(s.t.Context(), command.CreateTopics{Topics: []command.Topic{{Name: name, Partitions: 1, ID: command.TopicID{id}}}}); err != nil {
		s.t.Fatal(err)
	}
}

// codesIn are all error codes of an answer.
func codesIn(v reflect.Value) (codes []int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return codesIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			codes = append(codes, codesIn(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "ErrorCode" {
				codes = append(codes, int16(v.Field(i).Int()))
			} else if v.Type().Field(i).IsExported() {
				codes = append(codes, codesIn(v.Field(i))...)
			}
		}
	}
	return codes
}

// fill gives every field of a request a value: one element in each list, the name x in
// each text.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[kmsg.Tags]() {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "Version" && v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Array:
		fill(v.Index(0)) // a topic's id
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int8:
		v.SetInt(2)
	case reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint(1)
	}
}

// Whatever a client asks that may nothing, nothing is done and nothing is told, in every
// version of every API that is registered. A handler that was forgotten answers
// something else.
func TestNothingIsDoneForWhoMayNothing(t *testing.T) {
	s := startServer(t, withAuthorizer(), func(c *kafkacompat.Config) { c.AutoCreateTopics = true })
	s.makeTopic("x", 1)
	before := s.log.Commands()
	versions := kmsg.NewPtrApiVersionsRequest()
	versions.Version = 0
	for _, api := range ask[*kmsg.ApiVersionsResponse](s.dial(), versions).ApiKeys {
		for version := max(api.MinVersion, map[int16]int16{0: 3}[api.ApiKey]); version <= api.MaxVersion; version++ {
			request := kmsg.RequestForKey(api.ApiKey)
			request.SetVersion(version)
			fill(reflect.ValueOf(request).Elem())
			switch r := request.(type) {
			case *kmsg.SASLHandshakeRequest, *kmsg.SASLAuthenticateRequest, *kmsg.ApiVersionsRequest, *kmsg.DescribeClusterRequest,
				*kmsg.GetTelemetrySubscriptionsRequest, *kmsg.PushTelemetryRequest:
				continue // for everybody
			case *kmsg.ProduceRequest:
				r.TransactionID = nil
			case *kmsg.FindCoordinatorRequest:
				r.CoordinatorType = 0
			case *kmsg.FetchRequest:
				r.SessionEpoch, r.SessionID, r.ReplicaID, r.MaxWaitMillis = -1, 0, -1, 1000
			case *kmsg.MetadataRequest:
				if version >= 10 {
					r.Topics[0].TopicID = [16]byte{}
				}
			}
			name := fmt.Sprintf("%s %d", kmsg.NameForKey(api.ApiKey), version)
			response := askAny(s.dial(), request)
			switch r := response.(type) {
			case *kmsg.ListGroupsResponse:
				if len(r.Groups) > 0 {
					t.Errorf("%s: %+v", name, r)
				}
				continue
			case *kmsg.ListTransactionsResponse:
				if len(r.TransactionStates) > 0 {
					t.Errorf("%s: %+v", name, r)
				}
				continue
			case *kmsg.DescribeLogDirsResponse:
				if len(r.Dirs) > 0 {
					t.Errorf("%s: %+v", name, r)
				}
				if version < 3 {
					continue // no place for an error
				}
			}
			checkDenied(t, name, response, firstDenials[api.ApiKey])
		}
	}
	if after := s.log.Commands(); after != before {
		t.Errorf("%d commands were proposed", after-before)
	}
}

func askAny(c *rawConn, request kmsg.Request) kmsg.Response {
	c.t.Helper()
	c.last++
	c.send(frame(c.last, request))
	return answer[kmsg.Response](c, c.last, request)
}

func textOf(s string) *string { return &s }

func addPartitionsOf(name string) kmsg.Request {
	return with(kmsg.NewPtrAddPartitionsToTxnRequest(), 3, func(r *kmsg.AddPartitionsToTxnRequest) {
		r.TransactionalID, r.Topics = name, []kmsg.AddPartitionsToTxnRequestTopic{{Topic: name, Partitions: []int32{0}}}
	})
}

func addOffsetsOf(name string) kmsg.Request {
	return with(kmsg.NewPtrAddOffsetsToTxnRequest(), 3, func(r *kmsg.AddOffsetsToTxnRequest) { r.TransactionalID, r.Group = name, name })
}

func txnOffsetCommitOf(name string) kmsg.Request {
	return with(kmsg.NewPtrTxnOffsetCommitRequest(), 3, func(r *kmsg.TxnOffsetCommitRequest) {
		r.TransactionalID, r.Group = name, name
		r.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: name, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{}}}}
	})
}

func offsetDeleteOf(name string) kmsg.Request {
	return with(kmsg.NewPtrOffsetDeleteRequest(), 0, func(r *kmsg.OffsetDeleteRequest) {
		r.Group, r.Topics = name, []kmsg.OffsetDeleteRequestTopic{{Topic: name, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{}}}}
	})
}

func consumerBeatOf(name string) kmsg.Request {
	return with(kmsg.NewPtrConsumerGroupHeartbeatRequest(), 1, func(r *kmsg.ConsumerGroupHeartbeatRequest) {
		r.Group, r.MemberID, r.MemberEpoch, r.SubscribedTopicNames = name, "m", 7, []string{name}
	})
}

// Each operation alone lets through exactly the requests that it is for. What is asked
// and what is needed stands here once more, apart from the rows.
func TestOperationsLetRequestsThrough(t *testing.T) {
	const topic, group, cluster, transaction = kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeCluster, kmsg.ACLResourceTypeTransactionalId
	batch := recordbatch.Append(nil, []recordbatch.Record{{Value: []byte("x")}}, recordbatch.Options{})
	type ops []kmsg.ACLOperation
	describes := ops{kmsg.ACLOperationDescribe, kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete, kmsg.ACLOperationAlter}
	tests := []struct {
		name    string
		kind    kmsg.ACLResourceType
		suffice ops
		// denial is what Kafka answers to all else.
		denial *kerr.Error
		// besides is given always, so that only the operation is missing.
		besides func(*testServer)
		request kmsg.Request
	}{
		{"Produce", topic, ops{kmsg.ACLOperationWrite}, noTopic, nil, produceRequest(-1, 9, "x", batch)},
		{"Fetch", topic, ops{kmsg.ACLOperationRead}, noTopic, nil, fetchRequest("x", 0, 0, 0)},
		{"ListOffsets", topic, describes, noTopic, nil, with(kmsg.NewPtrListOffsetsRequest(), 5, func(r *kmsg.ListOffsetsRequest) {
			r.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "x", Partitions: []kmsg.ListOffsetsRequestTopicPartition{{Timestamp: -1, CurrentLeaderEpoch: -1}}}}
		})},
		{"Metadata", topic, describes, noTopic, nil, with(kmsg.NewPtrMetadataRequest(), 9, func(r *kmsg.MetadataRequest) { r.Topics = []kmsg.MetadataRequestTopic{{Topic: textOf("x")}} })},
		{"Metadata by id", topic, describes, noTopic, nil, with(kmsg.NewPtrMetadataRequest(), 12, func(r *kmsg.MetadataRequest) { r.Topics = []kmsg.MetadataRequestTopic{{TopicID: [16]byte{1}}} })},
		{"Metadata that makes a topic", topic, ops{kmsg.ACLOperationCreate}, noTopic, func(s *testServer) { s.allow(kmsg.ACLOperationDescribe, topic, "new") }, with(kmsg.NewPtrMetadataRequest(), 9, func(r *kmsg.MetadataRequest) {
			r.Topics, r.AllowAutoTopicCreation = []kmsg.MetadataRequestTopic{{Topic: textOf("new")}}, true
		})},
		{"OffsetCommit, the group", group, ops{kmsg.ACLOperationRead}, noGroup, func(s *testServer) { s.allow(kmsg.ACLOperationRead, topic, "x") }, offsetCommitOf("x")},
		{"OffsetCommit, the topic", topic, ops{kmsg.ACLOperationRead}, noTopic, func(s *testServer) { s.allow(kmsg.ACLOperationRead, group, "x") }, offsetCommitOf("x")},
		{"OffsetFetch, the group", group, ops{kmsg.ACLOperationDescribe, kmsg.ACLOperationRead, kmsg.ACLOperationDelete, kmsg.ACLOperationWrite, kmsg.ACLOperationAlter}, noGroup, nil,
			with(kmsg.NewPtrOffsetFetchRequest(), 8, func(r *kmsg.OffsetFetchRequest) { r.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "x"}} })},
		{"OffsetFetch, the topic", topic, describes, noTopic, func(s *testServer) { s.allow(kmsg.ACLOperationDescribe, group, "x") }, with(kmsg.NewPtrOffsetFetchRequest(), 5, func(r *kmsg.OffsetFetchRequest) {
			r.Group, r.Topics = "x", []kmsg.OffsetFetchRequestTopic{{Topic: "x", Partitions: []int32{0}}}
		})},
		{"FindCoordinator", group, describes, noGroup, nil, with(kmsg.NewPtrFindCoordinatorRequest(), 4, func(r *kmsg.FindCoordinatorRequest) { r.CoordinatorKeys = []string{"x"} })},
		{"Heartbeat", group, ops{kmsg.ACLOperationRead}, noGroup, nil, with(kmsg.NewPtrHeartbeatRequest(), 4, func(r *kmsg.HeartbeatRequest) { r.Group = "x" })},
		{"JoinGroup", group, ops{kmsg.ACLOperationRead}, noGroup, nil, with(kmsg.NewPtrJoinGroupRequest(), 4, func(r *kmsg.JoinGroupRequest) { r.Group = "x" })},
		{"SyncGroup", group, ops{kmsg.ACLOperationRead}, noGroup, nil, with(kmsg.NewPtrSyncGroupRequest(), 4, func(r *kmsg.SyncGroupRequest) { r.Group = "x" })},
		{"LeaveGroup", group, ops{kmsg.ACLOperationRead}, noGroup, nil, with(kmsg.NewPtrLeaveGroupRequest(), 4, func(r *kmsg.LeaveGroupRequest) { r.Group = "x" })},
		{"DescribeGroups", group, describes, noGroup, nil, with(kmsg.NewPtrDescribeGroupsRequest(), 5, func(r *kmsg.DescribeGroupsRequest) { r.Groups = []string{"x"} })},
		{"CreateTopics by the cluster", cluster, ops{kmsg.ACLOperationCreate}, noTopic, nil, createTopicsRequest("new")},
		{"CreateTopics by the topic", topic, ops{kmsg.ACLOperationCreate}, noTopic, nil, createTopicsRequest("new")},
		{"DeleteTopics", topic, ops{kmsg.ACLOperationDelete}, noTopic, nil, with(kmsg.NewPtrDeleteTopicsRequest(), 5, func(r *kmsg.DeleteTopicsRequest) { r.TopicNames = []string{"x"} })},
		{"DeleteTopics by name beside ids", topic, ops{kmsg.ACLOperationDelete}, noTopic, nil, with(kmsg.NewPtrDeleteTopicsRequest(), 6, func(r *kmsg.DeleteTopicsRequest) { r.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: textOf("x")}} })},
		{"DeleteTopics by id", topic, ops{kmsg.ACLOperationDelete}, noTopic, nil, with(kmsg.NewPtrDeleteTopicsRequest(), 6, func(r *kmsg.DeleteTopicsRequest) { r.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: [16]byte{1}}} })},
		{"DeleteRecords", topic, ops{kmsg.ACLOperationDelete}, noTopic, nil, with(kmsg.NewPtrDeleteRecordsRequest(), 2, func(r *kmsg.DeleteRecordsRequest) {
			r.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: "x", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: 0}}}}
		})},
		{"InitProducerID by the cluster", cluster, ops{kmsg.ACLOperationIdempotentWrite}, noCluster, nil, with(kmsg.NewPtrInitProducerIDRequest(), 3, func(*kmsg.InitProducerIDRequest) {})},
		{"InitProducerID by a topic", topic, ops{kmsg.ACLOperationWrite}, noCluster, nil, with(kmsg.NewPtrInitProducerIDRequest(), 3, func(*kmsg.InitProducerIDRequest) {})},
		{"DescribeACLs", cluster, describes, noCluster, nil, with(kmsg.NewPtrDescribeACLsRequest(), 2, func(r *kmsg.DescribeACLsRequest) {
			r.ResourceType, r.ResourcePatternType, r.Operation, r.PermissionType = 1, 1, 1, 1
		})},
		{"CreateACLs", cluster, ops{kmsg.ACLOperationAlter}, noCluster, nil, with(kmsg.NewPtrCreateACLsRequest(), 2, func(r *kmsg.CreateACLsRequest) {
			r.Creations = []kmsg.CreateACLsRequestCreation{{ResourceType: 2, ResourceName: "y", ResourcePatternType: 3, Principal: "User:a", Host: "*", Operation: 3, PermissionType: 3}}
		})},
		{"DeleteACLs", cluster, ops{kmsg.ACLOperationAlter}, noCluster, nil, with(kmsg.NewPtrDeleteACLsRequest(), 2, func(r *kmsg.DeleteACLsRequest) {
			r.Filters = []kmsg.DeleteACLsRequestFilter{{ResourceType: 6, ResourcePatternType: 1, Operation: 1, PermissionType: 1}}
		})},
		{"DescribeConfigs of a topic", topic, ops{kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs}, noTopic, nil, describeConfigsRequest(kmsg.ConfigResourceTypeTopic, "x")},
		{"DescribeConfigs of the node", cluster, ops{kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs}, noCluster, nil, describeConfigsRequest(kmsg.ConfigResourceTypeBroker, "1")},
		{"AlterConfigs", topic, ops{kmsg.ACLOperationAlterConfigs}, noTopic, nil, with(kmsg.NewPtrAlterConfigsRequest(), 2, func(r *kmsg.AlterConfigsRequest) {
			r.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "x"}}
		})},
		{"IncrementalAlterConfigs", topic, ops{kmsg.ACLOperationAlterConfigs}, noTopic, nil, with(kmsg.NewPtrIncrementalAlterConfigsRequest(), 1, func(r *kmsg.IncrementalAlterConfigsRequest) {
			r.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "x"}}
		})},
		{"DeleteGroups", group, ops{kmsg.ACLOperationDelete}, noGroup, nil, with(kmsg.NewPtrDeleteGroupsRequest(), 2, func(r *kmsg.DeleteGroupsRequest) { r.Groups = []string{"x"} })},
		{"DescribeUserSCRAMCredentials", cluster, describes, noCluster, nil, kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()},
		{"AlterUserSCRAMCredentials", cluster, ops{kmsg.ACLOperationAlter}, noCluster, nil, with(kmsg.NewPtrAlterUserSCRAMCredentialsRequest(), 0, func(r *kmsg.AlterUserSCRAMCredentialsRequest) {
			r.Deletions = []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "nobody", Mechanism: 1}}
		})},
		{"InitProducerID of a transactional id", transaction, ops{kmsg.ACLOperationWrite}, noTransaction, nil, with(kmsg.NewPtrInitProducerIDRequest(), 3, func(r *kmsg.InitProducerIDRequest) {
			r.TransactionalID, r.TransactionTimeoutMillis = textOf("x"), 1000
		})},
		{"FindCoordinator of a transactional id", transaction, ops{kmsg.ACLOperationDescribe, kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete, kmsg.ACLOperationAlter}, noTransaction, nil,
			with(kmsg.NewPtrFindCoordinatorRequest(), 3, func(r *kmsg.FindCoordinatorRequest) { r.CoordinatorKey, r.CoordinatorType = "x", 1 })},
		{"OffsetForLeaderEpoch", topic, describes, noTopic, nil, with(kmsg.NewPtrOffsetForLeaderEpochRequest(), 4, func(r *kmsg.OffsetForLeaderEpochRequest) {
			r.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "x", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{CurrentLeaderEpoch: -1}}}}
		})},
		{"AddPartitionsToTxn, the id", transaction, ops{kmsg.ACLOperationWrite}, noTransaction, func(s *testServer) { s.allow(kmsg.ACLOperationWrite, topic, "x") }, addPartitionsOf("x")},
		{"AddPartitionsToTxn, the topic", topic, ops{kmsg.ACLOperationWrite}, noTopic, func(s *testServer) { s.allow(kmsg.ACLOperationWrite, transaction, "x") }, addPartitionsOf("x")},
		{"AddOffsetsToTxn, the id", transaction, ops{kmsg.ACLOperationWrite}, noTransaction, func(s *testServer) { s.allow(kmsg.ACLOperationRead, group, "x") }, addOffsetsOf("x")},
		{"AddOffsetsToTxn, the group", group, ops{kmsg.ACLOperationRead}, noGroup, func(s *testServer) { s.allow(kmsg.ACLOperationWrite, transaction, "x") }, addOffsetsOf("x")},
		{"EndTxn", transaction, ops{kmsg.ACLOperationWrite}, noTransaction, nil, with(kmsg.NewPtrEndTxnRequest(), 3, func(r *kmsg.EndTxnRequest) { r.TransactionalID = "x" })},
		{"TxnOffsetCommit, the id", transaction, ops{kmsg.ACLOperationWrite}, noTransaction, func(s *testServer) {
			s.allow(kmsg.ACLOperationRead, group, "x")
			s.allow(kmsg.ACLOperationRead, topic, "x")
		}, txnOffsetCommitOf("x")},
		{"TxnOffsetCommit, the group", group, ops{kmsg.ACLOperationRead}, noGroup, func(s *testServer) {
			s.allow(kmsg.ACLOperationWrite, transaction, "x")
			s.allow(kmsg.ACLOperationRead, topic, "x")
		}, txnOffsetCommitOf("x")},
		{"TxnOffsetCommit, the topic", topic, ops{kmsg.ACLOperationRead}, noTopic, func(s *testServer) {
			s.allow(kmsg.ACLOperationWrite, transaction, "x")
			s.allow(kmsg.ACLOperationRead, group, "x")
		}, txnOffsetCommitOf("x")},
		{"DescribeConfigs of a group", group, ops{kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs}, noGroup, nil, describeConfigsRequest(kmsg.ConfigResourceTypeGroupConfig, "x")},
		{"DescribeLogDirs", cluster, describes, noCluster, nil, with(kmsg.NewPtrDescribeLogDirsRequest(), 4, func(*kmsg.DescribeLogDirsRequest) {})},
		{"CreatePartitions", topic, ops{kmsg.ACLOperationAlter}, noTopic, nil, with(kmsg.NewPtrCreatePartitionsRequest(), 3, func(r *kmsg.CreatePartitionsRequest) {
			r.ValidateOnly, r.Topics = true, []kmsg.CreatePartitionsRequestTopic{{Topic: "x", Count: 2}}
		})},
		{"ElectLeaders", cluster, ops{kmsg.ACLOperationAlter}, noCluster, nil, with(kmsg.NewPtrElectLeadersRequest(), 2, func(r *kmsg.ElectLeadersRequest) {
			r.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "x", Partitions: []int32{0}}}
		})},
		{"AlterPartitionAssignments", cluster, ops{kmsg.ACLOperationAlter}, noCluster, nil, with(kmsg.NewPtrAlterPartitionAssignmentsRequest(), 0, func(*kmsg.AlterPartitionAssignmentsRequest) {})},
		{"ListPartitionReassignments", cluster, describes, noCluster, nil, with(kmsg.NewPtrListPartitionReassignmentsRequest(), 0, func(*kmsg.ListPartitionReassignmentsRequest) {})},
		{"OffsetDelete, the group", group, ops{kmsg.ACLOperationDelete}, noGroup, func(s *testServer) { s.allow(kmsg.ACLOperationRead, topic, "x") }, offsetDeleteOf("x")},
		{"DescribeClientQuotas", cluster, ops{kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs}, noCluster, nil, with(kmsg.NewPtrDescribeClientQuotasRequest(), 1, func(*kmsg.DescribeClientQuotasRequest) {})},
		{"AlterClientQuotas", cluster, ops{kmsg.ACLOperationAlterConfigs}, noCluster, nil, with(kmsg.NewPtrAlterClientQuotasRequest(), 1, func(r *kmsg.AlterClientQuotasRequest) {
			r.ValidateOnly = true
			r.Entries = []kmsg.AlterClientQuotasRequestEntry{{Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "user", Name: textOf("a")}}}}
		})},
		{"DescribeQuorum", cluster, describes, noCluster, nil, with(kmsg.NewPtrDescribeQuorumRequest(), 1, func(*kmsg.DescribeQuorumRequest) {})},
		{"UpdateFeatures", cluster, ops{kmsg.ACLOperationAlter}, noCluster, nil, with(kmsg.NewPtrUpdateFeaturesRequest(), 1, func(*kmsg.UpdateFeaturesRequest) {})},
		{"DescribeProducers", topic, ops{kmsg.ACLOperationRead}, noTopic, nil, with(kmsg.NewPtrDescribeProducersRequest(), 0, func(r *kmsg.DescribeProducersRequest) {
			r.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "x", Partitions: []int32{0}}}
		})},
		{"DescribeTransactions", transaction, ops{kmsg.ACLOperationDescribe, kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete, kmsg.ACLOperationAlter}, noTransaction, nil,
			with(kmsg.NewPtrDescribeTransactionsRequest(), 0, func(r *kmsg.DescribeTransactionsRequest) { r.TransactionalIDs = []string{"x"} })},
		{"ConsumerGroupHeartbeat, the group", group, ops{kmsg.ACLOperationRead}, noGroup, func(s *testServer) { s.allow(kmsg.ACLOperationDescribe, topic, "x") }, consumerBeatOf("x")},
		{"ConsumerGroupHeartbeat, the topic", topic, describes, noTopic, func(s *testServer) { s.allow(kmsg.ACLOperationRead, group, "x") }, consumerBeatOf("x")},
		{"ConsumerGroupDescribe", group, describes, noGroup, func(s *testServer) { s.allow(kmsg.ACLOperationDescribe, topic, "x") },
			with(kmsg.NewPtrConsumerGroupDescribeRequest(), 0, func(r *kmsg.ConsumerGroupDescribeRequest) { r.Groups = []string{"x"} })},
		{"ListConfigResources", cluster, ops{kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs}, noCluster, nil, kmsg.RequestForKey(74)},
		{"DescribeTopicPartitions", topic, describes, noTopic, nil, with(kmsg.NewPtrDescribeTopicPartitionsRequest(), 0, func(r *kmsg.DescribeTopicPartitionsRequest) {
			r.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "x"}}
		})},
	}
	s := startServer(t, withAuthorizer(), func(c *kafkacompat.Config) { c.AutoCreateTopics = true })
	c := s.dial()
	for _, test := range tests {
		for operation := kmsg.ACLOperationRead; operation <= kmsg.ACLOperationIdempotentWrite; operation++ {
			s.forgetRules()
			if _, exists := s.log.Topic("x"); !exists {
				s.makeTopic("x", 1)
			}
			if _, exists := s.log.Topic("new"); exists {
				if _, err := s.log.Propose(t.Context(), command.DeleteTopics{Names: []string{"new"}}); err != nil {
					t.Fatal(err)
				}
			}
			if test.besides != nil {
				test.besides(s)
			}
			name := "x"
			switch r := test.request.(type) {
			case *kmsg.CreateTopicsRequest:
				name = "new"
			case *kmsg.MetadataRequest:
				if r.Topics[0].Topic != nil {
					name = *r.Topics[0].Topic
				}
			}
			if test.kind == cluster {
				name = "kafka-cluster"
			}
			s.allow(operation, test.kind, name)
			described := fmt.Sprintf("%s with %s alone", test.name, operation)
			response := askAny(c, test.request)
			if !slices.Contains(test.suffice, operation) {
				checkDenied(t, described, response, test.denial)
				continue
			}
			for _, code := range codesIn(reflect.ValueOf(response)) {
				if slices.Contains(denials, code) {
					t.Errorf("%s: %v", described, kerr.ErrorForCode(code))
				}
			}
		}
	}
}

// with is a request of a version, changed.
func with[R kmsg.Request](request R, version int16, change func(R)) R {
	request.SetVersion(version)
	change(request)
	return request
}

func offsetCommitOf(group string) *kmsg.OffsetCommitRequest {
	return with(kmsg.NewPtrOffsetCommitRequest(), 7, func(r *kmsg.OffsetCommitRequest) {
		r.Group, r.Generation = group, -1
		r.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "x", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 0}}}}
	})
}

func createTopicsRequest(name string) *kmsg.CreateTopicsRequest {
	return with(kmsg.NewPtrCreateTopicsRequest(), 7, func(r *kmsg.CreateTopicsRequest) {
		r.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: name, NumPartitions: 1, ReplicationFactor: 1}}
	})
}

func describeConfigsRequest(kind kmsg.ConfigResourceType, name string) *kmsg.DescribeConfigsRequest {
	return with(kmsg.NewPtrDescribeConfigsRequest(), 4, func(r *kmsg.DescribeConfigsRequest) {
		r.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name}}
	})
}

// What one may not describe is not in lists, and is refused by name whether it is there
// or not; what one may is answered beside it.
func TestTopicsAreHidden(t *testing.T) {
	s := startServer(t, withAuthorizer())
	s.makeTopic("mine", 1)
	s.makeTopic("theirs", 2)
	s.allow(kmsg.ACLOperationRead, kmsg.ACLResourceTypeTopic, "mine")
	c := s.dial()
	all := ask[*kmsg.MetadataResponse](c, with(kmsg.NewPtrMetadataRequest(), 9, func(*kmsg.MetadataRequest) {}))
	if len(all.Topics) != 1 || *all.Topics[0].Topic != "mine" {
		t.Errorf("%+v", all.Topics)
	}
	named := ask[*kmsg.MetadataResponse](c, with(kmsg.NewPtrMetadataRequest(), 9, func(r *kmsg.MetadataRequest) {
		r.IncludeTopicAuthorizedOperations, r.IncludeClusterAuthorizedOperations, r.AllowAutoTopicCreation = true, true, true
		for _, name := range []string{"theirs", "mine", "nowhere"} {
			r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: &name})
		}
	}))
	codes := map[string]int16{}
	for _, topic := range named.Topics {
		codes[*topic.Topic] = topic.ErrorCode
		if topic.ErrorCode != 0 && topic.TopicID != [16]byte{} {
			t.Errorf("%s: its id is told", *topic.Topic)
		}
		if *topic.Topic == "mine" && topic.AuthorizedOperations != 1<<kmsg.ACLOperationRead|1<<kmsg.ACLOperationDescribe {
			t.Errorf("operations on mine: %b", topic.AuthorizedOperations)
		}
	}
	denied := kerr.TopicAuthorizationFailed.Code
	if !reflect.DeepEqual(codes, map[string]int16{"mine": 0, "theirs": denied, "nowhere": denied}) {
		t.Errorf("codes %v", codes)
	}
	if named.AuthorizedOperations != 0 {
		t.Errorf("operations on the cluster: %b", named.AuthorizedOperations)
	}
	v0 := ask[*kmsg.MetadataResponse](c, with(kmsg.NewPtrMetadataRequest(), 0, func(r *kmsg.MetadataRequest) { r.Topics = []kmsg.MetadataRequestTopic{{Topic: textOf("theirs")}} }))
	if len(v0.Topics) != 1 || v0.Topics[0].ErrorCode != denied {
		t.Errorf("version 0: %+v", v0.Topics)
	}
	// An id that may not be described keeps its name.
	byID := ask[*kmsg.DeleteTopicsResponse](c, with(kmsg.NewPtrDeleteTopicsRequest(), 6, func(r *kmsg.DeleteTopicsRequest) {
		r.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: [16]byte{1}}, {TopicID: [16]byte{2}}}
	}))
	if byID.Topics[0].ErrorCode != denied || *byID.Topics[0].Topic != "mine" || byID.Topics[1].ErrorCode != denied || byID.Topics[1].Topic != nil {
		t.Errorf("%+v", byID.Topics)
	}
}

// Without an authorizer everybody may do everything, and ACLs are refused rather than
// kept without effect.
func TestWithoutAuthorizerThereAreNoACLs(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	describe := with(kmsg.NewPtrDescribeACLsRequest(), 2, func(r *kmsg.DescribeACLsRequest) {
		r.ResourceType, r.ResourcePatternType, r.Operation, r.PermissionType = 1, 1, 1, 1
	})
	if r := ask[*kmsg.DescribeACLsResponse](c, describe); r.ErrorCode != kerr.SecurityDisabled.Code {
		t.Errorf("%+v", r)
	}
	create := with(kmsg.NewPtrCreateACLsRequest(), 2, func(r *kmsg.CreateACLsRequest) {
		r.Creations = []kmsg.CreateACLsRequestCreation{{ResourceType: 2, ResourceName: "y", ResourcePatternType: 3, Principal: "User:a", Host: "*", Operation: 3, PermissionType: 3}}
	})
	if r := ask[*kmsg.CreateACLsResponse](c, create); r.Results[0].ErrorCode != kerr.SecurityDisabled.Code {
		t.Errorf("%+v", r)
	}
	deletion := with(kmsg.NewPtrDeleteACLsRequest(), 2, func(r *kmsg.DeleteACLsRequest) {
		r.Filters = []kmsg.DeleteACLsRequestFilter{{ResourceType: 1, ResourcePatternType: 1, Operation: 1, PermissionType: 1}}
	})
	if r := ask[*kmsg.DeleteACLsResponse](c, deletion); r.Results[0].ErrorCode != kerr.SecurityDisabled.Code {
		t.Errorf("%+v", r)
	}
	cluster := ask[*kmsg.DescribeClusterResponse](c, with(kmsg.NewPtrDescribeClusterRequest(), 0, func(r *kmsg.DescribeClusterRequest) { r.IncludeClusterAuthorizedOperations = true }))
	// CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE.
	if cluster.ClusterAuthorizedOperations != 1<<5|1<<7|1<<8|1<<9|1<<10|1<<11|1<<12 {
		t.Errorf("operations %b", cluster.ClusterAuthorizedOperations)
	}
}

// ACLs by their requests, from the first by a super user to those of a user who may
// then read and not write, and no more once they are deleted.
func TestACLsDecideForUsers(t *testing.T) {
	plain := startServer(t, withAuthorizer(func(c *kafkacompat.AuthorizerConfig) { c.SuperUsers = []string{"User:bob"} }))
	s := plain.listenWithSASL()
	as := func(user, password string, options ...kgo.Opt) *kgo.Client {
		return s.client(append(options, kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha256Mechanism()))...)
	}
	super, alice := as("bob", "builder"), as("alice", "wonderland")
	admin := kadm.NewClient(super)
	if _, err := admin.CreateTopic(testContext(t), 1, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	produce := func(client *kgo.Client) error {
		return client.ProduceSync(testContext(t), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr()
	}
	if err := produce(super); err != nil {
		t.Fatal(err)
	}
	if err := produce(alice); !errors.Is(err, kerr.TopicAuthorizationFailed) && !errors.Is(err, kerr.ClusterAuthorizationFailed) {
		t.Errorf("alice writes before she may: %v", err)
	}
	readers := kadm.NewACLs().Topics("ord").ResourcePatternType(kadm.ACLPatternPrefixed).Allow("User:alice").AllowHosts("127.0.0.1").Operations(kadm.OpRead)
	if results, err := admin.CreateACLs(testContext(t), readers); err != nil || results[0].Err != nil {
		t.Fatal(results, err)
	}
	consumer := as("alice", "wonderland", kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"orders": {0: kgo.NewOffset().AtStart()}}))
	if fetches := consumer.PollFetches(testContext(t)); fetches.NumRecords() != 1 || fetches.Err() != nil {
		t.Errorf("alice reads %d records, %v", fetches.NumRecords(), fetches.Err())
	}
	if err := produce(as("alice", "wonderland")); !errors.Is(err, kerr.TopicAuthorizationFailed) && !errors.Is(err, kerr.ClusterAuthorizationFailed) {
		t.Errorf("alice writes: %v", err)
	}
	filter := kadm.NewACLs().Topics("orders").ResourcePatternType(kadm.ACLPatternMatch).Allow().AllowHosts().Deny().DenyHosts().Operations()
	described, err := admin.DescribeACLs(testContext(t), filter)
	if err != nil || len(described) == 0 || len(described[0].Described) != 1 || described[0].Described[0].Name != "ord" {
		t.Errorf("%+v, %v", described, err)
	}
	if results, err := kadm.NewClient(alice).CreateACLs(testContext(t), readers); err != nil || !errors.Is(results[0].Err, kerr.ClusterAuthorizationFailed) {
		t.Errorf("alice makes ACLs: %+v, %v", results, err)
	}
	deleted, err := admin.DeleteACLs(testContext(t), filter)
	if err != nil || len(deleted) == 0 || len(deleted[0].Deleted) != 1 {
		t.Errorf("%+v, %v", deleted, err)
	}
	// The same connection that could read can't any more, from its next request on.
	eventually(t, "alice reads no more", func() bool {
		if err := produce(super); err != nil {
			t.Fatal(err)
		}
		return hasError(consumer.PollFetches(testContext(t)), kerr.TopicAuthorizationFailed)
	})
}

func hasError(fetches kgo.Fetches, want error) bool {
	return slices.ContainsFunc(fetches.Errors(), func(e kgo.FetchError) bool { return errors.Is(e.Err, want) })
}

// Whoever may do something with one group or transactional id may not do it with those that have an odd name.
func TestNoNameStandsForAnyResource(t *testing.T) {
	s := startServer(t, withAuthorizer())
	s.allow(kmsg.ACLOperationRead, kmsg.ACLResourceTypeGroup, "billing")
	s.allow(kmsg.ACLOperationWrite, kmsg.ACLResourceTypeTransactionalId, "payments")
	s.allow(kmsg.ACLOperationWrite, kmsg.ACLResourceTypeTopic, "orders")
	c := s.dial()
	heartbeat := kmsg.NewPtrHeartbeatRequest()
	for _, group := range []string{"\x00", "", "*", "\x00billing", "billing\x00"} {
		heartbeat.Group = group
		if r := ask[*kmsg.HeartbeatResponse](c, heartbeat); r.ErrorCode != kerr.GroupAuthorizationFailed.Code {
			t.Errorf("group %q: %v", group, kerr.ErrorForCode(r.ErrorCode))
		}
	}
	init := kmsg.NewPtrInitProducerIDRequest()
	init.TransactionTimeoutMillis = 1000
	for _, id := range []string{"\x00", "*", "payments\x00"} {
		init.TransactionalID = &id
		if r := ask[*kmsg.InitProducerIDResponse](c, init); r.ErrorCode != kerr.TransactionalIDAuthorizationFailed.Code {
			t.Errorf("transactional id %q: %v", id, kerr.ErrorForCode(r.ErrorCode))
		}
	}
}

// A regular expression of a consumer is about the topics that it may describe: the others are not assigned to it, and so not told.
func TestRegularExpressionsMatchWhatMayBeDescribed(t *testing.T) {
	s := startServer(t, withAuthorizer())
	s.makeTopic("orders", 1)
	s.makeTopic("orders-secret", 2)
	s.allow(kmsg.ACLOperationRead, kmsg.ACLResourceTypeGroup, "billing")
	s.allow(kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeTopic, "orders")
	c := s.dial()
	beat := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	beat.Version, beat.Group, beat.MemberID, beat.RebalanceTimeoutMillis = 1, "billing", "one", 60_000
	beat.SubscribedTopicRegex, beat.Topics = textOf("orders.*"), []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	assigned := func() string {
		t.Helper()
		r := ask[*kmsg.ConsumerGroupHeartbeatResponse](c, beat)
		if r.ErrorCode != 0 || r.Assignment == nil {
			t.Fatalf("%+v", r)
		}
		beat.MemberEpoch, beat.Topics = r.MemberEpoch, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		var ids []byte
		for _, topic := range r.Assignment.Topics {
			ids = append(ids, topic.TopicID[0])
			beat.Topics = append(beat.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: topic.TopicID, Partitions: topic.Partitions})
		}
		slices.Sort(ids)
		return fmt.Sprint(ids)
	}
	if got := assigned(); got != "[1]" {
		t.Errorf("at first: topics %s are assigned, want 1 alone", got)
	}
	s.allow(kmsg.ACLOperationRead, kmsg.ACLResourceTypeTopic, "orders-secret")
	if got := assigned(); got != "[1 2]" {
		t.Errorf("when it may read both: topics %s", got)
	}
	s.rule("User:ANONYMOUS", kmsg.ACLPermissionTypeDeny, kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeTopic, "orders")
	if got := assigned(); got != "[2]" {
		t.Errorf("when it may not describe the first any more: topics %s", got)
	}
}

// What a member may not describe any more it loses, while the group as a whole has the same topics.
func TestRegularExpressionsAreOfTheMemberAlone(t *testing.T) {
	s := startServer(t, withAuthorizer()).listenWithSASL()
	s.makeTopic("orders", 1)
	s.makeTopic("orders-secret", 2)
	s.allow(kmsg.ACLOperationRead, kmsg.ACLResourceTypeGroup, "billing")
	s.rule("User:alice", kmsg.ACLPermissionTypeAllow, kmsg.ACLOperationRead, kmsg.ACLResourceTypeTopic, "orders")
	s.rule("User:alice", kmsg.ACLPermissionTypeAllow, kmsg.ACLOperationRead, kmsg.ACLResourceTypeTopic, "orders-secret")
	s.rule("User:bob", kmsg.ACLPermissionTypeAllow, kmsg.ACLOperationRead, kmsg.ACLResourceTypeTopic, "orders")
	member := func(name, password string) func() []byte {
		c := s.dial()
		saslHandshake(c, "PLAIN", 1)
		if r := saslAuthenticate(c, "\x00"+name+"\x00"+password); r.ErrorCode != 0 {
			t.Fatalf("%+v", r)
		}
		beat := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		beat.Version, beat.Group, beat.MemberID, beat.RebalanceTimeoutMillis = 1, "billing", name, 60_000
		beat.SubscribedTopicRegex, beat.Topics = textOf("orders.*"), []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		return func() (ids []byte) {
			t.Helper()
			r := ask[*kmsg.ConsumerGroupHeartbeatResponse](c, beat)
			if r.ErrorCode != 0 || r.Assignment == nil {
				t.Fatalf("%s: %+v", name, r)
			}
			beat.MemberEpoch, beat.Topics = r.MemberEpoch, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
			for _, topic := range r.Assignment.Topics {
				ids = append(ids, topic.TopicID[0])
				beat.Topics = append(beat.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: topic.TopicID, Partitions: topic.Partitions})
			}
			return ids
		}
	}
	alice, bob := member("alice", "wonderland"), member("bob", "builder")
	alice()
	for range 4 { // until alice has given up what bob takes
		if slices.Equal(bob(), []byte{1}) {
			break
		}
		alice()
	}
	if of, other := alice(), bob(); !slices.Equal(of, []byte{2}) || !slices.Equal(other, []byte{1}) {
		t.Fatalf("alice has topics %v and bob %v", of, other)
	}
	s.rule("User:bob", kmsg.ACLPermissionTypeDeny, kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeTopic, "orders")
	if got := bob(); len(got) > 0 {
		t.Errorf("bob, who may describe none, has topics %v", got)
	}
}

// What a client may do with the cluster it is told if it may describe the cluster (KIP-430).
func TestOperationsOnTheClusterAreToldToWhoMayDescribeIt(t *testing.T) {
	s := startServer(t, withAuthorizer())
	const cluster = kmsg.ACLResourceTypeCluster
	told := func() (int32, int32) {
		c := s.dial()
		metadata := metadataRequest()
		metadata.IncludeClusterAuthorizedOperations = true
		describe := kmsg.NewPtrDescribeClusterRequest()
		describe.IncludeClusterAuthorizedOperations = true
		return ask[*kmsg.MetadataResponse](c, metadata).AuthorizedOperations, ask[*kmsg.DescribeClusterResponse](c, describe).ClusterAuthorizedOperations
	}
	for _, test := range []struct {
		allowed kmsg.ACLOperation
		want    int32
	}{
		{kmsg.ACLOperationCreate, 0}, {kmsg.ACLOperationIdempotentWrite, 0},
		{kmsg.ACLOperationDescribe, 1 << kmsg.ACLOperationDescribe},
		{kmsg.ACLOperationAlter, 1<<kmsg.ACLOperationAlter | 1<<kmsg.ACLOperationDescribe},
	} {
		s.forgetRules()
		s.allow(test.allowed, cluster, "kafka-cluster")
		if metadata, describe := told(); metadata != test.want || describe != test.want {
			t.Errorf("who may %s: Metadata tells %b, DescribeCluster %b, want %b", test.allowed, metadata, describe, test.want)
		}
	}
}
