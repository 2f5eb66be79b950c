package kafkacompat

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// The tests of this file are about members that wait for each other, and one of them does not come.

// joined makes n members that have joined and not synced.
func (s *groupScript) joined(n int) (ids []string, generation int32) {
	s.t.Helper()
	first := s.waitJoin(s.starts(requestOf("")))
	ids = append(ids, first.memberID)
	var joins []chan joinReply
	for range n - 1 {
		joins = append(joins, s.starts(requestOf("")))
	}
	joins = append(joins, s.starts(requestOf(first.memberID)))
	for _, join := range joins {
		reply := s.waitJoin(join)
		if generation = reply.generation; reply.memberID != first.memberID {
			ids = append(ids, reply.memberID)
		}
	}
	s.require(groupCompleting, 2, n)
	return ids, generation
}

func TestLeaderThatNeverSyncsIsLostAndNotThoseWhoWaitForIt(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids, generation := s.joined(2)
		waiting := s.syncs(ids[1], generation, nil)
		for range int(testRebalance/time.Second) + 1 {
			time.Sleep(time.Second)
			s.beats(ids[0], generation)
		}
		if reply := s.waitSync(waiting); !errors.Is(reply.err, kerr.RebalanceInProgress) {
			t.Errorf("sync of a follower: %v, want REBALANCE_IN_PROGRESS", reply.err)
		}
		if err := s.beats(ids[0], generation); !errors.Is(err, kerr.UnknownMemberID) {
			t.Errorf("heartbeat of the leader: %v, want UNKNOWN_MEMBER_ID", err)
		}
		s.require(groupPreparing, generation, 1)
	})
}

// A member that waited in a sync has a session again when a rebalance calls it to join.
func TestMemberThatWaitedInASyncMayStillBeLost(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids, generation := s.joined(2)
		waiting := s.syncs(ids[1], generation, nil)
		rejoins := s.starts(requestOf(ids[0], "roundrobin", "range")) // knows another protocol now
		if reply := s.waitSync(waiting); !errors.Is(reply.err, kerr.RebalanceInProgress) {
			t.Fatalf("sync: %v, want REBALANCE_IN_PROGRESS", reply.err)
		}
		time.Sleep(testSession + time.Second) // far less than the rebalance may take
		if reply := s.waitJoin(rejoins); reply.err != nil || reply.generation != generation+1 || len(reply.members) != 1 {
			t.Errorf("join of the other: %+v", reply)
		}
	})
}

func TestSecondSyncOfAMemberEndsTheFirst(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids, generation := s.joined(2)
		first := s.syncs(ids[1], generation, nil)
		second := s.syncs(ids[1], generation, nil)
		if reply := s.waitSync(first); !errors.Is(reply.err, kerr.RebalanceInProgress) {
			t.Errorf("first sync: %v, want REBALANCE_IN_PROGRESS", reply.err)
		}
		s.waitSync(s.syncs(ids[0], generation, map[string][]byte{ids[1]: []byte("all")}))
		if reply := s.waitSync(second); reply.err != nil || string(reply.assignment) != "all" {
			t.Errorf("second sync: %+v", reply)
		}
	})
}

// A static member that is started again ends what its older self waits for.
func TestStaticMemberThatReturnsEndsTheSyncOfTheOneBefore(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		leader := s.waitJoin(s.starts(staticRequest("", "one")))
		other := s.starts(staticRequest("", "two"))
		s.starts(staticRequest(leader.memberID, "one"))
		follower := s.waitJoin(other)
		waiting := s.syncs(follower.memberID, follower.generation, nil)
		s.starts(staticRequest("", "two"))
		if reply := s.waitSync(waiting); !errors.Is(reply.err, kerr.FencedInstanceID) {
			t.Errorf("sync: %v, want FENCED_INSTANCE_ID", reply.err)
		}
	})
}

func TestFullGroupTakesNoNewStaticMember(t *testing.T) {
	inGroup(t, func(c *GroupConfig) { c.MembersMax = 1 }, func(s *groupScript) {
		first := s.waitJoin(s.starts(staticRequest("", "one")))
		if reply := s.waitJoin(s.starts(staticRequest("", "two"))); first.err != nil || !errors.Is(reply.err, kerr.GroupMaxSizeReached) {
			t.Errorf("joins: %v, %v", first.err, reply.err)
		}
		s.starts(staticRequest("", "one")) // takes its own place
		s.require(groupCompleting, 2, 1)
	})
}

// Who was given an id and gives it back keeps nobody waiting.
func TestMemberThatLeavesBeforeItJoinsKeepsNobodyWaiting(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids := s.stable(1)
		r := requestOf("")
		r.needsMemberID = true
		given := s.waitJoin(s.starts(r))
		rejoins := s.starts(requestOf(ids[0]))
		s.requireWaiting(rejoins)
		if err := s.leaves(given.memberID); err != nil {
			t.Fatal(err)
		}
		if reply := s.waitJoin(rejoins); reply.err != nil || reply.generation != 2 {
			t.Errorf("join: %+v", reply)
		}
	})
}

// A group in which somebody was given an id and never joined is forgotten in the end, however long the id was held.
func TestGroupThatNobodyJoinsIsForgotten(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		r := requestOf("")
		r.needsMemberID, r.sessionTimeout = true, 30*time.Minute
		s.waitJoin(s.starts(r))
		time.Sleep(29 * time.Minute)
		if s.isDropped() {
			t.Error("the group is forgotten while an id is held")
		}
		time.Sleep(12 * time.Minute)
		if !s.isDropped() {
			t.Error("the group is not forgotten")
		}
	})
}

// A follower that joins again where nothing has changed has shown that it is there.
func TestJoinThatChangesNothingKeepsTheSession(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids := s.stable(2)
		for range 3 {
			time.Sleep(testSession * 2 / 3)
			s.beats(ids[0], 1)
			if reply := s.waitJoin(s.starts(requestOf(ids[1]))); reply.err != nil || reply.generation != 1 {
				t.Fatalf("join: %+v", reply)
			}
		}
		s.require(groupStable, 1, 2)
	})
}

func TestGenerationsBeginAgainAfterTheLast(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		s.generation = math.MaxInt32
		if reply := s.waitJoin(s.starts(requestOf(""))); reply.generation != 1 {
			t.Errorf("generation %d", reply.generation)
		}
	})
}
