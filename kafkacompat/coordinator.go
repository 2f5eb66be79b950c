package kafkacompat

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// A coordinator holds the consumer groups. It lives on the leader alone: when
// another node becomes it, or this one starts again, the groups are made of what was
// kept of them in the log, and the sessions of their members begin anew.
type coordinator struct {
	config  GroupConfig
	cluster Cluster
	log     Log
	writer  *groupWriter

	// mu guards the fields below. A group's own lock may be taken under it, not
	// the other way round.
	mu       sync.Mutex
	isClosed bool
	// epoch is the leader epoch in which the groups were made, and isLoaded says
	// that those in the log were.
	epoch    int32
	isLoaded bool
	groups   map[string]*group
}

func newCoordinator(config GroupConfig, cluster Cluster, log Log, logger *slog.Logger) *coordinator {
	return &coordinator{
		config: config, cluster: cluster, log: log,
		writer: newGroupWriter(log, logger), groups: make(map[string]*group),
	}
}

// checkLeader is NOT_COORDINATOR on any node but the leader. When the leader has
// changed since the last request, it forgets all groups, and makes those anew that
// are in the log.
func (c *coordinator) checkLeader() error {
	leader, epoch := c.cluster.Leader()
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch > c.epoch { // not an older one, from before we had the lock
		c.epoch, c.isLoaded = epoch, false
		c.forgetLocked()
	}
	if leader != c.cluster.NodeID() || c.isClosed {
		return kerr.NotCoordinator
	}
	if !c.isLoaded {
		if err := c.loadLocked(); err != nil {
			c.writer.logger.Error("load consumer groups", "error", err)
			c.forgetLocked()
			return kerr.CoordinatorLoadInProgress
		}
		c.isLoaded = true
	}
	return nil
}

// forgetLocked ends all groups.
func (c *coordinator) forgetLocked() {
	for id, g := range c.groups {
		g.end()
		delete(c.groups, id)
	}
}

func (c *coordinator) close() {
	c.mu.Lock()
	c.isClosed = true
	c.forgetLocked()
	c.mu.Unlock()
	c.writer.close()
}

func (c *coordinator) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.groups)
}

// withMembers are the groups that have members, or have given out ids to some.
func (c *coordinator) withMembers() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for id, g := range c.groups {
		g.mu.Lock()
		if !g.isForgettable() {
			ids = append(ids, id)
		}
		g.mu.Unlock()
	}
	return ids
}

// find is the group, locked, or nil. The caller unlocks it.
func (c *coordinator) find(id string) *group {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.groups[id]
	if g != nil {
		g.mu.Lock()
	}
	return g
}

// findOrMake is find, but makes the group if there is none; nil only after close.
func (c *coordinator) findOrMake(id string) *group {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed {
		return nil
	}
	g := c.groups[id]
	if g == nil {
		g = c.makeLocked(id)
	}
	g.mu.Lock()
	return g
}

func (c *coordinator) makeLocked(id string) *group {
	g := newGroup(id, c.config, c.writer, c.drop)
	c.groups[id] = g
	return g
}

// drop forgets a group that has had no members for a while. What is kept of it stays
// for as long as it has offsets, as in Kafka: its generation goes on.
func (c *coordinator) drop(g *group) {
	offsets, err := c.log.CommittedOffsets(g.id)
	c.mu.Lock()
	defer c.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case c.groups[g.id] != g || !g.isForgettable():
	case !g.store.isKept:
		c.forgetGroupLocked(g)
	case err != nil || len(offsets) > 0:
		g.startEmptyTimer()
	default:
		g.store.keep(true, nil, func(err error) {
			if err == nil && g.isForgettable() {
				g.store.isKept = false
			}
			g.startEmptyTimer()
		})
	}
}

// forgetGroupLocked takes a group, which is locked as well, out of the table.
func (c *coordinator) forgetGroupLocked(g *group) {
	g.stopTimers()
	g.state = groupDead
	delete(c.groups, g.id)
}

// delete has a group without members deleted, by a function that proposes it: nobody
// joins meanwhile. It is NON_EMPTY_GROUP if there are members.
func (c *coordinator) delete(id string, propose func() error) error {
	g := c.find(id)
	if g == nil {
		return propose()
	}
	if g.state == groupDead {
		g.mu.Unlock()
		return kerr.CoordinatorNotAvailable
	}
	if !g.isForgettable() {
		g.mu.Unlock()
		return kerr.NonEmptyGroup
	}
	g.state = groupDead
	g.mu.Unlock()

	err := propose()
	isGone := err == nil || errors.Is(err, command.ErrUnknownGroup) // it had no offsets
	c.mu.Lock()
	defer c.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case c.groups[id] != g: // another leader's, or nobody's
	case isGone:
		c.forgetGroupLocked(g)
		return nil
	default:
		g.state = groupEmpty
		g.startEmptyTimer()
	}
	return err
}

// A groupSummary is what ListGroups and DescribeGroups tell of a group.
type groupSummary struct {
	id           string
	state        groupState
	protocolType string
	protocol     string
	members      []memberSummary
}

type memberSummary struct {
	id         string
	instanceID *string
	clientID   string
	clientHost string
	metadata   []byte
	assignment []byte
}

// describe is the summary of a group: of one with members, of one that has
// nothing but offsets, or of one that doesn't exist, which is dead.
func (c *coordinator) describe(id string) (groupSummary, error) {
	if g := c.find(id); g != nil {
		defer g.mu.Unlock()
		return g.summary(), nil
	}
	offsets, err := c.log.CommittedOffsets(id)
	if err != nil {
		return groupSummary{}, err
	}
	if len(offsets) > 0 {
		return groupSummary{id: id, state: groupEmpty}, nil
	}
	return groupSummary{id: id, state: groupDead}, nil
}

// list is the summaries of all groups, without members, sorted by id.
func (c *coordinator) list() ([]groupSummary, error) {
	withOffsets, err := c.log.Groups()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	groups := make([]*group, 0, len(c.groups))
	for _, g := range c.groups {
		groups = append(groups, g)
	}
	c.mu.Unlock()

	var all []groupSummary
	isListed := make(map[string]bool)
	for _, g := range groups {
		g.mu.Lock()
		summary := groupSummary{id: g.id, state: g.state, protocolType: g.protocolType}
		g.mu.Unlock()
		all = append(all, summary)
		isListed[summary.id] = true
	}
	for _, id := range withOffsets {
		if !isListed[id] {
			all = append(all, groupSummary{id: id, state: groupEmpty})
		}
	}
	slices.SortFunc(all, func(a, b groupSummary) int { return cmp.Compare(a.id, b.id) })
	return all, nil
}
