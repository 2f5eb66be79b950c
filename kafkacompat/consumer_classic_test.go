package kafkacompat

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
)

// A fakeClassic is a consumer of the classic protocol. An eager one gives up all that
// it has before it joins; a cooperative one tells what it has.
type fakeClassic struct {
	s             *consumerScript
	id            string
	instance      *string
	topics        []string
	isCooperative bool
	generation    int32
	owned         assignment
	needsJoin     bool
	// joining and syncing are answers that it waits for.
	joining chan joinReply
	syncing chan syncReply
	heard   time.Time
}

func (s *consumerScript) classic(topics ...string) *fakeClassic {
	return &fakeClassic{s: s, topics: topics, needsJoin: true, heard: time.Now()}
}

func (c *fakeClassic) request() joinRequest {
	metadata := kmsg.NewConsumerMemberMetadata()
	metadata.Version, metadata.Topics = 1, c.topics
	for _, id := range c.owned.topics() {
		for _, topic := range c.s.log.Topics() {
			if topic.ID == id {
				metadata.OwnedPartitions = append(metadata.OwnedPartitions, kmsg.ConsumerMemberMetadataOwnedPartition{Topic: topic.Name, Partitions: c.owned[id]})
			}
		}
	}
	r := requestOf(c.id)
	r.instanceID = c.instance
	r.protocols = []groupProtocol{{"range", metadata.AppendTo(nil)}}
	r.needsMemberID = true
	return r
}

// collect takes answers that have come.
func (c *fakeClassic) collect() {
	c.s.t.Helper()
	synctest.Wait()
	select {
	case reply := <-c.joining:
		c.joining = nil
		c.joined(reply)
	case reply := <-c.syncing:
		c.syncing = nil
		c.synced(reply)
	default:
		if c.joining != nil || c.syncing != nil {
			c.heard = time.Now() // who waits is not silent
		}
	}
}

// step does what there is to do next.
func (c *fakeClassic) step() {
	c.s.t.Helper()
	c.collect()
	switch {
	case c.joining != nil, c.syncing != nil:
	case c.needsJoin:
		c.join()
	default:
		c.beat()
	}
}

func (c *fakeClassic) lose() {
	c.id, c.generation, c.owned, c.needsJoin = "", 0, nil, true
}

func (c *fakeClassic) join() {
	if !c.isCooperative {
		c.owned = nil
	}
	var found anyGroup
	if c.id == "" {
		var err error
		if found, err = c.s.c.findOrMakeClassic("orders"); err != nil {
			return
		}
	} else if found = c.s.c.findForClassic("orders"); found == nil {
		c.lose()
		return
	}
	switch g := found.(type) {
	case *group:
		c.joining = g.join(c.request())
		g.Unlock()
	case *consumerGroup:
		reply := g.joinClassic(c.request())
		c.s.checkInvariants(g)
		if err := c.s.keep(g); err != nil && reply.err == nil {
			return
		}
		c.joined(reply)
	}
}

func (c *fakeClassic) joined(reply joinReply) {
	switch {
	case errors.Is(reply.err, kerr.MemberIDRequired):
		c.id = reply.memberID
		return
	case errors.Is(reply.err, kerr.UnknownMemberID), errors.Is(reply.err, kerr.FencedInstanceID):
		c.lose()
		return
	case errors.Is(reply.err, kerr.RebalanceInProgress), errors.Is(reply.err, kerr.NotCoordinator), errors.Is(reply.err, kerr.CoordinatorNotAvailable):
		return
	case reply.err != nil:
		c.s.t.Fatalf("join: %v", reply.err)
	}
	c.id, c.generation, c.heard, c.needsJoin = reply.memberID, reply.generation, time.Now(), false
	request := syncRequest{memberID: c.id, instanceID: c.instance, generation: c.generation, assignments: c.lead(reply)}
	switch g := c.s.c.findForClassic("orders").(type) {
	case *group:
		c.syncing = g.sync(request)
		g.Unlock()
	case *consumerGroup:
		told := g.syncClassic(request)
		g.Unlock()
		c.synced(told)
	}
}

// lead assigns by range, if this one is the leader.
func (c *fakeClassic) lead(reply joinReply) map[string][]byte {
	if len(reply.members) == 0 {
		return nil
	}
	known := c.s.log.Topics()
	topics := make([]assignorTopic, len(known))
	for i, topic := range known {
		topics[i] = assignorTopic{topic.ID, topic.Partitions}
	}
	var members []assignorMember
	for _, m := range reply.members {
		wants, err := readSubscription(m.metadata)
		if err != nil {
			c.s.t.Fatal(err)
		}
		member := assignorMember{id: m.id}
		for i, topic := range known {
			if slices.Contains(wants.topics, topic.Name) {
				member.topics = append(member.topics, i)
			}
		}
		members = append(members, member)
	}
	assignments := make(map[string][]byte)
	for i, assigned := range assignRange(topics, members) {
		told := kmsg.NewConsumerMemberAssignment()
		for _, topic := range known {
			if of := assigned[topic.ID]; len(of) > 0 {
				told.Topics = append(told.Topics, kmsg.ConsumerMemberAssignmentTopic{Topic: topic.Name, Partitions: of})
			}
		}
		assignments[members[i].id] = told.AppendTo(nil)
	}
	return assignments
}

func (c *fakeClassic) synced(reply syncReply) {
	switch {
	case errors.Is(reply.err, kerr.UnknownMemberID), errors.Is(reply.err, kerr.IllegalGeneration), errors.Is(reply.err, kerr.FencedInstanceID):
		c.lose()
		return
	case reply.err != nil:
		c.needsJoin = true
		return
	}
	c.heard = time.Now()
	before := c.owned
	var told kmsg.ConsumerMemberAssignment
	if err := told.ReadFrom(reply.assignment); err != nil {
		c.s.t.Fatal(err)
	}
	owned := make(map[command.TopicID][]int32)
	for _, of := range told.Topics {
		if topic, exists := c.s.log.Topic(of.Topic); exists {
			owned[topic.ID] = of.Partitions
		}
	}
	c.owned = assignmentOf(owned)
	if c.isCooperative && len(before.without(c.owned)) > 0 {
		c.needsJoin = true // it has given up, and says so
	}
}

func (c *fakeClassic) beat() {
	g := c.s.c.findForClassic("orders")
	if g == nil {
		c.lose()
		return
	}
	err := g.heartbeat(c.id, c.instance, c.generation)
	g.Unlock()
	switch {
	case errors.Is(err, kerr.RebalanceInProgress):
		c.needsJoin, c.heard = true, time.Now()
	case err != nil:
		c.lose()
	default:
		c.heard = time.Now()
	}
}

// keep is keepConsumers.
func (s *consumerScript) keep(g *consumerGroup) error {
	kept := make(chan error, 1)
	isKept := !g.flush(func(err error) { kept <- err })
	g.Unlock()
	if isKept {
		return nil
	}
	return <-kept
}

func TestGroupIsUpgradedAndDowngradedWhileItConsumes(t *testing.T) {
	for _, isCooperative := range []bool{false, true} {
		t.Run(fmt.Sprintf("cooperative=%v", isCooperative), func(t *testing.T) {
			inConsumerGroup(t, func(s *consumerScript) {
				s.log.setTopic("t", 6)
				one, two := s.classic("t"), s.classic("t")
				one.isCooperative, two.isCooperative = isCooperative, isCooperative
				three := &fakeConsumer{id: "three", topics: []string{"t"}}
				run := func(classics []*fakeClassic, consumers ...*fakeConsumer) {
					t.Helper()
					for range 40 {
						for _, c := range classics {
							c.step()
						}
						for _, c := range consumers {
							s.say(c)
						}
						time.Sleep(time.Second)
					}
				}
				require := func(want ...int) {
					t.Helper()
					if got := []int{loadOf(one.owned), loadOf(two.owned), loadOf(three.owned)}; !slices.Equal(got, want) {
						t.Fatalf("partitions are %v, want %v", got, want)
					}
				}
				both := []*fakeClassic{one, two}
				run(both)
				require(3, 3, 0)
				had := one.owned
				if reply := s.say(three); reply.err != nil || loadOf(reply.assignment) != 0 {
					t.Fatalf("join of the new protocol: %+v", reply)
				}
				g := s.group()
				if len(g.members) != 3 || !g.members[one.id].assigned.equal(had) {
					t.Errorf("members after the upgrade: %+v", g.members)
				}
				run(both, three)
				require(2, 2, 2)
				s.restart()
				generation := one.generation
				run(both, three)
				require(2, 2, 2)
				if one.generation != generation {
					t.Errorf("the restart moved the generation from %d to %d", generation, one.generation)
				}
				commit := func(generation int32) error {
					return s.c.checkCommit(commitIdentity{group: "orders", memberID: one.id, generation: generation})
				}
				if err := errors.Join(commit(one.generation)); err != nil {
					t.Errorf("commit: %v", err)
				}
				if err := commit(one.generation - 1); !errors.Is(err, kerr.IllegalGeneration) {
					t.Errorf("commit of the generation before: %v", err)
				}
				if reply := s.beats(consumerBeat{memberID: "three", epoch: epochLeave}); reply.err != nil {
					t.Fatal(reply.err)
				}
				three.owned = nil
				run(both)
				require(3, 3, 0)
				classic := s.classicGroup()
				if classic.state != groupStable || classic.generation <= generation || len(classic.members) != 2 {
					t.Errorf("after the downgrade it is %s in generation %d with %d members", classic.state, classic.generation, len(classic.members))
				}
				classic.mu.Unlock()
				s.restart()
				run(both)
				require(3, 3, 0)
			})
		})
	}
}

func TestOnlyGroupsOfConsumersAreUpgraded(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		for name, request := range map[string]joinRequest{
			"of another kind":        func() joinRequest { r := requestOf(""); r.protocolType = "connect"; return r }(),
			"that say what is wrong": requestOf(""),
		} {
			classic := s.classicGroup()
			id := (<-func() chan joinReply { defer classic.mu.Unlock(); return classic.join(request) }()).memberID
			c := &fakeConsumer{id: "one", topics: []string{"t"}}
			if reply := s.beats(c.beat()); !errors.Is(reply.err, kerr.GroupIDNotFound) {
				t.Errorf("join of members %s: %+v", name, reply)
			}
			classic.mu.Lock()
			if err := classic.leave(id, nil); err != nil {
				t.Fatal(err)
			}
			classic.mu.Unlock()
		}
		c := &fakeConsumer{id: "one", topics: []string{"t"}}
		s.say(c)
		found, err := s.c.findOrMakeClassic("orders")
		if err != nil {
			t.Fatal(err)
		}
		reply := found.(*consumerGroup).joinClassic(requestOf(""))
		found.Unlock()
		if !errors.Is(reply.err, kerr.InconsistentGroupProtocol) {
			t.Errorf("classic join with what is no subscription: %+v", reply)
		}
	})
}

// A static member is started again with the other protocol, there and back.
func TestStaticMemberChangesItsProtocol(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 2)
		instance := "instance"
		old := s.classic("t")
		old.instance = &instance
		for range 5 {
			old.step()
		}
		if loadOf(old.owned) != 2 {
			t.Fatalf("it has %v", old.owned)
		}
		c := &fakeConsumer{id: "new", instance: &instance, topics: []string{"t"}}
		if reply := s.say(c); reply.err != nil || !c.owned.equal(old.owned) {
			t.Fatalf("after the start with the new protocol: %+v", reply)
		}
		if s.group().isDueForDowngrade() {
			t.Error("the member still counts as a classic one")
		}
		again := s.classic("t")
		again.instance = &instance
		for range 10 {
			again.step()
			time.Sleep(time.Second)
		}
		if loadOf(again.owned) != 2 {
			t.Errorf("after the start with the classic protocol it has %v", again.owned)
		}
		classic := s.classicGroup()
		defer classic.mu.Unlock()
		if len(classic.members) != 1 || classic.state != groupStable {
			t.Errorf("%s with %d members", classic.state, len(classic.members))
		}
	})
}

// Consumers of both protocols come and go, and the coordinator starts anew. Nobody has
// what somebody else has, and when it is quiet everything is somebody's.
func TestNoPartitionHasTwoOwnersOfDifferentProtocols(t *testing.T) {
	for seed := range uint64(60) {
		inConsumerGroup(t, func(s *consumerScript) {
			random := rand.New(rand.NewPCG(seed, 6))
			s.log.setTopic("t", 5)
			var classics []*fakeClassic
			var consumers []*fakeConsumer
			born := 0
			requireNoTwoOwners := func() {
				t.Helper()
				seen := make(assignment)
				own := func(owned assignment) {
					if twice := seen.and(owned); len(twice) > 0 {
						t.Fatalf("seed %d: %v has two owners", seed, twice)
					}
					seen = seen.or(owned)
				}
				for _, c := range classics {
					c.collect()
				}
				// An answer may have come while nobody looked, up to three seconds ago.
				for _, c := range classics {
					if time.Since(c.heard) >= testSession-3*time.Second && len(c.owned) > 0 {
						c.lose()
					}
					own(c.owned)
				}
				for _, c := range consumers {
					if time.Since(c.heard) >= 45*time.Second {
						c.epoch, c.owned, c.isUnsure = 0, nil, true
					}
					own(c.owned)
				}
			}
			for range 300 {
				switch move := random.IntN(20); {
				case move == 0 && len(classics) < 4:
					classics = append(classics, s.classic("t"))
				case move == 1 && len(consumers) < 4:
					born++
					consumers = append(consumers, &fakeConsumer{id: fmt.Sprintf("c%d", born), topics: []string{"t"}, heard: time.Now(), isUnsure: true})
				case move == 2 && len(classics) > 0:
					i := random.IntN(len(classics))
					if g := s.c.find("orders"); g != nil {
						_ = g.leave(classics[i].id, nil)
						if consumers, ok := g.(*consumerGroup); ok {
							consumers.flush(nil)
						}
						g.Unlock()
					}
					classics = slices.Delete(classics, i, i+1)
				case move == 3 && len(consumers) > 0:
					i := random.IntN(len(consumers))
					s.beats(consumerBeat{memberID: consumers[i].id, epoch: epochLeave})
					consumers = slices.Delete(consumers, i, i+1)
				case move == 4 && random.IntN(3) == 0:
					s.restart()
				case move < 7:
					time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
				case move < 14 && len(classics) > 0:
					classics[random.IntN(len(classics))].step()
				case len(consumers) > 0:
					c := consumers[random.IntN(len(consumers))]
					if reply := s.beats(c.beat()); !errors.Is(reply.err, kerr.CoordinatorNotAvailable) {
						c.takes(t, reply, time.Now())
					}
				}
				requireNoTwoOwners()
			}
			owned := make(assignment)
			for range 200 {
				owned = make(assignment)
				for _, c := range classics {
					c.step()
					requireNoTwoOwners()
					owned = owned.or(c.owned)
				}
				for _, c := range consumers {
					s.say(c)
					requireNoTwoOwners()
					owned = owned.or(c.owned)
				}
				time.Sleep(time.Second)
			}
			if len(classics)+len(consumers) > 0 && loadOf(owned) != 5 {
				t.Fatalf("seed %d: %d classic and %d new ones have %v together", seed, len(classics), len(consumers), owned)
			}
		})
	}
}

func TestGoldenPartsOfMixedGroups(t *testing.T) {
	m := &consumer{
		id: "a", clientID: "client", clientHost: "/127.0.0.1", rebalanceTimeout: 5 * time.Minute, topics: []string{"t"}, epoch: 7, previousEpoch: 6,
		assigned: assignment{{1}: {0}}, revoking: assignment{}, target: assignment{{1}: {0}},
		classic: &classicSide{sessionTimeout: 45 * time.Second, version: 3, protocols: []groupProtocol{{"range", []byte("by range")}}},
	}
	golden(t, "consumer_mixed", encodeConsumer(m))
	read, err := decodeConsumer("a", encodeConsumer(m))
	if err != nil || !read.assigned.equal(m.assigned) || read.classic == nil || read.classic.version != 3 ||
		read.classic.sessionTimeout != m.classic.sessionTimeout || string(read.classic.protocols[0].metadata) != "by range" {
		t.Errorf("got %+v, %v", read, err)
	}
	for cut := range len(encodeConsumer(m)) {
		if _, err := decodeConsumer("a", encodeConsumer(m)[:cut]); !errors.Is(err, errPart) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
}
