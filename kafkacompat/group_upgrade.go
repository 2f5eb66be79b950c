package kafkacompat

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// upgrade makes a group of the new protocol of a classic one that has members, all of
// which are consumers. They keep what they have; those who wait for a rebalance are
// told to join again. The caller has the locks of the coordinator and of the group.
func (c *coordinator) upgrade(from *group) (*consumerGroup, error) {
	if from.protocolType != protocolTypeConsumer || len(from.members) >= c.config.MembersMax {
		return nil, kerr.GroupIDNotFound
	}
	g := newConsumerGroup(from.id, c.config, c.log, c.writer, c.drop)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.epoch, g.targetEpoch = from.generation, from.generation
	for _, m := range from.inOrder() {
		wants, err := readSubscription(m.protocols[0].metadata)
		if err != nil {
			g.stopTimers()
			return nil, kerr.GroupIDNotFound // no consumers, whatever they say
		}
		made := &consumer{
			id: m.id, instanceID: m.instanceID, clientID: m.clientID, clientHost: m.clientHost, rebalanceTimeout: m.rebalanceTimeout,
			topics: wants.topics, epoch: from.generation, previousEpoch: from.generation,
			classic: &classicSide{sessionTimeout: m.sessionTimeout, protocols: m.protocols, version: wants.version},
		}
		g.add(made)
		// What it has heard of it may have, until it says otherwise in its next join.
		assigned := g.freeOf(g.assignedBy(m.told))
		var revoking assignment
		if from.state == groupStable && !m.hasSynced {
			told := assigned
			assigned = g.freeOf(g.assignedBy(m.assignment))
			if revoking = told.without(assigned); len(revoking) > 0 {
				made.state = consumerRevoking
			}
		}
		g.setAssignment(made, assigned, revoking)
		made.target = assigned
		g.keepAlive(made)
	}
	for _, m := range from.inOrder() {
		from.answerJoin(m, joinReply{err: kerr.RebalanceInProgress, memberID: m.id, generation: -1})
		from.answerSync(m, syncReply{err: kerr.RebalanceInProgress})
	}
	return g, nil
}

// assignedBy reads what the leader of a classic group gave a member.
func (g *consumerGroup) assignedBy(assigned []byte) assignment {
	var read kmsg.ConsumerMemberAssignment
	if err := read.ReadFrom(assigned); err != nil {
		return nil
	}
	partitions := make([]kmsg.ConsumerMemberMetadataOwnedPartition, len(read.Topics))
	for i, of := range read.Topics {
		partitions[i].Topic, partitions[i].Partitions = of.Topic, of.Partitions
	}
	return g.assignmentByName(partitions)
}

// freeOf leaves out of an assignment what others own: the leader of a classic group may
// have given the same to two.
func (g *consumerGroup) freeOf(a assignment) assignment {
	free := make(assignment)
	for id, partitions := range a {
		if of := keepIf(partitions, func(p int32) bool { return p >= 0 && g.owners[id][p] == nil }); len(of) > 0 {
			free[id] = of
		}
	}
	return free
}

// isDueForDowngrade says whether all members speak the classic protocol.
func (g *consumerGroup) isDueForDowngrade() bool {
	for _, m := range g.members {
		if m.classic == nil {
			return false
		}
	}
	return len(g.members) > 0
}

// errNoDowngrade: the group has no protocol that all members know. It can't be, since
// each one that joins is checked.
var errNoDowngrade = errors.New("members of the classic protocol have none in common")

// downgrade makes a classic group of one of the new protocol whose members all speak
// the classic one. They keep what they have until they have joined, which they are
// called to at once. The caller has the locks of the coordinator and of the group.
func (c *coordinator) downgrade(from *consumerGroup) (*group, error) {
	g := newGroup(from.id, c.config, c.writer, c.drop)
	g.mu.Lock()
	defer g.mu.Unlock()
	// Nobody has heard of a later epoch than this.
	g.generation, g.protocolType = from.targetEpoch, protocolTypeConsumer
	for _, m := range from.inOrder() {
		g.add(&member{
			id: m.id, instanceID: m.instanceID, clientID: m.clientID, clientHost: m.clientHost, sessionTimeout: m.classic.sessionTimeout,
			rebalanceTimeout: m.rebalanceTimeout, protocols: m.classic.protocols, hasSynced: true,
			assignment: from.assignmentForClassic(m, m.assigned), told: from.assignmentForClassic(m, m.assigned.or(m.revoking)),
		})
	}
	if g.protocol = g.selectProtocol(); g.protocol == "" {
		g.stopTimers()
		return nil, errNoDowngrade
	}
	g.state = groupStable
	for _, m := range g.members {
		g.keepAlive(m)
	}
	g.prepareRebalance()
	return g, nil
}
