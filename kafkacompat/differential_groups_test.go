package kafkacompat_test

import (
	"bufio"
	"net"
	"regexp"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
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

// A broker tells the interval of heartbeats only to who is a member and stays one.
var heartbeatInterval = regexp.MustCompile(`"HeartbeatIntervalMillis":\d+`)

// The same conversation of members is held with the listener and with franz-go's fake
// cluster. Topic ids differ between the two, so each request is made for its side.
func TestGroupsAnswerAsThoseOfAnotherImplementation(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 4)
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	theirConn, err := net.Dial("tcp", fake.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer theirConn.Close()
	theirConn.SetDeadline(time.Now().Add(20 * time.Second))
	sides := []*rawConn{s.dial(), {Conn: theirConn, t: t, reader: bufio.NewReader(theirConn)}}
	var ids [2][16]byte
	name := "orders"
	for i, side := range sides {
		request := metadataRequest()
		request.Version = 12
		request.Topics = append(request.Topics, kmsg.MetadataRequestTopic{Topic: &name})
		ids[i] = ask[*kmsg.MetadataResponse](side, request).Topics[0].TopicID
	}
	differ := make(map[string]bool)
	for _, step := range groupConversation() {
		ours := normalized(t, ask[kmsg.Response](sides[0], step.request(ids[0])))
		theirs := normalized(t, ask[kmsg.Response](sides[1], step.request(ids[1])))
		if heartbeatInterval.ReplaceAllString(ours, "") != heartbeatInterval.ReplaceAllString(theirs, "") {
			differ[step.name] = true
			if groupDifferences[step.name] == "" {
				t.Errorf("%s:\nours   %s\ntheirs %s", step.name, ours, theirs)
			}
		}
	}
	for name, reason := range groupDifferences {
		if !differ[name] {
			t.Errorf("%s doesn't differ any more: %s", name, reason)
		}
	}
}

type groupStep struct {
	name    string
	request func(topic [16]byte) kmsg.Request
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

func groupConversation() (steps []groupStep) {
	say := func(name string, request func(topic [16]byte) kmsg.Request) {
		steps = append(steps, groupStep{name, request})
	}
	same := func(name string, request kmsg.Request) {
		say(name, func([16]byte) kmsg.Request { return request })
	}
	beat := func(name, member string, epoch int32, owned []int32) {
		say(name, func(topic [16]byte) kmsg.Request { return beatRequest(member, epoch, topic, owned) })
	}
	changed := func(name, member string, epoch int32, change func(*kmsg.ConsumerGroupHeartbeatRequest)) {
		r := beatRequest(member, epoch, [16]byte{}, nil)
		change(r)
		same(name, r)
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
