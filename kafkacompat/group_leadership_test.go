package kafkacompat

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// A relay has the coordinators of two nodes over one log. Each stays as it is while the other node leads: nobody asks it anything.
type relay struct {
	t             *testing.T
	log           partsLog
	here, there   *coordinator
	leader, epoch atomic.Int32
}

const (
	nodeHere  = 1
	nodeThere = 2
)

// inRelay runs f in virtual time; the node here leads at first.
func inRelay(t *testing.T, f func(*relay)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &relay{t: t}
		start := func(node int32) *coordinator {
			config := GroupConfig{MembersMax: 100, EmptyRetention: 10 * time.Minute, ConsumerSessionTimeout: testSession}
			self := relayNode{relay: r, id: node}
			return newCoordinator(config, self, relayLog{&r.log, self}, slog.New(slog.DiscardHandler))
		}
		r.here, r.there = start(nodeHere), start(nodeThere)
		defer r.here.close()
		defer r.there.close()
		r.lead(nodeHere)
		f(r)
	})
}

// lead begins an epoch in which a node leads.
func (r *relay) lead(node int32) {
	r.leader.Store(node)
	r.epoch.Add(1)
}

// classic is a group as a request finds it, or makes it.
func (r *relay) classic(c *coordinator) *groupScript {
	r.t.Helper()
	if err := c.checkLeader(); err != nil {
		r.t.Fatal(err)
	}
	g, err := c.findOrMakeClassic("orders")
	if err != nil {
		r.t.Fatal(err)
	}
	g.Unlock()
	return &groupScript{t: r.t, group: g.(*group)}
}

// consumerBeats is the heartbeat of a member of the new protocol.
func (r *relay) consumerBeats(c *coordinator, b consumerBeat) consumerReply {
	r.t.Helper()
	if err := c.checkLeader(); err != nil {
		r.t.Fatal(err)
	}
	g, err := c.findOrMakeConsumer("orders", b.epoch == epochJoin)
	if err != nil {
		r.t.Fatal(err)
	}
	reply := g.beat(b)
	g.flush(nil)
	g.Unlock()
	synctest.Wait()
	return reply
}

// A relayNode is what a node knows of the cluster.
type relayNode struct {
	Cluster
	relay *relay
	id    int32
}

func (n relayNode) NodeID() int32                 { return n.id }
func (n relayNode) Leader() (nodeID, epoch int32) { return n.relay.leader.Load(), n.relay.epoch.Load() }

// A relayLog takes what the leader proposes.
type relayLog struct {
	*partsLog
	node relayNode
}

func (l relayLog) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	if leader, _ := l.node.Leader(); leader != l.node.id {
		return nil, command.ErrNotLeader
	}
	return l.partsLog.Propose(ctx, c)
}

// The session that the member had here ends when this node leads again. Its present one, which began over there, does not.
func TestSessionOfAnEarlierLeadershipEndsNoMember(t *testing.T) {
	inRelay(t, func(r *relay) {
		member := r.classic(r.here).stable(1)[0]
		r.lead(nodeThere)
		there := r.classic(r.there)
		time.Sleep(testSession - time.Second)
		if err := there.beats(member, 1); err != nil {
			t.Fatal(err)
		}
		r.lead(nodeHere)
		time.Sleep(2 * time.Second)
		if err := r.classic(r.here).beats(member, 1); err != nil {
			t.Errorf("heartbeat of a member in its session: %v", err)
		}
	})
}

// As above, by the new protocol. What that writes is parts of the group: the epoch must not go back beneath the members'.
func TestSessionOfAnEarlierLeadershipSetsNoEpochBack(t *testing.T) {
	inRelay(t, func(r *relay) {
		r.log.setTopic("orders", 2)
		join := consumerBeat{memberID: "stays", rebalanceTimeout: time.Minute, topics: []string{"orders"}, hasOwned: true}
		stays := r.consumerBeats(r.here, join)
		r.lead(nodeThere)
		for range 5 {
			join.memberID = "comes and goes"
			r.consumerBeats(r.there, join)
			r.consumerBeats(r.there, consumerBeat{memberID: join.memberID, epoch: epochLeave, rebalanceTimeout: -1})
		}
		beat := func(c *coordinator) consumerReply {
			stays = r.consumerBeats(c, consumerBeat{memberID: "stays", epoch: stays.epoch, rebalanceTimeout: -1})
			return stays
		}
		beat(r.there)
		time.Sleep(testSession - time.Second)
		if reply := beat(r.there); reply.err != nil {
			t.Fatal(reply.err)
		}
		r.lead(nodeHere)
		time.Sleep(2 * time.Second)
		if reply := beat(r.here); reply.err != nil {
			t.Errorf("heartbeat of a member in its session: %v", reply.err)
		}
	})
}

// A group that had neither members nor offsets here is not thrown away when it has members by now.
func TestEmptyGroupOfAnEarlierLeadershipIsNotForgottenForTheNextOne(t *testing.T) {
	inRelay(t, func(r *relay) {
		here := r.classic(r.here)
		first := here.stable(1)[0]
		if err := here.leaves(first); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.lead(nodeThere)
		there := r.classic(r.there)
		joined := there.waitJoin(there.starts(requestOf("")))
		member, generation := joined.memberID, joined.generation
		if reply := there.waitSync(there.syncs(member, generation, map[string][]byte{member: []byte("all")})); reply.err != nil {
			t.Fatal(reply.err)
		}
		for range 10*60/5 - 1 {
			time.Sleep(5 * time.Second)
			if err := there.beats(member, generation); err != nil {
				t.Fatal(err)
			}
		}
		r.lead(nodeHere)
		time.Sleep(6 * time.Second)
		if err := r.classic(r.here).beats(member, generation); err != nil {
			t.Errorf("heartbeat of a member in its session: %v", err)
		}
	})
}

// The log may take what is proposed to it later, when its proposer leads again.
func TestWriteThatWaitsForTheLogIsWithdrawnWithItsLeadership(t *testing.T) {
	inRelay(t, func(r *relay) {
		here := r.classic(r.here)
		leader := here.waitJoin(here.starts(requestOf(""))).memberID
		r.log.delay = storeTimeout / 2
		sync := here.syncs(leader, 1, map[string][]byte{leader: []byte("all")})
		synctest.Wait()
		r.lead(nodeHere)
		again := r.classic(r.here)
		if reply := here.waitSync(sync); !errors.Is(reply.err, kerr.NotCoordinator) {
			t.Errorf("sync: %v, want NOT_COORDINATOR", reply.err)
		}
		time.Sleep(storeTimeout)
		again.require(groupEmpty, 0, 0)
		if names := r.log.names("orders"); len(names) > 0 {
			t.Errorf("the log has %q", names)
		}
	})
}

// A request that was let in before leadership was lost, and is slow, would make a group beside the one in the log.
func TestNoGroupIsMadeAfterLeadershipIsLost(t *testing.T) {
	inRelay(t, func(r *relay) {
		r.classic(r.here)
		r.lead(nodeThere)
		if err := r.here.checkLeader(); !errors.Is(err, kerr.NotCoordinator) {
			t.Fatal(err)
		}
		g, err := r.here.findOrMakeClassic("orders")
		if err == nil {
			g.Unlock()
		}
		consumers, consumersErr := r.here.findOrMakeConsumer("orders", true)
		if consumersErr == nil {
			consumers.Unlock()
		}
		if !errors.Is(err, kerr.NotCoordinator) || !errors.Is(consumersErr, kerr.NotCoordinator) {
			t.Errorf("classic group: %v, consumer group: %v; want NOT_COORDINATOR", err, consumersErr)
		}
	})
}
