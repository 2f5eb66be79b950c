package kafkacompat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// administrationDifferences are the steps of administrators that Apache Kafka answers
// otherwise, each with the reason.
var administrationDifferences = map[string]string{
	"metadata by no id":            "a broker fails with UNKNOWN_SERVER_ERROR; UNKNOWN_TOPIC_ID says what is wrong",
	"create with spaces":           "a broker answers with what it was sent, and tells later what it has read; we store and tell what was read",
	"pages: of bad names":          "a broker tells what may be done with a topic that can't be there",
	"configuration of all brokers": "a new broker sets min.insync.replicas for all brokers, to its default (KIP-966)",
	"elect all":                    "a broker names each topic, with no partition of it, where no election was needed; we name none",
	"quota of one kind twice":      "a broker takes the last of the two and forgets the other",
}

// What administrators ask for is answered as by Apache Kafka.
func TestAdministrationIsAsByABroker(t *testing.T) {
	s, _ := startServerOnStore(t)
	steps := administration()
	compareWithBroker(t, "administration", steps, converse(t, dialSide(t, s.address), steps), administrationDifferences)
}

func administration() (steps []dataStep) {
	of := func(name string, request func(*diffSide) kmsg.Request) {
		steps = append(steps, dataStep{name, request})
	}
	say := func(name string, request kmsg.Request) { of(name, func(*diffSide) kmsg.Request { return request }) }
	type topic = kmsg.CreateTopicsRequestTopic
	create := func(name string, topics ...topic) {
		say(name, with(kmsg.NewPtrCreateTopicsRequest(), 7, func(r *kmsg.CreateTopicsRequest) { r.TimeoutMillis, r.Topics = 10_000, topics }))
	}
	validate := func(name string, topics ...topic) {
		say(name, with(kmsg.NewPtrCreateTopicsRequest(), 7, func(r *kmsg.CreateTopicsRequest) { r.TimeoutMillis, r.ValidateOnly, r.Topics = 10_000, true, topics }))
	}
	plain := func(name string, partitions int32, replicas int16) topic {
		return topic{Topic: name, NumPartitions: partitions, ReplicationFactor: replicas}
	}
	configured := func(name string, keysAndValues ...string) topic {
		one := plain(name, 1, 1)
		for i := 0; i < len(keysAndValues); i += 2 {
			one.Configs = append(one.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: keysAndValues[i], Value: &keysAndValues[i+1]})
		}
		return one
	}
	metadata := func(name string, topics ...string) {
		say(name, with(kmsg.NewPtrMetadataRequest(), 12, func(r *kmsg.MetadataRequest) {
			for _, topic := range topics {
				r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: &topic})
			}
		}))
	}

	// Internal topics are there on either side from here on.
	for i, name := range []string{"find a coordinator of groups", "find a coordinator of transactions"} {
		of(name, findRequest(int8(i)))
	}

	// Topics.
	create("create", plain("orders", 3, 1))
	metadata("metadata", "orders")
	create("create with dots", plain("a.b", 1, 1))
	create("create what collides", plain("a_b", 1, 1))
	validate("validate what collides", plain("a_b", 1, 1))
	create("create two that collide", plain("c.d_e", 1, 1), plain("c_d.e", 1, 1))
	metadata("metadata of both", "c.d_e", "c_d.e")
	create("create with strange names", plain("", 1, 1), plain(".", 1, 1), plain("..", 1, 1), plain("a/b", 1, 1), plain(strings.Repeat("x", 250), 1, 1), plain("ä", 1, 1))
	create("create the longest name", plain(strings.Repeat("x", 249), 1, 1))
	create("create one twice", plain("twice", 1, 1), plain("twice", 2, 1))
	metadata("metadata of one named twice", "twice")
	create("create with defaults", plain("defaults", -1, -1))
	for _, n := range []int32{0, -2} {
		create(fmt.Sprintf("create with %d partitions", n), plain("none", n, 1))
		create(fmt.Sprintf("create with %d replicas", n), plain("none", 1, int16(n)))
	}
	create("create with two replicas", plain("none1", 1, 2))
	validate("validate", plain("none", 2, 1))
	validate("validate one that is there", plain("orders", 2, 1))
	validate("validate nonsense", configured("none", "retention.ms", "soon"))
	metadata("metadata of what was validated", "none")
	create("create with a configuration", configured("configured", "retention.ms", "1000000", "cleanup.policy", "compact"))
	create("create with unknown configuration", configured("none2", "no.such.thing", "1"))
	create("create with nonsense", configured("none3", "cleanup.policy", "shred"))
	create("create with an empty policy", configured("none4", "cleanup.policy", ""))
	create("create with bounds that cross", configured("none5", "min.compaction.lag.ms", "100", "max.compaction.lag.ms", "10"))
	create("create with too little", configured("none6", "segment.bytes", "1"))
	create("create with spaces", configured("spaced", "retention.ms", " 5000000 "))
	create("create with a null", topic{Topic: "none7", NumPartitions: 1, ReplicationFactor: 1, Configs: []kmsg.CreateTopicsRequestTopicConfig{{Name: "retention.ms"}}})
	assigned := func(name string, one topic, assignment ...func(node int32) (partition int32, replicas []int32)) {
		of(name, func(side *diffSide) kmsg.Request {
			made := one
			for _, f := range assignment {
				partition, replicas := f(side.node)
				made.ReplicaAssignment = append(made.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: partition, Replicas: replicas})
			}
			return with(kmsg.NewPtrCreateTopicsRequest(), 7, func(r *kmsg.CreateTopicsRequest) { r.TimeoutMillis, r.Topics = 10_000, []topic{made} })
		})
	}
	at := func(partition int32, others ...int32) func(int32) (int32, []int32) {
		return func(node int32) (int32, []int32) { return partition, append([]int32{node}, others...) }
	}
	assigned("create by assignment", plain("assigned", -1, -1), at(0), at(1))
	assigned("create by assignment and number", plain("none8", 1, -1), at(0))
	assigned("create by assignment and factor", plain("none9", -1, 1), at(0))
	assigned("create by assignment with a gap", plain("none10", -1, -1), at(0), at(2))
	assigned("create by assignment from one on", plain("none11", -1, -1), at(1))
	assigned("create by assignment twice", plain("none12", -1, -1), at(0), at(0))
	assigned("create by assignment to nobody", plain("none13", -1, -1), at(0, 77))
	assigned("create by assignment to one twice", plain("none14", -1, -1), func(node int32) (int32, []int32) { return 0, []int32{node, node} })
	assigned("create by assignment to none", plain("none15", -1, -1), func(int32) (int32, []int32) { return 0, nil })
	create("create an internal one", plain("__consumer_offsets", 1, 1))

	// Metadata.
	byID := func(name string, id func(*diffSide) [16]byte, topic *string) {
		of(name, func(side *diffSide) kmsg.Request {
			return with(kmsg.NewPtrMetadataRequest(), 12, func(r *kmsg.MetadataRequest) {
				r.Topics = []kmsg.MetadataRequestTopic{{TopicID: id(side), Topic: topic}}
			})
		})
	}
	orders := func(side *diffSide) [16]byte { return side.topics["orders"] }
	unknown := func(*diffSide) [16]byte { return [16]byte{1, 2, 3} }
	byID("metadata by id", orders, nil)
	byID("metadata by an unknown id", unknown, nil)
	byID("metadata by no id", func(*diffSide) [16]byte { return [16]byte{} }, nil)
	byID("metadata by id and name", orders, textOf("nobody"))
	metadata("metadata of a bad name", "a/b", "")
	metadata("metadata twice", "orders", "orders")
	old := func(name string, version int16, topics []kmsg.MetadataRequestTopic) {
		say(name, with(kmsg.NewPtrMetadataRequest(), version, func(r *kmsg.MetadataRequest) { r.Topics = topics }))
	}
	old("metadata of no topics", 1, []kmsg.MetadataRequestTopic{})
	old("authorised operations", 8, []kmsg.MetadataRequestTopic{{Topic: textOf("orders")}})
	steps[len(steps)-1].request = func(*diffSide) kmsg.Request {
		return with(kmsg.NewPtrMetadataRequest(), 8, func(r *kmsg.MetadataRequest) {
			r.Topics, r.IncludeClusterAuthorizedOperations, r.IncludeTopicAuthorizedOperations = []kmsg.MetadataRequestTopic{{Topic: textOf("orders")}}, true, true
		})
	}
	pages := func(name string, limit int32, cursor *kmsg.DescribeTopicPartitionsRequestCursor, topics ...string) {
		say(name, with(kmsg.NewPtrDescribeTopicPartitionsRequest(), 0, func(r *kmsg.DescribeTopicPartitionsRequest) {
			r.ResponsePartitionLimit, r.Cursor = limit, cursor
			for _, topic := range topics {
				r.Topics = append(r.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: topic})
			}
		}))
	}
	cursor := func(topic string, partition int32) *kmsg.DescribeTopicPartitionsRequestCursor {
		return &kmsg.DescribeTopicPartitionsRequestCursor{Topic: topic, Partition: partition}
	}
	pages("pages: first", 2, nil, "orders", "assigned", "nobody")
	pages("pages: a part of a topic", 3, nil, "orders", "assigned")
	pages("pages: from a cursor", 2, cursor("orders", 1), "orders", "assigned", "nobody")
	pages("pages: from behind a topic", 2, cursor("orders", 9), "orders")
	pages("pages: from a topic that isn't asked for", 2, cursor("b", 0), "orders", "assigned")
	pages("pages: from a negative partition", 2, cursor("orders", -1), "orders")
	pages("pages: of no limit", 0, nil, "orders")
	pages("pages: of a negative limit", -1, nil, "orders")
	pages("pages: in no order", 10, nil, "orders", "assigned", "orders")
	pages("pages: of bad names", 10, nil, "a/b")

	// More partitions.
	grow := func(name, topic string, count int32, isTrial bool, assignment ...[]int32) {
		of(name, func(side *diffSide) kmsg.Request {
			r := createPartitionsRequest(3, topic, count, assignment...)
			r.ValidateOnly = isTrial
			for i, one := range r.Topics[0].Assignment {
				replicas := append([]int32(nil), one.Replicas...)
				for j, id := range replicas {
					if id == 0 {
						replicas[j] = side.node
					}
				}
				r.Topics[0].Assignment[i].Replicas = replicas
			}
			return r
		})
	}
	grow("grow as a trial", "orders", 4, true)
	grow("grow as a trial to less", "orders", 1, true)
	for _, n := range []int32{0, -1} {
		grow(fmt.Sprintf("grow to %d", n), "orders", n, false)
	}
	grow("grow by assignment", "orders", 4, false, []int32{0})
	grow("grow by too little assignment", "orders", 6, false, []int32{0})
	grow("grow by too much assignment", "orders", 5, false, []int32{0}, []int32{0})
	grow("grow by assignment to nobody", "orders", 5, false, []int32{77})
	grow("grow by assignment to one twice", "orders", 5, false, []int32{0, 0})
	grow("grow by assignment to none", "orders", 5, false, []int32{})
	say("grow one twice", with(createPartitionsRequest(3, "orders", 5), 3, func(r *kmsg.CreatePartitionsRequest) { r.Topics = append(r.Topics, r.Topics[0]) }))
	metadata("metadata of what has grown", "orders")

	// Configurations.
	describe := func(name string, kind kmsg.ConfigResourceType, resource string, synonyms bool, keys ...string) {
		say(name, with(describeConfigsRequest(kind, resource), 4, func(r *kmsg.DescribeConfigsRequest) { r.Resources[0].ConfigNames, r.IncludeSynonyms = keys, synonyms }))
	}
	const ofTopic, ofBroker, ofGroup = kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeGroupConfig
	describe("configuration of a topic", ofTopic, "configured", false)
	describe("configuration with synonyms", ofTopic, "configured", true)
	describe("configuration of no topic", ofTopic, "", false)
	describe("configuration of a bad name", ofTopic, "a/b", false)
	describe("configuration of another broker", ofBroker, "99", false)
	describe("configuration of no number", ofBroker, "me", false)
	describe("configuration of an unknown kind", 99, "orders", false)
	describe("configuration of no kind", 0, "orders", false)
	describe("configuration of a group", ofGroup, "g", false, "consumer.session.timeout.ms", "consumer.heartbeat.interval.ms")
	describe("configuration of an empty group", ofGroup, "", false)
	describe("configuration of all brokers", ofBroker, "", false)
	type alteration = kmsg.IncrementalAlterConfigsRequestResourceConfig
	alter := func(name string, kind kmsg.ConfigResourceType, resource string, isTrial bool, configs ...alteration) {
		say(name, with(kmsg.NewPtrIncrementalAlterConfigsRequest(), 1, func(r *kmsg.IncrementalAlterConfigsRequest) {
			r.ValidateOnly = isTrial
			r.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kind, ResourceName: resource, Configs: configs}}
		}))
	}
	set := func(key, value string) alteration {
		return alteration{Name: key, Op: kmsg.IncrementalAlterConfigOpSet, Value: &value}
	}
	plus := func(key, value string) alteration {
		return alteration{Name: key, Op: kmsg.IncrementalAlterConfigOpAppend, Value: &value}
	}
	minus := func(key, value string) alteration {
		return alteration{Name: key, Op: kmsg.IncrementalAlterConfigOpSubtract, Value: &value}
	}
	unset := func(key string) alteration { return alteration{Name: key, Op: kmsg.IncrementalAlterConfigOpDelete} }
	alter("alter as a trial", ofTopic, "orders", true, set("retention.ms", "5"))
	alter("alter as a trial to nonsense", ofTopic, "orders", true, set("retention.ms", "soon"))
	describe("configuration after a trial", ofTopic, "orders", false, "retention.ms")
	alter("alter one key twice", ofTopic, "orders", false, set("retention.ms", "5"), set("retention.ms", "6"))
	alter("alter nothing", ofTopic, "orders", false)
	alter("alter no topic", ofTopic, "", false, set("retention.ms", "5"))
	alter("alter an empty key", ofTopic, "orders", false, set("", "5"))
	alter("unset what is not set", ofTopic, "orders", false, unset("retention.ms"))
	alter("unset what isn't there", ofTopic, "orders", false, unset("no.such.thing"))
	alter("append what is there", ofTopic, "configured", false, plus("cleanup.policy", "compact"))
	describe("configuration of an appended list", ofTopic, "configured", false, "cleanup.policy")
	alter("append two", ofTopic, "configured", false, plus("cleanup.policy", "delete,compact"))
	describe("configuration of a list of two", ofTopic, "configured", false, "cleanup.policy")
	alter("subtract what isn't there", ofTopic, "configured", false, minus("cleanup.policy", "shred"))
	alter("subtract all", ofTopic, "configured", false, minus("cleanup.policy", "delete,compact"))
	describe("configuration of an empty list", ofTopic, "configured", false, "cleanup.policy")
	alter("append nonsense", ofTopic, "configured", false, plus("cleanup.policy", "shred"))
	alter("good beside bad", ofTopic, "orders", false, set("retention.bytes", "5000"), set("retention.ms", "soon"))
	describe("configuration after good beside bad", ofTopic, "orders", false, "retention.bytes")
	alter("alter bounds that cross", ofTopic, "orders", false, set("min.compaction.lag.ms", "100"), set("max.compaction.lag.ms", "10"))
	alter("alter an unknown kind", 99, "orders", false, set("retention.ms", "5"))
	alter("alter another broker", ofBroker, "99", false, set("log.retention.ms", "5"))
	alter("alter no number", ofBroker, "me", false, set("log.retention.ms", "5"))
	alter("alter a group", ofGroup, "g", false, set("consumer.session.timeout.ms", "50000"))
	describe("configuration of an altered group", ofGroup, "g", false, "consumer.session.timeout.ms")
	alter("alter a group to nonsense", ofGroup, "g", false, set("consumer.session.timeout.ms", "soon"))
	alter("alter a group with what isn't there", ofGroup, "g", false, set("retention.ms", "5"))
	alter("unset a group", ofGroup, "g", false, unset("consumer.session.timeout.ms"))
	whole := func(name, topic string, isTrial bool, configs ...kmsg.AlterConfigsRequestResourceConfig) {
		say(name, with(kmsg.NewPtrAlterConfigsRequest(), 2, func(r *kmsg.AlterConfigsRequest) {
			r.ValidateOnly = isTrial
			r.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: ofTopic, ResourceName: topic, Configs: configs}}
		}))
	}
	whole("alter all to a null", "orders", false, kmsg.AlterConfigsRequestResourceConfig{Name: "retention.ms"})
	whole("alter all to nonsense", "orders", false, kmsg.AlterConfigsRequestResourceConfig{Name: "retention.ms", Value: textOf("soon")})
	whole("alter all as a trial", "configured", true, kmsg.AlterConfigsRequestResourceConfig{Name: "retention.ms", Value: textOf("5")})
	describe("configuration after a trial of all", ofTopic, "configured", false, "retention.ms")
	whole("alter all of a bad name", "a/b", false)
	say("alter one resource twice", with(kmsg.NewPtrIncrementalAlterConfigsRequest(), 1, func(r *kmsg.IncrementalAlterConfigsRequest) {
		one := kmsg.IncrementalAlterConfigsRequestResource{ResourceType: ofTopic, ResourceName: "orders", Configs: []alteration{set("retention.ms", "5")}}
		r.Resources = append(r.Resources, one, one)
	}))
	resources := func(name string, version int16, kinds ...int8) {
		say(name, with(kmsg.NewPtrListConfigResourcesRequest(), version, func(r *kmsg.ListConfigResourcesRequest) { r.ResourceTypes = kinds }))
	}
	resources("resources of version 0", 0)
	resources("resources of topics", 1, int8(ofTopic))
	resources("resources of groups", 1, int8(ofGroup))
	resources("resources of an unknown kind", 1, 99)

	// The cluster.
	cluster := func(name string, kind int8) {
		say(name, with(kmsg.NewPtrDescribeClusterRequest(), 2, func(r *kmsg.DescribeClusterRequest) { r.EndpointType = kind }))
	}
	cluster("cluster", 1)
	cluster("cluster of controllers", 2)
	cluster("cluster of an unknown kind", 3)
	find := func(name string, version int16, kind int8, keys ...string) {
		say(name, with(kmsg.NewPtrFindCoordinatorRequest(), version, func(r *kmsg.FindCoordinatorRequest) {
			r.CoordinatorType, r.CoordinatorKeys = kind, keys
			if version < 4 {
				r.CoordinatorKey = keys[0]
			}
		}))
	}
	find("find an empty group", 4, 0, "")
	find("find an empty transaction", 4, 1, "")
	find("find an unknown kind", 4, 9, "g")
	find("find an unknown kind, of old", 3, 9, "g")
	find("find two", 4, 0, "g", "h")
	find("find none", 4, 0)
	elect := func(name string, kind int8, topics ...kmsg.ElectLeadersRequestTopic) {
		say(name, with(kmsg.NewPtrElectLeadersRequest(), 2, func(r *kmsg.ElectLeadersRequest) { r.ElectionType, r.TimeoutMillis, r.Topics = kind, 10_000, topics }))
	}
	elect("elect the preferred", 0, kmsg.ElectLeadersRequestTopic{Topic: "orders", Partitions: []int32{0, 9}})
	elect("elect any", 1, kmsg.ElectLeadersRequestTopic{Topic: "orders", Partitions: []int32{0}})
	elect("elect of nobody", 0, kmsg.ElectLeadersRequestTopic{Topic: "nobody", Partitions: []int32{0}})
	elect("elect all", 0)
	elect("elect by an unknown kind", 9, kmsg.ElectLeadersRequestTopic{Topic: "orders", Partitions: []int32{0}})
	quorum := func(name, topic string, partition int32) {
		say(name, with(kmsg.NewPtrDescribeQuorumRequest(), 2, func(r *kmsg.DescribeQuorumRequest) {
			r.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: topic, Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{Partition: partition}}}}
		}))
	}
	quorum("quorum of a topic", "orders", 0)
	quorum("quorum of another partition", "__cluster_metadata", 1)
	reassign := func(name, topic string, partition int32, replicas []int32) {
		say(name, with(kmsg.NewPtrAlterPartitionAssignmentsRequest(), 0, func(r *kmsg.AlterPartitionAssignmentsRequest) {
			r.TimeoutMillis = 10_000
			r.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Partition: partition, Replicas: replicas}}}}
		}))
	}
	reassign("reassign nobody", "nobody", 0, []int32{1})
	reassign("reassign a partition that isn't there", "orders", 9, []int32{1})
	reassign("reassign to nobody", "orders", 0, []int32{77})
	reassign("reassign to none", "orders", 0, []int32{})
	reassign("cancel what isn't under way", "orders", 0, nil)
	say("reassignments", with(kmsg.NewPtrListPartitionReassignmentsRequest(), 0, func(r *kmsg.ListPartitionReassignmentsRequest) { r.TimeoutMillis = 10_000 }))
	say("log directories", with(kmsg.NewPtrDescribeLogDirsRequest(), 4, func(r *kmsg.DescribeLogDirsRequest) {
		r.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: "a.b", Partitions: []int32{0}}, {Topic: "nobody", Partitions: []int32{0}}}
	}))
	feature := func(name, feature string, level int16, kind int8) {
		say(name, with(kmsg.NewPtrUpdateFeaturesRequest(), 1, func(r *kmsg.UpdateFeaturesRequest) {
			r.TimeoutMillis = 10_000
			r.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: feature, MaxVersionLevel: level, UpgradeType: kind}}
		}))
	}
	feature("update an unknown feature", "no.such.thing", 1, 1)
	feature("update a feature too far", "transaction.version", 99, 1)
	feature("update a feature to what it has", "transaction.version", 2, 1)
	feature("update by an unknown kind", "transaction.version", 2, 9)

	// Quotas.
	type entity = kmsg.AlterClientQuotasRequestEntryEntity
	type op = kmsg.AlterClientQuotasRequestEntryOp
	quota := func(name string, isTrial bool, of []entity, ops ...op) {
		say(name, with(kmsg.NewPtrAlterClientQuotasRequest(), 1, func(r *kmsg.AlterClientQuotasRequest) {
			r.ValidateOnly, r.Entries = isTrial, []kmsg.AlterClientQuotasRequestEntry{{Entity: of, Ops: ops}}
		}))
	}
	user, client := entity{Type: "user", Name: textOf("alice")}, entity{Type: "client-id", Name: textOf("app")}
	rate := func(value float64) op { return op{Key: "producer_byte_rate", Value: value} }
	quota("quota", false, []entity{user, client}, rate(1e6), op{Key: "consumer_byte_rate", Value: 2e6})
	quota("quota of all users", false, []entity{{Type: "user"}}, rate(3e6))
	quota("quota as a trial", true, []entity{client}, rate(1e6))
	quota("quota of an unknown key", false, []entity{user}, op{Key: "no.such.thing", Value: 1})
	quota("quota of an unknown kind", false, []entity{{Type: "planet", Name: textOf("earth")}}, rate(1))
	quota("quota of nobody", false, nil, rate(1))
	quota("quota of an empty name", false, []entity{{Type: "user", Name: textOf("")}}, rate(1))
	quota("quota of nothing", false, []entity{user}, rate(0))
	quota("quota below nothing", false, []entity{user}, rate(-1))
	quota("quota of a part of a byte", false, []entity{user}, rate(1.5))
	quota("quota of a user and an address", false, []entity{user, {Type: "ip", Name: textOf("127.0.0.9")}}, rate(1))
	quota("quota of an address", false, []entity{{Type: "ip", Name: textOf("127.0.0.9")}}, op{Key: "connection_creation_rate", Value: 100})
	quota("quota of bytes of an address", false, []entity{{Type: "ip", Name: textOf("127.0.0.9")}}, rate(1))
	quota("quota of no address", false, []entity{{Type: "ip", Name: textOf("no such host")}}, op{Key: "connection_creation_rate", Value: 100})
	quota("quota removed that isn't there", false, []entity{client}, op{Key: "producer_byte_rate", Remove: true})
	quota("quota removed of an unknown key", false, []entity{client}, op{Key: "no.such.thing", Remove: true})
	type component = kmsg.DescribeClientQuotasRequestComponent
	quotas := func(name string, isStrict bool, components ...component) {
		say(name, with(kmsg.NewPtrDescribeClientQuotasRequest(), 1, func(r *kmsg.DescribeClientQuotasRequest) { r.Strict, r.Components = isStrict, components }))
	}
	quotas("quotas of all", false)
	quotas("quotas of all, strictly", true)
	quotas("quotas of a user", false, component{EntityType: "user", MatchType: kmsg.QuotasMatchTypeExact, Match: textOf("alice")})
	quotas("quotas of a user, strictly", true, component{EntityType: "user", MatchType: kmsg.QuotasMatchTypeExact, Match: textOf("alice")})
	quotas("quotas of the default", false, component{EntityType: "user", MatchType: kmsg.QuotasMatchTypeDefault})
	quotas("quotas of any user", false, component{EntityType: "user", MatchType: kmsg.QuotasMatchTypeAny})
	quotas("quotas of both", true, component{EntityType: "user", MatchType: kmsg.QuotasMatchTypeAny}, component{EntityType: "client-id", MatchType: kmsg.QuotasMatchTypeAny})
	quotas("quotas of one kind twice", false, component{EntityType: "user", MatchType: kmsg.QuotasMatchTypeAny}, component{EntityType: "user", MatchType: kmsg.QuotasMatchTypeAny})
	quotas("quotas of an unknown kind", false, component{EntityType: "planet", MatchType: kmsg.QuotasMatchTypeAny})
	quotas("quotas by an unknown match", false, component{EntityType: "user", MatchType: 9})
	quotas("quotas of an address and a user", false, component{EntityType: "user", MatchType: kmsg.QuotasMatchTypeAny}, component{EntityType: "ip", MatchType: kmsg.QuotasMatchTypeAny})
	quotas("quotas of an empty kind", false, component{MatchType: kmsg.QuotasMatchTypeAny})
	for i, of := range [][]entity{{user, client}, {{Type: "user"}}, {{Type: "ip", Name: textOf("127.0.0.9")}}} {
		for _, key := range []string{"producer_byte_rate", "consumer_byte_rate", "connection_creation_rate"} {
			quota(fmt.Sprintf("quota removed %d %s", i, key), false, of, op{Key: key, Remove: true})
		}
	}
	quotas("quotas of nobody left", false)
	quota("quota of one kind twice", false, []entity{user, user}, rate(1))
	quota("quota removed of one kind twice", false, []entity{user}, op{Key: "producer_byte_rate", Remove: true})

	// SCRAM.
	type deletion = kmsg.AlterUserSCRAMCredentialsRequestDeletion
	type upsertion = kmsg.AlterUserSCRAMCredentialsRequestUpsertion
	scram := func(name string, upsertions []upsertion, deletions ...deletion) {
		say(name, with(kmsg.NewPtrAlterUserSCRAMCredentialsRequest(), 0, func(r *kmsg.AlterUserSCRAMCredentialsRequest) { r.Upsertions, r.Deletions = upsertions, deletions }))
	}
	users := func(name string, named ...string) {
		say(name, with(kmsg.NewPtrDescribeUserSCRAMCredentialsRequest(), 0, func(r *kmsg.DescribeUserSCRAMCredentialsRequest) {
			for _, user := range named {
				r.Users = append(r.Users, kmsg.DescribeUserSCRAMCredentialsRequestUser{Name: user})
			}
		}))
	}
	credential := func(user string, mechanism int8, iterations int32) upsertion {
		return upsertion{Name: user, Mechanism: mechanism, Iterations: iterations, Salt: []byte("0123456789abcdef"), SaltedPassword: []byte(strings.Repeat("p", []int{0: 32, 1: 32, 2: 64, 9: 32}[mechanism]))}
	}
	users("user that isn't there", "alice")
	scram("user", []upsertion{credential("alice", 1, 4096)})
	scram("user by both", []upsertion{credential("bob", 1, 8192), credential("bob", 2, 4096)})
	scram("user twice", []upsertion{credential("carol", 1, 4096), credential("carol", 1, 8192)})
	scram("user made and deleted", []upsertion{credential("carol", 1, 4096)}, deletion{Name: "carol", Mechanism: 1})
	scram("user with few iterations", []upsertion{credential("carol", 1, 4095)})
	scram("user with many iterations", []upsertion{credential("carol", 1, 16385)})
	scram("user by an unknown mechanism", []upsertion{credential("carol", 9, 4096)})
	scram("user by no mechanism", []upsertion{credential("carol", 0, 4096)})
	scram("user without a name", []upsertion{credential("", 1, 4096)})
	scram("user deleted that isn't there", nil, deletion{Name: "nobody", Mechanism: 1})
	scram("user deleted by an unknown mechanism", nil, deletion{Name: "alice", Mechanism: 9})
	scram("user deleted that has another", nil, deletion{Name: "alice", Mechanism: 2})
	scram("good user beside a bad one", []upsertion{credential("dave", 1, 4096), credential("erin", 1, 1)})
	users("users", "alice", "bob", "carol")
	users("user named twice", "alice", "alice")
	users("user without a name named", "")
	users("users all")
	scram("users deleted", nil, deletion{Name: "alice", Mechanism: 1}, deletion{Name: "bob", Mechanism: 1}, deletion{Name: "bob", Mechanism: 2}, deletion{Name: "dave", Mechanism: 1})
	users("users none left")

	// The end of topics.
	remove := func(name string, topics func(*diffSide) []kmsg.DeleteTopicsRequestTopic) {
		of(name, func(side *diffSide) kmsg.Request {
			return with(kmsg.NewPtrDeleteTopicsRequest(), 6, func(r *kmsg.DeleteTopicsRequest) { r.TimeoutMillis, r.Topics = 10_000, topics(side) })
		})
	}
	remove("delete by an unknown id", func(side *diffSide) []kmsg.DeleteTopicsRequestTopic {
		return []kmsg.DeleteTopicsRequestTopic{{TopicID: unknown(side)}}
	})
	remove("delete by id and name", func(side *diffSide) []kmsg.DeleteTopicsRequestTopic {
		return []kmsg.DeleteTopicsRequestTopic{{TopicID: orders(side), Topic: textOf("orders")}}
	})
	remove("delete by neither", func(side *diffSide) []kmsg.DeleteTopicsRequestTopic { return []kmsg.DeleteTopicsRequestTopic{{}} })
	remove("delete one twice", func(side *diffSide) []kmsg.DeleteTopicsRequestTopic {
		return []kmsg.DeleteTopicsRequestTopic{{Topic: textOf("a.b")}, {Topic: textOf("a.b")}}
	})
	remove("delete one by id and by name", func(side *diffSide) []kmsg.DeleteTopicsRequestTopic {
		return []kmsg.DeleteTopicsRequestTopic{{TopicID: orders(side)}, {Topic: textOf("orders")}}
	})
	remove("delete a bad name", func(side *diffSide) []kmsg.DeleteTopicsRequestTopic {
		return []kmsg.DeleteTopicsRequestTopic{{Topic: textOf("a/b")}}
	})
	remove("delete by id", func(side *diffSide) []kmsg.DeleteTopicsRequestTopic {
		return []kmsg.DeleteTopicsRequestTopic{{TopicID: orders(side)}}
	})
	create("create what collided with nothing any more", plain("a-b", 1, 1))
	return steps
}
