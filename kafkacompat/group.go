package kafkacompat

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// A groupState is where a group is in its life. The texts are Kafka's.
//
//	Empty ── join ──▶ PreparingRebalance ── all have joined, or time is up ──▶ CompletingRebalance
//	  ▲                │      ▲     ▲                                             │         │
//	  └── none left ───┘      │     └── a join, a leave, a member lost ───────────┘   the leader has synced
//	                          └────────────── a join, a leave, a member lost ── Stable ◀────┘
//
// Empty becomes Dead when the group is deleted or forgotten; then it is no longer
// in the coordinator's table.
type groupState string

const (
	groupEmpty      groupState = "Empty"
	groupPreparing  groupState = "PreparingRebalance"
	groupCompleting groupState = "CompletingRebalance"
	groupStable     groupState = "Stable"
	groupDead       groupState = "Dead"
)

// A group is one consumer group by the classic protocol: members join, one of
// them is made the leader and gets everybody's metadata, it decides who does
// what, and the others hear that when they sync. The generation counts the
// rounds, and a member that names an old one is refused.
//
// Invariants: a group in Empty or Dead has no members. In Stable and
// CompletingRebalance no member waits in a join; in Stable none waits in a sync.
// leader is a member unless there are none.
type group struct {
	id     string
	config GroupConfig
	// drop is called, without the lock, when the group may be forgotten.
	drop func(*group)

	// mu guards everything below.
	mu           sync.Mutex
	state        groupState
	generation   int32
	protocolType string
	// protocol is empty but in CompletingRebalance and Stable.
	protocol string
	// leader is a member id.
	leader  string
	members map[string]*member
	// static maps group instance ids to member ids (KIP-345).
	static map[string]string
	// pending are member ids that were given out and have not joined yet
	// (KIP-394). A rebalance waits for them.
	pending map[string]*time.Timer
	// joins counts members, for an order among them.
	joins uint64
	// round grows whenever the round timer gets another meaning, so that a late
	// timer is known as such.
	round      uint64
	roundTimer *time.Timer
	// notBefore holds back the first rebalance of an empty group.
	notBefore  time.Time
	emptyTimer *time.Timer
}

// A member is one consumer.
type member struct {
	id         string
	instanceID *string
	clientID   string
	clientHost string
	// order is when it joined, compared with others.
	order            uint64
	sessionTimeout   time.Duration
	rebalanceTimeout time.Duration
	protocols        []groupProtocol
	assignment       []byte
	hasSynced        bool
	// joining and syncing are set while the member waits for an answer. Its
	// session does not end meanwhile.
	joining chan joinReply
	syncing chan syncReply
	// session fires at sessionEnd or, having been put off, before it.
	session    *time.Timer
	sessionEnd time.Time
}

// A groupProtocol is an assignment strategy that a member knows, with what it
// wants the leader to know.
type groupProtocol struct {
	name     string
	metadata []byte
}

func newGroup(id string, config GroupConfig, drop func(*group)) *group {
	g := &group{
		id:      id,
		config:  config,
		drop:    drop,
		state:   groupEmpty,
		members: make(map[string]*member),
		static:  make(map[string]string),
		pending: make(map[string]*time.Timer),
	}
	g.startEmptyTimer()
	return g
}

// startEmptyTimer has the group forgotten, unless a member comes.
func (g *group) startEmptyTimer() {
	if g.emptyTimer == nil {
		g.emptyTimer = time.AfterFunc(g.config.EmptyRetention, func() { g.drop(g) })
	} else {
		g.emptyTimer.Reset(g.config.EmptyRetention)
	}
}

// isForgettable says whether the group holds nothing that anybody needs.
func (g *group) isForgettable() bool {
	return g.state == groupEmpty && len(g.pending) == 0
}

// inOrder are the members in the order in which they came.
func (g *group) inOrder() []*member {
	members := make([]*member, 0, len(g.members))
	for _, m := range g.members {
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b *member) int { return cmp.Compare(a.order, b.order) })
	return members
}

// add makes m a member.
func (g *group) add(m *member) {
	g.joins++
	m.order = g.joins
	g.members[m.id] = m
	if m.instanceID != nil {
		g.static[*m.instanceID] = m.id
	}
	if g.leader == "" {
		g.leader = m.id
	}
}

// remove takes a member away without a rebalance. What it waits for is answered
// with err.
func (g *group) remove(m *member, err error) {
	m.stopSession()
	m.answerJoin(joinReply{err: err, memberID: m.id})
	m.answerSync(syncReply{err: err})
	delete(g.members, m.id)
	if m.instanceID != nil && g.static[*m.instanceID] == m.id {
		delete(g.static, *m.instanceID)
	}
	if g.leader == m.id {
		g.leader = ""
		if others := g.inOrder(); len(others) > 0 {
			g.leader = others[0].id
		}
	}
}

// lose takes a member away and rebalances the others.
func (g *group) lose(m *member, err error) {
	g.remove(m, err)
	switch g.state {
	case groupStable, groupCompleting:
		g.prepareRebalance()
	case groupPreparing:
		g.tryCompleteJoin()
	}
}

// expect holds a member id for somebody who was told to join with it.
func (g *group) expect(id string, timeout time.Duration) {
	g.pending[id] = time.AfterFunc(timeout, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.forgetPending(id)
	})
}

// forgetPending gives up a member id that was held, and says whether it was.
func (g *group) forgetPending(id string) bool {
	timer := g.pending[id]
	if timer == nil {
		return false
	}
	timer.Stop()
	delete(g.pending, id)
	switch g.state {
	case groupPreparing:
		g.tryCompleteJoin()
	case groupEmpty:
		g.startEmptyTimer()
	}
	return true
}

// keepAlive starts the session of a member anew.
func (g *group) keepAlive(m *member) {
	m.sessionEnd = time.Now().Add(m.sessionTimeout)
	if m.session == nil {
		m.session = time.AfterFunc(m.sessionTimeout, func() { g.expireSession(m) })
	} else {
		m.session.Reset(m.sessionTimeout)
	}
}

func (m *member) stopSession() {
	if m.session != nil {
		m.session.Stop()
	}
}

func (g *group) expireSession(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	isWaiting := m.joining != nil || m.syncing != nil
	if g.members[m.id] != m || isWaiting || time.Now().Before(m.sessionEnd) {
		return // the timer was late
	}
	g.lose(m, kerr.UnknownMemberID)
}

// startRound has f called, with the lock, after d, unless the round has changed.
func (g *group) startRound(d time.Duration, f func()) {
	g.stopRound()
	round := g.round
	g.roundTimer = time.AfterFunc(d, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.round == round {
			f()
		}
	})
}

func (g *group) stopRound() {
	g.round++
	if g.roundTimer != nil {
		g.roundTimer.Stop()
	}
}

func (g *group) stopTimers() {
	g.stopRound()
	g.emptyTimer.Stop()
	for _, timer := range g.pending {
		timer.Stop()
	}
}

// end makes the group dead. All who wait are sent to find the coordinator again.
func (g *group) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopTimers()
	for _, m := range g.inOrder() {
		g.remove(m, kerr.NotCoordinator)
	}
	clear(g.pending)
	g.state = groupDead
}

// checkMember finds a member that a request names, and refuses one that is not
// who it was.
func (g *group) checkMember(id string, instanceID *string, generation int32) (*member, error) {
	if instanceID != nil {
		if current, ok := g.static[*instanceID]; ok && current != id {
			return nil, kerr.FencedInstanceID
		}
	}
	m := g.members[id]
	if m == nil {
		return nil, kerr.UnknownMemberID
	}
	if generation != g.generation {
		return nil, kerr.IllegalGeneration
	}
	return m, nil
}

// heartbeat keeps a member's session and tells it whether to join again.
func (g *group) heartbeat(id string, instanceID *string, generation int32) error {
	m, err := g.checkMember(id, instanceID, generation)
	if err != nil {
		return err
	}
	g.keepAlive(m)
	if g.state == groupPreparing {
		return kerr.RebalanceInProgress
	}
	return nil
}

// leave takes a member away at its own wish, or at an administrator's if it is
// named by its instance alone.
func (g *group) leave(id string, instanceID *string) error {
	if instanceID != nil {
		current, ok := g.static[*instanceID]
		switch {
		case !ok:
			return kerr.UnknownMemberID
		case id != "" && id != current:
			return kerr.FencedInstanceID
		}
		id = current
	}
	if g.forgetPending(id) {
		return nil
	}
	m := g.members[id]
	if m == nil {
		return kerr.UnknownMemberID
	}
	g.lose(m, kerr.UnknownMemberID)
	return nil
}

// checkCommit says whether offsets may be committed in the name of a member. A
// negative generation is a client that uses the group for its offsets only; it may
// have a name nevertheless, as librdkafka's static members have.
func (g *group) checkCommit(id string, instanceID *string, generation int32) error {
	if generation < 0 && len(g.members) == 0 {
		return nil
	}
	m, err := g.checkMember(id, instanceID, generation)
	if err != nil {
		return err
	}
	if g.state == groupCompleting {
		// The partitions may be another's by the assignment that is on its way.
		return kerr.RebalanceInProgress
	}
	g.keepAlive(m)
	return nil
}

func (g *group) summary() groupSummary {
	s := groupSummary{id: g.id, state: g.state, protocolType: g.protocolType}
	if g.state == groupStable {
		s.protocol = g.protocol
	}
	for _, m := range g.inOrder() {
		about := memberSummary{id: m.id, instanceID: m.instanceID, clientID: m.clientID, clientHost: m.clientHost}
		if g.state == groupStable {
			about.metadata, about.assignment = m.metadata(g.protocol), m.assignment
		}
		s.members = append(s.members, about)
	}
	return s
}

// metadata is what the member said with a protocol.
func (m *member) metadata(protocol string) []byte {
	for _, p := range m.protocols {
		if p.name == protocol {
			return p.metadata
		}
	}
	return nil
}
