package kafkacompat

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
)

// A group changes its type while it has members, too, as KIP-848 wants it: consumers
// are started again one by one with the other protocol.
//
// When the first one of the new protocol joins a classic group of consumers, the group
// becomes one of the new protocol (group_upgrade.go), and those that still speak the classic
// one are led by their joins, syncs and heartbeats where the others are led by
// heartbeats alone: a join reconciles, a sync tells what the member has, and a
// heartbeat says REBALANCE_IN_PROGRESS where another join is due. When the last one of
// the new protocol is gone, the group becomes a classic one again.

// A classicSide is what a member of a consumerGroup has that speaks the classic
// protocol.
type classicSide struct {
	sessionTimeout time.Duration
	protocols      []groupProtocol
	// version is that of the subscription, in which the assignment is told.
	version int16
	// rejoin fires when the member has not joined, or synced, in time.
	rejoin *time.Timer
}

// A subscription is what a consumer of the classic protocol tells its leader.
type subscription struct {
	version int16
	topics  []string
	owned   []kmsg.ConsumerMemberMetadataOwnedPartition
}

func readSubscription(metadata []byte) (subscription, error) {
	var read kmsg.ConsumerMemberMetadata
	if err := read.ReadFrom(metadata); err != nil {
		return subscription{}, err
	}
	topics := slices.Compact(slices.Sorted(slices.Values(read.Topics)))
	return subscription{version: read.Version, topics: topics, owned: read.OwnedPartitions}, nil
}

func (m *consumer) stopRejoin() {
	if m.classic != nil && m.classic.rejoin != nil {
		m.classic.rejoin.Stop()
		m.classic.rejoin = nil
	}
}

// expectRejoin gives a member its rebalance timeout to join or sync, unless it has
// been given that already.
func (g *consumerGroup) expectRejoin(m *consumer) {
	if m.classic.rejoin != nil {
		return
	}
	side := m.classic
	var timer *time.Timer
	timer = time.AfterFunc(m.rebalanceTimeout, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.members[m.id] == m && m.classic == side && side.rejoin == timer {
			g.lose(m)
			g.flush(nil)
		}
	})
	side.rejoin = timer
}

// joinClassic is a join by the classic protocol. It is answered at once, when what it
// changed is kept: nobody waits for the others.
func (g *consumerGroup) joinClassic(request joinRequest) joinReply {
	refuse := func(err error) joinReply {
		return joinReply{err: err, memberID: request.memberID, generation: -1}
	}
	if request.protocolType != protocolTypeConsumer || !g.supportsClassic(request) {
		return refuse(kerr.InconsistentGroupProtocol)
	}
	wants, err := readSubscription(request.protocols[0].metadata)
	if err != nil {
		return refuse(kerr.InconsistentGroupProtocol)
	}
	m, isNew, err := g.classicMemberOf(&request)
	if err != nil {
		return refuse(err)
	}
	m.stopRejoin()
	m.classic = &classicSide{sessionTimeout: request.sessionTimeout, protocols: request.protocols, version: wants.version}
	pattern, assignor := "", ""
	hasChanged := g.update(m, consumerBeat{
		clientID: request.clientID, clientHost: request.clientHost, rebalanceTimeout: request.rebalanceTimeout,
		topics: append([]string{}, wants.topics...), pattern: &pattern, assignor: &assignor,
	})
	g.dirty[m.id] = true
	g.advance(m, isNew, hasChanged, g.assignmentByName(wants.owned))
	g.expectRejoin(m)
	return joinReply{memberID: m.id, generation: m.epoch, protocolType: protocolTypeConsumer, protocol: request.protocols[0].name}
}

// classicMemberOf finds the member that joins, or makes one. It puts its id into the
// request.
func (g *consumerGroup) classicMemberOf(request *joinRequest) (m *consumer, isNew bool, err error) {
	isUnknown := request.memberID == ""
	if request.instanceID != nil {
		current, isKnown := g.static[*request.instanceID]
		switch {
		case !isUnknown && !isKnown:
			return nil, false, kerr.UnknownMemberID
		case !isUnknown && current != request.memberID:
			return nil, false, kerr.FencedInstanceID
		case isUnknown && isKnown:
			request.memberID = newMemberID(*request.instanceID)
			return g.takePlace(g.members[current], request.memberID), false, nil
		}
	}
	if m = g.members[request.memberID]; m != nil {
		return m, false, nil
	}
	if len(g.members) >= g.config.MembersMax {
		return nil, false, kerr.GroupMaxSizeReached
	}
	if isUnknown {
		prefix := request.clientID
		if request.instanceID != nil {
			prefix = *request.instanceID
		}
		request.memberID = newMemberID(prefix)
		if request.needsMemberID && request.instanceID == nil {
			return nil, false, kerr.MemberIDRequired
		}
	}
	m = &consumer{id: request.memberID, instanceID: request.instanceID}
	g.add(m)
	return m, true, nil
}

// supportsClassic says whether those who speak the classic protocol would have a
// protocol in common, should they be alone again.
func (g *consumerGroup) supportsClassic(request joinRequest) bool {
	return slices.ContainsFunc(request.protocols, func(p groupProtocol) bool {
		for _, m := range g.members {
			isSelf := m.id == request.memberID ||
				m.instanceID != nil && request.instanceID != nil && *m.instanceID == *request.instanceID
			if m.classic == nil || isSelf {
				continue
			}
			if !slices.ContainsFunc(m.classic.protocols, func(q groupProtocol) bool { return q.name == p.name }) {
				return false
			}
		}
		return true
	})
}

// checkClassic finds a member that speaks the classic protocol.
func (g *consumerGroup) checkClassic(id string, instanceID *string, generation int32) (*consumer, error) {
	if err := checkInstance(g.static, id, instanceID); err != nil {
		return nil, err
	}
	m := g.members[id]
	if m == nil || m.classic == nil {
		return nil, kerr.UnknownMemberID
	}
	if generation != m.epoch {
		return nil, kerr.IllegalGeneration
	}
	return m, nil
}

// syncClassic tells a member what it has.
func (g *consumerGroup) syncClassic(request syncRequest) syncReply {
	m, err := g.checkClassic(request.memberID, request.instanceID, request.generation)
	if err != nil {
		return syncReply{err: err}
	}
	protocol := m.classic.protocols[0].name
	if request.protocolType != nil && *request.protocolType != protocolTypeConsumer || request.protocol != nil && *request.protocol != protocol {
		return syncReply{err: kerr.InconsistentGroupProtocol}
	}
	if g.epoch > m.epoch && m.state != consumerRevoking {
		m.stopRejoin()
		g.expectRejoin(m)
		return syncReply{err: kerr.RebalanceInProgress}
	}
	m.stopRejoin()
	g.keepAlive(m)
	return syncReply{protocolType: protocolTypeConsumer, protocol: protocol, assignment: g.assignmentForClassic(m, m.assigned)}
}

// heartbeat is that of the classic protocol. It keeps a member's session and tells it whether to join again: for a
// new epoch, to say that it has given partitions up, or since others have.
func (g *consumerGroup) heartbeat(id string, instanceID *string, generation int32) error {
	m, err := g.checkClassic(id, instanceID, generation)
	if err != nil {
		return err
	}
	g.keepAlive(m)
	if m.epoch < g.epoch || m.state == consumerRevoking || m.state == consumerWaiting && !g.isWaitingForOthers(m) {
		g.expectRejoin(m)
		return kerr.RebalanceInProgress
	}
	return nil
}

// isWaitingForOthers says whether somebody else has a partition that the member shall
// have.
func (g *consumerGroup) isWaitingForOthers(m *consumer) bool {
	isOthers := false
	m.target.without(m.assigned).each(func(id command.TopicID, p int32) {
		isOthers = isOthers || g.owners[id][p] != nil
	})
	return isOthers
}

// assignmentByName is an assignment of partitions of topics that are there.
func (g *consumerGroup) assignmentByName(partitions []kmsg.ConsumerMemberMetadataOwnedPartition) assignment {
	named := make(map[command.TopicID][]int32)
	for _, of := range partitions {
		if topic, exists := g.log.Topic(of.Topic); exists {
			named[topic.ID] = append(named[topic.ID], of.Partitions...)
		}
	}
	return assignmentOf(named)
}

// assignmentForClassic is what a leader of the classic protocol would have sent.
func (g *consumerGroup) assignmentForClassic(m *consumer, assigned assignment) []byte {
	told := kmsg.NewConsumerMemberAssignment()
	told.Version = m.classic.version
	for _, id := range assigned.topics() {
		if topic, exists := g.log.TopicByID(id); exists {
			of := kmsg.NewConsumerMemberAssignmentTopic()
			of.Topic, of.Partitions = topic.Name, assigned[id]
			told.Topics = append(told.Topics, of)
		}
	}
	return told.AppendTo(nil)
}
