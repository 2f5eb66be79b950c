package kafkacompat

import (
	"cmp"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
)

// A coordinator holds the consumer groups. Their members live in its memory, on
// the leader alone; committed offsets are in the log. When the leader changes,
// or starts again, the members are told that nobody knows them and join anew,
// which every client does by itself.
type coordinator struct {
	config  GroupConfig
	cluster Cluster
	log     Log

	// mu guards the fields below. A group's own lock may be taken under it, not
	// the other way round.
	mu       sync.Mutex
	isClosed bool
	// epoch is the leader epoch in which the groups were made.
	epoch  int32
	groups map[string]*group
}

func newCoordinator(config GroupConfig, cluster Cluster, log Log) *coordinator {
	return &coordinator{config: config, cluster: cluster, log: log, groups: make(map[string]*group)}
}

// checkLeader is NOT_COORDINATOR on any node but the leader. When the leader has
// changed since the last request, it forgets all groups.
func (c *coordinator) checkLeader() error {
	leader, epoch := c.cluster.Leader()
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch > c.epoch { // not an older one, from before we had the lock
		c.epoch = epoch
		c.forgetLocked()
	}
	if leader != c.cluster.NodeID() {
		return kerr.NotCoordinator
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
	defer c.mu.Unlock()
	c.isClosed = true
	c.forgetLocked()
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
		g = newGroup(id, c.config, c.drop)
		c.groups[id] = g
	}
	g.mu.Lock()
	return g
}

// drop forgets a group that has had no members for a while.
func (c *coordinator) drop(g *group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.groups[g.id] == g && g.isForgettable() {
		g.state = groupDead
		delete(c.groups, g.id)
	}
}

// forgetEmpty forgets a group without members, for it is deleted. It is
// NON_EMPTY_GROUP if there are some, and says whether the group was known.
func (c *coordinator) forgetEmpty(id string) (wasKnown bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.groups[id]
	if g == nil {
		return false, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.members) > 0 || len(g.pending) > 0 {
		return true, kerr.NonEmptyGroup
	}
	g.stopTimers()
	g.state = groupDead
	delete(c.groups, id)
	return true, nil
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
