package kafkacompat

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// haveTopicsChanged says whether topics that members want have come, grown or gone
// since the last time. It is cheap while no topic of the node has changed and no
// member its subscription; newcomer, if there is one, is a member that is new, and
// cheap as well if it wants what others want.
func (g *consumerGroup) haveTopicsChanged(newcomer *consumer, hasSubscriptionChanged bool) bool {
	changes, acls := g.log.TopicChanges(), g.asker.acls()
	if g.hasLooked && changes == g.seenChanges && acls == g.seenACLs {
		if newcomer != nil {
			hasSubscriptionChanged = !g.isWanted(newcomer)
		}
		if !hasSubscriptionChanged {
			return false
		}
	}
	matchedBefore := g.matched
	if !g.hasLooked || changes != g.seenChanges || acls != g.seenACLs {
		g.matched = make(map[seenPattern][]string)
	}
	g.hasLooked, g.seenChanges, g.seenACLs = true, changes, acls
	isUsed := make(map[seenPattern]bool)
	topics := make(map[string]subscribedTopic)
	for _, m := range g.members {
		isUsed[g.patternOf(m)] = true
		for _, name := range g.subscriptionOf(m) {
			if _, isKnown := topics[name]; isKnown {
				continue
			}
			if topic, exists := g.log.Topic(name); exists {
				topics[name] = subscribedTopic{topic.ID, topic.Partitions}
			}
		}
	}
	maps.DeleteFunc(g.matched, func(pattern seenPattern, _ []string) bool { return !isUsed[pattern] })
	before := g.topicsHash
	g.topics, g.topicsHash = topics, hashTopics(topics)
	// A member may see more or less while the group sees the same.
	isSeenAnew := false
	for pattern, names := range g.matched {
		namesBefore, isKnown := matchedBefore[pattern]
		isSeenAnew = isSeenAnew || isKnown && !slices.Equal(names, namesBefore)
	}
	return g.topicsHash != before || isSeenAnew
}

// isWanted says whether all topics that a member subscribes to are known to be there,
// since others do, too.
func (g *consumerGroup) isWanted(m *consumer) bool {
	return m.pattern == "" && !slices.ContainsFunc(m.topics, func(name string) bool {
		_, isKnown := g.topics[name]
		return !isKnown
	})
}

// hashTopics tells sets of topics apart. It is kept, so that a coordinator that starts
// knows whether the target assignment is still one of the topics that there are.
func hashTopics(topics map[string]subscribedTopic) uint64 {
	sum := fnv.New64a()
	var line []byte
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		line = appendText(line[:0], name)
		topic := topics[name]
		line = append(line, topic.id[:]...)
		sum.Write(binary.AppendUvarint(line, uint64(topic.partitions)))
	}
	return sum.Sum64()
}

// patternOf is a member's regular expression as the member sees topics; who has not been heard yet sees them
// as the one who is.
func (g *consumerGroup) patternOf(m *consumer) seenPattern {
	if m.who == (viewer{}) {
		return seenPattern{m.pattern, g.asker}
	}
	return seenPattern{m.pattern, m.who}
}

// subscriptionOf is the names of the topics that a member wants, whether they are
// there or not, each once. What a regular expression matches and the member may not describe, it doesn't get, and learns
// nothing of, as on a Kafka broker.
func (g *consumerGroup) subscriptionOf(m *consumer) []string {
	if m.pattern == "" {
		return m.topics
	}
	seen := g.patternOf(m)
	matched, isKnown := g.matched[seen]
	if !isKnown {
		if pattern, err := compilePattern(m.pattern); err == nil {
			for _, topic := range g.log.Topics() {
				if pattern.MatchString(topic.Name) && seen.who.sees(topic.Name) {
					matched = append(matched, topic.Name)
				}
			}
		}
		g.matched[seen] = matched
	}
	if len(m.topics) == 0 {
		return matched
	}
	names := slices.Concat(m.topics, matched)
	slices.Sort(names)
	return slices.Compact(names)
}

// restFactor is how many times as long as it took to make a target assignment the
// next one waits: its share of a processor is a tenth.
const restFactor = 9

// updateTarget makes the target assignment of the group epoch, unless it is there.
func (g *consumerGroup) updateTarget() {
	began := time.Now()
	if g.targetEpoch == g.epoch || g.targetEpoch > 0 && began.Before(g.restUntil) {
		return
	}
	names := slices.Sorted(maps.Keys(g.topics))
	topics := make([]assignorTopic, len(names))
	index := make(map[string]int, len(names))
	for i, name := range names {
		topics[i] = assignorTopic{g.topics[name].id, g.topics[name].partitions}
		index[name] = i
	}
	members := g.inOrder()
	inputs := make([]assignorMember, len(members))
	for i, m := range members {
		inputs[i] = assignorMember{id: m.id, instanceID: m.instanceID, before: m.target}
		for _, name := range g.subscriptionOf(m) {
			if t, exists := index[name]; exists {
				inputs[i].topics = append(inputs[i].topics, t)
			}
		}
	}
	for i, target := range assignors[g.assignorName()](topics, inputs) {
		if m := members[i]; !m.target.equal(target) {
			m.target = target
			g.dirty[m.id] = true
		}
	}
	g.targetEpoch = g.epoch
	g.isHeaderDirty = true
	now := time.Now()
	if took := now.Sub(began); took > time.Millisecond {
		g.restUntil = now.Add(restFactor * took)
	}
}

// assignorName is the assignor that most members ask for, and the first by name
// among equals.
func (g *consumerGroup) assignorName() string {
	votes := make(map[string]int)
	for _, m := range g.members {
		if m.assignor != "" {
			votes[m.assignor]++
		}
	}
	best := assignorDefault
	for _, name := range slices.Sorted(maps.Keys(votes)) {
		if votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// reconcile leads a member a step further to its target. owned is what the member
// says that it has, nil if it says nothing.
//
// It revokes before it assigns: a member keeps its epoch until it has given up what
// it has to, and gets only what nobody else has.
func (g *consumerGroup) reconcile(m *consumer, owned assignment, hasSubscriptionChanged bool) {
	switch m.state {
	case consumerStable:
		if m.epoch >= g.targetEpoch && !hasSubscriptionChanged {
			return
		}
	case consumerRevoking:
		if owned == nil || len(owned.and(m.revoking)) > 0 {
			return // it still has some of that
		}
	}
	kept := m.assigned.and(m.target)
	toRevoke := m.assigned.without(m.target)
	if len(toRevoke) > 0 && (owned == nil || len(owned.and(toRevoke)) > 0) {
		g.moveTo(m, consumerRevoking, m.epoch, kept, toRevoke)
		g.startRebalance(m)
		return
	}
	state := consumerStable
	wanted := m.target.without(kept)
	free := make(assignment)
	for id, partitions := range wanted {
		of := keepIf(partitions, func(p int32) bool { return g.owners[id][p] == nil })
		if len(of) > 0 {
			free[id] = of
		}
		if len(of) < len(partitions) {
			state = consumerWaiting
		}
	}
	g.moveTo(m, state, g.targetEpoch, kept.or(free), nil)
	m.stopRebalance()
}

// moveTo puts a member into a state, and notes whether that is another one.
func (g *consumerGroup) moveTo(m *consumer, state consumerState, epoch int32, assigned, revoking assignment) {
	if m.state == state && m.epoch == epoch && m.assigned.equal(assigned) && m.revoking.equal(revoking) {
		return
	}
	if m.epoch != epoch {
		m.previousEpoch, m.epoch = m.epoch, epoch
	}
	m.state = state
	g.setAssignment(m, assigned, revoking)
	g.dirty[m.id] = true
}
