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
	m.update(request)
	switch {
	case g.state == groupCompleting && isUnchanged,
		// A follower that missed the answer; a leader that joins again wants a
		// rebalance, for that is how it says that the partitions have changed.
		g.state == groupStable && isUnchanged && m.id != g.leader:
		g.keepAlive(m)
		answer <- g.joinReplyFor(m)
	default:
		g.wait(m, answer)
		if g.state == groupPreparing {
			g.tryCompleteJoin()
		} else {
			g.prepareRebalance()
		}
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
	m.answerJoin(joinReply{err: kerr.FencedInstanceID, memberID: oldID, generation: -1})
	m.answerSync(syncReply{err: kerr.FencedInstanceID})
	delete(g.members, oldID)
	m.id = request.memberID
	g.members[m.id] = m
	g.static[*request.instanceID] = m.id
	oldLeader := g.leader
	if g.leader == oldID {
		g.leader = m.id
	}
	m.update(request)

	if g.state == groupStable && g.selectProtocol() == g.protocol {
		// Nothing has changed for the others: the assignment stays.
		g.keepAlive(m)
		reply := g.joinReplyFor(m)
		if g.leader == m.id {
			if request.canSkipAssignment {
				reply.skipAssignment = true
			} else {
				// An old client that finds itself the leader would assign anew.
				// It is made to believe that the one before still leads.
				reply.leader, reply.members = oldLeader, nil
			}
		}
		answer <- reply
		return answer
	}
	g.wait(m, answer)
	if g.state == groupPreparing {
		g.tryCompleteJoin()
	} else {
		g.prepareRebalance()
	}
	return answer
}

func (g *group) addAndRebalance(request joinRequest, answer chan joinReply) {
	if len(g.members) == 0 {
		g.protocolType = request.protocolType
	}
	m := &member{
		id:         request.memberID,
		instanceID: request.instanceID,
	}
	m.update(request)
	g.add(m)
	g.wait(m, answer)
	if g.state == groupPreparing {
		g.tryCompleteJoin()
	} else {
		g.prepareRebalance()
	}
}

func (m *member) update(request joinRequest) {
	m.clientID, m.clientHost = request.clientID, request.clientHost
	m.sessionTimeout, m.rebalanceTimeout = request.sessionTimeout, request.rebalanceTimeout
	m.protocols = request.protocols
}

// wait makes answer the place where the member waits for the rebalance. An older
// wait of the same member, on a connection that is gone, ends.
func (g *group) wait(m *member, answer chan joinReply) {
	m.answerJoin(joinReply{err: kerr.RebalanceInProgress, memberID: m.id, generation: -1})
	m.stopSession()
	m.joining = answer
}

// abandonJoin is told that nobody waits for the answer any more. The member
// stays, for as long as its session.
func (g *group) abandonJoin(answer chan joinReply) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.members {
		if m.joining == answer {
			m.joining = nil
			g.keepAlive(m)
		}
	}
}

func (m *member) answerJoin(reply joinReply) {
	if m.joining != nil {
		m.joining <- reply
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
	return slices.ContainsFunc(request.protocols, func(p groupProtocol) bool {
		for _, m := range g.members {
			isSelf := m.id == request.memberID ||
				m.instanceID != nil && request.instanceID != nil && *m.instanceID == *request.instanceID
			if !isSelf && !m.knows(p.name) {
				return false
			}
		}
		return true
	})
}

func (m *member) knows(protocol string) bool {
	return slices.ContainsFunc(m.protocols, func(p groupProtocol) bool { return p.name == protocol })
}

// selectProtocol holds the vote: each member is for the first of its protocols
// that all know. Among equals, the one that the oldest member is for wins.
func (g *group) selectProtocol() string {
	members := g.inOrder()
	knownBy := make(map[string]int)
	for _, m := range members {
		for i, p := range m.protocols {
			if !slices.ContainsFunc(m.protocols[:i], func(before groupProtocol) bool { return before.name == p.name }) {
				knownBy[p.name]++
			}
		}
	}
	votes := make(map[string]int)
	var inOrder []string
	for _, m := range members {
		for _, p := range m.protocols {
			if knownBy[p.name] == len(members) {
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
