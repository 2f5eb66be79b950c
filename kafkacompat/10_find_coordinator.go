package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// FindCoordinator tells which node coordinates a group or a transactional id: the Raft
// leader.
//
// Versions: 1 brought kinds of coordinators, 3 flexible encoding, 4 many keys at
// once (KIP-699), 5 and 6 errors of transactions and share groups.
//
// Left out: share groups, which version 6 added.
func init() {
	register(api{
		key: 10, versionMin: 0, versionMax: 5,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("s@0-3 i8@1+ []s@4+"),
	}, findCoordinator)
}

// The kinds of coordinators in requests.
const (
	coordinatorOfGroup       int8 = 0
	coordinatorOfTransaction int8 = 1
)

func findCoordinator(c *call, request *kmsg.FindCoordinatorRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.FindCoordinatorResponse](request)
	if request.Version >= 4 {
		for _, key := range request.CoordinatorKeys {
			response.Coordinators = append(response.Coordinators, c.findCoordinatorFor(key, request.CoordinatorType))
		}
		return response, nil
	}
	found := c.findCoordinatorFor(request.CoordinatorKey, request.CoordinatorType)
	response.ErrorCode, response.ErrorMessage = found.ErrorCode, found.ErrorMessage
	response.NodeID, response.Host, response.Port = found.NodeID, found.Host, found.Port
	return response, nil
}

func (c *call) findCoordinatorFor(key string, kind int8) kmsg.FindCoordinatorResponseCoordinator {
	found := kmsg.NewFindCoordinatorResponseCoordinator()
	found.Key = key
	leader, _ := c.cluster().Leader()
	broker := c.broker(leader)
	var err *kerr.Error
	switch {
	case kind != coordinatorOfGroup && kind != coordinatorOfTransaction:
		err = kerr.InvalidRequest
	case broker.NodeID < 0:
		err = kerr.CoordinatorNotAvailable
	case kind == coordinatorOfGroup:
		c.server.internal.offsets.Store(true)
	default:
		c.server.internal.transactions.Store(true)
	}
	found.NodeID, found.Host, found.Port = broker.NodeID, broker.Host, broker.Port
	if err != nil {
		found.ErrorCode, found.ErrorMessage = err.Code, &err.Description
		found.NodeID, found.Host, found.Port = -1, "", -1
	}
	return found
}
