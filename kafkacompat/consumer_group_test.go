package kafkacompat

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// A consumerScript drives one group of the new protocol in virtual time.
type consumerScript struct {
	t   *testing.T
	log *partsLog
	c   *coordinator
}

func inConsumerGroup(t *testing.T, f func(*consumerScript)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &consumerScript{t: t, log: &partsLog{}}
		s.start()
		f(s)
		s.c.close()
	})
}

func (s *consumerScript) start() {
	config := GroupConfig{MembersMax: 100, EmptyRetention: 10 * time.Minute, ConsumerSessionTimeout: 45 * time.Second}
	s.c = newCoordinator(config, &stubCluster{epoch: 1}, s.log, slog.New(slog.DiscardHandler))
	if err := s.c.checkLeader(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *consumerScript) restart() {
	s.c.close()
	s.start()
}

// beats sends a heartbeat and waits for its answer, as the handler does.
func (s *consumerScript) beats(b consumerBeat) consumerReply {
	g, err := s.c.findOrMakeConsumer("orders", b.epoch == epochJoin)
	if errors.Is(err, kerr.GroupIDNotFound) && b.epoch != epochJoin {
		err = kerr.UnknownMemberID
	}
	if err != nil {
		return consumerReply{err: err}
	}
	reply := g.beat(b)
	s.checkInvariants(g)
	kept := make(chan error, 1)
	isWritten := !g.flush(func(err error) { kept <- err })
	g.mu.Unlock()
	if !isWritten {
		if err := <-kept; err != nil && reply.err == nil {
			return consumerReply{err: groupError(err)}
		}
	}
	return reply
}

// classicGroup is the classic group, locked.
func (s *consumerScript) classicGroup() *group {
	s.t.Helper()
	found, err := s.c.findOrMakeClassic("orders")
	if err != nil {
		s.t.Fatal(err)
	}
	g, isClassic := found.(*group)
	if !isClassic {
		s.t.Fatalf("the group is %T", found)
	}
	return g
}

func (s *consumerScript) group() *consumerGroup {
	s.t.Helper()
	g, err := s.c.findOrMakeConsumer("orders", false)
	if err != nil {
		s.t.Fatal(err)
	}
	g.mu.Unlock()
	return g
}

// checkInvariants are those of the type. The caller has the lock.
func (s *consumerScript) checkInvariants(g *consumerGroup) {
	s.t.Helper()
	owners := make(map[command.TopicID]map[int32]*consumer)
	targets := make(map[command.TopicID]map[int32]string)
	for id, m := range g.members {
		if id != m.id || m.instanceID != nil && g.static[*m.instanceID] != id {
			s.t.Fatalf("member %s is filed as %s", m.id, id)
		}
		own := func(topic command.TopicID, p int32) {
			if owners[topic] == nil {
				owners[topic] = make(map[int32]*consumer)
			}
			if other := owners[topic][p]; other != nil {
				s.t.Fatalf("partition %d is of %s and %s", p, other.id, m.id)
			}
			owners[topic][p] = m
		}
		m.assigned.each(own)
		m.revoking.each(own)
		m.target.each(func(topic command.TopicID, p int32) {
			if targets[topic] == nil {
				targets[topic] = make(map[int32]string)
			}
			if other, isTaken := targets[topic][p]; isTaken {
				s.t.Fatalf("partition %d is to be of %s and %s", p, other, m.id)
			}
			targets[topic][p] = m.id
		})
		if (m.state == consumerRevoking) != (len(m.revoking) > 0) {
			s.t.Fatalf("member %s is in state %d and has to give up %v", m.id, m.state, m.revoking)
		}
		if m.epoch > g.targetEpoch {
			s.t.Fatalf("member %s has epoch %d of %d", m.id, m.epoch, g.targetEpoch)
		}
	}
	if !reflect.DeepEqual(owners, g.owners) {
		s.t.Fatalf("owners are %v, filed are %v", owners, g.owners)
	}
}

// A fakeConsumer is a client as the protocol wants it.
type fakeConsumer struct {
	id       string
	instance *string
	topics   []string
	pattern  string
	epoch    int32
	owned    assignment
	// isUnsure: the last answer got lost, or told to join again.
	isUnsure bool
	// heard is when an answer came last. A client that hears nothing for a session
	// stops what it does.
	heard time.Time
}

func (c *fakeConsumer) beat() consumerBeat {
	b := consumerBeat{memberID: c.id, epoch: c.epoch, instanceID: c.instance, clientID: "client", rebalanceTimeout: -1}
	if c.epoch == 0 || c.isUnsure {
		b.rebalanceTimeout = time.Minute
		b.topics, b.pattern = append([]string{}, c.topics...), &c.pattern
	}
	b.owned, b.hasOwned = c.owned, true
	if c.epoch == 0 {
		b.owned = nil
	}
	return b
}

// takes an answer that arrived.
func (c *fakeConsumer) takes(t *testing.T, reply consumerReply, now time.Time) {
	t.Helper()
	switch {
	case errors.Is(reply.err, kerr.FencedMemberEpoch), errors.Is(reply.err, kerr.UnknownMemberID):
		c.epoch, c.owned, c.isUnsure = 0, nil, true
	case errors.Is(reply.err, kerr.CoordinatorNotAvailable):
		c.isUnsure = true
	case errors.Is(reply.err, kerr.UnreleasedInstanceID):
	case reply.err != nil:
		t.Fatalf("%s: %v", c.id, reply.err)
	default:
		c.epoch, c.isUnsure, c.heard = reply.epoch, false, now
		if reply.assignment != nil {
			// What is no longer its own it gives up, and says so in the next beat.
			c.owned = reply.assignment
		}
	}
}

func (s *consumerScript) say(c *fakeConsumer) consumerReply {
	s.t.Helper()
	reply := s.beats(c.beat())
	c.takes(s.t, reply, time.Now())
	return reply
}

// settle has everybody beat until nothing changes.
func (s *consumerScript) settle(consumers ...*fakeConsumer) {
	s.t.Helper()
	for range 30 {
		for _, c := range consumers {
			s.say(c)
		}
		time.Sleep(time.Second)
	}
	g := s.group()
	g.mu.Lock()
	defer g.mu.Unlock()
	if state := g.groupState(); state != groupStable && len(consumers) > 0 {
		s.t.Fatalf("group is %s", state)
	}
}

func TestMembersOfTheNewProtocolRevokeBeforeOthersGet(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 4)
		one := &fakeConsumer{id: "one", topics: []string{"t"}}
		if reply := s.say(one); reply.err != nil || reply.epoch != 1 || loadOf(reply.assignment) != 4 {
			t.Fatalf("first join: %+v", reply)
		}
		two := &fakeConsumer{id: "two", topics: []string{"t"}}
		if reply := s.say(two); reply.err != nil || reply.epoch != 2 || reply.assignment == nil || loadOf(reply.assignment) != 0 {
			t.Fatalf("second join: %+v", reply)
		}
		g := s.group()
		g.mu.Lock()
		if state := g.groupState(); state != groupReconciling {
			t.Errorf("group is %s", state)
		}
		g.mu.Unlock()
		before := one.owned
		if reply := s.say(one); reply.epoch != 1 || loadOf(reply.assignment) != 2 {
			t.Errorf("first member is told to give up: %+v", reply)
		}
		// It says that it has them still.
		b := one.beat()
		b.owned = before
		if reply := s.beats(b); reply.epoch != 1 || reply.assignment != nil {
			t.Errorf("while it gives up: %+v", reply)
		}
		if reply := s.say(two); reply.assignment != nil {
			t.Errorf("second member gets what the first still has: %+v", reply)
		}
		if reply := s.say(one); reply.epoch != 2 || reply.assignment != nil {
			t.Errorf("first member has given up: %+v", reply)
		}
		if reply := s.say(two); loadOf(reply.assignment) != 2 {
			t.Errorf("second member: %+v", reply)
		}
		writes := s.log.writes
		s.settle(one, two)
		if s.log.writes != writes {
			t.Errorf("heartbeats without news made %d writes", s.log.writes-writes)
		}
		if reply := s.beats(consumerBeat{memberID: "two", epoch: epochLeave}); reply.err != nil || reply.epoch != -1 {
			t.Errorf("leaving: %+v", reply)
		}
		s.settle(one)
		if loadOf(one.owned) != 4 {
			t.Errorf("who stays has %v", one.owned)
		}
	})
}

func TestSessionLastsAsLongAsTheGroupSays(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 2)
		s.log.configs = command.GroupConfigs{ByGroup: map[string]map[string]string{"orders": {configGroupSession: "60000"}, "others": {configGroupSession: "9000"}}}
		one := &fakeConsumer{id: "one", topics: []string{"t"}}
		s.say(one)
		time.Sleep(59 * time.Second) // the server's own is 45
		if reply := s.say(one); reply.err != nil {
			t.Fatalf("after 59 of 60 seconds: %v", reply.err)
		}
		// Heard with the next heartbeat.
		s.log.configs = command.GroupConfigs{ByGroup: map[string]map[string]string{"orders": {configGroupSession: "7000"}}}
		s.say(one)
		time.Sleep(8 * time.Second)
		if reply := s.beats(one.beat()); !errors.Is(reply.err, kerr.UnknownMemberID) {
			t.Errorf("after 8 of 7 seconds: %+v", reply)
		}
	})
}

func TestMemberThatNeverGivesUpIsFenced(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 2)
		one, two := &fakeConsumer{id: "one", topics: []string{"t"}}, &fakeConsumer{id: "two", topics: []string{"t"}}
		s.say(one)
		s.say(two)
		stuck := one.owned
		s.say(one)
		for range 13 { // it is alive, and has them still
			time.Sleep(5 * time.Second)
			b := one.beat()
			b.owned = stuck
			if reply := s.beats(b); errors.Is(reply.err, kerr.UnknownMemberID) {
				break
			}
			s.say(two)
		}
		s.settle(two)
		if loadOf(two.owned) != 2 {
			t.Errorf("the other one has %v", two.owned)
		}
	})
}

func TestEpochsOfOthersAreFenced(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 2)
		one, two := &fakeConsumer{id: "one", topics: []string{"t"}}, &fakeConsumer{id: "two", topics: []string{"t"}}
		s.say(one)
		s.say(two)
		s.settle(one, two)
		instance := "instance"
		commit := func(who commitIdentity) error {
			who.group = "orders"
			return s.c.checkCommit(who)
		}
		member := "one"
		for _, c := range []struct {
			claim string
			got   error
			want  error
		}{
			{"an epoch to come", s.beats(consumerBeat{memberID: "one", epoch: 9, rebalanceTimeout: -1}).err, kerr.FencedMemberEpoch},
			{"an old epoch that says nothing", s.beats(consumerBeat{memberID: "one", epoch: 1, rebalanceTimeout: -1}).err, kerr.FencedMemberEpoch},
			{"the epoch before, with what it has", s.beats(consumerBeat{memberID: "one", epoch: 1, hasOwned: true, owned: one.owned, rebalanceTimeout: -1}).err, nil},
			{"the epoch before, with more", s.beats(consumerBeat{memberID: "one", epoch: 1, hasOwned: true, owned: one.owned.or(two.owned), rebalanceTimeout: -1}).err, kerr.FencedMemberEpoch},
			{"a stranger", s.beats(consumerBeat{memberID: "three", epoch: 1}).err, kerr.UnknownMemberID},
			{"a strange instance", s.beats(consumerBeat{memberID: "one", epoch: 2, instanceID: &instance}).err, kerr.UnknownMemberID},
			{"a stranger leaves", s.beats(consumerBeat{memberID: "three", epoch: epochLeave}).err, kerr.UnknownMemberID},
			{"commit", commit(commitIdentity{memberID: "one", generation: 2, knowsMemberEpochs: true}), nil},
			{"commit of an old epoch", commit(commitIdentity{memberID: "one", generation: 1, knowsMemberEpochs: true}), kerr.StaleMemberEpoch},
			{"commit of an old epoch, for what it has", commit(commitIdentity{memberID: "one", generation: 1, knowsMemberEpochs: true, partitions: one.owned}), nil},
			{"commit of an old epoch, for what it lost", commit(commitIdentity{memberID: "one", generation: 1, knowsMemberEpochs: true, partitions: two.owned}), kerr.StaleMemberEpoch},
			{"commit of an epoch to come", commit(commitIdentity{memberID: "one", generation: 3, knowsMemberEpochs: true, partitions: one.owned}), kerr.StaleMemberEpoch},
			{"commit of an old client", commit(commitIdentity{memberID: "one", generation: 2}), kerr.UnsupportedVersion},
			{"commit of a stranger", commit(commitIdentity{memberID: "three", generation: 2, knowsMemberEpochs: true}), kerr.UnknownMemberID},
			{"commit of nobody", commit(commitIdentity{generation: -1, knowsMemberEpochs: true}), kerr.UnknownMemberID},
			{"commit in a transaction", commit(commitIdentity{memberID: "one", generation: 2, isTransactional: true}), nil},
			{"commit in a transaction of an old epoch", commit(commitIdentity{memberID: "one", generation: 1, isTransactional: true}), kerr.IllegalGeneration},
			{"commit in a transaction of nobody", commit(commitIdentity{generation: -1, isTransactional: true}), nil},
			{"fetch", s.c.checkFetch("orders", &member, 2), nil},
			{"fetch of an administrator", s.c.checkFetch("orders", nil, -1), nil},
			{"fetch of an old epoch", s.c.checkFetch("orders", &member, 1), kerr.StaleMemberEpoch},
			{"fetch of a stranger", s.c.checkFetch("orders", &instance, 1), kerr.UnknownMemberID},
			{"deletion", s.c.delete("orders", func() error { return nil }), kerr.NonEmptyGroup},
		} {
			if !errors.Is(c.got, c.want) {
				t.Errorf("%s: %v, want %v", c.claim, c.got, c.want)
			}
		}
	})
}

func TestStaticMemberOfTheNewProtocolComesBackToItsPartitions(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 4)
		instance := "instance"
		one := &fakeConsumer{id: "one", instance: &instance, topics: []string{"t"}}
		two := &fakeConsumer{id: "two", topics: []string{"t"}}
		s.say(one)
		s.say(two)
		s.settle(one, two)
		epoch, had := one.epoch, one.owned
		again := &fakeConsumer{id: "again", instance: &instance, topics: []string{"t"}}
		if reply := s.say(again); !errors.Is(reply.err, kerr.UnreleasedInstanceID) {
			t.Errorf("join while the one before is there: %+v", reply)
		}
		b := one.beat()
		b.epoch = epochAway
		if reply := s.beats(b); reply.err != nil || reply.epoch != epochAway {
			t.Fatalf("going away: %+v", reply)
		}
		s.restart()
		s.say(two)
		if reply := s.say(again); reply.err != nil || reply.epoch != epoch || !reply.assignment.equal(had) {
			t.Errorf("join after it went: %+v, want epoch %d and %v", reply, epoch, had)
		}
		if reply := s.beats(one.beat()); !errors.Is(reply.err, kerr.FencedInstanceID) {
			t.Errorf("heartbeat of the one before: %v", reply.err)
		}
		s.settle(again, two)
		b = again.beat()
		b.epoch = epochAway
		s.beats(b)
		for range 10 { // it never comes back
			time.Sleep(5 * time.Second)
			s.say(two)
		}
		s.settle(two)
		if loadOf(two.owned) != 4 {
			t.Errorf("the other one has %v", two.owned)
		}
	})
}

func TestTopicsThatComeGrowAndGoAreAssigned(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		c := &fakeConsumer{id: "one", topics: []string{"t"}, pattern: "(a|b)-.*"}
		require := func(want int) {
			t.Helper()
			s.settle(c)
			if got := loadOf(c.owned); got != want {
				t.Fatalf("%d partitions, want %d", got, want)
			}
		}
		s.say(c)
		require(0)
		s.log.setTopic("t", 2)
		require(2)
		s.log.setTopic("a-1", 1)
		s.log.setTopic("not-a-1", 1)
		require(3)
		s.log.setTopic("t", 5)
		require(6)
		s.restart()
		require(6)
		s.log.setTopic("b-", 1)
		require(7)
		s.log.setTopic("t", 0)
		require(2)
		s.log.setTopic("t", 1) // another one of that name
		require(3)
		c.pattern, c.isUnsure = "", true
		require(1)
		g := s.group()
		if isRead := g.subscribed(); !isRead("t") || isRead("a-1") {
			t.Error("the group subscribes to t alone")
		}
	})
}

func TestEmptyGroupsBecomeGroupsOfTheOtherType(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 2)
		classic := s.classicGroup()
		joined := classic.join(requestOf(""))
		classic.mu.Unlock()
		id := (<-joined).memberID
		classic.mu.Lock()
		synced := classic.sync(syncRequest{memberID: id, generation: 1, assignments: map[string][]byte{id: {1}}})
		classic.mu.Unlock()
		<-synced
		c := &fakeConsumer{id: "one", topics: []string{"t"}}
		if reply := s.beats(c.beat()); !errors.Is(reply.err, kerr.GroupIDNotFound) {
			t.Errorf("join of a classic group: %+v", reply)
		}
		classic.mu.Lock()
		if err := classic.leave(id, nil); err != nil {
			t.Fatal(err)
		}
		classic.mu.Unlock()
		synctest.Wait()
		if reply := s.say(c); reply.err != nil || reply.epoch <= 2 {
			t.Fatalf("join of an empty classic group of generation 2: %+v", reply)
		}
		if names := s.log.names("orders"); !slices.Equal(names, []string{"", "mone"}) {
			t.Errorf("kept are %q", names)
		}
		s.restart()
		s.settle(c)
		last := c.epoch
		if reply := s.beats(consumerBeat{memberID: "one", epoch: epochLeave}); reply.err != nil {
			t.Fatal(reply.err)
		}
		synctest.Wait()
		classic = s.classicGroup()
		joined = classic.join(requestOf(""))
		classic.mu.Unlock()
		if reply := <-joined; reply.err != nil || reply.generation <= last {
			t.Errorf("join of an empty group of epoch %d: %+v", last, reply)
		}
	})
}

// Clients come, go, crash, lose answers; writes fail; the coordinator starts anew;
// topics come, grow and go. Never do two clients believe that they own a partition,
// and when it is quiet everything is assigned once, in balance.
func TestNoPartitionHasTwoOwnersWhateverHappens(t *testing.T) {
	for seed := range uint64(60) {
		inConsumerGroup(t, func(s *consumerScript) {
			random := rand.New(rand.NewPCG(seed, 5))
			names := []string{"t", "u", "v"}
			var consumers []*fakeConsumer
			born := 0
			requireNoTwoOwners := func() {
				t.Helper()
				owners := make(map[command.TopicID]map[int32]string)
				for _, c := range consumers {
					if time.Since(c.heard) >= 45*time.Second {
						c.epoch, c.owned, c.isUnsure = 0, nil, true // it has stopped by itself
					}
					c.owned.each(func(id command.TopicID, p int32) {
						if owners[id] == nil {
							owners[id] = make(map[int32]string)
						}
						if other, isTaken := owners[id][p]; isTaken {
							t.Fatalf("seed %d: partition %d is of %s and %s", seed, p, other, c.id)
						}
						owners[id][p] = c.id
					})
				}
			}
			for range 250 {
				n := len(consumers)
				switch move := random.IntN(20); {
				case move < 2 || n == 0:
					born++
					c := &fakeConsumer{id: fmt.Sprintf("c%d", born), topics: []string{names[random.IntN(3)]}, heard: time.Now(), isUnsure: true}
					if random.IntN(3) == 0 {
						instance := fmt.Sprintf("i%d", born)
						c.instance = &instance
					}
					if random.IntN(3) == 0 {
						c.pattern = "[tu]"
					}
					consumers = append(consumers, c)
				case move < 3: // leaves, or crashes
					i := random.IntN(n)
					if random.IntN(2) == 0 {
						s.beats(consumerBeat{memberID: consumers[i].id, epoch: epochLeave})
					}
					consumers = slices.Delete(consumers, i, i+1)
				case move < 4: // a static one is started again
					c := consumers[random.IntN(n)]
					if c.instance == nil || c.epoch <= 0 {
						continue
					}
					b := c.beat()
					b.epoch = epochAway
					c.owned = nil
					born++
					s.beats(b)
					c.id, c.epoch, c.isUnsure = fmt.Sprintf("c%d", born), 0, true
				case move < 5:
					s.log.setTopic(names[random.IntN(3)], random.Int32N(7))
				case move < 6:
					s.restart()
				case move < 7:
					s.log.set(command.ErrUnavailable)
				case move < 8:
					c := consumers[random.IntN(n)]
					c.topics, c.isUnsure = []string{names[random.IntN(3)]}, true
				case move < 10: // the answer gets lost
					c := consumers[random.IntN(n)]
					s.beats(c.beat())
					c.isUnsure = true
				case move < 12:
					time.Sleep(time.Duration(random.IntN(15)) * time.Second)
				default:
					s.say(consumers[random.IntN(n)])
					if random.IntN(3) == 0 {
						s.log.set(nil)
					}
				}
				requireNoTwoOwners()
			}
			s.log.set(nil)
			for _, name := range names {
				s.log.setTopic(name, 1+random.Int32N(6))
			}
			for range 60 {
				for _, c := range consumers {
					s.say(c)
					requireNoTwoOwners()
				}
				time.Sleep(5 * time.Second)
			}
			owned := make(assignment)
			wanted := make(assignment)
			for _, c := range consumers {
				owned = owned.or(c.owned)
				for _, name := range names {
					if slices.Contains(c.topics, name) || c.pattern != "" && name != "v" {
						for p := range s.log.topics[name].Partitions {
							wanted = wanted.or(assignment{s.log.topics[name].ID: {p}})
						}
					}
				}
			}
			if !owned.equal(wanted) {
				t.Fatalf("seed %d: owned are %v, wanted %v", seed, owned, wanted)
			}
			s.settle(consumers...)
			s.restart()
			s.settle(consumers...)
		})
	}
}

// Time is real here: how long a target assignment took decides when the next one is
// made. Each join on its own would make one, and n of them cost n squared.
func TestManyConsumersJoinAtOnce(t *testing.T) {
	const count = 2000
	log := &partsLog{}
	log.setTopic("t", count)
	config := GroupConfig{MembersMax: count, EmptyRetention: time.Hour, ConsumerSessionTimeout: time.Hour}
	c := newCoordinator(config, &stubCluster{epoch: 1}, log, slog.New(slog.DiscardHandler))
	defer c.close()
	if err := c.checkLeader(); err != nil {
		t.Fatal(err)
	}
	s := &consumerScript{t: t, log: log, c: c}
	var consumers []*fakeConsumer
	for i := range count {
		consumers = append(consumers, &fakeConsumer{id: fmt.Sprintf("member-%d", i), topics: []string{"t"}})
	}
	beatAll := func() (done int) {
		for _, c := range consumers {
			g, err := s.c.findOrMakeConsumer("orders", true)
			if err != nil {
				t.Fatal(err)
			}
			reply := g.beat(c.beat())
			g.flush(nil)
			g.mu.Unlock()
			if c.takes(t, reply, time.Now()); loadOf(c.owned) == 1 {
				done++
			}
		}
		return done
	}
	for rounds := 1; beatAll() < count; rounds++ {
		if rounds > 1000 {
			t.Fatalf("after %d rounds not everybody has a partition", rounds)
		}
	}
	g := s.group()
	g.mu.Lock()
	s.checkInvariants(g)
	g.mu.Unlock()
	if reply := s.beats(consumerBeat{memberID: "one more", rebalanceTimeout: time.Minute, topics: []string{"t"}, hasOwned: true}); !errors.Is(reply.err, kerr.GroupMaxSizeReached) {
		t.Errorf("one more: %v", reply.err)
	}
}

func TestGoldenPartsOfConsumerGroups(t *testing.T) {
	instance, rack := "instance", "rack"
	m := &consumer{
		id: "a", instanceID: &instance, rackID: &rack, clientID: "client", clientHost: "/127.0.0.1", rebalanceTimeout: 5 * time.Minute,
		topics: []string{"t", "u"}, pattern: "a.*", assignor: "range", epoch: 7, previousEpoch: -2, state: consumerRevoking,
		assigned: assignment{{1}: {0, 3}, {2}: {300}}, revoking: assignment{{1}: {1}}, target: assignment{},
	}
	g := &consumerGroup{epoch: 300, targetEpoch: 299, topicsHash: hashTopics(map[string]subscribedTopic{"t": {command.TopicID{1}, 3}})}
	golden(t, "consumer_group", encodeConsumerGroup(g))
	golden(t, "consumer", encodeConsumer(m))
	again := &consumerGroup{}
	if err := decodeConsumerGroup(again, encodeConsumerGroup(g)); err != nil || again.epoch != 300 || again.targetEpoch != 299 || again.topicsHash != g.topicsHash {
		t.Errorf("got %+v, %v", again, err)
	}
	if read, err := decodeConsumer("a", encodeConsumer(m)); err != nil || !reflect.DeepEqual(read, m) {
		t.Errorf("got %+v, %v", read, err)
	}
	for cut := range len(encodeConsumer(m)) {
		if _, err := decodeConsumer("a", encodeConsumer(m)[:cut]); !errors.Is(err, errPart) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
}

func TestDamagedConsumerGroupsHoldBackNoOthers(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 6)
		one, two := &fakeConsumer{id: "one", topics: []string{"t"}}, &fakeConsumer{id: "two", topics: []string{"t"}}
		s.settle(one, two)
		good := maps.Clone(s.log.parts["orders"])
		random := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			damaged := make(map[string][]byte)
			for name, value := range good {
				damaged[name] = slices.Clone(value)
			}
			names := slices.Sorted(maps.Keys(damaged))
			name := names[random.IntN(len(names))]
			if at := random.IntN(len(damaged[name])); random.IntN(2) == 0 {
				damaged[name] = damaged[name][:at]
			} else {
				damaged[name][at] ^= 1 << random.IntN(8)
			}
			s.log.parts = map[string]map[string][]byte{"orders": damaged, "other": good}
			s.restart()
			if s.c.size() != 2 {
				t.Fatalf("%d groups", s.c.size())
			}
			s.beats(one.beat())
		}
	})
}

func FuzzConsumerParts(f *testing.F) {
	f.Add(encodeConsumerGroup(&consumerGroup{epoch: 1}))
	f.Add(encodeConsumer(&consumer{assigned: assignment{{1}: {0, 3}}}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = decodeConsumerGroup(&consumerGroup{}, data)
		_, _ = decodeConsumer("a", data)
	})
}
