package kafkacompat

import (
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// The states of a consumer group, besides Empty, Stable and Dead. The texts are
// Kafka's.
const (
	groupAssigning   groupState = "Assigning"
	groupReconciling groupState = "Reconciling"
)

// A consumerGroup is a consumer group by the new protocol (KIP-848). Members say in
// heartbeats what they subscribe to and what they own; the coordinator decides who
// should have what, and leads each member there by the answers to its heartbeats.
//
// Three kinds of epochs count: the group's grows with each change of members,
// subscriptions or topics; the target assignment's is the group epoch that it was
// made for; a member's is that of the target that it has reached, or is on its way
// to once it has given up what it has to. A member that names another epoch than its
// own is fenced.
//
// What a member is told was in the log before. A heartbeat that changes nothing
// writes nothing.
//
// Invariant: a partition is assigned to, or being revoked from, one member at most.
type consumerGroup struct {
	id     string
	config GroupConfig
	log    Log
	drop   func(anyGroup)
	store  *groupStore

	// mu guards everything below.
	mu     sync.Mutex
	isDead bool
	// epoch is the group epoch, targetEpoch that of the target assignment.
	epoch, targetEpoch int32
	members            map[string]*consumer
	// static maps group instance ids to member ids.
	static map[string]string
	owners map[command.TopicID]map[int32]*consumer
	// topics are those that the target assignment was made of, topicsHash their hash.
	topics     map[string]subscribedTopic
	topicsHash uint64
	// seenChanges is Log.TopicChanges as of the last look at the topics.
	seenChanges uint64
	hasLooked   bool
	// matched are the topics that a regular expression matched at that look, as far as its members may describe them
	// by seenACLs. asker is who said something last.
	matched  map[seenPattern][]string
	seenACLs *indexedACLs
	asker    viewer
	// restUntil holds back the next target assignment of a group in which it takes
	// long: a thousand members that join make a few.
	restUntil time.Time

	// isWhole: nothing of the group is in the log yet, or what is there is another
	// type's. dirty and isHeaderDirty are what has to be written.
	isWhole       bool
	isHeaderDirty bool
	dirty         map[string]bool
	emptyTimer    *time.Timer
}

// A subscribedTopic is what an assignment depends on.
type subscribedTopic struct {
	id         command.TopicID
	partitions int32
}

// A consumerState is where a member is on its way to the target.
type consumerState uint8

const (
	// consumerStable: the member has what the target of its epoch gives it.
	consumerStable consumerState = 0
	// consumerRevoking: it was told to give partitions up, and has not said that it
	// has. Its epoch stays until then.
	consumerRevoking consumerState = 1
	// consumerWaiting: it gets more when others have given that up.
	consumerWaiting consumerState = 2
)

// A consumer is one member.
type consumer struct {
	id               string
	instanceID       *string
	rackID           *string
	clientID         string
	clientHost       string
	rebalanceTimeout time.Duration
	// topics are the names that it subscribes to, sorted; pattern, if not empty, a
	// regular expression for more.
	topics   []string
	pattern  string
	assignor string
	// who may describe the topics that pattern is about. It is not known of a member that has said nothing since the coordinator started.
	who viewer

	// epoch is -2 while a static member is away (epochAway).
	epoch, previousEpoch int32
	state                consumerState
	// assigned is what the member has or may take, revoking what it has to give up,
	// target what it shall have in the end.
	assigned, revoking, target assignment

	// classic is set for a member that speaks the classic protocol.
	classic *classicSide

	session    *time.Timer
	sessionEnd time.Time
	// rebalance fires when it takes the member too long to give partitions up.
	rebalance *time.Timer
}

// Member epochs with a meaning in requests.
const (
	epochJoin  = 0
	epochLeave = -1
	epochAway  = -2
)

func newConsumerGroup(id string, config GroupConfig, log Log, writer *groupWriter, drop func(anyGroup)) *consumerGroup {
	g := &consumerGroup{
		id: id, config: config, log: log, drop: drop, isWhole: true,
		members: make(map[string]*consumer), static: make(map[string]string),
		owners: make(map[command.TopicID]map[int32]*consumer), dirty: make(map[string]bool),
		topicsHash: hashTopics(nil),
	}
	g.store = &groupStore{writer: writer, group: id, lock: &g.mu}
	g.startEmptyTimer()
	return g
}

func (g *consumerGroup) Lock()                { g.mu.Lock() }
func (g *consumerGroup) Unlock()              { g.mu.Unlock() }
func (g *consumerGroup) name() string         { return g.id }
func (g *consumerGroup) keeper() *groupStore  { return g.store }
func (g *consumerGroup) isForgettable() bool  { return !g.isDead && len(g.members) == 0 }
func (g *consumerGroup) setDead(isDead bool)  { g.isDead = isDead }
func (g *consumerGroup) isDeadNow() bool      { return g.isDead }
func (g *consumerGroup) lastEpoch() int32     { return g.epoch }
func (g *consumerGroup) groupType() groupType { return groupTypeConsumer }

// startEmptyTimer has the group forgotten, unless a member comes.
func (g *consumerGroup) startEmptyTimer() {
	if g.emptyTimer == nil {
		g.emptyTimer = time.AfterFunc(g.config.EmptyRetention, func() { g.drop(g) })
	} else {
		g.emptyTimer.Reset(g.config.EmptyRetention)
	}
}

func (g *consumerGroup) stopTimers() {
	g.emptyTimer.Stop()
	for _, m := range g.members {
		m.stopTimers()
	}
}

func (g *consumerGroup) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.endLocked()
}

// endLocked makes the group dead.
func (g *consumerGroup) endLocked() {
	g.stopTimers()
	clear(g.members)
	g.isDead = true
	g.store.isEnded = true
}

func (g *consumerGroup) groupState() groupState {
	switch {
	case g.isDead:
		return groupDead
	case len(g.members) == 0:
		return groupEmpty
	case g.epoch > g.targetEpoch:
		return groupAssigning
	}
	for _, m := range g.members {
		if m.state != consumerStable || m.epoch != g.targetEpoch {
			return groupReconciling
		}
	}
	return groupStable
}

// inOrder are the members by id.
func (g *consumerGroup) inOrder() []*consumer {
	members := make([]*consumer, 0, len(g.members))
	for _, id := range slices.Sorted(maps.Keys(g.members)) {
		members = append(members, g.members[id])
	}
	return members
}

// bump begins the next group epoch, for which a target assignment is to be made.
func (g *consumerGroup) bump() {
	g.epoch++
	g.isHeaderDirty = true
}

// add makes m a member.
func (g *consumerGroup) add(m *consumer) {
	g.members[m.id] = m
	g.dirty[m.id] = true
	if m.instanceID != nil {
		g.static[*m.instanceID] = m.id
	}
	g.emptyTimer.Stop()
}

// remove takes a member away, and what it had is free.
func (g *consumerGroup) remove(m *consumer) {
	g.disown(m)
	m.stopTimers()
	delete(g.members, m.id)
	g.dirty[m.id] = true
	if m.instanceID != nil && g.static[*m.instanceID] == m.id {
		delete(g.static, *m.instanceID)
	}
	if len(g.members) == 0 {
		g.startEmptyTimer()
	}
}

// lose takes a member away, and the others get its partitions.
func (g *consumerGroup) lose(m *consumer) {
	g.remove(m)
	g.bump()
}

// disown gives up what the member has and had to give up.
func (g *consumerGroup) disown(m *consumer) {
	free := func(id command.TopicID, p int32) {
		if of := g.owners[id]; of[p] == m {
			if delete(of, p); len(of) == 0 {
				delete(g.owners, id)
			}
		}
	}
	m.assigned.each(free)
	m.revoking.each(free)
}

// setAssignment makes a member the owner of partitions, and of those that it has to
// give up.
func (g *consumerGroup) setAssignment(m *consumer, assigned, revoking assignment) {
	g.disown(m)
	m.assigned, m.revoking = assigned, revoking
	g.own(m)
}

func (g *consumerGroup) own(m *consumer) {
	take := func(id command.TopicID, p int32) {
		if g.owners[id] == nil {
			g.owners[id] = make(map[int32]*consumer)
		}
		g.owners[id][p] = m
	}
	m.assigned.each(take)
	m.revoking.each(take)
}

// keepAlive starts the session of a member anew.
func (g *consumerGroup) keepAlive(m *consumer) {
	d := groupMilli(g.log, &g.config, g.id, configGroupSession)
	if m.classic != nil {
		d = m.classic.sessionTimeout
	}
	m.sessionEnd = time.Now().Add(d)
	if m.session == nil {
		m.session = time.AfterFunc(d, func() { g.expireSession(m) })
	} else {
		m.session.Reset(d)
	}
}

func (g *consumerGroup) expireSession(m *consumer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.members[m.id] != m || time.Now().Before(m.sessionEnd) {
		return // the timer was late
	}
	g.lose(m)
	g.flush(nil)
}

// startRebalance gives a member its time to give partitions up.
func (g *consumerGroup) startRebalance(m *consumer) {
	m.stopRebalance()
	var timer *time.Timer
	timer = time.AfterFunc(m.rebalanceTimeout, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.members[m.id] == m && m.rebalance == timer {
			g.lose(m)
			g.flush(nil)
		}
	})
	m.rebalance = timer
}

func (m *consumer) stopRebalance() {
	if m.rebalance != nil {
		m.rebalance.Stop()
		m.rebalance = nil
	}
}

func (m *consumer) stopTimers() {
	m.stopRebalance()
	m.stopRejoin()
	if m.session != nil {
		m.session.Stop()
	}
}

// flush writes what has changed. done, if there is one, is called when that, and all
// that changed before it, is in the log; it returns false, and calls nothing, if it
// is there already.
func (g *consumerGroup) flush(done func(error)) bool {
	hasChanged := g.isHeaderDirty || len(g.dirty) > 0
	if !hasChanged && !g.store.isWriting && !g.store.hasUnwritten() {
		return false
	}
	if g.store.isTooLarge && g.isHeaderDirty {
		g.isWhole = true // perhaps it has become smaller
	}
	parts := make(map[string][]byte, len(g.dirty)+1)
	if g.isHeaderDirty || g.isWhole {
		parts[partGroup] = encodeConsumerGroup(g)
	}
	write := func(id string) {
		parts[partMemberPrefix+id] = nil
		if m := g.members[id]; m != nil {
			parts[partMemberPrefix+id] = encodeConsumer(m)
		}
	}
	if g.isWhole {
		for id := range g.members {
			write(id)
		}
	} else {
		for id := range g.dirty {
			write(id)
		}
	}
	isWhole := g.isWhole
	g.isWhole, g.isHeaderDirty = false, false
	clear(g.dirty)
	g.store.keep(isWhole, parts, done)
	return true
}

// subscribed compiles each expression once, however many members have it and however
// many topics are asked for.
func (g *consumerGroup) subscribed() func(topic string) bool {
	isRead := make(map[string]bool)
	patterns := make(map[string]*regexp.Regexp)
	for _, m := range g.members {
		for _, topic := range m.topics {
			isRead[topic] = true
		}
		if _, isKnown := patterns[m.pattern]; m.pattern != "" && !isKnown {
			if pattern, err := compilePattern(m.pattern); err == nil {
				patterns[m.pattern] = pattern
			}
		}
	}
	return func(topic string) bool {
		if isRead[topic] {
			return true
		}
		for _, pattern := range patterns {
			if pattern.MatchString(topic) {
				return true
			}
		}
		return false
	}
}

// seenPattern is a regular expression in the eyes of a member.
type seenPattern struct {
	pattern string
	who     viewer
}

// leave takes a member away at an administrator's wish, by LeaveGroup.
func (g *consumerGroup) leave(id string, instanceID *string) error {
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
	m := g.members[id]
	if m == nil {
		return kerr.UnknownMemberID
	}
	g.lose(m)
	return nil
}

// checkCommit says whether offsets may be committed in a member's name.
func (g *consumerGroup) checkCommit(who commitIdentity) error {
	switch {
	case g.isDead:
		return kerr.CoordinatorNotAvailable
	case who.generation < 0 && len(g.members) == 0:
		return nil
	case who.isNobody() && who.isTransactional:
		return nil
	}
	m := g.members[who.memberID]
	switch {
	case m == nil:
		return kerr.UnknownMemberID
	case m.classic != nil && who.generation != m.epoch:
		return kerr.IllegalGeneration
	case m.classic != nil:
		g.keepAlive(m)
		return nil
	case !who.knowsMemberEpochs && !who.isTransactional:
		return kerr.UnsupportedVersion
	case who.generation == m.epoch:
		return nil
	case 0 < who.generation && who.generation < m.epoch && len(who.partitions) > 0 && len(who.partitions.without(m.assigned.or(m.revoking))) == 0:
		// The epoch went on while the commit was on its way, and the partitions stayed
		// (KIP-1251): nobody else can have committed.
		return nil
	case who.isTransactional:
		return kerr.IllegalGeneration
	}
	return kerr.StaleMemberEpoch
}

// checkFetch says whether a member may ask for offsets. An administrator has no name
// and no epoch.
func (g *consumerGroup) checkFetch(memberID *string, epoch int32) error {
	if epoch < 0 && (memberID == nil || *memberID == "") {
		return nil
	}
	if memberID == nil || g.members[*memberID] == nil {
		return kerr.UnknownMemberID
	}
	if g.members[*memberID].epoch != epoch {
		return kerr.StaleMemberEpoch
	}
	return nil
}

// summary has no members: they are for ConsumerGroupDescribe.
func (g *consumerGroup) summary() groupSummary { return g.headline() }

func (g *consumerGroup) headline() groupSummary {
	return groupSummary{id: g.id, kind: groupTypeConsumer, state: g.groupState(), protocolType: protocolTypeConsumer}
}
