package kafkacompat

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// OffsetFetch tells how far groups have come. Null in place of topics asks for
// all of them; a partition without a committed offset has -1.
//
// Versions: 2 brought null and an error for all, 5 leader epochs, 6 flexible
// encoding, 7 the wish for offsets that no open transaction is about to change (KIP-447),
// 8 many groups at once (KIP-709), 9 members of the new group protocol, 10 topic
// ids.
//
// Left out: version 0, which read from ZooKeeper.
func init() {
	register(api{
		key: 9, versionMin: 1, versionMax: 10,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("s@0-7 [ s []i32 ]@0-7 [ s ns@9+ i32@9+ [ s@8-9 uuid@10+ []i32 ] ]@8+ bool@7+"),
	}, offsetFetch)
}

func offsetFetch(c *call, request *kmsg.OffsetFetchRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.OffsetFetchResponse](request)
	notLeader := c.checkConfirmedLeader()
	isAnswered := make(map[fetchedOffset]bool)
	if request.Version >= 8 {
		for _, asked := range request.Groups {
			answer := kmsg.NewOffsetFetchResponseGroup()
			answer.Group = asked.Group
			err := notLeader
			if err == nil && request.Version >= 9 {
				err = c.server.coordinator.checkFetch(asked.Group, asked.MemberID, asked.MemberEpoch)
			}
			offsets, undecided, err := c.offsetsOf(asked.Group, request.RequireStable, err)
			if answer.ErrorCode = errorCode(err); err == nil {
				answer.Topics = c.offsetTopics(asked, offsets, request.Version >= 10, isAnswered)
				c.markUnstable(answer.Topics, undecided)
			}
			response.Groups = append(response.Groups, answer)
		}
		return response, nil
	}

	offsets, undecided, err := c.offsetsOf(request.Group, request.Version >= 7 && request.RequireStable, notLeader)
	if response.ErrorCode = errorCode(err); err != nil && request.Version >= 2 {
		return response, nil
	}
	asked := kmsg.OffsetFetchRequestGroup{Group: request.Group}
	if request.Topics != nil {
		asked.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(request.Topics))
	}
	for _, topic := range request.Topics {
		asked.Topics = append(asked.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: topic.Topic, Partitions: topic.Partitions})
	}
	topics := c.offsetTopics(asked, offsets, false, isAnswered)
	c.markUnstable(topics, undecided)
	for _, topic := range topics {
		answer := kmsg.NewOffsetFetchResponseTopic()
		answer.Topic = topic.Topic
		for _, p := range topic.Partitions {
			partition := kmsg.NewOffsetFetchResponseTopicPartition()
			partition.Partition, partition.Offset, partition.LeaderEpoch = p.Partition, p.Offset, p.LeaderEpoch
			partition.Metadata, partition.ErrorCode = p.Metadata, p.ErrorCode
			if err != nil {
				partition.Offset, partition.ErrorCode = -1, errorCode(err)
			}
			answer.Partitions = append(answer.Partitions, partition)
		}
		response.Topics = append(response.Topics, answer)
	}
	return response, nil
}

// offsetsOf is what a group has committed and, for who wants stable offsets, the partitions for which open transactions have others.
//
// These come first: a transaction that commits between the two looks is then seen by the second one, if not by the first. The other
// way round it is seen by neither, and the offset from before it would pass for stable.
func (c *call) offsetsOf(group string, isStable bool, refusal error) (offsets []command.GroupOffset, undecided []command.TopicPartition, err error) {
	if refusal != nil {
		return nil, nil, refusal
	}
	if c.server.coordinator.commits.wait(c.ctx, group) {
		// What became of them the next leader knows, if there is one.
		if err := c.checkConfirmedLeader(); err != nil {
			return nil, nil, err
		}
	}
	if isStable {
		if undecided, err = c.log().UndecidedOffsets(group); err != nil {
			return nil, nil, err
		}
	}
	offsets, err = c.log().CommittedOffsets(group)
	return offsets, undecided, err
}

// fetchedOffset is one offset that is asked for.
type fetchedOffset struct {
	group, topic string
	topicID      command.TopicID
	partition    int32
}

// offsetTopics answers what is asked of a group, null being everything, from its offsets. An offset may have 4 KiB of
// metadata, so that each is told once in an answer.
func (c *call) offsetTopics(of kmsg.OffsetFetchRequestGroup, offsets []command.GroupOffset, isByID bool, isAnswered map[fetchedOffset]bool) []kmsg.OffsetFetchResponseGroupTopic {
	asked := of.Topics
	if asked == nil {
		asked = allTopics(offsets)
		if isByID {
			asked = c.withTopicIDs(asked)
		}
	}
	byPartition := make(map[command.TopicPartition]*command.GroupOffset, len(offsets))
	for i := range offsets {
		o := &offsets[i]
		byPartition[command.TopicPartition{Topic: o.Topic, Partition: o.Partition}] = o
	}
	var answers []kmsg.OffsetFetchResponseGroupTopic
	for _, topic := range asked {
		answer := kmsg.NewOffsetFetchResponseGroupTopic()
		answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
		name, code := topic.Topic, int16(0)
		if isByID {
			found, err := c.topic("", topic.TopicID, true)
			name, code = found.Name, errorCode(err)
		}
		for _, p := range topic.Partitions {
			place := fetchedOffset{of.Group, topic.Topic, topic.TopicID, p}
			if isAnswered[place] {
				continue
			}
			isAnswered[place] = true
			partition := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			partition.Partition, partition.ErrorCode = p, code
			partition.Offset, partition.LeaderEpoch, partition.Metadata = -1, -1, new(string)
			if o := byPartition[command.TopicPartition{Topic: name, Partition: p}]; o != nil && code == 0 {
				partition.Offset, partition.LeaderEpoch, partition.Metadata = o.Offset, o.LeaderEpoch, &o.Metadata
			}
			answer.Partitions = append(answer.Partitions, partition)
		}
		if len(answer.Partitions) > 0 || len(topic.Partitions) == 0 {
			answers = append(answers, answer)
		}
	}
	return answers
}

// markUnstable takes away the offsets that an open transaction is about to change: the client has to ask again.
func (c *call) markUnstable(topics []kmsg.OffsetFetchResponseGroupTopic, undecided []command.TopicPartition) {
	if len(undecided) == 0 {
		return
	}
	for i := range topics {
		topic := &topics[i]
		name := topic.Topic
		if name == "" {
			found, _ := c.log().TopicByID(topic.TopicID)
			name = found.Name
		}
		for j := range topic.Partitions {
			p := &topic.Partitions[j]
			if slices.Contains(undecided, command.TopicPartition{Topic: name, Partition: p.Partition}) {
				p.Offset, p.LeaderEpoch, p.Metadata = -1, -1, new(string)
				p.ErrorCode = kerr.UnstableOffsetCommit.Code
			}
		}
	}
}

// allTopics are the topics and partitions of sorted offsets.
func allTopics(offsets []command.GroupOffset) []kmsg.OffsetFetchRequestGroupTopic {
	var topics []kmsg.OffsetFetchRequestGroupTopic
	for _, o := range offsets {
		if n := len(topics); n == 0 || topics[n-1].Topic != o.Topic {
			topic := kmsg.NewOffsetFetchRequestGroupTopic()
			topic.Topic = o.Topic
			topics = append(topics, topic)
		}
		last := &topics[len(topics)-1]
		last.Partitions = append(last.Partitions, o.Partition)
	}
	return topics
}

func (c *call) withTopicIDs(topics []kmsg.OffsetFetchRequestGroupTopic) []kmsg.OffsetFetchRequestGroupTopic {
	known := topics[:0]
	for _, topic := range topics {
		if found, ok := c.log().Topic(topic.Topic); ok {
			topic.TopicID = found.ID
			known = append(known, topic)
		}
	}
	return known
}
