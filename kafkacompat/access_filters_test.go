package kafkacompat_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
	"kont/statemachine/command"
)

// A right is one operation on one resource.
type right struct {
	operation kmsg.ACLOperation
	kind      kmsg.ACLResourceType
	name      string
}

const (
	ofTopic, ofGroup, ofCluster, ofTransaction = kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeCluster, kmsg.ACLResourceTypeTransactionalId
	toRead, toWrite, toDescribe, toDelete      = kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe, kmsg.ACLOperationDelete
	toCreate, toAlter, toDescribeConfigs       = kmsg.ACLOperationCreate, kmsg.ACLOperationAlter, kmsg.ACLOperationDescribeConfigs
)

// A fullServer has something of everything, on a store, which knows transactions.
type fullServer struct {
	*testServer
	store *storeLog
}

// grant lets everybody do this and nothing else.
func (s *fullServer) grant(rights ...right) {
	s.t.Helper()
	if old := s.store.ACLs().List; len(old) > 0 {
		s.propose(command.DeleteACLs{ACLs: old})
	}
	var acls []command.ACL
	for _, r := range rights {
		acls = append(acls, command.ACL{ResourceType: int8(r.kind), Pattern: int8(kmsg.ACLResourcePatternTypeLiteral), Name: r.name,
			Principal: "User:*", Host: "*", Operation: int8(r.operation), Permission: int8(kmsg.ACLPermissionTypeAllow)})
	}
	s.propose(command.CreateACLs{ACLs: acls})
}

func (s *fullServer) propose(c command.Command) {
	s.t.Helper()
	if _, err := s.store.Propose(s.t.Context(), c); err != nil {
		s.t.Fatal(err)
	}
}

// startFullServer has topics, groups with offsets of both topics, and open transactions
// in both, each mine and theirs; and groups of consumers with one member: that of readers names
// mine and a topic that is not there, that of matchers is assigned both topics by a pattern.
func startFullServer(t *testing.T) *fullServer {
	plain, store := startServerOnStore(t, withAuthorizer(), func(c *kafkacompat.Config) { c.AutoCreateTopics = true })
	s := &fullServer{plain, store}
	all := kmsg.ACLOperationAll
	s.grant(right{all, ofTopic, "*"}, right{all, ofGroup, "*"}, right{all, ofTransaction, "*"}, right{all, ofCluster, "kafka-cluster"})
	both := []string{"mine", "theirs"}
	for i, name := range both {
		s.propose(command.CreateTopics{Topics: []command.Topic{{Name: name, Partitions: 1, ID: command.TopicID{byte(i + 1)}}}})
	}
	c := s.dial()
	for _, name := range both {
		commit := offsetCommitOf(name)
		commit.Topics = nil
		for _, topic := range both {
			commit.Topics = append(commit.Topics, kmsg.OffsetCommitRequestTopic{Topic: topic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 5}}})
		}
		requireNoCodes(t, ask[*kmsg.OffsetCommitResponse](c, commit))
		tx := s.txnConn(name)
		for _, topic := range both {
			if codes := tx.add(3, topic, 0); codes[0] != 0 {
				t.Fatalf("%v", codes)
			}
		}
	}
	requireNoCodes(t, beatOfReaders(c))
	return s
}

func beatOfReaders(c *rawConn) kmsg.Response {
	beat := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	beat.Version, beat.Group, beat.MemberID, beat.RebalanceTimeoutMillis = 1, "readers", "one", 60_000
	beat.SubscribedTopicNames, beat.Topics = []string{"mine", "nowhere"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	requireNoCodes(c.t, ask[*kmsg.ConsumerGroupHeartbeatResponse](c, beat))
	beat.Group, beat.SubscribedTopicNames, beat.SubscribedTopicRegex = "matchers", nil, textOf("mine|theirs")
	return ask[*kmsg.ConsumerGroupHeartbeatResponse](c, beat)
}

func requireNoCodes(t *testing.T, response kmsg.Response) {
	t.Helper()
	for _, code := range codesIn(reflect.ValueOf(response)) {
		if code != 0 {
			t.Fatalf("%+v", response)
		}
	}
}

// told writes what an answer tells: names with their error or else what there is to
// see of them, in the order of names.
func told(response kmsg.Response) string {
	var parts []string
	tell := func(code int16, format string, args ...any) {
		part := fmt.Sprintf(format, args...)
		if code != 0 {
			part += "!" + strings.ToLower(kerr.TypedErrorForCode(code).Message)
		}
		parts = append(parts, part)
	}
	top := int16(0)
	switch r := response.(type) {
	case *kmsg.ListGroupsResponse:
		top = r.ErrorCode
		for _, g := range r.Groups {
			tell(0, "%s", g.Group)
		}
	case *kmsg.ListTransactionsResponse:
		top = r.ErrorCode
		for _, s := range r.TransactionStates {
			tell(0, "%s", s.TransactionalID)
		}
	case *kmsg.DescribeTransactionsResponse:
		for _, s := range r.TransactionStates {
			var topics []string
			for _, topic := range s.Topics {
				topics = append(topics, topic.Topic)
			}
			tell(s.ErrorCode, "%s%v", s.TransactionalID, topics)
		}
	case *kmsg.ConsumerGroupDescribeResponse:
		for _, g := range r.Groups {
			tell(g.ErrorCode, "%s[%d] %b", g.Group, len(g.Members), max(g.AuthorizedOperations, 0))
		}
	case *kmsg.DescribeGroupsResponse:
		for _, g := range r.Groups {
			tell(g.ErrorCode, "%s %b", g.Group, max(g.AuthorizedOperations, 0))
		}
	case *kmsg.OffsetFetchResponse:
		top = r.ErrorCode
		for _, topic := range r.Topics {
			tell(topic.Partitions[0].ErrorCode, "%s=%d%q", topic.Topic, topic.Partitions[0].Offset, *topic.Partitions[0].Metadata)
		}
		for _, g := range r.Groups {
			for _, topic := range g.Topics {
				name := topic.Topic
				if topic.TopicID != [16]byte{} {
					name = fmt.Sprint(topic.TopicID[0])
				}
				tell(topic.Partitions[0].ErrorCode, "%s/%s=%d%q", g.Group, name, topic.Partitions[0].Offset, *topic.Partitions[0].Metadata)
			}
			if len(g.Topics) == 0 {
				tell(g.ErrorCode, "%s", g.Group)
			}
		}
	case *kmsg.OffsetCommitResponse:
		for _, topic := range r.Topics {
			tell(topic.Partitions[0].ErrorCode, "%s%d/%d", topic.Topic, topic.TopicID[0], topic.Partitions[0].Partition)
		}
	case *kmsg.TxnOffsetCommitResponse:
		for _, topic := range r.Topics {
			tell(topic.Partitions[0].ErrorCode, "%s/%d", topic.Topic, topic.Partitions[0].Partition)
		}
	case *kmsg.AddPartitionsToTxnResponse:
		for _, topic := range r.Topics {
			tell(topic.Partitions[0].ErrorCode, "%s/%d", topic.Topic, topic.Partitions[0].Partition)
		}
	case *kmsg.OffsetDeleteResponse:
		top = r.ErrorCode
		for _, topic := range r.Topics {
			tell(topic.Partitions[0].ErrorCode, "%s/%d", topic.Topic, topic.Partitions[0].Partition)
		}
	case *kmsg.FindCoordinatorResponse:
		for _, found := range r.Coordinators {
			tell(found.ErrorCode, "%s@%v", found.Key, found.NodeID >= 0)
		}
	case *kmsg.DescribeConfigsResponse:
		for _, resource := range r.Resources {
			tell(resource.ErrorCode, "%s", resource.ResourceName)
		}
	case *kmsg.DeleteTopicsResponse:
		for _, topic := range r.Topics {
			tell(topic.ErrorCode, "%s", *topic.Topic)
		}
	case *kmsg.DeleteGroupsResponse:
		for _, g := range r.Groups {
			tell(g.ErrorCode, "%s", g.Group)
		}
	case *kmsg.CreateTopicsResponse:
		for _, topic := range r.Topics {
			tell(topic.ErrorCode, "%s %d %d %v %v", topic.Topic, topic.NumPartitions, topic.ReplicationFactor, len(topic.Configs) > 0, topic.Configs == nil)
			if topic.ConfigErrorCode != 0 {
				tell(topic.ConfigErrorCode, "configs")
			}
		}
	case *kmsg.MetadataResponse:
		for _, topic := range r.Topics {
			name := "?"
			if topic.Topic != nil {
				name = *topic.Topic
			}
			tell(topic.ErrorCode, "%s", name)
		}
	case *kmsg.ListOffsetsResponse:
		for _, topic := range r.Topics {
			tell(topic.Partitions[0].ErrorCode, "%s/%d=%d", topic.Topic, topic.Partitions[0].Partition, topic.Partitions[0].Offset)
		}
	case *kmsg.OffsetForLeaderEpochResponse:
		for _, topic := range r.Topics {
			tell(topic.Partitions[0].ErrorCode, "%s/%d=%d", topic.Topic, topic.Partitions[0].Partition, topic.Partitions[0].EndOffset)
		}
	case *kmsg.DeleteRecordsResponse:
		for _, topic := range r.Topics {
			tell(topic.Partitions[0].ErrorCode, "%s/%d=%d", topic.Topic, topic.Partitions[0].Partition, topic.Partitions[0].LowWatermark)
		}
	case *kmsg.DescribeProducersResponse:
		for _, topic := range r.Topics {
			tell(topic.Partitions[0].ErrorCode, "%s/%d", topic.Topic, topic.Partitions[0].Partition)
		}
	case *kmsg.CreatePartitionsResponse:
		for _, topic := range r.Topics {
			tell(topic.ErrorCode, "%s", topic.Topic)
		}
	case *kmsg.DescribeTopicPartitionsResponse:
		for _, topic := range r.Topics {
			tell(topic.ErrorCode, "%s %b", *topic.Topic, max(topic.AuthorizedOperations, 0))
		}
	}
	if slices.Sort(parts); top != 0 {
		parts = append(parts, "!"+strings.ToLower(kerr.TypedErrorForCode(top).Message))
	}
	return strings.Join(parts, ", ")
}

// Of many things in one request or answer a client gets those that it may see, and the
// others as if they were not there, or refused.
func TestFiltersKeepWhatTheClientMaySee(t *testing.T) {
	s := startFullServer(t)
	c := s.dial()
	both := []string{"mine", "theirs"}
	fetchOfGroup := func(version int16, topics ...string) kmsg.Request {
		return with(kmsg.NewPtrOffsetFetchRequest(), version, func(r *kmsg.OffsetFetchRequest) {
			r.Group = "mine"
			for _, topic := range topics {
				r.Topics = append(r.Topics, kmsg.OffsetFetchRequestTopic{Topic: topic, Partitions: []int32{0}})
			}
		})
	}
	fetchOfGroups := func(version int16, groups ...kmsg.OffsetFetchRequestGroup) kmsg.Request {
		return with(kmsg.NewPtrOffsetFetchRequest(), version, func(r *kmsg.OffsetFetchRequest) {
			for i := range groups {
				groups[i].MemberEpoch = -1
			}
			r.Groups = groups
		})
	}
	inGroup := func(name string, topics ...string) kmsg.OffsetFetchRequestGroup {
		g := kmsg.OffsetFetchRequestGroup{Group: name}
		for _, topic := range topics {
			g.Topics = append(g.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: topic, TopicID: [16]byte{byte(1 + slices.Index(both, topic))}, Partitions: []int32{0}})
		}
		return g
	}
	describeReaders := with(kmsg.NewPtrConsumerGroupDescribeRequest(), 0, func(r *kmsg.ConsumerGroupDescribeRequest) {
		r.Groups, r.IncludeAuthorizedOperations = []string{"readers", "matchers"}, true
	})
	describeGroups := with(kmsg.NewPtrDescribeGroupsRequest(), 5, func(r *kmsg.DescribeGroupsRequest) { r.Groups, r.IncludeAuthorizedOperations = both, true })
	describeTransactions := with(kmsg.NewPtrDescribeTransactionsRequest(), 0, func(r *kmsg.DescribeTransactionsRequest) { r.TransactionalIDs = both })
	mineAlone := []right{{toDescribe, ofGroup, "mine"}, {toDescribe, ofTopic, "mine"}}
	for _, test := range []struct {
		name    string
		rights  []right
		request kmsg.Request
		want    string
	}{
		{"ListGroups", []right{{toDescribe, ofGroup, "mine"}, {toDescribe, ofTopic, "theirs"}, {toCreate, ofCluster, "kafka-cluster"}}, kmsg.NewPtrListGroupsRequest(), "mine"},
		{"ListGroups of all", []right{{toDescribe, ofCluster, "kafka-cluster"}}, kmsg.NewPtrListGroupsRequest(), "matchers, mine, readers, theirs"},
		{"ListTransactions", []right{{toDescribe, ofTransaction, "mine"}, {toDescribe, ofCluster, "kafka-cluster"}, {toDescribe, ofGroup, "theirs"}}, kmsg.NewPtrListTransactionsRequest(), "mine"},
		{"DescribeTransactions", []right{{toDescribe, ofTransaction, "mine"}, {toDescribe, ofTopic, "theirs"}}, describeTransactions,
			"mine[theirs], theirs[]!transactional_id_authorization_failed"},
		{"DescribeTransactions, no topic", []right{{toDescribe, ofTransaction, "mine"}, {toCreate, ofTopic, "theirs"}}, describeTransactions,
			"mine[], theirs[]!transactional_id_authorization_failed"},
		{"ConsumerGroupDescribe", []right{{toRead, ofGroup, "readers"}, {toDescribe, ofTopic, "mine"}, {toDescribe, ofTopic, "nowhere"}}, describeReaders,
			"matchers[0] 0!group_authorization_failed, readers[1] 100001000"},
		{"ConsumerGroupDescribe, a topic of the subscription is missing", []right{{toRead, ofGroup, "readers"}, {toDescribe, ofTopic, "mine"}}, describeReaders,
			"matchers[0] 0!group_authorization_failed, readers[0] 0!topic_authorization_failed"},
		{"ConsumerGroupDescribe by a pattern", []right{{toRead, ofGroup, "matchers"}, {toDescribe, ofTopic, "mine"}, {toDescribe, ofTopic, "theirs"}}, describeReaders,
			"matchers[1] 100001000, readers[0] 0!group_authorization_failed"},
		{"ConsumerGroupDescribe, a topic of the assignment is missing", []right{{toRead, ofGroup, "matchers"}, {toDescribe, ofTopic, "mine"}}, describeReaders,
			"matchers[0] 0!topic_authorization_failed, readers[0] 0!group_authorization_failed"},
		{"DescribeGroups without operations", []right{{toRead, ofGroup, "mine"}}, with(kmsg.NewPtrDescribeGroupsRequest(), 5, func(r *kmsg.DescribeGroupsRequest) { r.Groups = both }),
			"mine 0, theirs 0!group_authorization_failed"},
		{"OffsetFetch of a stranger", []right{{toDescribe, ofGroup, "readers"}}, with(kmsg.NewPtrOffsetFetchRequest(), 9, func(r *kmsg.OffsetFetchRequest) {
			r.Groups = []kmsg.OffsetFetchRequestGroup{inGroup("readers", "theirs")}
			r.Groups[0].MemberID, r.Groups[0].MemberEpoch = textOf("nobody"), 1
		}), "readers!unknown_member_id"},
		{"DescribeConfigs", []right{{toDescribeConfigs, ofTopic, "mine"}}, with(kmsg.NewPtrDescribeConfigsRequest(), 4, func(r *kmsg.DescribeConfigsRequest) {
			r.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "mine"}, {ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "1"},
				{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "theirs"}}
		}), "1!cluster_authorization_failed, mine, theirs!topic_authorization_failed"},
		{"DescribeTopicPartitions of a topic that is not there", []right{{toRead, ofTopic, "nowhere"}}, with(kmsg.NewPtrDescribeTopicPartitionsRequest(), 0, func(r *kmsg.DescribeTopicPartitionsRequest) {
			r.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "nowhere"}}
		}), "nowhere 0!unknown_topic_or_partition"},
		{"DescribeGroups", []right{{toRead, ofGroup, "mine"}}, describeGroups, "mine 100001000, theirs 0!group_authorization_failed"},
		{"OffsetFetch of all topics", mineAlone, fetchOfGroup(7), `mine=5""`},
		{"OffsetFetch of a group that may not be seen", []right{{toDescribe, ofGroup, "theirs"}, {toDescribe, ofTopic, "mine"}}, fetchOfGroup(7), "!group_authorization_failed"},
		{"OffsetFetch of a group that may not be seen, by topic", []right{{toDescribe, ofTopic, "mine"}}, fetchOfGroup(2, "mine"), "!group_authorization_failed"},
		{"OffsetFetch of a group that may not be seen, version 1", []right{{toDescribe, ofTopic, "mine"}}, fetchOfGroup(1, "mine"), `mine=-1""!group_authorization_failed`},
		{"OffsetFetch of two topics", mineAlone, fetchOfGroup(7, both...), `mine=5"", theirs=-1""!topic_authorization_failed`},
		{"OffsetFetch of groups, all topics", mineAlone, fetchOfGroups(8, inGroup("mine"), inGroup("theirs")), `mine/mine=5"", theirs!group_authorization_failed`},
		{"OffsetFetch of groups, all topics by id", mineAlone, fetchOfGroups(10, inGroup("mine"), inGroup("theirs")), `mine/1=5"", theirs!group_authorization_failed`},
		{"OffsetFetch of groups, two topics", mineAlone, fetchOfGroups(8, inGroup("theirs", both...), inGroup("mine", both...)),
			`mine/mine=5"", mine/theirs=-1""!topic_authorization_failed, theirs!group_authorization_failed`},
		{"OffsetFetch of groups, two topics by id", mineAlone, fetchOfGroups(10, inGroup("mine", both...)), `mine/1=5"", mine/2=-1""!topic_authorization_failed`},
		{"OffsetFetch of the same group twice", mineAlone, fetchOfGroups(8, inGroup("mine", "theirs"), inGroup("mine", "mine")),
			`mine/mine=5"", mine/theirs=-1""!topic_authorization_failed`},
		{"OffsetFetch of no topic that may be seen", []right{{toDescribe, ofGroup, "mine"}}, fetchOfGroups(8, inGroup("mine", both...)),
			`mine/mine=-1""!topic_authorization_failed, mine/theirs=-1""!topic_authorization_failed`},
		{"OffsetCommit", []right{{toRead, ofGroup, "mine"}, {toRead, ofTopic, "mine"}}, commitOfTopics(9, both...), "mine0/7!unknown_topic_or_partition, theirs0/7!topic_authorization_failed"},
		{"OffsetCommit by id", []right{{toRead, ofGroup, "mine"}, {toRead, ofTopic, "mine"}}, commitOfTopics(10, both...), "1/7!unknown_topic_or_partition, 2/7!topic_authorization_failed"},
		{"OffsetCommit of a group that may not be read", []right{{toDescribe, ofGroup, "mine"}, {toRead, ofTopic, "mine"}}, commitOfTopics(9, both...),
			"mine0/7!group_authorization_failed, theirs0/7!group_authorization_failed"},
		{"FindCoordinator", []right{{toDescribe, ofGroup, "mine"}, {toDescribe, ofTransaction, "theirs"}},
			with(kmsg.NewPtrFindCoordinatorRequest(), 4, func(r *kmsg.FindCoordinatorRequest) { r.CoordinatorKeys = both }), "mine@true, theirs@false!group_authorization_failed"},
		{"FindCoordinator of transactions", []right{{toDescribe, ofGroup, "mine"}, {toDescribe, ofTransaction, "theirs"}},
			with(kmsg.NewPtrFindCoordinatorRequest(), 4, func(r *kmsg.FindCoordinatorRequest) { r.CoordinatorKeys, r.CoordinatorType = both, 1 }),
			"mine@false!transactional_id_authorization_failed, theirs@true"},
		// Kafka asks the coordinator of the group even if no topic is left, so that its error comes first.
		{"OffsetDelete of a group that is not there", []right{{toDelete, ofGroup, "none"}}, deletionOfOffsets("none", both...), "!group_id_not_found"},
		{"OffsetDelete of a group that may not be deleted", []right{{toRead, ofGroup, "mine"}, {toRead, ofTopic, "mine"}}, deletionOfOffsets("mine", both...), "!group_authorization_failed"},
		{"OffsetDelete, no topic", []right{{toDelete, ofGroup, "mine"}, {toDescribe, ofTopic, "mine"}}, deletionOfOffsets("mine", both...),
			"mine/0!topic_authorization_failed, theirs/0!topic_authorization_failed"},
		{"OffsetDelete", []right{{toDelete, ofGroup, "theirs"}, {toRead, ofTopic, "mine"}}, deletionOfOffsets("theirs", both...), "mine/0, theirs/0!topic_authorization_failed"},
		{"OffsetFetch after that", []right{{toDescribe, ofGroup, "theirs"}, {toDescribe, ofTopic, "*"}}, fetchOfGroups(8, inGroup("theirs")), `theirs/theirs=5""`},
		{"AddPartitionsToTxn", []right{{toWrite, ofTransaction, "mine"}, {toWrite, ofTopic, "mine"}}, addPartitionsTo(both...), "mine/7!operation_not_attempted, theirs/7!topic_authorization_failed"},
		{"TxnOffsetCommit", []right{{toWrite, ofTransaction, "mine"}, {toRead, ofGroup, "mine"}, {toRead, ofTopic, "mine"}}, txnCommitOfTopics(both...),
			"mine/7!unknown_topic_or_partition, theirs/7!topic_authorization_failed"},
		{"TxnOffsetCommit, the group may not be read", []right{{toWrite, ofTransaction, "mine"}, {toRead, ofTopic, "mine"}}, txnCommitOfTopics(both...),
			"mine/7!group_authorization_failed, theirs/7!group_authorization_failed"},
		{"CreateTopics", []right{{toCreate, ofTopic, "new"}}, createTopicsOf("new", "other"),
			"configs!topic_authorization_failed, new -1 -1 false false, other -1 -1 false false!topic_authorization_failed"},
		{"CreateTopics that may be seen", []right{{toCreate, ofTopic, "new"}, {toDescribeConfigs, ofTopic, "new"}}, createTopicsOf("new", "other"),
			"new 1 1 true false, other -1 -1 false false!topic_authorization_failed"},
		{"Metadata of all topics", []right{{toDescribe, ofTopic, "theirs"}}, with(kmsg.NewPtrMetadataRequest(), 9, func(*kmsg.MetadataRequest) {}), "theirs"},
		{"Metadata of all topics, version 0", []right{{toDescribe, ofTopic, "theirs"}}, with(kmsg.NewPtrMetadataRequest(), 0, func(*kmsg.MetadataRequest) {}), "theirs"},
		{"Metadata by id", []right{{toDescribe, ofTopic, "theirs"}}, with(kmsg.NewPtrMetadataRequest(), 12, func(r *kmsg.MetadataRequest) {
			r.Topics = []kmsg.MetadataRequestTopic{{TopicID: [16]byte{1}}, {TopicID: [16]byte{2}}, {TopicID: [16]byte{9}}}
		}), "?!topic_authorization_failed, ?!unknown_topic_id, theirs"},
		// The name counts for nothing then; Java's client sends the empty one.
		{"Metadata by id beside a name", []right{{toDescribe, ofTopic, "theirs"}}, with(kmsg.NewPtrMetadataRequest(), 12, func(r *kmsg.MetadataRequest) {
			r.Topics = []kmsg.MetadataRequestTopic{{Topic: textOf("theirs"), TopicID: [16]byte{1}}, {Topic: textOf(""), TopicID: [16]byte{2}}}
		}), "?!topic_authorization_failed, theirs"},
		{"Metadata that may make no topic", []right{{toDescribe, ofTopic, "*"}}, with(kmsg.NewPtrMetadataRequest(), 9, func(r *kmsg.MetadataRequest) {
			r.AllowAutoTopicCreation, r.Topics = true, []kmsg.MetadataRequestTopic{{Topic: textOf("mine")}, {Topic: textOf("made")}}
		}), "made!topic_authorization_failed, mine"},
		{"Metadata that would make no topic", []right{{toDescribe, ofTopic, "*"}}, with(kmsg.NewPtrMetadataRequest(), 9, func(r *kmsg.MetadataRequest) {
			r.Topics = []kmsg.MetadataRequestTopic{{Topic: textOf("made")}}
		}), "made!unknown_topic_or_partition"},
		{"Metadata that makes a topic by the cluster", []right{{toDescribe, ofTopic, "*"}, {toCreate, ofCluster, "kafka-cluster"}}, with(kmsg.NewPtrMetadataRequest(), 3, func(r *kmsg.MetadataRequest) {
			r.Topics = []kmsg.MetadataRequestTopic{{Topic: textOf("made")}}
		}), "made"},
		{"ListOffsets", []right{{toDescribe, ofTopic, "mine"}}, with(kmsg.NewPtrListOffsetsRequest(), 5, func(r *kmsg.ListOffsetsRequest) {
			for _, topic := range both {
				r.Topics = append(r.Topics, kmsg.ListOffsetsRequestTopic{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{{Timestamp: -1, CurrentLeaderEpoch: -1}}})
			}
		}), "mine/0=0, theirs/0=-1!topic_authorization_failed"},
		{"OffsetForLeaderEpoch", []right{{toDescribe, ofTopic, "mine"}}, with(kmsg.NewPtrOffsetForLeaderEpochRequest(), 4, func(r *kmsg.OffsetForLeaderEpochRequest) {
			for _, topic := range both {
				r.Topics = append(r.Topics, kmsg.OffsetForLeaderEpochRequestTopic{Topic: topic, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{CurrentLeaderEpoch: -1, LeaderEpoch: 99}}})
			}
		}), "mine/0=-1, theirs/0=-1!topic_authorization_failed"},
		{"DeleteRecords", []right{{toDelete, ofTopic, "mine"}}, with(kmsg.NewPtrDeleteRecordsRequest(), 2, func(r *kmsg.DeleteRecordsRequest) {
			for _, topic := range both {
				r.Topics = append(r.Topics, kmsg.DeleteRecordsRequestTopic{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{}}})
			}
		}), "mine/0=0, theirs/0=-1!topic_authorization_failed"},
		{"DescribeProducers", []right{{toRead, ofTopic, "mine"}}, with(kmsg.NewPtrDescribeProducersRequest(), 0, func(r *kmsg.DescribeProducersRequest) {
			for _, topic := range both {
				r.Topics = append(r.Topics, kmsg.DescribeProducersRequestTopic{Topic: topic, Partitions: []int32{0}})
			}
		}), "mine/0, theirs/0!topic_authorization_failed"},
		{"CreatePartitions", []right{{toAlter, ofTopic, "mine"}}, with(kmsg.NewPtrCreatePartitionsRequest(), 3, func(r *kmsg.CreatePartitionsRequest) {
			r.ValidateOnly, r.Topics = true, []kmsg.CreatePartitionsRequestTopic{{Topic: "mine", Count: 2}, {Topic: "theirs", Count: 2}}
		}), "mine, theirs!topic_authorization_failed"},
		{"DescribeTopicPartitions", []right{{toRead, ofTopic, "mine"}}, with(kmsg.NewPtrDescribeTopicPartitionsRequest(), 0, func(r *kmsg.DescribeTopicPartitionsRequest) {
			r.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "mine"}, {Topic: "theirs"}}
		}), "mine 100001000, theirs 0!topic_authorization_failed"},
		{"DeleteGroups", []right{{toDelete, ofGroup, "mine"}}, with(kmsg.NewPtrDeleteGroupsRequest(), 2, func(r *kmsg.DeleteGroupsRequest) { r.Groups = both }), "mine, theirs!group_authorization_failed"},
		{"DeleteTopics", []right{{toDelete, ofTopic, "mine"}}, with(kmsg.NewPtrDeleteTopicsRequest(), 5, func(r *kmsg.DeleteTopicsRequest) { r.TopicNames = both }),
			"mine, theirs!topic_authorization_failed"},
	} {
		s.grant(test.rights...)
		if got := told(askAny(c, test.request)); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// commitOfTopics is for a partition that no topic has, so that nothing is changed.
func commitOfTopics(version int16, names ...string) kmsg.Request {
	return with(offsetCommitOf("mine"), version, func(r *kmsg.OffsetCommitRequest) {
		r.Topics = nil
		for i, name := range names {
			r.Topics = append(r.Topics, kmsg.OffsetCommitRequestTopic{Topic: name, TopicID: [16]byte{byte(i + 1)}, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: 7}}})
		}
	})
}

func txnCommitOfTopics(names ...string) kmsg.Request {
	return with(txnOffsetCommitOf("mine").(*kmsg.TxnOffsetCommitRequest), 3, func(r *kmsg.TxnOffsetCommitRequest) {
		r.Topics, r.Generation = nil, -1
		for _, name := range names {
			r.Topics = append(r.Topics, kmsg.TxnOffsetCommitRequestTopic{Topic: name, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Partition: 7}}})
		}
	})
}

func addPartitionsTo(names ...string) kmsg.Request {
	return with(addPartitionsOf("mine").(*kmsg.AddPartitionsToTxnRequest), 3, func(r *kmsg.AddPartitionsToTxnRequest) {
		r.Topics = nil
		for _, name := range names {
			r.Topics = append(r.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: name, Partitions: []int32{7}})
		}
	})
}

func deletionOfOffsets(group string, names ...string) kmsg.Request {
	return with(offsetDeleteOf(group).(*kmsg.OffsetDeleteRequest), 0, func(r *kmsg.OffsetDeleteRequest) {
		r.Topics = nil
		for _, name := range names {
			r.Topics = append(r.Topics, kmsg.OffsetDeleteRequestTopic{Topic: name, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{}}})
		}
	})
}

// createTopicsOf is of topics that are not made.
func createTopicsOf(names ...string) kmsg.Request {
	return with(kmsg.NewPtrCreateTopicsRequest(), 7, func(r *kmsg.CreateTopicsRequest) {
		r.ValidateOnly = true
		for _, name := range names {
			r.Topics = append(r.Topics, kmsg.CreateTopicsRequestTopic{Topic: name, NumPartitions: 1, ReplicationFactor: 1})
		}
	})
}
