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
	logger  *slog.Logger
	commits commits

	// mu guards the fields below. A group's own lock may be taken under it, not
	// the other way round.
	mu       sync.Mutex
	isClosed bool
	// writer is that of the leadership in which the groups were made, and isLoaded says
	// that those in the log were. No other group is made before.
	writer   *groupWriter
	isLoaded bool
	groups   map[string]anyGroup
}

func newCoordinator(config GroupConfig, cluster Cluster, log Log, logger *slog.Logger) *coordinator {
	return &coordinator{
		config: config, cluster: cluster, log: log, logger: logger,
		writer: newGroupWriter(log, cluster, 0, logger), groups: make(map[string]anyGroup),
	}
}

// checkLeader is NOT_COORDINATOR on any node but the leader. When the leader has
// changed since the last request, it forgets all groups, and makes those anew that
// are in the log.
func (c *coordinator) checkLeader() error {
	leader, epoch := c.cluster.Leader()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed {
		return kerr.NotCoordinator
	}
	if epoch > c.writer.epoch { // not an older one, from before we had the lock
		c.forgetLocked()
		c.writer, c.isLoaded = c.writer.next(epoch), false
	}
	if leader != c.cluster.NodeID() {
		return kerr.NotCoordinator
	}
	if !c.isLoaded {
		if err := c.loadLocked(); err != nil {
			c.logger.Error("load consumer groups", "error", err)
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
	c.isClosed, c.isLoaded = true, false
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
		g.Lock()
		if !g.isForgettable() {
			ids = append(ids, id)
		}
		g.Unlock()
	}
	return ids
}

// find is the group, locked, or nil. The caller unlocks it.
func (c *coordinator) find(id string) anyGroup {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.groups[id]
	if g != nil {
		g.Lock()
	}
	return g
}

// findForClassic is find for who speaks the classic protocol. A group of the new
// protocol in which nobody else is left becomes a classic one first.
func (c *coordinator) findForClassic(id string) anyGroup {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.groups[id]
	if found == nil {
		return nil
	}
	found.Lock()
	consumers, isConsumer := found.(*consumerGroup)
	if !isConsumer || !consumers.isDueForDowngrade() || consumers.store.isWriting {
		return found
	}
	g, err := c.downgrade(consumers)
	if err != nil {
		c.logger.Error("consumer group doesn't become a classic one", "group", id, "error", err)
		return found
	}
	c.logger.Info("consumer group becomes a classic one", "group", id, "members", len(g.members))
	c.convertLocked(found, g)
	found.Unlock()
	c.groups[id] = g
	g.Lock()
	return g
}

// findOrMakeClassic is the group for who joins by the classic protocol: a classic one,
// which is made if there is none, or one of the new protocol with members. Without
// members that becomes a classic one.
func (c *coordinator) findOrMakeClassic(id string) (anyGroup, error) {
	if found := c.findForClassic(id); found != nil {
		consumers, isConsumer := found.(*consumerGroup)
		if !isConsumer || len(consumers.members) > 0 {
			return found, nil
		}
		found.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isLoaded {
		return nil, kerr.NotCoordinator
	}
	found := c.groups[id]
	g, isClassic := found.(*group)
	if !isClassic {
		if err := canConvert(found); err != nil {
			return nil, err
		}
		g = newGroup(id, c.config, c.writer, c.drop)
		if found != nil {
			found.Lock()
			c.convertLocked(found, g)
			g.generation = found.lastEpoch()
			found.Unlock()
		}
		c.groups[id] = g
	}
	g.Lock()
	return g, nil
}

// findOrMakeConsumer is the group of the new protocol, locked. If there is none it is
// made for who joins, and a classic group becomes one.
func (c *coordinator) findOrMakeConsumer(id string, joins bool) (*consumerGroup, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isLoaded {
		return nil, kerr.NotCoordinator
	}
	found := c.groups[id]
	g, isConsumer := found.(*consumerGroup)
	if !isConsumer {
		if !joins {
			return nil, kerr.GroupIDNotFound
		}
		var err error
		if g, err = c.makeConsumersOfLocked(id, found); err != nil {
			return nil, err
		}
		c.groups[id] = g
	}
	g.Lock()
	if g.isDead {
		g.Unlock()
		return nil, kerr.CoordinatorNotAvailable
	}
	return g, nil
}

// makeConsumersOfLocked makes a group of the new protocol of a classic one, or of none.
func (c *coordinator) makeConsumersOfLocked(id string, found anyGroup) (g *consumerGroup, err error) {
	classic, isClassic := found.(*group)
	if !isClassic {
		return newConsumerGroup(id, c.config, c.log, c.writer, c.drop), nil
	}
	classic.Lock()
	switch {
	case classic.isDeadNow(), classic.store.isWriting:
		err = kerr.CoordinatorNotAvailable // for a moment
	case len(classic.members) == 0: // who was given an id may join the other group with it
		g = newConsumerGroup(id, c.config, c.log, c.writer, c.drop)
		g.epoch = classic.generation
	default:
		if g, err = c.upgrade(classic); err == nil {
			c.logger.Info("classic group becomes a consumer group", "group", id, "members", len(g.members))
		}
	}
	if err == nil {
		c.convertLocked(classic, g)
	}
	classic.Unlock()
	return g, err
}

// canConvert says whether a group, or none, may become an empty one of the other type
// now.
func canConvert(g anyGroup) error {
	if g == nil {
		return nil
	}
	g.Lock()
	defer g.Unlock()
	if g.isDeadNow() || g.keeper().isWriting || !g.isForgettable() {
		return kerr.CoordinatorNotAvailable // for a moment
	}
	return nil
}

// convertLocked ends a group, which is locked as well, that another one takes the place
// of. Between the making of that one and the end nobody may have the group: a session
// that ended there would begin a write, and two groups would write the same parts.
func (c *coordinator) convertLocked(from, to anyGroup) {
	to.keeper().isKept = from.keeper().isKept
	from.endLocked()
}

// drop forgets a group that has had no members for a while. What is kept of it stays
// for as long as it has offsets, as in Kafka: its generation goes on.
func (c *coordinator) drop(g anyGroup) {
	offsets, err := c.log.CommittedOffsets(g.name())
	c.mu.Lock()
	defer c.mu.Unlock()
	g.Lock()
	defer g.Unlock()
	store := g.keeper()
	switch {
	case c.groups[g.name()] != g || !g.isForgettable():
	case !store.isKept:
		c.forgetGroupLocked(g)
	case err != nil || len(offsets) > 0:
		g.startEmptyTimer()
	default:
		store.keep(true, nil, func(err error) {
			if g.isForgettable() {
				store.isKept = store.isKept && err != nil
				g.startEmptyTimer()
			}
		})
	}
}

// forgetGroupLocked takes a group, which is locked as well, out of the table.
func (c *coordinator) forgetGroupLocked(g anyGroup) {
	g.stopTimers()
	g.setDead(true)
	delete(c.groups, g.name())
}

// delete has a group without members deleted, by a function that proposes it: nobody
// joins meanwhile. It is NON_EMPTY_GROUP if there are members.
func (c *coordinator) delete(id string, propose func() error) error {
	g, err := c.findForgettable(id)
	if err != nil {
		return err
	}
	if g == nil {
		return propose()
	}
	g.setDead(true)
	g.Unlock()

	err = propose()
	isGone := err == nil || errors.Is(err, command.ErrUnknownGroup) // it had no offsets
	c.mu.Lock()
	defer c.mu.Unlock()
	g.Lock()
	defer g.Unlock()
	switch {
	case c.groups[id] != g: // another leader's, or nobody's
	case isGone:
		c.forgetGroupLocked(g)
		return nil
	default:
		g.setDead(false)
		g.startEmptyTimer()
	}
	return err
}

// findForgettable is the group, locked, once what its last member has left behind is in the log; nil for no group. A client that has just
// closed its consumers must not be told to come again: not all do.
func (c *coordinator) findForgettable(id string) (anyGroup, error) {
	for {
		g := c.find(id)
		if g == nil {
			return nil, nil
		}
		if g.isDeadNow() { // another deletion, or a change of its type
			g.Unlock()
			return nil, kerr.CoordinatorNotAvailable
		}
		if !g.isForgettable() {
			g.Unlock()
			return nil, kerr.NonEmptyGroup
		}
		if !g.keeper().isWriting {
			return g, nil
		}
		written := make(chan error, 1)
		g.keeper().keep(false, nil, func(err error) { written <- err })
		g.Unlock()
		if err := <-written; err != nil {
			return nil, groupError(err)
		}
	}
}

// A groupSummary is what ListGroups and DescribeGroups tell of a group.
type groupSummary struct {
	id           string
	kind         groupType
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
		defer g.Unlock()
		return g.summary(), nil
	}
	offsets, err := c.log.CommittedOffsets(id)
	if err != nil {
		return groupSummary{}, err
	}
	if len(offsets) > 0 {
		return groupSummary{id: id, kind: groupTypeClassic, state: groupEmpty}, nil
	}
	return groupSummary{id: id, kind: groupTypeClassic, state: groupDead}, nil
}

// list is the summaries of all groups, without members, sorted by id.
func (c *coordinator) list() ([]groupSummary, error) {
	withOffsets, err := c.log.Groups()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	groups := make([]anyGroup, 0, len(c.groups))
	for _, g := range c.groups {
		groups = append(groups, g)
	}
	c.mu.Unlock()

	var all []groupSummary
	isListed := make(map[string]bool)
	for _, g := range groups {
		g.Lock()
		summary := g.headline()
		g.Unlock()
		all = append(all, summary)
		isListed[summary.id] = true
	}
	for _, id := range withOffsets {
		if !isListed[id] {
			all = append(all, groupSummary{id: id, kind: groupTypeClassic, state: groupEmpty})
		}
	}
	slices.SortFunc(all, func(a, b groupSummary) int { return cmp.Compare(a.id, b.id) })
	return all, nil
}
