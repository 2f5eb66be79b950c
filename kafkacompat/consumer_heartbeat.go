package kafkacompat

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// A consumerBeat is what a member says in a heartbeat. What is nil, or negative for
// the timeout, is as it was.
type consumerBeat struct {
	memberID         string
	epoch            int32
	instanceID       *string
	rackID           *string
	clientID         string
	clientHost       string
	rebalanceTimeout time.Duration
	topics           []string
	pattern          *string
	assignor         *string
	owned            assignment
	// hasOwned says that the member told what it owns, if only that it is nothing.
	hasOwned bool
	// who is the member to the authorizer.
	who viewer
}

// A consumerReply is the answer to a heartbeat.
type consumerReply struct {
	err      error
	memberID string
	epoch    int32
	// assignment is nil where there is nothing new in it.
	assignment assignment
}

// isFull says whether the member told everything, as it does when it joins and when
// it is not sure that it was heard.
func (b *consumerBeat) isFull() bool {
	return b.epoch == epochJoin || b.rebalanceTimeout >= 0 && (b.topics != nil || b.pattern != nil) && b.hasOwned
}

// beat takes a heartbeat. The answer may be told when flush has written what there
// is to write.
func (g *consumerGroup) beat(b consumerBeat) consumerReply {
	if b.epoch == epochLeave || b.epoch == epochAway {
		return g.goAway(b)
	}
	m, isNew, err := g.memberOf(b)
	if err != nil {
		return consumerReply{err: err}
	}
	m.who, g.asker = b.who, b.who
	assignedBefore := m.assigned
	if isNew {
		assignedBefore = nil
	}
	hasSubscriptionChanged := g.update(m, b)
	owned := b.owned
	if !b.hasOwned {
		owned = nil
	} else if owned == nil {
		owned = assignment{}
	}
	m.stopRejoin()
	if m.classic != nil {
		m.classic = nil
		g.dirty[m.id] = true
	}
	g.advance(m, isNew, hasSubscriptionChanged, owned)
	reply := consumerReply{memberID: m.id, epoch: m.epoch}
	if b.isFull() || !m.assigned.equal(assignedBefore) {
		reply.assignment = m.assigned
		if reply.assignment == nil {
			reply.assignment = assignment{}
		}
	}
	return reply
}

// advance leads a member on after it has said something, and keeps its session. owned
// is as for reconcile.
func (g *consumerGroup) advance(m *consumer, isNew, hasSubscriptionChanged bool, owned assignment) {
	var newcomer *consumer
	if isNew {
		newcomer = m
	}
	if haveTopicsChanged := g.haveTopicsChanged(newcomer, hasSubscriptionChanged); isNew || hasSubscriptionChanged || haveTopicsChanged {
		g.bump()
	}
	g.updateTarget()
	g.reconcile(m, owned, hasSubscriptionChanged)
	g.keepAlive(m)
}

// memberOf finds the member that sent a heartbeat, and makes one of who joins. isNew
// says that the group has one more.
func (g *consumerGroup) memberOf(b consumerBeat) (m *consumer, isNew bool, err error) {
	m = g.members[b.memberID]
	if b.instanceID != nil {
		current, isKnown := g.static[*b.instanceID]
		switch {
		case b.epoch == epochJoin && isKnown && current != b.memberID:
			return g.replace(g.members[current], b)
		case b.epoch != epochJoin && !isKnown:
			return nil, false, kerr.UnknownMemberID
		case b.epoch != epochJoin && current != b.memberID:
			return nil, false, kerr.FencedInstanceID
		}
	}
	switch {
	case m == nil && b.epoch != epochJoin:
		return nil, false, kerr.UnknownMemberID
	case m == nil && len(g.members) >= g.config.MembersMax:
		return nil, false, kerr.GroupMaxSizeReached
	case m == nil:
		m = &consumer{id: b.memberID, instanceID: b.instanceID}
		g.add(m)
		return m, true, nil
	case b.epoch == epochJoin:
		// It begins anew, with nothing: it was fenced, its answer got lost, or it was away.
		if m.epoch == epochAway {
			m.epoch, m.previousEpoch = 0, 0
			g.dirty[m.id] = true
		}
		return m, false, nil
	case b.epoch == m.epoch:
		return m, false, nil
	case b.epoch == m.previousEpoch && b.epoch < m.epoch && b.hasOwned && len(b.owned.without(m.assigned)) == 0:
		return m, false, nil // the answer with the new epoch got lost
	}
	return nil, false, fmt.Errorf("member %s has epoch %d, not %d: %w", m.id, m.epoch, b.epoch, kerr.FencedMemberEpoch)
}

// replace gives the place of a static member that is away, or that speaks the classic
// protocol and so never says that it goes, to its next start.
func (g *consumerGroup) replace(old *consumer, b consumerBeat) (m *consumer, isNew bool, err error) {
	if old.epoch != epochAway && old.classic == nil {
		return nil, false, kerr.UnreleasedInstanceID
	}
	return g.takePlace(old, b.memberID), false, nil
}

// takePlace makes a member of another id out of a static one.
func (g *consumerGroup) takePlace(old *consumer, id string) *consumer {
	m := &consumer{
		id: id, instanceID: old.instanceID, rackID: old.rackID, rebalanceTimeout: old.rebalanceTimeout,
		topics: old.topics, pattern: old.pattern, assignor: old.assignor, target: old.target,
	}
	assigned := old.assigned
	g.remove(old)
	g.add(m)
	g.setAssignment(m, assigned, nil)
	return m
}

// update notes what a member said, and tells whether it wants other topics, or
// another assignor.
func (g *consumerGroup) update(m *consumer, b consumerBeat) (hasSubscriptionChanged bool) {
	changed := false
	set := func(isOther bool) bool {
		changed = changed || isOther
		return isOther
	}
	if set(m.clientID != b.clientID || m.clientHost != b.clientHost) {
		m.clientID, m.clientHost = b.clientID, b.clientHost
	}
	if b.rackID != nil && set(m.rackID == nil || *m.rackID != *b.rackID) {
		m.rackID = b.rackID
	}
	if b.rebalanceTimeout >= 0 && set(m.rebalanceTimeout != b.rebalanceTimeout) {
		m.rebalanceTimeout = b.rebalanceTimeout
	}
	if b.topics != nil {
		topics := slices.Compact(slices.Sorted(slices.Values(b.topics)))
		if set(!slices.Equal(m.topics, topics)) {
			m.topics, hasSubscriptionChanged = topics, true
		}
	}
	if b.pattern != nil && set(m.pattern != *b.pattern) {
		m.pattern, hasSubscriptionChanged = *b.pattern, true
	}
	if b.assignor != nil && set(m.assignor != *b.assignor) {
		m.assignor, hasSubscriptionChanged = *b.assignor, true
	}
	if changed {
		g.dirty[m.id] = true
	}
	return hasSubscriptionChanged
}

// goAway takes a member out for good, or marks a static one as away: it keeps its
// partitions until its session ends.
func (g *consumerGroup) goAway(b consumerBeat) consumerReply {
	id := b.memberID
	if err := checkInstance(g.static, id, b.instanceID); err != nil {
		return consumerReply{err: err}
	}
	m := g.members[id]
	if m == nil {
		return consumerReply{err: kerr.UnknownMemberID}
	}
	if b.epoch == epochAway && m.instanceID != nil {
		m.epoch, m.state = epochAway, consumerStable
		g.setAssignment(m, m.assigned, nil)
		m.stopRebalance()
		g.dirty[m.id] = true
	} else {
		g.lose(m)
	}
	return consumerReply{memberID: id, epoch: b.epoch}
}

// newConsumerID draws an id for a member of version 0, which leaves that to the
// coordinator: a UUID as Kafka has them in text.
func newConsumerID() string {
	id := newTopicID()
	return base64.RawURLEncoding.EncodeToString(id[:])
}
