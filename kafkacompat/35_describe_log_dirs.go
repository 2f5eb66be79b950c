package kafkacompat

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// DescribeLogDirs tells how much room partitions take. There is one directory, the node's.
//
// Partitions that don't exist are left out, as on a Kafka broker.
//
// Versions: 2 brought flexible encoding, 3 an error for all, 4 the size of the disk (KIP-827), 5 whether a directory is closed to new
// partitions (KIP-1066), which this one never is.
func init() {
	register(api{
		key: 35, versionMin: 0, versionMax: 5,
		requestBytesMax: requestBytesLarge,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[ s []i32 ]"),
	}, describeLogDirs)
}

// LogDir is the directory that a node keeps everything in.
type LogDir struct {
	Path string
	// DiskBytes is the size of the disk that the directory is on, FreeBytes what of it may still be written. Both are -1 where the system doesn't tell.
	DiskBytes, FreeBytes int64
}

func describeLogDirs(c *call, request *kmsg.DescribeLogDirsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DescribeLogDirsResponse](request)
	dir := kmsg.NewDescribeLogDirsResponseDir()
	at, err := c.cluster().LogDir()
	dir.Dir, dir.TotalBytes, dir.UsableBytes = at.Path, at.DiskBytes, at.FreeBytes
	if err != nil {
		c.logger.Warn("size of the disk", "error", err)
		dir.ErrorCode = kerr.KafkaStorageError.Code
	}
	if request.Topics == nil {
		for _, topic := range c.log().Topics() {
			dir.Topics = append(dir.Topics, c.sizesOf(topic.Name, partitionsUpTo(topic.Partitions)))
		}
	}
	for _, asked := range request.Topics {
		if sizes := c.sizesOf(asked.Topic, asked.Partitions); len(sizes.Partitions) > 0 {
			dir.Topics = append(dir.Topics, sizes)
		}
	}
	response.Dirs = append(response.Dirs, dir)
	return response, nil
}

func partitionsUpTo(count int32) []int32 {
	all := make([]int32, count)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

func (c *call) sizesOf(topic string, partitions []int32) kmsg.DescribeLogDirsResponseDirTopic {
	sizes := kmsg.NewDescribeLogDirsResponseDirTopic()
	sizes.Topic = topic
	slices.Sort(partitions)
	for _, partition := range slices.Compact(partitions) {
		state, err := c.log().Partition(topic, partition)
		if err != nil {
			continue
		}
		answer := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		answer.Partition, answer.Size = partition, state.Bytes
		sizes.Partitions = append(sizes.Partitions, answer)
	}
	return sizes
}
