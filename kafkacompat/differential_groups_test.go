package kafkacompat_test

import (
	"regexp"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupDifferences are the steps about groups that kfake answers otherwise, each with
// the reason.
var groupDifferences = map[string]string{
	"describe one":                              "kfake names no assignor before a member asks for one, and no topics",
	"describe an empty group":                   "kfake names no assignor, and assigns at once when somebody leaves; a broker at the next heartbeat",
	"fetch":                                     nullMetadata,
	"fetch of an administrator":                 nullMetadata,
	"fetch what was deleted":                    nullMetadata,
	"delete the offset of a topic that is read": "kfake has no protocol type of a consumer group; a broker says GROUP_SUBSCRIBED_TO_TOPIC",
	"list consumer groups":                      "the same",
	"describe by the classic request":           "to a broker it is no classic group: GROUP_ID_NOT_FOUND",
}

const nullMetadata = "a broker keeps null metadata as the empty text, and says that"

// groupBrokerDifferences are those that Apache Kafka answers otherwise.
var groupBrokerDifferences = map[string]string{
	"beat of nobody": "a broker says GROUP_ID_NOT_FOUND, with which a consumer stops; we forget empty groups earlier than a broker, so a member that was away is told to join again",
}

// A broker tells the interval of heartbeats only to who is a member and stays one; kfake to anybody.
var heartbeatInterval = regexp.MustCompile(`"HeartbeatIntervalMillis":\d+`)

// The same conversation of members is held with the listener, with franz-go's fake cluster
// and with Apache Kafka.
func TestGroupsAnswerAsThoseOfAnotherImplementation(t *testing.T) {
	s, _ := startServerOnStore(t)
	steps := groupConversation()
	ours := converse(t, dialSide(t, s.address), steps)
	compareWithBroker(t, "groups", steps, ours, groupBrokerDifferences)
	theirs := converse(t, startFake(t), steps)
	for _, answers := range []map[string]string{ours, theirs} {
		for name, answer := range answers {
			answers[name] = heartbeatInterval.ReplaceAllString(answer, "")
		}
	}
	compareAnswers(t, "kfake ", steps, ours, theirs, groupDifferences)
}

// beatRequest is a heartbeat of the new protocol; owned nil says nothing of partitions.
func beatRequest(member string, epoch int32, topic [16]byte, owned []int32) *kmsg.ConsumerGroupHeartbeatRequest {
	r := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	r.Version, r.Group, r.MemberID, r.MemberEpoch = 1, "new", member, epoch
	if owned != nil {
		r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	}
	if len(owned) > 0 {
		of := kmsg.NewConsumerGroupHeartbeatRequestTopic()
		of.TopicID, of.Partitions = topic, owned
		r.Topics = append(r.Topics, of)
	}
	if epoch == 0 {
		r.RebalanceTimeoutMillis, r.SubscribedTopicNames, r.Topics = 60_000, []string{"orders"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	}
	return r
}

func groupConversation() (steps []dataStep) {
	say := func(name string, request func(topic [16]byte) kmsg.Request) {
		steps = append(steps, dataStep{name, func(side *diffSide) kmsg.Request {
			made := request(side.topics["orders"])
			base := max(side.groupEpoch, 0)
			switch r := made.(type) {
			case *kmsg.ConsumerGroupHeartbeatRequest:
				if r.MemberEpoch > 0 {
					r.MemberEpoch += base
				}
			case *kmsg.OffsetCommitRequest:
				r.Generation += base
			case *kmsg.OffsetFetchRequest:
				if len(r.Groups) > 0 && r.Groups[0].MemberEpoch > 0 {
					r.Groups[0].MemberEpoch += base
				}
			}
			return made
		}})
	}
	same := func(name string, request kmsg.Request) {
		say(name, func([16]byte) kmsg.Request { return request })
	}
	beat := func(name, member string, epoch int32, owned []int32) {
		say(name, func(topic [16]byte) kmsg.Request { return beatRequest(member, epoch, topic, owned) })
	}
	changed := func(name, member string, epoch int32, change func(*kmsg.ConsumerGroupHeartbeatRequest)) {
		say(name, func([16]byte) kmsg.Request {
			r := beatRequest(member, epoch, [16]byte{}, nil)
			change(r)
			return r
		})
	}
	describe := func(name string, groups ...string) {
		r := kmsg.NewPtrConsumerGroupDescribeRequest()
		r.Version, r.Groups = 1, groups
		same(name, r)
	}
	commit := func(name, member string, epoch int32, version int16) {
		say(name, func(topic [16]byte) kmsg.Request {
			r := kmsg.NewPtrOffsetCommitRequest()
			r.Version, r.Group, r.MemberID, r.Generation = version, "new", member, epoch
			one := kmsg.NewOffsetCommitRequestTopic()
			one.Topic, one.TopicID = "orders", topic
			partition := kmsg.NewOffsetCommitRequestTopicPartition()
			partition.Partition, partition.Offset, partition.LeaderEpoch = 3, 7, -1
			one.Partitions = append(one.Partitions, partition)
			r.Topics = append(r.Topics, one)
			return r
		})
	}
	fetch := func(name, member string, epoch int32) {
		say(name, func(topic [16]byte) kmsg.Request {
			r := kmsg.NewPtrOffsetFetchRequest()
			r.Version = 9
			group := kmsg.NewOffsetFetchRequestGroup()
			group.Group, group.MemberEpoch = "new", epoch
			if member != "" {
				group.MemberID = &member
			}
			group.Topics = append(group.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: "orders", TopicID: topic, Partitions: []int32{0, 3}})
			r.Groups = append(r.Groups, group)
			return r
		})
	}
	deleteOffset := func(name, group, topic string) {
		r := kmsg.NewPtrOffsetDeleteRequest()
		r.Group = group
		r.Topics = append(r.Topics, kmsg.OffsetDeleteRequestTopic{Topic: topic, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 3}}})
		same(name, r)
	}

	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version, create.TimeoutMillis = 4, 5000
	create.Topics = append(create.Topics, kmsg.CreateTopicsRequestTopic{Topic: "orders", NumPartitions: 4, ReplicationFactor: 1})
	same("create a topic", create)
	metadata := metadataRequest()
	metadata.Version = 12
	metadata.Topics = append(metadata.Topics, kmsg.MetadataRequestTopic{Topic: textOf("orders")})
	same("learn its id", metadata)
	describe("describe nobody", "nobody")
	beat("beat of nobody", "one", 3, nil)
	beat("join", "one", 0, nil)
	describe("describe one", "new")
	beat("beat", "one", 1, nil)
	beat("beat with what it has", "one", 1, []int32{0, 1, 2, 3})
	beat("beat of a stranger", "stranger", 1, nil)
	beat("beat of an epoch to come", "one", 2, nil)
	beat("leaving of a stranger", "stranger", -1, nil)
	changed("unknown assignor", "two", 0, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = kmsg.StringPtr("mine") })
	changed("join with partitions", "two", 0, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Topics = nil })
	commit("commit", "one", 1, 9)
	commit("commit of an epoch to come", "one", 2, 9)
	commit("commit of a stranger", "stranger", 1, 9)
	fetch("fetch", "one", 1)
	fetch("fetch of an epoch to come", "one", 2)
	fetch("fetch of a stranger", "stranger", 1)
	fetch("fetch of an administrator", "", -1)
	deleteOffset("delete the offset of a topic that is read", "new", "orders")
	beat("second join", "two", 0, nil)
	beat("first is told to give up", "one", 1, []int32{0, 1, 2, 3})
	beat("first has them still", "one", 1, []int32{0, 1, 2, 3})
	beat("second gets nothing yet", "two", 2, nil)
	beat("first has given up", "one", 1, []int32{0, 1})
	beat("second gets them", "two", 2, nil)
	beat("first beats", "one", 2, nil)
	list := kmsg.NewPtrListGroupsRequest()
	list.Version, list.TypesFilter = 5, []string{"consumer"}
	same("list consumer groups", list)
	classic := kmsg.NewPtrListGroupsRequest()
	classic.Version, classic.TypesFilter = 5, []string{"classic"}
	same("list classic groups", classic)
	old := kmsg.NewPtrDescribeGroupsRequest()
	old.Version, old.Groups = 6, []string{"new"}
	same("describe by the classic request", old)
	drop := kmsg.NewPtrDeleteGroupsRequest()
	drop.Version, drop.Groups = 2, []string{"new"}
	same("delete a group with members", drop)
	beat("first leaves", "one", -1, nil)
	beat("second leaves", "two", -1, nil)
	describe("describe an empty group", "new")
	deleteOffset("delete an offset", "new", "orders")
	deleteOffset("delete an offset of nobody", "nobody", "orders")
	fetch("fetch what was deleted", "", -1)
	same("delete an empty group", drop)
	return steps
}
