package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// LeaveGroup takes members out of a group, whose partitions are then given to
// others at once.
//
// Versions: 3 takes many members, also by their instance ids (KIP-345), 4 brought
// flexible encoding, 5 a reason.
func init() {
	register(api{
		key: 13, versionMin: 0, versionMax: 5,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("s s@0-2 [ s ns ns@5+ ]@3+"),
	}, leaveGroup)
}

func leaveGroup(c *call, request *kmsg.LeaveGroupRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.LeaveGroupResponse](request)
	if request.Version < 3 {
		response.ErrorCode = errorCode(c.leaveAll(request.Group, func(leave func(string, *string) error) error {
			return leave(request.MemberID, nil)
		}))
		return response, nil
	}
	err := c.leaveAll(request.Group, func(leave func(string, *string) error) error {
		for _, m := range request.Members {
			member := kmsg.NewLeaveGroupResponseMember()
			member.MemberID, member.InstanceID = m.MemberID, m.InstanceID
			err := leave(m.MemberID, m.InstanceID)
			member.ErrorCode = errorCode(err)
			response.Members = append(response.Members, member)
			if err == nil && m.Reason != nil {
				c.logger.Debug("member leaves", "group", request.Group, "member", m.MemberID, "reason", *m.Reason)
			}
		}
		return nil
	})
	response.ErrorCode = errorCode(err)
	return response, nil
}

// leaveAll calls f with what takes a member out of a group, of either type. In a group
// that is not there nobody is known.
func (c *call) leaveAll(id string, f func(leave func(string, *string) error) error) error {
	if id == "" {
		return kerr.InvalidGroupID
	}
	if err := c.server.coordinator.checkLeader(); err != nil {
		return err
	}
	g := c.server.coordinator.find(id)
	if g == nil {
		return f(func(string, *string) error { return kerr.UnknownMemberID })
	}
	defer g.Unlock()
	err := f(g.leave)
	if consumers, ok := g.(*consumerGroup); ok {
		consumers.flush(nil)
	}
	return err
}
