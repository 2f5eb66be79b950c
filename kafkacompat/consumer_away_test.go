package kafkacompat

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// look looks into the group, whose timers may go off meanwhile.
func (s *consumerScript) look(f func(g *consumerGroup)) {
	s.t.Helper()
	g := s.group()
	g.mu.Lock()
	defer g.mu.Unlock()
	f(g)
}

// A static member that goes away while it has partitions to give up has given them up by that; what it keeps is its
// own for its session, not only for its rebalance timeout.
func TestStaticMemberThatGoesAwayDuringARebalanceStaysForItsSession(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 4)
		instance := "one"
		join := consumerBeat{memberID: "first", instanceID: &instance, rebalanceTimeout: 10 * time.Second, topics: []string{"t"}, hasOwned: true}
		first := s.beats(join)
		other := &fakeConsumer{id: "other", topics: []string{"t"}}
		s.say(other)
		beat := consumerBeat{memberID: "first", instanceID: &instance, epoch: first.epoch, rebalanceTimeout: -1, owned: first.assignment, hasOwned: true}
		if reply := s.beats(beat); reply.err != nil || len(reply.assignment) == 0 {
			t.Fatalf("%+v", reply)
		}
		s.look(func(g *consumerGroup) {
			if m := g.members["first"]; m.state != consumerRevoking {
				t.Fatalf("state %d", m.state)
			}
		})
		beat.epoch = epochAway
		if reply := s.beats(beat); reply.err != nil {
			t.Fatal(reply.err)
		}
		for range 3 {
			time.Sleep(10 * time.Second)
			s.say(other)
		}
		s.look(func(g *consumerGroup) {
			if m := g.members["first"]; m == nil || m.epoch != epochAway || len(g.members) != 2 {
				t.Errorf("after the rebalance timeout the member is %+v, of %d", m, len(g.members))
			}
		})
		count := 0
		for _, partitions := range other.owned {
			count += len(partitions)
		}
		if count != 2 {
			t.Errorf("the other has %d partitions, want those that were given up", count)
		}
		time.Sleep(20 * time.Second)
		s.say(other)
		s.look(func(g *consumerGroup) {
			if len(g.members) != 1 {
				t.Errorf("after the session there are %d members", len(g.members))
			}
		})
	})
}

func TestConsumerGroupThatAllHaveLeftIsForgotten(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 1)
		c := &fakeConsumer{id: "one", topics: []string{"t"}}
		s.say(c)
		time.Sleep(20 * time.Second)
		s.say(c)
		for range 3 * 60 { // longer than an empty group is remembered
			time.Sleep(10 * time.Second)
			s.say(c)
		}
		if s.c.size() != 1 {
			t.Fatalf("%d groups", s.c.size())
		}
		s.beats(consumerBeat{memberID: "one", epoch: epochLeave, rebalanceTimeout: -1})
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		if s.c.size() != 1 {
			t.Errorf("%d groups soon after the last member has gone", s.c.size())
		}
		time.Sleep(12 * time.Minute) // one time to delete what is kept, one to forget
		synctest.Wait()
		if names := s.log.names("orders"); s.c.size() != 0 || len(names) > 0 {
			t.Errorf("%d groups later, and %q are kept", s.c.size(), names)
		}
	})
}

// What is kept of a group outlives its members for as long as it has offsets, and so does its epoch.
func TestDeletionThatFailsLeavesTheGroup(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 1)
		s.say(&fakeConsumer{id: "one", topics: []string{"t"}})
		s.beats(consumerBeat{memberID: "one", epoch: epochLeave, rebalanceTimeout: -1})
		synctest.Wait()
		takesLong := func() error {
			time.Sleep(11 * time.Minute) // the time at which an empty group is forgotten goes by
			return kerr.CoordinatorNotAvailable
		}
		if err := s.c.delete("orders", takesLong); err != kerr.CoordinatorNotAvailable {
			t.Fatal(err)
		}
		s.look(func(g *consumerGroup) {
			if g.isDead {
				t.Fatal("the group is dead")
			}
		})
		if s.c.size() != 1 {
			t.Fatalf("there are %d groups", s.c.size())
		}
		time.Sleep(22 * time.Minute)
		synctest.Wait()
		if s.c.size() != 0 {
			t.Error("and is never forgotten")
		}
	})
}

// kafkajs gives up if it is told to come again.
func TestDeletionWaitsForWhatTheLastMemberLeft(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 1)
		s.say(&fakeConsumer{id: "one", topics: []string{"t"}})
		synctest.Wait()
		s.log.delay = time.Second
		go s.beats(consumerBeat{memberID: "one", epoch: epochLeave, rebalanceTimeout: -1})
		synctest.Wait()
		proposed, deleted := make(chan bool, 1), make(chan error, 1)
		go func() { deleted <- s.c.delete("orders", func() error { proposed <- true; return nil }) }()
		synctest.Wait()
		if len(proposed) > 0 || len(deleted) > 0 {
			t.Error("a group is deleted while its last state is written, or is not to be")
		}
		if err := <-deleted; err != nil || len(proposed) != 1 || s.c.size() != 0 {
			t.Errorf("%v, proposed %d times, %d groups", err, len(proposed), s.c.size())
		}
	})
}

// A group that was too large is kept whole once it is smaller: of what was there before nothing is left.
func TestConsumerGroupThatBecomesSmallerIsKeptAgain(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 2)
		first, second, third := &fakeConsumer{id: "1", topics: []string{"t"}}, &fakeConsumer{id: "2", topics: []string{"t"}}, &fakeConsumer{id: "3", topics: []string{"t"}}
		s.settle(first, second)
		s.settle(first, second, third)
		s.say(&fakeConsumer{id: "4", topics: []string{"t"}})
		synctest.Wait()
		s.log.partsMax = 1 // the next change is too much
		s.say(&fakeConsumer{id: "5", topics: []string{"t"}})
		synctest.Wait()
		if names := s.log.names("orders"); len(names) > 0 {
			t.Fatalf("%q are kept of a group that is too large", names)
		}
		s.log.partsMax = 10
		for _, id := range []string{"3", "4", "5"} {
			s.beats(consumerBeat{memberID: id, epoch: epochLeave, rebalanceTimeout: -1})
		}
		synctest.Wait()
		if names := s.log.names("orders"); len(names) != 3 {
			t.Errorf("%q are kept of a group of two", names)
		}
		s.restart()
		if reply := s.say(first); reply.err != nil {
			t.Errorf("after a restart: %v", reply.err)
		}
	})
}

// A member that changes its regular expression again and again leaves nothing behind.
func TestRegularExpressionsThatNobodyHasAreForgotten(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 2)
		c := &fakeConsumer{id: "one"}
		for i := range 100 {
			c.pattern, c.isUnsure = fmt.Sprintf("t|u%d", i), true
			s.say(c)
		}
		s.look(func(g *consumerGroup) {
			if len(g.matched) != 1 {
				t.Errorf("the topics of %d expressions are remembered", len(g.matched))
			}
		})
	})
}

// A member that had to give partitions up before a restart, and never does, is lost in its time nevertheless.
func TestMemberThatGivesNothingUpIsLostAfterARestart(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 4)
		first := s.beats(consumerBeat{memberID: "first", rebalanceTimeout: 10 * time.Second, topics: []string{"t"}, hasOwned: true})
		other := &fakeConsumer{id: "other", topics: []string{"t"}}
		s.say(other)
		beat := consumerBeat{memberID: "first", epoch: first.epoch, rebalanceTimeout: -1, owned: first.assignment, hasOwned: true}
		s.beats(beat)
		s.restart()
		if reply := s.beats(beat); reply.err != nil {
			t.Fatal(reply.err)
		}
		for range 12 {
			time.Sleep(time.Second)
			s.beats(beat)
			s.say(other)
		}
		s.look(func(g *consumerGroup) {
			if m := g.members["first"]; m != nil {
				t.Errorf("it is a member in state %d", m.state)
			}
		})
	})
}

// A group without members is remembered while it has offsets, and forgotten when they are gone.
func TestGroupIsForgottenWithItsOffsets(t *testing.T) {
	inConsumerGroup(t, func(s *consumerScript) {
		s.log.setTopic("t", 1)
		s.log.setOffsets(map[string][]command.GroupOffset{"orders": {{Topic: "t"}}})
		s.say(&fakeConsumer{id: "one", topics: []string{"t"}})
		s.beats(consumerBeat{memberID: "one", epoch: epochLeave, rebalanceTimeout: -1})
		time.Sleep(time.Hour)
		if s.c.size() != 1 || len(s.log.names("orders")) == 0 {
			t.Fatal("the group is forgotten before its offsets")
		}
		s.log.setOffsets(nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		if s.c.size() != 0 || len(s.log.names("orders")) > 0 {
			t.Error("the group outlives its offsets")
		}
	})
}
