package kafkacompat

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// prepareRebalance calls all members to join: they learn of it by their
// heartbeats, or by the syncs that they wait in.
func (g *group) prepareRebalance() {
	for _, m := range g.members {
		m.assignment = nil
		if m.syncing != nil {
			m.answerSync(syncReply{err: kerr.RebalanceInProgress})
			g.keepAlive(m)
		}
	}
	g.notBefore = time.Time{}
	if g.state == groupEmpty && g.config.InitialRebalanceDelay > 0 {
		g.notBefore = time.Now().Add(g.config.InitialRebalanceDelay)
		g.startRound(g.config.InitialRebalanceDelay, g.endInitialDelay)
	} else {
		g.startRound(g.rebalanceTimeout(), g.completeJoin)
	}
	g.emptyTimer.Stop()
	g.state = groupPreparing
	g.protocol = ""
	g.tryCompleteJoin()
}

func (g *group) endInitialDelay() {
	g.notBefore = time.Time{}
	g.startRound(g.rebalanceTimeout(), g.completeJoin)
	g.tryCompleteJoin()
}

// rebalanceTimeout is that of the most patient member.
func (g *group) rebalanceTimeout() time.Duration {
	var longest time.Duration
	for _, m := range g.members {
		longest = max(longest, m.rebalanceTimeout)
	}
	return longest
}

// tryCompleteJoin goes on if everybody has joined who is expected to.
func (g *group) tryCompleteJoin() {
	if len(g.pending) > 0 || time.Now().Before(g.notBefore) {
		return
	}
	for _, m := range g.members {
		if m.joining == nil {
			return
		}
	}
	g.completeJoin()
}

// completeJoin begins the next generation with those who have joined. Static
// members that haven't keep their place, until their session ends.
func (g *group) completeJoin() {
	hasJoined := false
	for _, m := range g.inOrder() {
		if m.joining != nil {
			hasJoined = true
		} else if m.instanceID == nil {
			g.remove(m, kerr.UnknownMemberID)
		}
	}
	if len(g.members) > 0 && !hasJoined {
		g.startRound(g.rebalanceTimeout(), g.completeJoin)
		return
	}
	g.generation++
	if g.generation <= 0 {
		g.generation = 1
	}
	if len(g.members) == 0 {
		g.stopRound()
		g.state = groupEmpty
		g.leader = ""
		g.startEmptyTimer()
		return
	}
	if g.members[g.leader].joining == nil {
		for _, m := range g.inOrder() {
			if m.joining != nil {
				g.leader = m.id
				break
			}
		}
	}
	g.protocol = g.selectProtocol()
	g.state = groupCompleting
	for _, m := range g.inOrder() {
		m.hasSynced = false
		if m.joining != nil {
			m.answerJoin(g.joinReplyFor(m))
			g.keepAlive(m)
		}
	}
	g.startRound(g.rebalanceTimeout(), g.expireSync)
}

// expireSync loses those who joined and then never synced.
func (g *group) expireSync() {
	isLost := false
	for _, m := range g.inOrder() {
		if !m.hasSynced && m.syncing == nil {
			isLost = true
			g.remove(m, kerr.UnknownMemberID)
		}
	}
	if isLost {
		g.prepareRebalance()
	}
}

// A syncReply is the answer to a sync.
type syncReply struct {
	err          error
	protocolType string
	protocol     string
	assignment   []byte
}

// A syncRequest is a member asking for its assignment; the leader brings all of
// them.
type syncRequest struct {
	memberID     string
	instanceID   *string
	generation   int32
	protocolType *string
	protocol     *string
	assignments  map[string][]byte
}

// sync answers when the leader has synced; a refusal comes at once. The channel
// has room for it.
func (g *group) sync(request syncRequest) chan syncReply {
	answer := make(chan syncReply, 1)
	m, err := g.checkMember(request.memberID, request.instanceID, request.generation)
	switch {
	case g.state == groupDead:
		err = kerr.CoordinatorNotAvailable
	case err != nil:
	case request.protocolType != nil && *request.protocolType != g.protocolType,
		request.protocol != nil && g.protocol != "" && *request.protocol != g.protocol:
		err = kerr.InconsistentGroupProtocol
	case g.state == groupPreparing:
		err = kerr.RebalanceInProgress
	}
	if err != nil {
		answer <- syncReply{err: err}
		return answer
	}
	m.answerSync(syncReply{err: kerr.RebalanceInProgress}) // one that waits on a lost connection
	m.hasSynced = true
	m.syncing = answer
	m.stopSession()
	switch {
	case g.state == groupStable:
		g.tellAssignment(m)
		g.stopRoundIfAllSynced()
	case m.id == g.leader:
		g.state = groupStable
		for _, other := range g.members {
			other.assignment = request.assignments[other.id]
			g.tellAssignment(other)
		}
		g.stopRoundIfAllSynced()
	}
	return answer
}

func (g *group) tellAssignment(m *member) {
	if m.syncing != nil {
		m.answerSync(syncReply{protocolType: g.protocolType, protocol: g.protocol, assignment: m.assignment})
		g.keepAlive(m)
	}
}

func (g *group) stopRoundIfAllSynced() {
	for _, m := range g.members {
		if !m.hasSynced {
			return
		}
	}
	g.stopRound()
}

func (m *member) answerSync(reply syncReply) {
	if m.syncing != nil {
		m.syncing <- reply
		m.syncing = nil
	}
}

// abandonSync is told that nobody waits for the answer any more.
func (g *group) abandonSync(answer chan syncReply) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.members {
		if m.syncing == answer {
			m.syncing = nil
			g.keepAlive(m)
		}
	}
}
