package kafkacompat

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// JoinGroup takes a consumer into its group, or starts it over, and answers when
// all members have joined.
//
// Versions: 1 brought the rebalance timeout, 4 makes a new member come back with
// its id (KIP-394), 5 static members (KIP-345), 6 flexible encoding, 7 the
// protocol type in the answer, 8 a reason (KIP-800), which is logged, 9 leaders that assign nothing
// (KIP-814).
func init() {
	register(api{
		key: 11, versionMin: 0, versionMax: 9,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("s i32 i32@1+ s ns@5+ s [ s b ] ns@8+"),
	}, joinGroup)
}

// protocolsMax bounds the protocols of a member. They are compared with those of
// all others while the group is locked; clients have one to four.
const protocolsMax = 100

func joinGroup(c *call, request *kmsg.JoinGroupRequest) (kmsg.Response, error) {
	reply := c.join(request)
	response := responseTo[*kmsg.JoinGroupResponse](request)
	response.ErrorCode = errorCode(reply.err)
	response.Generation = reply.generation
	response.MemberID, response.LeaderID = reply.memberID, reply.leader
	response.SkipAssignment = reply.skipAssignment
	response.Protocol = &reply.protocol
	if reply.err == nil {
		response.ProtocolType = &reply.protocolType
	} else if request.Version >= 7 {
		response.Protocol = nil
	}
	for _, m := range reply.members {
		member := kmsg.NewJoinGroupResponseMember()
		member.MemberID, member.InstanceID, member.ProtocolMetadata = m.id, m.instanceID, m.metadata
		response.Members = append(response.Members, member)
	}
	return response, nil
}

// join checks a request, hands it to its group and waits for the answer.
func (c *call) join(request *kmsg.JoinGroupRequest) joinReply {
	join, err := c.joinRequestOf(request)
	if err == nil {
		err = c.server.coordinator.checkLeader()
	}
	if err != nil {
		return joinReply{err: err, memberID: request.MemberID, generation: -1}
	}
	var found anyGroup
	if request.MemberID == "" {
		if found, err = c.server.coordinator.findOrMakeClassic(request.Group); err != nil {
			return joinReply{err: err, generation: -1}
		}
	} else if found = c.server.coordinator.findForClassic(request.Group); found == nil {
		return joinReply{err: kerr.UnknownMemberID, memberID: request.MemberID, generation: -1}
	}
	if request.Reason != nil {
		c.logger.Debug("member joins", "group", request.Group, "member", request.MemberID, "reason", *request.Reason)
	}
	g, isClassic := found.(*group)
	if !isClassic {
		return c.joinConsumers(found.(*consumerGroup), join)
	}
	answer := g.join(join)
	g.Unlock()
	request.Protocols = nil // the group has them
	c.giveBack(c.current)
	select {
	case reply := <-answer:
		return reply
	case <-c.ctx.Done():
		g.abandonJoin(answer)
		return joinReply{err: kerr.RebalanceInProgress, memberID: request.MemberID, generation: -1}
	}
}

// joinConsumers joins a group of the new protocol, which is locked.
func (c *call) joinConsumers(g *consumerGroup, join joinRequest) joinReply {
	reply := g.joinClassic(join)
	if err := c.keepConsumers(g); err != nil && reply.err == nil {
		return joinReply{err: err, memberID: join.memberID, generation: -1}
	}
	return reply
}

// keepConsumers writes what has changed in a group, which it unlocks, and waits for
// that.
func (c *call) keepConsumers(g *consumerGroup) error {
	kept := make(chan error, 1)
	isKept := !g.flush(func(err error) { kept <- err })
	g.Unlock()
	if isKept {
		return nil
	}
	select {
	case err := <-kept:
		return groupError(err)
	case <-c.ctx.Done():
		return kerr.CoordinatorNotAvailable
	}
}

func (c *call) joinRequestOf(request *kmsg.JoinGroupRequest) (joinRequest, error) {
	config := &c.server.config.Groups
	join := joinRequest{
		memberID:          request.MemberID,
		instanceID:        request.InstanceID,
		clientID:          c.header.ClientID,
		clientHost:        c.clientHost(),
		sessionTimeout:    time.Duration(request.SessionTimeoutMillis) * time.Millisecond,
		rebalanceTimeout:  time.Duration(request.RebalanceTimeoutMillis) * time.Millisecond,
		protocolType:      request.ProtocolType,
		needsMemberID:     request.Version >= 4,
		canSkipAssignment: request.Version >= 9,
	}
	if request.Version == 0 || join.rebalanceTimeout <= 0 {
		join.rebalanceTimeout = join.sessionTimeout
	}
	switch {
	case request.Group == "":
		return join, kerr.InvalidGroupID
	case join.sessionTimeout < config.SessionTimeoutMin || join.sessionTimeout > config.SessionTimeoutMax:
		return join, kerr.InvalidSessionTimeout
	case request.ProtocolType == "" || len(request.Protocols) == 0 || len(request.Protocols) > protocolsMax:
		return join, kerr.InconsistentGroupProtocol
	}
	for _, p := range request.Protocols {
		// A copy: members outlive the frame that named them.
		join.protocols = append(join.protocols, groupProtocol{name: p.Name, metadata: append([]byte{}, p.Metadata...)})
	}
	return join, nil
}
