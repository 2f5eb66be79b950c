package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// ListOffsets finds the offset of a time, or of an end, in a number of
// partitions.
//
// Versions: 1 answers with one offset and its time, 4 brought leader epochs, 6
// flexible encoding, 7 the offset of the greatest timestamp (KIP-734), 8 and 9
// the ends of tiered storage, of which there is none: the earliest local offset
// is the earliest one, and there is no latest tiered one; 11 the earliest one that waits
// to be moved there, which there is none of either (KIP-1023).
//
// Left out: version 0, whose list of segment ends means nothing without segments.
func init() {
	register(api{
		key: 2, versionMin: 1, versionMax: 11,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("i32 i8@2+ [ s [ i32 i32@4+ i64 i32@0-0 ] ] i32@10+"),
	}, listOffsets)
}

// The times that are not times.
const (
	timestampLatest        = -1
	timestampEarliest      = -2
	timestampMax           = -3
	timestampEarliestLocal = -4
	timestampLatestTiered  = -5
	timestampEarliestLater = -6
)

func listOffsets(c *call, request *kmsg.ListOffsetsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.ListOffsetsResponse](request)
	isLeader := c.isConfirmedLeader()
	_, epoch := c.cluster().Leader()
	isCommitted := request.Version >= 2 && request.IsolationLevel == isolationCommitted
	named := timesNamed(request)
	isAnswered := make(map[command.TopicPartition]bool)
	for _, topic := range request.Topics {
		answer := kmsg.NewListOffsetsResponseTopic()
		answer.Topic = topic.Topic
		for _, asked := range topic.Partitions {
			place := command.TopicPartition{Topic: topic.Topic, Partition: asked.Partition}
			if isAnswered[place] {
				continue
			}
			isAnswered[place] = true
			partition := kmsg.NewListOffsetsResponseTopicPartition()
			partition.Partition = asked.Partition
			var err error
			switch {
			case named[place] > 1:
				err = kerr.InvalidRequest
			case !isLeader:
				err = kerr.NotLeaderForPartition
			default:
				err = checkLeaderEpoch(asked.CurrentLeaderEpoch, epoch)
			}
			if err == nil {
				partition.Offset, partition.Timestamp, err = c.offsetFor(topic.Topic, asked, request.Version, isCommitted)
			}
			if err != nil {
				partition.ErrorCode = errorCode(err)
				partition.Offset, partition.Timestamp = -1, -1
			} else if partition.Offset >= 0 {
				partition.LeaderEpoch = epoch
			}
			answer.Partitions = append(answer.Partitions, partition)
		}
		if len(answer.Partitions) > 0 || len(topic.Partitions) == 0 {
			response.Topics = append(response.Topics, answer)
		}
	}
	return response, nil
}

// timesNamed counts how often a request names each partition: a broker refuses those that are there more than once, each in
// one answer.
func timesNamed(request *kmsg.ListOffsetsRequest) map[command.TopicPartition]int {
	count := make(map[command.TopicPartition]int)
	for _, topic := range request.Topics {
		for _, asked := range topic.Partitions {
			count[command.TopicPartition{Topic: topic.Topic, Partition: asked.Partition}]++
		}
	}
	return count
}

// checkLeaderEpoch compares the epoch that a client believes in, -1 for none, with the
// current one (KIP-320). A client that is behind has missed a change of leader and shall
// ask for metadata; one that is ahead knows more than this node.
func checkLeaderEpoch(asked, current int32) error {
	switch {
	case asked > current:
		return kerr.UnknownLeaderEpoch
	case asked >= 0 && asked < current:
		return kerr.FencedLeaderEpoch
	}
	return nil
}

// offsetFor finds an offset. For a client that wants committed records the partition ends
// at the last stable offset, and a record behind that is not there.
func (c *call) offsetFor(topic string, asked kmsg.ListOffsetsRequestTopicPartition, version int16, isCommitted bool) (offset, timestamp int64, err error) {
	state, err := c.partition(topic, asked.Partition)
	if err != nil {
		return -1, -1, err
	}
	if isCommitted {
		state.NextOffset = state.StableOffset
		defer func() {
			if offset > state.StableOffset || offset == state.StableOffset && timestamp >= 0 {
				offset, timestamp = -1, -1
			}
		}()
	}
	switch asked.Timestamp {
	case timestampLatest:
		return state.NextOffset, -1, nil
	case timestampEarliest:
		return state.StartOffset, -1, nil
	case timestampMax:
		if version < 7 {
			return -1, -1, kerr.UnsupportedVersion
		}
		_, greatest, err := c.log().MaxTimestamp(topic, asked.Partition)
		if err != nil || greatest < 0 {
			return -1, -1, err
		}
		return c.log().OffsetForTimestamp(topic, asked.Partition, greatest)
	case timestampEarliestLocal:
		if version < 8 {
			return -1, -1, kerr.UnsupportedVersion
		}
		return state.StartOffset, -1, nil
	case timestampLatestTiered:
		if version < 9 {
			return -1, -1, kerr.UnsupportedVersion
		}
		return -1, -1, nil
	case timestampEarliestLater:
		if version < 11 {
			return -1, -1, kerr.UnsupportedVersion
		}
		return -1, -1, nil
	}
	if asked.Timestamp < 0 {
		return -1, -1, kerr.UnsupportedVersion
	}
	return c.log().OffsetForTimestamp(topic, asked.Partition, asked.Timestamp)
}

// partition is the state of a partition of a topic that a client named.
func (c *call) partition(topic string, partition int32) (command.PartitionState, error) {
	return c.log().Partition(topic, partition)
}
