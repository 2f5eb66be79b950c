package kafkacompat

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Leadership may be lost while the new id of a static member is on its way into the log. FENCED_INSTANCE_ID would
// end the application.
func TestStaticMemberThatReturnsWhileLeadershipIsLostIsNotFenced(t *testing.T) {
	restartable(t, func(s *groupScript, log *partsLog, restart func()) {
		old := s.waitJoin(s.starts(staticRequest("", "one")))
		s.waitSync(s.syncs(old.memberID, 1, map[string][]byte{old.memberID: []byte("all")}))
		log.delay = time.Second
		returns := s.starts(staticRequest("", "one"))
		synctest.Wait()
		s.end()
		time.Sleep(2 * time.Second)
		if reply := s.waitJoin(returns); !errors.Is(reply.err, kerr.NotCoordinator) {
			t.Errorf("join: %v, want NOT_COORDINATOR", reply.err)
		}
	})
}

// What a group of an earlier leadership still had to write would be taken for the state of the one that was made
// of the log after it.
func TestGroupThatHasEndedWritesNothingMore(t *testing.T) {
	restartable(t, func(s *groupScript, log *partsLog, restart func()) {
		log.delay = time.Second
		s.mu.Lock()
		s.store.keep(true, map[string][]byte{"m1": {1}}, nil)
		s.mu.Unlock()
		synctest.Wait() // the first write is on its way
		told := make(chan error, 1)
		s.mu.Lock()
		s.store.keep(true, map[string][]byte{"m2": {2}}, func(err error) { told <- err })
		s.endLocked()
		s.mu.Unlock()
		time.Sleep(5 * time.Second)
		if got := log.names("orders"); log.writes != 1 || !slices.Equal(got, []string{"m1"}) {
			t.Errorf("%d writes, which kept %q", log.writes, got)
		}
		select {
		case err := <-told:
			if !errors.Is(err, kerr.NotCoordinator) {
				t.Errorf("who waited for the second write is told %v", err)
			}
		default:
			t.Error("who waited for the second write waits for ever")
		}
	})
}

// A group that becomes one of the other type writes no more either, whatever its timers do.
func TestGroupThatChangesItsTypeLeavesItsPartsToTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &partsLog{}
		log.setTopic("orders", 2)
		c := newCoordinator(GroupConfig{MembersMax: 10, EmptyRetention: time.Minute, ConsumerSessionTimeout: 9 * time.Second}, &stubCluster{epoch: 1}, log, slog.New(slog.DiscardHandler))
		defer c.close()
		if err := c.checkLeader(); err != nil {
			t.Fatal(err)
		}
		g, err := c.findOrMakeConsumer("orders", true)
		if err != nil {
			t.Fatal(err)
		}
		first := g.beat(consumerBeat{memberID: "me", rebalanceTimeout: time.Minute, topics: []string{"orders"}, hasOwned: true})
		g.flush(nil)
		g.Unlock()
		synctest.Wait()
		g.Lock()
		g.beat(consumerBeat{memberID: "me", epoch: epochLeave, rebalanceTimeout: -1})
		g.flush(nil)
		g.Unlock()
		synctest.Wait()
		if first.err != nil || log.writes != 2 {
			t.Fatalf("%+v, %d writes", first, log.writes)
		}
		classic, err := c.findOrMakeClassic("orders")
		if err != nil {
			t.Fatal(err)
		}
		if !classic.keeper().isKept || classic.lastEpoch() != g.lastEpoch() {
			t.Errorf("the classic group is kept: %t, and has epoch %d after %d", classic.keeper().isKept, classic.lastEpoch(), g.lastEpoch())
		}
		classic.Unlock()
		g.Lock()
		g.bump()
		g.flush(nil)
		g.Unlock()
		synctest.Wait()
		if log.writes != 2 {
			t.Errorf("the group before wrote after its end: %d writes", log.writes)
		}
	})
}
