package kafkacompat_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// differences are the steps of the conversation that kfake answers otherwise, each
// with the reason. A step that is listed and does not differ fails the test, too.
var differences = map[string]string{
	"create one with a bad name":              "kfake takes any name",
	"metadata of no spaces":                   "the same",
	"produce to nobody":                       errorOffset,
	"produce to a partition that isn't there": errorOffset,
	"produce with acks=5":                     errorOffset,
	"produce a torn batch":                    errorOffset,
	"delete records":                          errorOffset,
	"fetch from 3":                            errorWatermark,
	"fetch from nobody":                       errorWatermark,
	"fetch in an epoch to come":               errorWatermark,
	"committed offsets":                       nullMetadata,
	"join without protocols":                  "a broker checks the protocols before it gives an id out",
	"heartbeat of nobody":                     unknownGroup,
	"sync of nobody":                          unknownGroup,
	"as many partitions":                      "a controller refuses as many as there are; kfake takes them",
}

// brokerDifferences are those that Apache Kafka answers otherwise.
var brokerDifferences = map[string]string{}

const (
	errorOffset    = "a broker gives an error the offset -1; kfake leaves it 0"
	errorWatermark = "a broker gives an error the watermarks -1; kfake doesn't"
	unknownGroup   = "a broker's coordinator answers UNKNOWN_MEMBER_ID, which all clients handle"
)

// normalize replaces what may differ between any two clusters.
var normalize = []struct{ pattern, with string }{
	{`"(TopicID|ClusterID|Host|MemberID|LeaderID|ErrorMessage|Key)":("(?:[^"\\]|\\.)*"|null|\[[^\]]*\])`, `"$1":"*"`},
	{`"(NodeID|Port|Leader|LeaderEpoch|ControllerID|ProducerID|ThrottleMillis|LogAppendTime|PreferredReadReplica|SessionID)":-?\d+`, `"$1":0`},
	{`"(Replicas|ISR|OfflineReplicas|Brokers|UnknownTags|AbortedTransactions)":(\[[^\]]*\]|null|\{\})`, `"$1":[]`},
	{`"(Rack)":null`, `"$1":""`},
	{`"RecordBatches":null`, `"RecordBatches":""`},
	{`:null`, `:[]`},
}

func normalized(t *testing.T, response kmsg.Response) string {
	t.Helper()
	text := asJSON(t, response)
	for _, n := range normalize {
		text = regexp.MustCompile(n.pattern).ReplaceAllString(text, n.with)
	}
	return text
}

// The same conversation is held with the listener, with franz-go's fake cluster and with
// Apache Kafka, and the answers are compared field by field.
func TestAnswersAreThoseOfAnotherImplementation(t *testing.T) {
	s, _ := startServerOnStore(t)
	steps := conversation()
	ours := converse(t, dialSide(t, s.address), steps)
	compareAnswers(t, "kfake ", steps, ours, converse(t, startFake(t, kfake.DefaultNumPartitions(1)), steps), differences)
	compareWithBroker(t, "first", steps, ours, brokerDifferences)
}

// startFake starts a fake cluster of one broker and dials it.
func startFake(t *testing.T, options ...kfake.Opt) *diffSide {
	t.Helper()
	fake, err := kfake.NewCluster(append(options, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return dialSide(t, fake.ListenAddrs()[0])
}

func conversation() (steps []dataStep) {
	say := func(name string, request kmsg.Request) {
		steps = append(steps, dataStep{name, func(*diffSide) kmsg.Request { return request }})
	}
	create := func(topic string, partitions int32, replicas int16) *kmsg.CreateTopicsRequest {
		r := kmsg.NewPtrCreateTopicsRequest()
		r.Version, r.TimeoutMillis = 4, 5000
		one := kmsg.NewCreateTopicsRequestTopic()
		one.Topic, one.NumPartitions, one.ReplicationFactor = topic, partitions, replicas
		r.Topics = append(r.Topics, one)
		return r
	}
	say("create a topic", create("orders", 2, 1))
	say("create it again", create("orders", 2, 1))
	say("create one with a bad name", create("no spaces", 2, 1))
	say("create one without partitions", create("none", 0, 1))
	say("create one with too many replicas", create("many", 1, 9))

	for _, topic := range []string{"orders", "nobody", "no spaces"} {
		r := kmsg.NewPtrMetadataRequest()
		r.Version = 9
		r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: &topic})
		say("metadata of "+topic, r)
	}

	say("produce", produceRequest(-1, 9, "orders", oneBatch("a")))
	say("produce more", produceRequest(1, 9, "orders", oneBatch("b")))
	say("produce to nobody", produceRequest(-1, 9, "nobody", oneBatch("a")))
	beyond := produceRequest(-1, 9, "orders", oneBatch("a"))
	beyond.Topics[0].Partitions[0].Partition = 7
	say("produce to a partition that isn't there", beyond)
	say("produce with acks=5", produceRequest(5, 9, "orders", oneBatch("a")))
	torn := oneBatch("a")
	torn[len(torn)-1] ^= 1
	say("produce a torn batch", produceRequest(-1, 9, "orders", torn))

	for _, offset := range []int64{0, 1, 2, 3} {
		say(fmt.Sprintf("fetch from %d", offset), fetchRequest("orders", offset, 1, 0))
	}
	say("fetch from nobody", fetchRequest("nobody", 0, 1, 0))
	future := fetchRequest("orders", 0, 1, 0)
	future.Topics[0].Partitions[0].CurrentLeaderEpoch = 1000
	say("fetch in an epoch to come", future)

	for _, at := range []int64{-1, -2, -3, -9, 0, 1000, 1001} {
		r := kmsg.NewPtrListOffsetsRequest()
		r.Version, r.ReplicaID = 7, -1
		topic := kmsg.NewListOffsetsRequestTopic()
		topic.Topic = "orders"
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Timestamp, partition.CurrentLeaderEpoch = at, -1
		topic.Partitions = append(topic.Partitions, partition)
		r.Topics = append(r.Topics, topic)
		say(fmt.Sprintf("offset at %d", at), r)
	}

	id := kmsg.NewPtrInitProducerIDRequest()
	id.Version = 4
	say("producer id", id)
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.Version, find.CoordinatorKeys = 4, []string{"g"}
	say("find a coordinator", find)

	commit := func(group, topic string, generation int32, member string) *kmsg.OffsetCommitRequest {
		r := kmsg.NewPtrOffsetCommitRequest()
		r.Version, r.Group, r.Generation, r.MemberID = 8, group, generation, member
		one := kmsg.NewOffsetCommitRequestTopic()
		one.Topic = topic
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Offset = 1
		one.Partitions = append(one.Partitions, partition)
		r.Topics = append(r.Topics, one)
		return r
	}
	say("commit without members", commit("g", "orders", -1, ""))
	say("commit in a generation that never was", commit("h", "orders", 3, "me"))
	offsets := kmsg.NewPtrOffsetFetchRequest()
	offsets.Version, offsets.Group = 7, "g"
	offsets.Topics = append(offsets.Topics, kmsg.OffsetFetchRequestTopic{Topic: "orders", Partitions: []int32{0, 1}})
	say("committed offsets", offsets)

	join := func(version int16, session int32, protocols ...string) *kmsg.JoinGroupRequest {
		r := kmsg.NewPtrJoinGroupRequest()
		r.Version, r.Group, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = version, "j", session, 10_000
		r.ProtocolType = "consumer"
		for _, p := range protocols {
			r.Protocols = append(r.Protocols, kmsg.JoinGroupRequestProtocol{Name: p, Metadata: []byte{1}})
		}
		return r
	}
	say("join for a member id", join(5, 10_000, "range"))
	say("join with too short a session", join(5, 1, "range"))
	say("join without protocols", join(5, 10_000))
	stranger := join(5, 10_000, "range")
	stranger.MemberID = "stranger"
	say("join as a stranger", stranger)

	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Version, beat.Group, beat.MemberID = 4, "nobody", "me"
	say("heartbeat of nobody", beat)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID = 3, "nobody", "me"
	say("sync of nobody", sync)
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Version, leave.Group = 4, "j"
	leave.Members = append(leave.Members, kmsg.LeaveGroupRequestMember{MemberID: "stranger"})
	say("leave as a stranger", leave)

	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Version, describe.Groups = 4, []string{"nobody"}
	say("describe nobody", describe)
	drop := kmsg.NewPtrDeleteGroupsRequest()
	drop.Version, drop.Groups = 2, []string{"g", "nobody"}
	say("delete a group and nobody", drop)

	epoch := kmsg.NewPtrOffsetForLeaderEpochRequest()
	epoch.Version, epoch.ReplicaID = 4, -1
	one := kmsg.NewOffsetForLeaderEpochRequestTopic()
	one.Topic = "nobody"
	one.Partitions = append(one.Partitions, kmsg.OffsetForLeaderEpochRequestTopicPartition{CurrentLeaderEpoch: -1})
	epoch.Topics = append(epoch.Topics, one)
	say("end of an epoch of nobody", epoch)

	configs := kmsg.NewPtrDescribeConfigsRequest()
	configs.Version = 4
	configs.Resources = append(configs.Resources, kmsg.DescribeConfigsRequestResource{
		ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "nobody",
	})
	say("configuration of nobody", configs)

	trim := kmsg.NewPtrDeleteRecordsRequest()
	trim.Version, trim.TimeoutMillis = 2, 5000
	trim.Topics = append(trim.Topics, kmsg.DeleteRecordsRequestTopic{
		Topic:      "orders",
		Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 0, Offset: 1}, {Partition: 1, Offset: 5}, {Partition: 9}},
	})
	say("delete records", trim)

	say("more partitions", createPartitionsRequest(3, "orders", 4))
	say("as many partitions", createPartitionsRequest(3, "orders", 4))
	say("fewer partitions", createPartitionsRequest(3, "orders", 1))
	say("more partitions of nobody", createPartitionsRequest(3, "nobody", 4))
	grown := fetchRequest("orders", 0, 1, 0)
	grown.Topics[0].Partitions[0].Partition = 3
	say("fetch from a new partition", grown)

	for _, name := range []string{"orders", "nobody"} {
		r := kmsg.NewPtrDeleteTopicsRequest()
		r.Version, r.TopicNames, r.TimeoutMillis = 4, []string{name}, 5000
		say("delete topic "+name, r)
	}
	return steps
}
