package kafkacompat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"kont/statemachine/command"
)

// loadLocked makes the groups that are in the log. One that can't be read is left
// out, with a line in the log: its members join again, and what is kept of it is
// written over.
func (c *coordinator) loadLocked() error {
	stored, err := c.log.StoredGroups()
	if err != nil {
		return err
	}
	for _, s := range stored {
		if err := c.loadGroupLocked(s); err != nil {
			c.writer.logger.Warn("consumer group is not taken over", "group", s.Group, "error", err)
			g := c.makeLocked(s.Group)
			g.store.isKept = true
		}
	}
	return nil
}

func (c *coordinator) loadGroupLocked(s command.StoredGroup) error {
	var header []byte
	for _, part := range s.Parts {
		if part.Name == partGroup {
			header = part.Value
		}
	}
	switch partType(header) {
	case partTypeClassic:
		g := newGroup(s.Group, c.config, c.writer, c.drop)
		if err := g.load(s.Parts, header); err != nil {
			g.end()
			return err
		}
		c.groups[s.Group] = g
		return nil
	}
	return fmt.Errorf("group %q: %w", s.Group, errPart)
}

// load makes a new group what it was when it was kept, which is stable or empty. The
// sessions of its members begin.
func (g *group) load(parts []command.GroupPart, header []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.store.isKept = true
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
