package kafkacompat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"kont/statemachine/command"
)

// loadLocked makes the groups that are in the log. One that can't be read is begun
// anew, with a line in the log: its members join again, and what is kept of it is
// written over.
func (c *coordinator) loadLocked() error {
	stored, err := c.log.StoredGroups()
	if err != nil {
		return err
	}
	for _, s := range stored {
		g, err := c.load(s)
		if err != nil {
			c.logger.Warn("consumer group is not taken over", "group", s.Group, "error", err)
			g.end()
			g = newGroup(s.Group, c.config, c.writer, c.drop)
		}
		g.keeper().isKept = true
		c.groups[s.Group] = g
	}
	return nil
}

// load makes a group of what is kept of it. It is never nil.
func (c *coordinator) load(s command.StoredGroup) (anyGroup, error) {
	var header []byte
	for _, part := range s.Parts {
		if part.Name == partGroup {
			header = part.Value
		}
	}
	if partType(header) == partTypeConsumer {
		g := newConsumerGroup(s.Group, c.config, c.log, c.writer, c.drop)
		return g, g.load(s.Parts, header)
	}
	g := newGroup(s.Group, c.config, c.writer, c.drop)
	return g, g.load(s.Parts, header)
}

// load makes a new group what it was when it was kept, which is stable or empty. The
// sessions of its members begin.
func (g *group) load(parts []command.GroupPart, header []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var members []*member
	for _, part := range parts {
		id, isMember := strings.CutPrefix(part.Name, partMemberPrefix)
		if !isMember {
			continue
		}
		m, err := decodeClassicMember(id, part.Value)
		if err != nil {
			return err
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b *member) int { return cmp.Compare(a.order, b.order) })
	for _, m := range members {
		g.add(m)
	}
	if err := decodeClassicGroup(g, header); err != nil {
		return err
	}
	if len(members) == 0 {
		g.leader, g.protocol = "", ""
		return nil
	}
	if g.members[g.leader] == nil || g.knownBy[g.protocol] != len(members) {
		return fmt.Errorf("leader %q and protocol %q: %w", g.leader, g.protocol, errPart)
	}
	g.emptyTimer.Stop()
	g.state = groupStable
	for _, m := range members {
		g.keepAlive(m)
	}
	return nil
}

// load makes a new group what it was when it was kept. The sessions of its members
// begin, and those that were giving partitions up get their time for it again.
func (g *consumerGroup) load(parts []command.GroupPart, header []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.isWhole = false
	if err := decodeConsumerGroup(g, header); err != nil {
		return err
	}
	for _, part := range parts {
		id, isMember := strings.CutPrefix(part.Name, partMemberPrefix)
		if !isMember {
			continue
		}
		m, err := decodeConsumer(id, part.Value)
		if err != nil {
			return err
		}
		if err := g.takeOver(m); err != nil {
			return err
		}
	}
	clear(g.dirty)
	for _, m := range g.members {
		g.keepAlive(m)
		if m.state == consumerRevoking {
			g.startRebalance(m)
		}
	}
	return nil
}

// takeOver adds a member that was kept, unless somebody else has what it has.
func (g *consumerGroup) takeOver(m *consumer) error {
	var other *consumer
	check := func(id command.TopicID, p int32) {
		if owner := g.owners[id][p]; owner != nil {
			other = owner
		}
	}
	m.assigned.each(check)
	m.revoking.each(check)
	if other != nil || len(m.assigned.and(m.revoking)) > 0 {
		return fmt.Errorf("members %s and %s own the same partitions: %w", m.id, cmp.Or(other, m).id, errPart)
	}
	g.add(m)
	g.own(m)
	return nil
}
