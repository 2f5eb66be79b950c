package kafkacompat

import (
	"errors"

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
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("s s@0-2 [ s ns ns@5+ ]@3+"),
	}, leaveGroup)
}

func leaveGroup(c *call, request *kmsg.LeaveGroupRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.LeaveGroupResponse](request)
	if request.Version < 3 {
		response.ErrorCode = errorCode(c.withGroup(request.Group, func(g *group) error {
			return g.leave(request.MemberID, nil)
		}))
		return response, nil
	}
	leave := func(g *group) error {
		for _, m := range request.Members {
			member := kmsg.NewLeaveGroupResponseMember()
			member.MemberID, member.InstanceID = m.MemberID, m.InstanceID
			err := error(kerr.UnknownMemberID)
			if g != nil {
				err = g.leave(m.MemberID, m.InstanceID)
			}
			member.ErrorCode = errorCode(err)
			response.Members = append(response.Members, member)
		}
		return nil
	}
	err := c.withGroup(request.Group, leave)
	if errors.Is(err, kerr.UnknownMemberID) {
		err = leave(nil) // a group that is not there: said of each member, as by Kafka
	}
	response.ErrorCode = errorCode(err)
	return response, nil
}
