package kafkacompat_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
	"kont/statemachine/command"
)

// errorCodes are all codes in an answer but 0, in the order of the wire.
func errorCodes(v reflect.Value) (codes []int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return errorCodes(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			codes = append(codes, errorCodes(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Field(i); v.Type().Field(i).Name != "ErrorCode" {
				codes = append(codes, errorCodes(field)...)
			} else if field.Int() != 0 {
				codes = append(codes, int16(field.Int()))
			}
		}
	}
	return codes
}

// A followerRow is a request that a leader would grant, and what another node answers.
type followerRow struct {
	request kmsg.Request
	// follower is the answer of a node that knows another one to lead, and lost that of one whose proposals
	// are refused because it has just been deposed. nil is success.
	follower, lost *kerr.Error
	// unconfirmed is the answer of the deposed one for what reads what only the leader has.
	unconfirmed *kerr.Error
}

func followerRows() []followerRow {
	var rows []followerRow
	add := func(request kmsg.Request, version int16, follower, lost *kerr.Error) {
		request.SetVersion(version)
		rows = append(rows, followerRow{request, follower, lost, lost})
	}
	addRead := func(request kmsg.Request, version int16, follower, lost, unconfirmed *kerr.Error) {
		request.SetVersion(version)
		rows = append(rows, followerRow{request, follower, lost, unconfirmed})
	}
	// What reads what every node has, or nothing.
	metadata := metadataRequest()
	add(metadata, 12, nil, nil)
	add(kmsg.NewPtrSASLHandshakeRequest(), 1, kerr.IllegalSaslState, kerr.IllegalSaslState)
	add(kmsg.NewPtrSASLAuthenticateRequest(), 2, kerr.IllegalSaslState, kerr.IllegalSaslState)
	versions := kmsg.NewPtrApiVersionsRequest()
	versions.ClientSoftwareName, versions.ClientSoftwareVersion = "test", "1"
	add(versions, 3, nil, nil)
	acls := kmsg.NewPtrDescribeACLsRequest()
	acls.ResourceType, acls.ResourcePatternType, acls.Operation, acls.PermissionType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny, kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	add(acls, 3, nil, nil)
	configs := kmsg.NewPtrDescribeConfigsRequest()
	configs.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "orders"}}
	add(configs, 4, nil, nil)
	add(kmsg.NewPtrDescribeLogDirsRequest(), 4, nil, nil)
	add(kmsg.NewPtrDescribeClientQuotasRequest(), 1, nil, nil)
	add(kmsg.NewPtrDescribeUserSCRAMCredentialsRequest(), 0, nil, nil)
	add(kmsg.NewPtrDescribeClusterRequest(), 1, nil, nil)
	add(kmsg.NewPtrListConfigResourcesRequest(), 1, nil, nil)
	partitions := kmsg.NewPtrDescribeTopicPartitionsRequest()
	partitions.Topics, partitions.ResponsePartitionLimit = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "orders"}}, 10
	add(partitions, 0, nil, nil)
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKeys = []string{"g"}
	add(find, 5, nil, nil)
	// Clients ask every node for these, and each answers for what it coordinates.
	addRead(kmsg.NewPtrListGroupsRequest(), 5, nil, nil, kerr.CoordinatorNotAvailable)
	addRead(kmsg.NewPtrListTransactionsRequest(), 1, nil, nil, kerr.CoordinatorLoadInProgress)

	// Partitions.
	notLeader := kerr.NotLeaderForPartition
	add(produceRequest(-1, 9, "orders", oneBatch("v")), 9, notLeader, notLeader)
	add(fetchRequest("orders", 0, 0, 0), 12, notLeader, nil)
	addRead(fetchRequest("orders", 9, 0, 0), 12, notLeader, kerr.OffsetOutOfRange, notLeader)
	list := kmsg.NewPtrListOffsetsRequest()
	listed := kmsg.NewListOffsetsRequestTopicPartition()
	listed.Timestamp, listed.CurrentLeaderEpoch = -1, -1
	list.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "orders", Partitions: []kmsg.ListOffsetsRequestTopicPartition{listed}}}
	addRead(list, 7, notLeader, nil, notLeader)
	trim := kmsg.NewPtrDeleteRecordsRequest()
	trim.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: "orders", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: -1}}}}
	add(trim, 2, notLeader, notLeader)
	epoch := kmsg.NewPtrOffsetForLeaderEpochRequest()
	asked := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	asked.CurrentLeaderEpoch = -1
	epoch.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{asked}}}
	addRead(epoch, 4, notLeader, nil, notLeader)
	producers := kmsg.NewPtrDescribeProducersRequest()
	producers.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "orders", Partitions: []int32{0}}}
	addRead(producers, 0, notLeader, nil, notLeader)
	quorum := kmsg.NewPtrDescribeQuorumRequest()
	quorum.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}}}
	add(quorum, 2, notLeader, nil)

	// Groups.
	notCoordinator := kerr.NotCoordinator
	commit := offsetCommitOf("g")
	commit.Topics[0].Topic = "orders"
	add(commit, 8, notCoordinator, notCoordinator)
	offsets := kmsg.NewPtrOffsetFetchRequest()
	offsets.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "g"}}
	addRead(offsets, 8, notCoordinator, nil, notCoordinator)
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.SessionTimeoutMillis, join.ProtocolType = "j", 10_000, "consumer"
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
	add(join, 3, notCoordinator, nil) // it waits for nobody, and is kept when the leader has assigned
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Group = "g"
	add(beat, 4, notCoordinator, kerr.UnknownMemberID)
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.Members = "g", []kmsg.LeaveGroupRequestMember{{MemberID: "m"}}
	add(leave, 5, notCoordinator, kerr.UnknownMemberID)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group = "g"
	add(sync, 3, notCoordinator, kerr.UnknownMemberID)
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = []string{"g"}
	addRead(describe, 5, notCoordinator, nil, notCoordinator)
	deletion := kmsg.NewPtrDeleteGroupsRequest()
	deletion.Groups = []string{"kept"}
	add(deletion, 2, notCoordinator, notCoordinator)
	forget := kmsg.NewPtrOffsetDeleteRequest()
	forget.Group, forget.Topics = "kept", []kmsg.OffsetDeleteRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{}}}}
	add(forget, 0, notCoordinator, notCoordinator)
	consumer := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	consumer.Group, consumer.MemberID, consumer.RebalanceTimeoutMillis = "c", "m", 1000
	consumer.SubscribedTopicNames, consumer.Topics = []string{"orders"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	add(consumer, 1, notCoordinator, notCoordinator)
	describeConsumers := kmsg.NewPtrConsumerGroupDescribeRequest()
	describeConsumers.Groups = []string{"c"}
	addRead(describeConsumers, 1, notCoordinator, nil, notCoordinator) // it was made, and could not be kept

	// Transactions.
	init := kmsg.NewPtrInitProducerIDRequest()
	init.TransactionalID, init.TransactionTimeoutMillis = kmsg.StringPtr("t"), 1000
	init.ProducerID, init.ProducerEpoch = -1, -1
	add(init, 4, notCoordinator, notCoordinator)
	idempotent := kmsg.NewPtrInitProducerIDRequest()
	idempotent.ProducerID, idempotent.ProducerEpoch = -1, -1
	add(idempotent, 4, kerr.CoordinatorLoadInProgress, kerr.CoordinatorLoadInProgress)
	adding := kmsg.NewPtrAddPartitionsToTxnRequest()
	adding.TransactionalID, adding.Topics = "t", []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "orders", Partitions: []int32{0}}}
	add(adding, 3, notCoordinator, notCoordinator)
	addingOffsets := kmsg.NewPtrAddOffsetsToTxnRequest()
	addingOffsets.TransactionalID, addingOffsets.Group = "t", "g"
	add(addingOffsets, 3, notCoordinator, notCoordinator)
	end := kmsg.NewPtrEndTxnRequest()
	end.TransactionalID, end.Commit = "t", true
	add(end, 4, notCoordinator, notCoordinator)
	txnCommit := kmsg.NewPtrTxnOffsetCommitRequest()
	txnCommit.TransactionalID, txnCommit.Group, txnCommit.Generation = "t", "g", -1
	txnCommit.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "orders", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{LeaderEpoch: -1}}}}
	add(txnCommit, 3, notCoordinator, notCoordinator)
	describeTransactions := kmsg.NewPtrDescribeTransactionsRequest()
	describeTransactions.TransactionalIDs = []string{"t"}
	addRead(describeTransactions, 0, notCoordinator, kerr.TransactionalIDNotFound, notCoordinator)

	// Administration.
	notController := kerr.NotController
	create := kmsg.NewPtrCreateTopicsRequest()
	created := kmsg.NewCreateTopicsRequestTopic()
	created.Topic, created.NumPartitions, created.ReplicationFactor = "new", 1, -1
	create.Topics = append(create.Topics, created)
	add(create, 7, notController, notController)
	deleteTopics := kmsg.NewPtrDeleteTopicsRequest()
	deleteTopics.TopicNames = []string{"orders"}
	add(deleteTopics, 5, notController, notController)
	add(createPartitionsRequest(3, "orders", 9), 3, notController, notController)
	createACLs := kmsg.NewPtrCreateACLsRequest()
	createACLs.Creations = []kmsg.CreateACLsRequestCreation{{ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: "orders",
		ResourcePatternType: kmsg.ACLResourcePatternTypeLiteral, Principal: "User:a", Host: "*", Operation: kmsg.ACLOperationRead, PermissionType: kmsg.ACLPermissionTypeAllow}}
	add(createACLs, 3, notController, notController)
	deleteACLs := kmsg.NewPtrDeleteACLsRequest()
	deleteACLs.Filters = []kmsg.DeleteACLsRequestFilter{{ResourceType: kmsg.ACLResourceTypeAny, ResourcePatternType: kmsg.ACLResourcePatternTypeAny,
		Operation: kmsg.ACLOperationAny, PermissionType: kmsg.ACLPermissionTypeAny}}
	add(deleteACLs, 3, notController, notController)
	for _, kind := range []kmsg.ConfigResourceType{kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeGroupConfig} {
		name, value := "retention.ms", "1000"
		if kind == kmsg.ConfigResourceTypeGroupConfig {
			name, value = "consumer.session.timeout.ms", "50000"
		}
		alter := kmsg.NewPtrAlterConfigsRequest()
		alter.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kind, ResourceName: "orders", Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: name, Value: &value}}}}
		add(alter, 2, notController, notController)
		incremental := kmsg.NewPtrIncrementalAlterConfigsRequest()
		incremental.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kind, ResourceName: "orders",
			Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: name, Value: &value}}}}
		add(incremental, 1, notController, notController)
	}
	elect := kmsg.NewPtrElectLeadersRequest()
	elect.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "orders", Partitions: []int32{0}}}
	add(elect, 2, notController, kerr.ElectionNotNeeded)
	add(kmsg.NewPtrAlterPartitionAssignmentsRequest(), 1, notController, nil)
	add(kmsg.NewPtrListPartitionReassignmentsRequest(), 0, notController, nil)
	quotas := kmsg.NewPtrAlterClientQuotasRequest()
	quotas.Entries = []kmsg.AlterClientQuotasRequestEntry{quotaEntry("user=a", quotaOp{key: "producer_byte_rate", value: 1})}
	add(quotas, 1, notController, notController)
	credentials := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	credentials.Upsertions = []kmsg.AlterUserSCRAMCredentialsRequestUpsertion{{Name: "a", Mechanism: 1, Iterations: 4096, Salt: []byte("s"), SaltedPassword: []byte("p")}}
	add(credentials, 0, notController, notController)
	add(kmsg.NewPtrUpdateFeaturesRequest(), 1, notController, nil)
	return rows
}

// A write that a follower takes, or that it seems to take, is lost. The error tells the client where to go: one that is meant for
// another kind of request ends some clients, and an administrator can do nothing about NOT_LEADER_OR_FOLLOWER of no partition. A read by one that was
// deposed and does not know it may lack what the next leader has acknowledged.
func TestOnlyTheLeaderGrantsWhatIsTheLeaders(t *testing.T) {
	const follower, deposed, unconfirmed = "follower", "deposed", "unconfirmed"
	for _, role := range []string{follower, deposed, unconfirmed} {
		t.Run(role, func(t *testing.T) {
			s := startServer(t, func(c *kafkacompat.Config) {
				c.Authorizer = kafkacompat.AuthorizerConfig{IsOn: true, SuperUsers: []string{"User:ANONYMOUS"}}
			})
			s.createTopic("orders", 1)
			topic, _ := s.log.Topic("orders")
			c := s.dial()
			ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", oneBatch("v")))
			for _, c := range []command.Command{
				command.CommitOffsets{Group: "kept", Offsets: []command.GroupOffset{{Topic: "orders", TopicID: topic.ID}}},
				command.CreateACLs{ACLs: []command.ACL{{ResourceType: 2, Pattern: 3, Name: "orders", Principal: "User:b", Host: "*", Operation: 3, Permission: 3}}},
			} {
				if _, err := s.log.Propose(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			s.cluster.AddBroker(kafkacompat.Broker{NodeID: 2, Host: "127.0.0.2", Port: 9092})
			if role == follower {
				s.cluster.SetLeader(2)
			} else {
				s.log.BeforePropose(func(context.Context, command.Command) error { return command.ErrNotLeader })
				if role == unconfirmed {
					s.cluster.OnConfirm(func() error { return command.ErrNotLeader })
				}
			}
			before := s.log.Commands()
			seen := map[int16]bool{}
			for _, row := range followerRows() {
				seen[row.request.Key()] = true
				want := map[string]*kerr.Error{follower: row.follower, deposed: row.lost, unconfirmed: row.unconfirmed}[role]
				name := reflect.TypeOf(row.request).Elem().Name()
				codes := errorCodes(reflect.ValueOf(ask[kmsg.Response](s.dial(), row.request)))
				wrong := slices.ContainsFunc(codes, func(code int16) bool { return want == nil || code != want.Code })
				if wrong || want != nil && len(codes) == 0 {
					var got []string
					for _, code := range codes {
						got = append(got, kerr.ErrorForCode(code).Error())
					}
					t.Errorf("%s: %s, want %v", name, strings.Join(got, "; "), want)
				}
				if after := s.log.Commands(); after != before {
					t.Errorf("%s: %d commands took effect", name, after-before)
					before = after
				}
			}
			versions := kmsg.NewPtrApiVersionsRequest()
			versions.Version = 3
			for _, key := range ask[*kmsg.ApiVersionsResponse](c, versions).ApiKeys {
				if !seen[key.ApiKey] {
					t.Errorf("%s has no row", kmsg.NameForKey(key.ApiKey))
				}
			}
		})
	}
}

// While nobody leads, what clients gather from all nodes is unknown, and not nothing.
func TestListsOfAllNodesAreNotEmptyWhileNobodyLeads(t *testing.T) {
	s := startServer(t)
	s.cluster.SetLeader(-1)
	c := s.dial()
	groups, transactions := kmsg.NewPtrListGroupsRequest(), kmsg.NewPtrListTransactionsRequest()
	groups.Version, transactions.Version = 5, 1
	if code := ask[*kmsg.ListGroupsResponse](c, groups).ErrorCode; code != kerr.CoordinatorNotAvailable.Code {
		t.Errorf("groups: error %d", code)
	}
	if code := ask[*kmsg.ListTransactionsResponse](c, transactions).ErrorCode; code != kerr.CoordinatorLoadInProgress.Code {
		t.Errorf("transactions: error %d", code)
	}
}

// The end of a partition, as it was before the leader was confirmed, is no reason to send a client back to the beginning.
func TestOffsetThatCameMeanwhileIsNotOutOfRange(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c, producer := s.dial(), s.dial()
	code := func() int16 {
		return ask[*kmsg.FetchResponse](c, fetchRequest("orders", 1, 0, 0)).Topics[0].Partitions[0].ErrorCode
	}
	if got := code(); got != kerr.OffsetOutOfRange.Code {
		t.Errorf("behind the end: error %d", got)
	}
	s.cluster.OnConfirm(func() error {
		ask[*kmsg.ProduceResponse](producer, produceRequest(-1, 9, "orders", oneBatch("v")))
		return nil
	})
	if got := code(); got != kerr.NotLeaderForPartition.Code {
		t.Errorf("behind what was the end: error %d", got)
	}
	if got := code(); got != 0 {
		t.Errorf("at the end: error %d", got)
	}
}
