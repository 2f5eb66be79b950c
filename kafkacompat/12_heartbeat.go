package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// Heartbeat keeps a member's session, and tells it of a rebalance.
//
// Versions: 3 brought static members, 4 flexible encoding.
func init() {
	register(api{
		key: 12, versionMin: 0, versionMax: 4,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("s i32 s ns@3+"),
	}, heartbeat)
}

func heartbeat(c *call, request *kmsg.HeartbeatRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.HeartbeatResponse](request)
	response.ErrorCode = errorCode(c.withGroup(request.Group, func(g anyGroup) error {
		return g.heartbeat(request.MemberID, request.InstanceID, request.Generation)
	}))
	return response, nil
}

// withGroup calls f with the group for one who speaks the classic protocol, locked; a
// group that is not there has no members either.
func (c *call) withGroup(id string, f func(anyGroup) error) error {
	if id == "" {
		return kerr.InvalidGroupID
	}
	if err := c.server.coordinator.checkLeader(); err != nil {
		return err
	}
	g := c.server.coordinator.findForClassic(id)
	if g == nil {
		return kerr.UnknownMemberID
	}
	defer g.Unlock()
	return f(g)
}
