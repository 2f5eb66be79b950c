package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// ListPartitionReassignments lists replicas that are being moved (KIP-455): none, ever, since every node has every partition.
func init() {
	register(api{
		key: 46, versionMin: 0, versionMax: 0,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("i32 [ s []i32 ]"),
	}, listPartitionReassignments)
}

func listPartitionReassignments(c *call, request *kmsg.ListPartitionReassignmentsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.ListPartitionReassignmentsResponse](request)
	if !c.isLeader() {
		response.ErrorCode, response.ErrorMessage = errorCode(kerr.NotController), errorMessage(kerr.NotController)
	}
	return response, nil
}
