package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// DescribeCluster tells the cluster's id, its nodes and the controller.
//
// Versions: 1 tells brokers and controllers apart (KIP-919): there are only
// brokers here. 2 can include fenced brokers (KIP-1073).
func init() {
	register(api{
		key: 60, versionMin: 0, versionMax: 2,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("bool i8@1+ bool@2+"),
	}, describeCluster)
}

func describeCluster(c *call, request *kmsg.DescribeClusterRequest) (kmsg.Response, error) {
	const endpointBroker, endpointController = 1, 2
	response := responseTo[*kmsg.DescribeClusterResponse](request)
	if request.Version >= 1 && request.EndpointType != endpointBroker {
		err := kerr.UnsupportedEndpointType
		if request.EndpointType == endpointController {
			err = kerr.MismatchedEndpointType
		}
		response.ErrorCode, response.ErrorMessage = err.Code, errorMessage(err)
		return response, nil
	}
	response.EndpointType = endpointBroker
	response.ClusterID = c.cluster().ID()
	response.ControllerID, _ = c.cluster().Leader()
	for _, broker := range c.cluster().Brokers(c.listener) {
		if broker.IsFenced && !request.IncludeFencedBrokers {
			continue
		}
		answer := kmsg.NewDescribeClusterResponseBroker()
		answer.IsFenced = broker.IsFenced
		answer.NodeID, answer.Host, answer.Port, answer.Rack = broker.NodeID, broker.Host, broker.Port, broker.rack()
		response.Brokers = append(response.Brokers, answer)
	}
	return response, nil
}
