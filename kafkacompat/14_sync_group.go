package kafkacompat

import (
	"bytes"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// SyncGroup gives a member its assignment. The leader brings everybody's; the
// others wait for it.
//
// Versions: 3 brought static members, 4 flexible encoding, 5 the protocol, to be
// compared.
func init() {
	register(api{
		key: 14, versionMin: 0, versionMax: 5,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("s i32 s ns@3+ ns@5+ ns@5+ [ s b ]"),
	}, syncGroup)
}

func syncGroup(c *call, request *kmsg.SyncGroupRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.SyncGroupResponse](request)
	reply := c.sync(request)
	response.ErrorCode = errorCode(reply.err)
	response.MemberAssignment = reply.assignment
	if response.MemberAssignment == nil {
		response.MemberAssignment = []byte{}
	}
	if reply.err == nil {
		response.ProtocolType, response.Protocol = &reply.protocolType, &reply.protocol
	}
	return response, nil
}

func (c *call) sync(request *kmsg.SyncGroupRequest) syncReply {
	assignments := make(map[string][]byte, len(request.GroupAssignment))
	for _, a := range request.GroupAssignment {
		assignments[a.MemberID] = bytes.Clone(a.MemberAssignment)
	}
	if request.Version >= 5 && (request.ProtocolType == nil || request.Protocol == nil) {
		return syncReply{err: kerr.InconsistentGroupProtocol}
	}
	sync := syncRequest{
		memberID:     request.MemberID,
		instanceID:   request.InstanceID,
		generation:   request.Generation,
		protocolType: request.ProtocolType,
		protocol:     request.Protocol,
		assignments:  assignments,
	}
	var g *group
	var answer chan syncReply
	err := c.withGroup(request.Group, func(found anyGroup) error {
		var isClassic bool
		if g, isClassic = found.(*group); isClassic {
			answer = g.sync(sync)
		} else {
			answer = make(chan syncReply, 1)
			answer <- found.(*consumerGroup).syncClassic(sync)
		}
		return nil
	})
	if err != nil {
		return syncReply{err: err}
	}
	request.GroupAssignment = nil // the group has them
	c.giveBack(c.current)
	select {
	case reply := <-answer:
		return reply
	case <-c.ctx.Done():
		if g != nil {
			g.abandonSync(answer)
		}
		return syncReply{err: kerr.RebalanceInProgress}
	}
}
