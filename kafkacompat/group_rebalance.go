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
			g.answerSync(m, syncReply{err: kerr.RebalanceInProgress})
			g.keepAlive(m)
		}
	}
	g.notBefore, g.isStoring = time.Time{}, false
	if g.state == groupEmpty && g.config.InitialRebalanceDelay > 0 {
		now := time.Now()
		g.notAfter = now.Add(max(g.rebalanceTimeout(), g.config.InitialRebalanceDelay))
		g.delay(now)
	} else {
		g.startRound(g.rebalanceTimeout(), g.completeJoin)
	}
	g.emptyTimer.Stop()
	g.state = groupPreparing
	g.protocol = ""
	g.tryCompleteJoin()
}

// delay holds the first rebalance of a group back for the initial delay.
func (g *group) delay(now time.Time) {
	g.notBefore = now.Add(g.config.InitialRebalanceDelay)
	if g.notBefore.After(g.notAfter) {
		g.notBefore = g.notAfter
	}
	g.startRound(g.notBefore.Sub(now), g.endInitialDelay)
}

// delayForNewcomer waits again for others when somebody has come within the delay:
// where one starts, more do.
func (g *group) delayForNewcomer() {
	if now := time.Now(); g.state == groupPreparing && now.Before(g.notBefore) {
		g.delay(now)
	}
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
	if len(g.joining) == len(g.members) {
		g.completeJoin()
	}
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
		if g.store.isKept {
			g.store.keep(true, map[string][]byte{partGroup: encodeClassicGroup(g)}, nil)
		}
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
	g.isStoring = false
	g.unsynced = len(g.members)
	for _, m := range g.inOrder() {
		m.hasSynced = false
		if m.joining != nil {
			g.answerJoin(m, g.joinReplyFor(m))
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
	g.answerSync(m, syncReply{err: kerr.RebalanceInProgress}) // one that waits on a lost connection
	if !m.hasSynced {
		m.hasSynced = true
		g.unsynced--
	}
	m.syncing = answer
	g.syncing[answer] = m
	m.stopSession()
	switch {
	case g.state == groupStable:
		g.tellAssignment(m)
	case m.id == g.leader && !g.isStoring:
		for _, other := range g.members {
			other.assignment = request.assignments[other.id]
		}
		g.isStoring = true
		generation := g.generation
		g.store.keep(true, g.parts(), func(err error) {
			if g.state == groupCompleting && g.generation == generation && g.isStoring {
				g.endStoring(err)
			}
		})
	}
	g.stopRoundIfAllSynced()
	return answer
}

// parts is all that is kept of the group.
func (g *group) parts() map[string][]byte {
	parts := make(map[string][]byte, len(g.members)+1)
	parts[partGroup] = encodeClassicGroup(g)
	for _, m := range g.members {
		parts[partMemberPrefix+m.id] = encodeClassicMember(m)
	}
	return parts
}

// endStoring tells everybody what the leader decided, which is in the log now. If it
// could not be written, the round begins anew.
func (g *group) endStoring(err error) {
	g.isStoring = false
	if err != nil {
		for _, m := range g.inOrder() {
			if m.syncing != nil {
				g.answerSync(m, syncReply{err: groupError(err)})
				g.keepAlive(m)
			}
		}
		g.prepareRebalance()
		return
	}
	g.state = groupStable
	for _, m := range g.members {
		g.tellAssignment(m)
	}
	g.stopRoundIfAllSynced()
}

func (g *group) tellAssignment(m *member) {
	if m.syncing != nil {
		m.told = m.assignment
		g.answerSync(m, syncReply{protocolType: g.protocolType, protocol: g.protocol, assignment: m.assignment})
		g.keepAlive(m)
	}
}

func (g *group) stopRoundIfAllSynced() {
	if g.state == groupStable && g.unsynced == 0 {
		g.stopRound()
	}
}

func (g *group) answerSync(m *member, reply syncReply) {
	if m.syncing != nil {
		m.syncing <- reply
		delete(g.syncing, m.syncing)
		m.syncing = nil
	}
}

// abandonSync is told that nobody waits for the answer any more.
func (g *group) abandonSync(answer chan syncReply) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.syncing[answer]; m != nil {
		delete(g.syncing, answer)
		m.syncing = nil
		g.keepAlive(m)
	}
}
