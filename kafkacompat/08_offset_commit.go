package kafkacompat

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// OffsetCommit stores how far a group has come in partitions. It is replicated
// like a record.
//
// A client without members' rights, with generation -1, may commit while the
// group has no members.
//
// Versions: 5 dropped the retention time, 6 brought leader epochs, 7 static
// members, 8 flexible encoding, 9 errors of the new group protocol, 10 topic ids.
//
// Left out: version 0, which kept offsets in ZooKeeper; timestamps and retention
// times of clients: the node has one for all.
func init() {
	register(api{
		key: 8, versionMin: 1, versionMax: 10,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("s i32@1+ s@1+ ns@7+ i64@2-4 [ s@0-9 uuid@10+ [ i32 i64 i64@1-1 i32@6+ ns ] ]"),
	}, offsetCommit)
}

// offsetMetadataBytesMax bounds what a client keeps with an offset
// (offset.metadata.max.bytes).
const offsetMetadataBytesMax = 4096

func offsetCommit(c *call, request *kmsg.OffsetCommitRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.OffsetCommitResponse](request)
	c.commit = c.server.coordinator.commits.begin(request.Group)
	defer c.commit.release()
	refusal := c.server.coordinator.checkCommit(commitIdentity{
		group: request.Group, memberID: request.MemberID, instanceID: request.InstanceID, generation: request.Generation,
		knowsMemberEpochs: request.Version >= 9, partitions: c.committedPartitions(request),
	})

	var offsets []command.GroupOffset
	var places []*kmsg.OffsetCommitResponseTopicPartition
	response.Topics = make([]kmsg.OffsetCommitResponseTopic, len(request.Topics))
	for i, asked := range request.Topics {
		answer := &response.Topics[i]
		answer.Topic, answer.TopicID = asked.Topic, asked.TopicID
		answer.Partitions = make([]kmsg.OffsetCommitResponseTopicPartition, len(asked.Partitions))
		topic, topicErr := c.topic(asked.Topic, asked.TopicID, request.Version >= 10)
		for j, p := range asked.Partitions {
			place := &answer.Partitions[j]
			place.Partition = p.Partition
			metadata := ""
			if p.Metadata != nil {
				metadata = *p.Metadata
			}
			switch {
			case refusal != nil:
				place.ErrorCode = errorCode(refusal)
			case topicErr != nil:
				place.ErrorCode = errorCode(topicErr)
			case p.Partition < 0 || p.Partition >= topic.Partitions:
				place.ErrorCode = kerr.UnknownTopicOrPartition.Code
			case len(metadata) > offsetMetadataBytesMax:
				place.ErrorCode = kerr.OffsetMetadataTooLarge.Code
			default:
				// Offsets below 0 are taken, as by a broker: kafkajs resets groups by committing -2, the earliest, and -1.
				offsets = append(offsets, command.GroupOffset{
					Topic: topic.Name, TopicID: topic.ID, Partition: p.Partition,
					Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: metadata,
				})
				places = append(places, place)
			}
		}
	}
	if len(offsets) > 0 {
		for i, err := range c.proposeEach(0, len(offsets), command.CommitOffsets{
			Group: request.Group, Offsets: offsets, NowUnixMilli: time.Now().UnixMilli(),
		}) {
			places[i].ErrorCode = errorCode(groupError(err))
		}
	}
	return response, nil
}

// groupError is err as a client of a group coordinator understands it.
func groupError(err error) error {
	if errors.Is(err, command.ErrNotLeader) {
		return kerr.NotCoordinator
	}
	if errors.Is(err, command.ErrUnavailable) {
		return kerr.CoordinatorNotAvailable
	}
	return err
}

// committedPartitions is what a request is about. Only members of the new protocol are
// asked for it, so it is nil in versions before that.
func (c *call) committedPartitions(request *kmsg.OffsetCommitRequest) assignment {
	if request.Version < 9 || request.Generation < 0 {
		return nil
	}
	partitions := make(map[command.TopicID][]int32, len(request.Topics))
	for _, asked := range request.Topics {
		topic, _ := c.topic(asked.Topic, asked.TopicID, request.Version >= 10)
		for _, p := range asked.Partitions {
			partitions[topic.ID] = append(partitions[topic.ID], p.Partition)
		}
	}
	return assignmentOf(partitions)
}
