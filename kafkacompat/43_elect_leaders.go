package kafkacompat

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// ElectLeaders asks for the preferred replica of partitions as their leader, or for one that lacks records (KIP-460). The node that Raft has elected
// leads all partitions and has all committed records, so no election is ever needed.
//
// Versions: 1 tells the kinds of election apart, 2 brought flexible encoding.
func init() {
	register(api{
		key: 43, versionMin: 0, versionMax: 2,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("i8@1+ [ s []i32 ] i32"),
	}, electLeaders)
}

func electLeaders(c *call, request *kmsg.ElectLeadersRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.ElectLeadersResponse](request)
	const preferred, unclean = 0, 1
	var refusal error
	switch {
	case request.ElectionType != preferred && request.ElectionType != unclean:
		refusal = fmt.Errorf("elections are of type %d or %d, not %d: %w", preferred, unclean, request.ElectionType, kerr.InvalidRequest)
	case !c.isLeader():
		refusal = kerr.NotController
	}
	// An answer of version 0 has no error for all.
	if request.Version >= 1 {
		response.ErrorCode = errorCode(refusal)
	}
	// Where all partitions are meant, those that need no election are left out.
	for _, asked := range request.Topics {
		topic := kmsg.NewElectLeadersResponseTopic()
		topic.Topic = asked.Topic
		for _, partition := range asked.Partitions {
			answer := kmsg.NewElectLeadersResponseTopicPartition()
			answer.Partition = partition
			_, err := c.partition(asked.Topic, partition)
			switch {
			case refusal != nil:
				err = refusal
			case err == nil:
				err = fmt.Errorf("partition %d of %s is led by the node that the cluster has elected: %w", partition, asked.Topic, kerr.ElectionNotNeeded)
			}
			answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
			topic.Partitions = append(topic.Partitions, answer)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response, nil
}
