package kafkacompat

import (
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
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
// What the leader decided is in the log before anyone hears of it, so that after a
// restart the members go on in their generation. A rebalance that is under way is
// not: after a restart it begins anew.
//
// Joins and syncs cost the same however many members there are: thousands may come
// at once. What goes over all members happens once in a rebalance.
//
// Invariants: a group in Empty or Dead has no members. In Stable and
// CompletingRebalance no member waits in a join; in Stable none waits in a sync.
// leader is a member unless there are none.
type group struct {
	id     string
	config GroupConfig
	// drop is called, without the lock, when the group may be forgotten.
	drop  func(anyGroup)
	store *groupStore

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
	// ordered is members in the order in which they came, and some that are none
	// any more: those that no other place knows.
	ordered []*member
	// knownBy counts the members that know a protocol.
	knownBy map[string]int
	// joining and syncing are the members that wait for an answer.
	joining map[chan joinReply]*member
	syncing map[chan syncReply]*member
	// unsynced counts the members that have not synced in this generation.
	unsynced int
	// isStoring: the leader has synced in this generation, and its decision is on
	// its way into the log.
	isStoring bool
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
	// notBefore holds back the first rebalance of an empty group, at most until
	// notAfter; each new member makes it wait again.
	notBefore  time.Time
	notAfter   time.Time
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
	// told is the assignment that the member has heard of last. It may have that while
	// a rebalance is under way.
	told      []byte
	hasSynced bool
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

func newGroup(id string, config GroupConfig, writer *groupWriter, drop func(anyGroup)) *group {
	g := &group{
		id:      id,
		config:  config,
		drop:    drop,
		state:   groupEmpty,
		members: make(map[string]*member),
		knownBy: make(map[string]int),
		joining: make(map[chan joinReply]*member),
		syncing: make(map[chan syncReply]*member),
		static:  make(map[string]string),
		pending: make(map[string]*time.Timer),
	}
	g.store = &groupStore{writer: writer, group: id, lock: &g.mu}
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

func (g *group) Lock()                { g.mu.Lock() }
func (g *group) Unlock()              { g.mu.Unlock() }
func (g *group) name() string         { return g.id }
func (g *group) groupType() groupType { return groupTypeClassic }
func (g *group) keeper() *groupStore  { return g.store }
func (g *group) isForgettable() bool  { return g.state == groupEmpty && len(g.pending) == 0 }
func (g *group) isDeadNow() bool      { return g.state == groupDead }
func (g *group) lastEpoch() int32     { return g.generation }

// setDead is for a group without members.
func (g *group) setDead(isDead bool) {
	if g.state = groupEmpty; isDead {
		g.state = groupDead
	}
}

// checkFetch lets everybody ask: the classic protocol has no names in OffsetFetch.
func (g *group) checkFetch(*string, int32) error { return nil }

// subscribed looks into what consumers told their leader. Where that can't be read,
// every topic may be wanted.
func (g *group) subscribed() func(topic string) bool {
	isRead := make(map[string]bool)
	for _, m := range g.members {
		for _, p := range m.protocols {
			var subscription kmsg.ConsumerMemberMetadata
			if err := subscription.ReadFrom(p.metadata); err != nil {
				return func(string) bool { return true }
			}
			for _, topic := range subscription.Topics {
				isRead[topic] = true
			}
		}
	}
	return func(topic string) bool { return isRead[topic] }
}

// inOrder are the members in the order in which they came.
func (g *group) inOrder() []*member {
	g.forgetRemoved()
	return slices.Clone(g.ordered)
}

func (g *group) forgetRemoved() {
	g.ordered = slices.DeleteFunc(g.ordered, func(m *member) bool { return g.members[m.id] != m })
}

// orderedSlack is how many that are no members any more a small group may remember.
const orderedSlack = 16

// oldest is the member that came first, nil if there is none.
func (g *group) oldest() *member {
	for len(g.ordered) > 0 {
		if m := g.ordered[0]; g.members[m.id] == m {
			return m
		}
		g.ordered[0] = nil
		g.ordered = g.ordered[1:]
	}
	return nil
}

// add makes m a member.
func (g *group) add(m *member) {
	g.joins++
	m.order = g.joins
	g.members[m.id] = m
	g.ordered = append(g.ordered, m)
	g.countProtocols(m, 1)
	if m.instanceID != nil {
		g.static[*m.instanceID] = m.id
	}
	if g.leader == "" {
		g.leader = m.id
	}
}

// countProtocols adds a member's protocols to knownBy, or takes them away.
func (g *group) countProtocols(m *member, by int) {
	for i, p := range m.protocols {
		if isRepeated := slices.ContainsFunc(m.protocols[:i], func(q groupProtocol) bool { return q.name == p.name }); !isRepeated {
			if g.knownBy[p.name] += by; g.knownBy[p.name] == 0 {
				delete(g.knownBy, p.name)
			}
		}
	}
}

// remove takes a member away without a rebalance. What it waits for is answered
// with err.
func (g *group) remove(m *member, err error) {
	m.stopSession()
	g.answerJoin(m, joinReply{err: err, memberID: m.id})
	g.answerSync(m, syncReply{err: err})
	delete(g.members, m.id)
	// A rebalance may take as long as a client likes, and others come and go meanwhile.
	if len(g.ordered) > 2*len(g.members)+orderedSlack {
		g.forgetRemoved()
	}
	g.countProtocols(m, -1)
	if !m.hasSynced {
		g.unsynced--
	}
	if m.instanceID != nil && g.static[*m.instanceID] == m.id {
		delete(g.static, *m.instanceID)
	}
	if g.leader == m.id {
		g.leader = ""
		if next := g.oldest(); next != nil {
			g.leader = next.id
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

func (g *group) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.endLocked()
}

// endLocked makes the group dead. All who wait are sent to find the coordinator again.
func (g *group) endLocked() {
	g.stopTimers()
	for _, m := range g.inOrder() {
		g.remove(m, kerr.NotCoordinator)
	}
	clear(g.pending)
	g.state = groupDead
	g.store.isEnded = true
}

// checkMember finds a member that a request names, and refuses one that is not
// who it was.
func (g *group) checkMember(id string, instanceID *string, generation int32) (*member, error) {
	if err := checkInstance(g.static, id, instanceID); err != nil {
		return nil, err
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

// checkInstance refuses an instance that is unknown, and one that another member than the named one is.
func checkInstance(static map[string]string, memberID string, instanceID *string) error {
	if instanceID == nil {
		return nil
	}
	switch current, isKnown := static[*instanceID]; {
	case !isKnown:
		return kerr.UnknownMemberID
	case current != memberID:
		return kerr.FencedInstanceID
	}
	return nil
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

func (g *group) headline() groupSummary {
	return groupSummary{id: g.id, kind: groupTypeClassic, state: g.state, protocolType: g.protocolType}
}

func (g *group) summary() groupSummary {
	s := g.headline()
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
