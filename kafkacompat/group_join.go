package kafkacompat

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// A joinRequest is what a consumer joins with.
type joinRequest struct {
	memberID         string
	instanceID       *string
	clientID         string
	clientHost       string
	sessionTimeout   time.Duration
	rebalanceTimeout time.Duration
	protocolType     string
	protocols        []groupProtocol
	// needsMemberID: a new member is first given an id and told to come back
	// with it (KIP-394), so that one that gives up leaves no trace.
	needsMemberID bool
	// canSkipAssignment: the client knows that a leader may be asked to decide
	// nothing (KIP-814).
	canSkipAssignment bool
}

// A joinReply is the answer to a join.
type joinReply struct {
	err            error
	memberID       string
	generation     int32
	protocolType   string
	protocol       string
	leader         string
	skipAssignment bool
	// members is set for the leader only.
	members []memberSummary
}

// join takes a consumer into the group or starts it over. The answer comes when
// the rebalance is complete; a refusal comes at once. The channel has room for
// it.
func (g *group) join(request joinRequest) chan joinReply {
	answer := make(chan joinReply, 1)
	refuse := func(err error) chan joinReply {
		answer <- joinReply{err: err, memberID: request.memberID, generation: -1}
		return answer
	}
	switch {
	case g.state == groupDead:
		return refuse(kerr.CoordinatorNotAvailable)
	case !g.supports(request):
		return refuse(kerr.InconsistentGroupProtocol)
	case request.memberID == "" && request.instanceID != nil:
		return g.joinStatic(request, answer)
	case request.memberID == "":
		if g.isFull() {
			return refuse(kerr.GroupMaxSizeReached)
		}
		request.memberID = newMemberID(request.clientID)
		if request.needsMemberID {
			g.expect(request.memberID, request.sessionTimeout)
			return refuse(kerr.MemberIDRequired)
		}
		g.addAndRebalance(request, answer)
		return answer
	}

	if timer := g.pending[request.memberID]; timer != nil {
		timer.Stop()
		delete(g.pending, request.memberID)
		g.addAndRebalance(request, answer)
		return answer
	}
	if request.instanceID != nil {
		current, ok := g.static[*request.instanceID]
		switch {
		case !ok:
			return refuse(kerr.UnknownMemberID)
		case current != request.memberID:
			return refuse(kerr.FencedInstanceID)
		}
	}
	m := g.members[request.memberID]
	if m == nil {
		return refuse(kerr.UnknownMemberID)
	}
	g.rejoin(m, request, answer)
	return answer
}

// isFull counts those who were given an id, too: each may become a member.
func (g *group) isFull() bool {
	return len(g.members)+len(g.pending) >= g.config.MembersMax
}

// rejoin is the join of a member that is known.
func (g *group) rejoin(m *member, request joinRequest, answer chan joinReply) {
	isUnchanged := slices.EqualFunc(m.protocols, request.protocols, func(a, b groupProtocol) bool {
		return a.name == b.name && bytes.Equal(a.metadata, b.metadata)
	})
	g.update(m, request)
	switch {
	case g.state == groupCompleting && isUnchanged,
		// A follower that missed the answer; a leader that joins again wants a
		// rebalance, for that is how it says that the partitions have changed.
		g.state == groupStable && isUnchanged && m.id != g.leader:
		g.keepAlive(m)
		answer <- g.joinReplyFor(m)
	default:
		g.waitAndRebalance(m, answer)
	}
}

// joinStatic is the join of a consumer that names its instance but no member id:
// one that is new, or one that was started again and takes its old place.
func (g *group) joinStatic(request joinRequest, answer chan joinReply) chan joinReply {
	request.memberID = newMemberID(*request.instanceID)
	oldID, ok := g.static[*request.instanceID]
	if !ok {
		if g.isFull() {
			answer <- joinReply{err: kerr.GroupMaxSizeReached, generation: -1}
			return answer
		}
		g.addAndRebalance(request, answer)
		return answer
	}

	m := g.members[oldID]
	g.answerJoin(m, joinReply{err: kerr.FencedInstanceID, memberID: oldID, generation: -1})
	g.answerSync(m, syncReply{err: kerr.FencedInstanceID})
	delete(g.members, oldID)
	m.id = request.memberID
	g.members[m.id] = m
	g.static[*request.instanceID] = m.id
	if g.leader == oldID {
		g.leader = m.id
	}
	g.update(m, request)

	if g.state == groupStable && g.selectProtocol() == g.protocol {
		// Nothing has changed for the others: the assignment stays. The new id is
		// in the log before its owner hears of it.
		g.keepAlive(m)
		parts := map[string][]byte{
			partGroup: encodeClassicGroup(g), partMemberPrefix + oldID: nil, partMemberPrefix + m.id: encodeClassicMember(m),
		}
		id, generation := m.id, g.generation
		g.store.keep(false, parts, func(err error) {
			switch {
			case g.state == groupDead: // by another leader it may take its place again
				answer <- joinReply{err: kerr.NotCoordinator, memberID: id, generation: -1}
			case g.members[id] != m: // it was started yet another time, or is gone
				answer <- joinReply{err: kerr.FencedInstanceID, memberID: id, generation: -1}
			case err != nil:
				answer <- joinReply{err: groupError(err), memberID: id, generation: -1}
			case g.state == groupStable && g.generation == generation:
				answer <- g.joinReplyInPlace(m, oldID, request.canSkipAssignment)
			default:
				g.waitAndRebalance(m, answer)
			}
		})
		return answer
	}
	g.waitAndRebalance(m, answer)
	return answer
}

// joinReplyInPlace is the answer to a static member that takes its old place in a
// group that goes on.
func (g *group) joinReplyInPlace(m *member, oldID string, canSkipAssignment bool) joinReply {
	reply := g.joinReplyFor(m)
	if g.leader == m.id {
		if canSkipAssignment {
			reply.skipAssignment = true
		} else {
			// An old client that finds itself the leader would assign anew.
			// It is made to believe that the one before still leads.
			reply.leader, reply.members = oldID, nil
		}
	}
	return reply
}

// waitAndRebalance has a member wait for the rebalance, which begins if none is
// under way.
func (g *group) waitAndRebalance(m *member, answer chan joinReply) {
	g.wait(m, answer)
	if g.state == groupPreparing {
		g.tryCompleteJoin()
	} else {
		g.prepareRebalance()
	}
}

func (g *group) addAndRebalance(request joinRequest, answer chan joinReply) {
	if len(g.members) == 0 {
		g.protocolType = request.protocolType
	}
	m := &member{
		id:         request.memberID,
		instanceID: request.instanceID,
	}
	m.protocols = request.protocols
	g.unsynced++
	g.add(m)
	g.update(m, request)
	g.delayForNewcomer()
	g.waitAndRebalance(m, answer)
}

func (g *group) update(m *member, request joinRequest) {
	m.clientID, m.clientHost = request.clientID, request.clientHost
	m.sessionTimeout, m.rebalanceTimeout = request.sessionTimeout, request.rebalanceTimeout
	g.countProtocols(m, -1)
	m.protocols = request.protocols
	g.countProtocols(m, 1)
}

// wait makes answer the place where the member waits for the rebalance. An older
// wait of the same member, on a connection that is gone, ends.
func (g *group) wait(m *member, answer chan joinReply) {
	g.answerJoin(m, joinReply{err: kerr.RebalanceInProgress, memberID: m.id, generation: -1})
	m.stopSession()
	m.joining = answer
	g.joining[answer] = m
}

// abandonJoin is told that nobody waits for the answer any more. The member
// stays, for as long as its session.
func (g *group) abandonJoin(answer chan joinReply) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.joining[answer]; m != nil {
		delete(g.joining, answer)
		m.joining = nil
		g.keepAlive(m)
	}
}

func (g *group) answerJoin(m *member, reply joinReply) {
	if m.joining != nil {
		m.joining <- reply
		delete(g.joining, m.joining)
		m.joining = nil
	}
}

// joinReplyFor tells a member about the current generation.
func (g *group) joinReplyFor(m *member) joinReply {
	reply := joinReply{
		memberID:     m.id,
		generation:   g.generation,
		protocolType: g.protocolType,
		protocol:     g.protocol,
		leader:       g.leader,
	}
	if m.id == g.leader {
		for _, other := range g.inOrder() {
			reply.members = append(reply.members, memberSummary{
				id: other.id, instanceID: other.instanceID, metadata: other.metadata(g.protocol),
			})
		}
	}
	return reply
}

// supports says whether a member could take part: its kind is the group's, and
// it knows a protocol that everybody else knows.
func (g *group) supports(request joinRequest) bool {
	if len(g.members) == 0 {
		return true
	}
	if request.protocolType != g.protocolType {
		return false
	}
	// The member itself may change its mind.
	others := len(g.members)
	self := g.members[request.memberID]
	if request.instanceID != nil && self == nil {
		self = g.members[g.static[*request.instanceID]]
	}
	if self != nil {
		others--
	}
	return slices.ContainsFunc(request.protocols, func(p groupProtocol) bool {
		knownBy := g.knownBy[p.name]
		if self != nil && self.knows(p.name) {
			knownBy--
		}
		return knownBy == others
	})
}

func (m *member) knows(protocol string) bool {
	return slices.ContainsFunc(m.protocols, func(p groupProtocol) bool { return p.name == protocol })
}

// selectProtocol holds the vote: each member is for the first of its protocols
// that all know. Among equals, the one that the oldest member is for wins.
func (g *group) selectProtocol() string {
	members := g.inOrder()
	votes := make(map[string]int)
	var inOrder []string
	for _, m := range members {
		for _, p := range m.protocols {
			if g.knownBy[p.name] == len(members) {
				if votes[p.name]++; votes[p.name] == 1 {
					inOrder = append(inOrder, p.name)
				}
				break
			}
		}
	}
	best := ""
	for _, name := range inOrder {
		if votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

func newMemberID(prefix string) string {
	var random [16]byte
	rand.Read(random[:]) // never fails
	return prefix + "-" + hex.EncodeToString(random[:])
}
