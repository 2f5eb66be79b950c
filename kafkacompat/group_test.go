package kafkacompat

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	testSession   = 10 * time.Second
	testRebalance = 60 * time.Second
)

// A groupScript drives one group in virtual time and reads aloud.
type groupScript struct {
	t *testing.T
	*group
	writer  *groupWriter
	dropped bool
}

// inGroup runs f in a bubble of virtual time with an empty group.
func inGroup(t *testing.T, change func(*GroupConfig), f func(*groupScript)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		config := GroupConfig{MembersMax: 10_000, EmptyRetention: 10 * time.Minute}
		if change != nil {
			change(&config)
		}
		s := &groupScript{t: t}
		s.writer = newGroupWriter(emptyLog{}, &stubCluster{epoch: 1}, 1, slog.New(slog.DiscardHandler))
		defer s.writer.close()
		s.group = newGroup("orders", config, s.writer, func(g anyGroup) {
			g.Lock()
			defer g.Unlock()
			s.dropped = s.dropped || g.isForgettable()
		})
		f(s)
		s.end()
	})
}

func requestOf(memberID string, protocols ...string) joinRequest {
	if len(protocols) == 0 {
		protocols = []string{"range"}
	}
	r := joinRequest{
		memberID: memberID, clientID: "client", sessionTimeout: testSession, rebalanceTimeout: testRebalance,
		protocolType: "consumer",
	}
	for _, p := range protocols {
		r.protocols = append(r.protocols, groupProtocol{name: p, metadata: []byte("by " + p)})
	}
	return r
}

// starts joins without waiting for the answer.
func (s *groupScript) starts(request joinRequest) chan joinReply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.join(request)
}

// waitJoin is the answer that must be there now.
func (s *groupScript) waitJoin(answer chan joinReply) joinReply {
	s.t.Helper()
	synctest.Wait()
	select {
	case reply := <-answer:
		return reply
	default:
		s.t.Fatalf("join has no answer; the group is %s", s.state)
		return joinReply{}
	}
}

func (s *groupScript) requireWaiting(answer chan joinReply) {
	s.t.Helper()
	synctest.Wait()
	select {
	case reply := <-answer:
		s.t.Fatalf("join has the answer %+v; it should wait", reply)
	default:
	}
}

func (s *groupScript) syncs(memberID string, generation int32, assignments map[string][]byte) chan syncReply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.group.sync(syncRequest{memberID: memberID, generation: generation, assignments: assignments})
}

func (s *groupScript) waitSync(answer chan syncReply) syncReply {
	s.t.Helper()
	synctest.Wait()
	select {
	case reply := <-answer:
		return reply
	default:
		s.t.Fatalf("sync has no answer; the group is %s", s.state)
		return syncReply{}
	}
}

func (s *groupScript) beats(memberID string, generation int32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heartbeat(memberID, nil, generation)
}

func (s *groupScript) leaves(memberID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leave(memberID, nil)
}

func (s *groupScript) require(state groupState, generation int32, members int) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != state || s.generation != generation || len(s.members) != members {
		s.t.Fatalf("group is %s, generation %d, %d members; want %s, %d, %d",
			s.state, s.generation, len(s.members), state, generation, members)
	}
	s.checkInvariants()
}

func (s *groupScript) isDropped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// checkInvariants are those of the type, and what follows from them.
func (s *groupScript) checkInvariants() {
	s.t.Helper()
	if len(s.members) > 0 != (s.leader != "") || s.leader != "" && s.members[s.leader] == nil {
		s.t.Fatalf("leader %q of %d members", s.leader, len(s.members))
	}
	if (s.state == groupEmpty || s.state == groupDead) && len(s.members) > 0 {
		s.t.Fatalf("%s with %d members", s.state, len(s.members))
	}
	unsynced, joining, syncing := 0, 0, 0
	for _, m := range s.members {
		if !m.hasSynced {
			unsynced++
		}
		if m.joining != nil {
			joining++
		}
		if m.syncing != nil {
			syncing++
		}
	}
	if joining != len(s.joining) || syncing != len(s.syncing) || unsynced != s.unsynced || len(s.inOrder()) != len(s.members) {
		s.t.Fatalf("%d join, %d sync, %d have not synced, %d in order; counted are %d, %d, %d of %d",
			joining, syncing, unsynced, len(s.inOrder()), len(s.joining), len(s.syncing), s.unsynced, len(s.members))
	}
	for _, m := range s.members {
		if m.joining != nil && s.state != groupPreparing {
			s.t.Fatalf("%s waits in a join in %s", m.id, s.state)
		}
		if m.syncing != nil && s.state != groupCompleting {
			s.t.Fatalf("%s waits in a sync in %s", m.id, s.state)
		}
		if m.instanceID != nil && s.static[*m.instanceID] != m.id {
			s.t.Fatalf("instance %s is member %s, not %s", *m.instanceID, s.static[*m.instanceID], m.id)
		}
	}
}

// stable brings n dynamic members to Stable and returns their ids; the first one
// leads. It takes one generation, since all are known before anyone's join ends.
func (s *groupScript) stable(n int) []string {
	s.t.Helper()
	var ids []string
	for range n {
		reply := s.waitJoin(s.starts(func() joinRequest { r := requestOf(""); r.needsMemberID = true; return r }()))
		if !errors.Is(reply.err, kerr.MemberIDRequired) {
			s.t.Fatalf("first join: %v, want MEMBER_ID_REQUIRED", reply.err)
		}
		ids = append(ids, reply.memberID)
	}
	var joins []chan joinReply
	for _, id := range ids {
		joins = append(joins, s.starts(requestOf(id)))
	}
	assignments := make(map[string][]byte)
	for i, answer := range joins {
		if reply := s.waitJoin(answer); reply.err != nil || (len(reply.members) > 0) != (i == 0) {
			s.t.Fatalf("join of member %d: %+v", i, reply)
		}
		assignments[ids[i]] = fmt.Appendf(nil, "part %d", i)
	}
	generation := s.generation
	var syncs []chan syncReply
	for i := n - 1; i >= 0; i-- { // followers first, so that they wait
		syncs = append(syncs, s.syncs(ids[i], generation, assignments))
	}
	for i, answer := range syncs {
		if reply := s.waitSync(answer); reply.err != nil || string(reply.assignment) != fmt.Sprintf("part %d", n-1-i) {
			s.t.Fatalf("sync: %+v", reply)
		}
	}
	s.require(groupStable, generation, n)
	return ids
}

func TestMembersBecomeStableInOneGeneration(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		s.stable(3)
		s.require(groupStable, 1, 3)
	})
}

func TestNewMemberCallsTheOthersToJoinAgain(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids := s.stable(2)
		newcomer := s.starts(requestOf(""))
		s.requireWaiting(newcomer)
		if err := s.beats(ids[0], 1); !errors.Is(err, kerr.RebalanceInProgress) {
			t.Errorf("heartbeat: %v, want REBALANCE_IN_PROGRESS", err)
		}
		first := s.starts(requestOf(ids[0]))
		s.requireWaiting(first)
		second := s.starts(requestOf(ids[1]))
		if reply := s.waitJoin(first); reply.err != nil || len(reply.members) != 3 || reply.leader != ids[0] {
			t.Errorf("leader's join: %+v", reply)
		}
		if reply := s.waitJoin(second); reply.err != nil || reply.generation != 2 || len(reply.members) != 0 {
			t.Errorf("follower's join: %+v", reply)
		}
		s.waitJoin(newcomer)
		s.require(groupCompleting, 2, 3)
	})
}

func TestMemberThatDoesNotComeBackIsLeftBehind(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids := s.stable(2)
		newcomer := s.starts(requestOf(""))
		for range 11 { // ids[1] is alive but doesn't join
			time.Sleep(5 * time.Second)
			if err := s.beats(ids[1], 1); !errors.Is(err, kerr.RebalanceInProgress) {
				t.Fatalf("heartbeat: %v", err)
			}
		}
		s.requireWaiting(newcomer)
		time.Sleep(5 * time.Second)
		if reply := s.waitJoin(newcomer); reply.err != nil || len(reply.members) != 1 {
			t.Errorf("newcomer's join: %+v", reply)
		}
		s.require(groupCompleting, 2, 1)
		if err := s.beats(ids[1], 1); !errors.Is(err, kerr.UnknownMemberID) {
			t.Errorf("heartbeat of the one left behind: %v", err)
		}
	})
}

func TestSessionEndsWithoutHeartbeats(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids := s.stable(2)
		for range 4 {
			time.Sleep(testSession - time.Millisecond)
			if err := s.beats(ids[0], 1); err != nil {
				break
			}
		}
		// The other one is gone, and the one that is left is called to join.
		if err := s.beats(ids[0], 1); !errors.Is(err, kerr.RebalanceInProgress) {
			t.Errorf("heartbeat: %v, want REBALANCE_IN_PROGRESS", err)
		}
		s.waitJoin(s.starts(requestOf(ids[0])))
		s.require(groupCompleting, 2, 1)
	})
}

func TestLastMemberLeavesTheGroupEmptyAndThenForgotten(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids := s.stable(1)
		if err := s.leaves(ids[0]); err != nil {
			t.Fatal(err)
		}
		s.require(groupEmpty, 2, 0)
		time.Sleep(10*time.Minute - time.Second)
		synctest.Wait()
		if s.isDropped() {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !s.isDropped() {
			t.Error("not forgotten")
		}
	})
}

func TestLeaderThatNeverSyncsIsReplaced(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		first, second := s.starts(requestOf("")), s.starts(requestOf(""))
		leader := s.waitJoin(first).memberID // alone, in generation 1, until the second joined
		again := s.starts(requestOf(leader))
		s.waitJoin(again)
		follower := s.waitJoin(second)
		s.require(groupCompleting, 2, 2)
		sync := s.syncs(follower.memberID, 2, nil)
		for range 12 {
			time.Sleep(5 * time.Second)
			s.beats(leader, 2)
		}
		if reply := s.waitSync(sync); !errors.Is(reply.err, kerr.RebalanceInProgress) {
			t.Errorf("follower's sync: %+v", reply)
		}
		if reply := s.waitJoin(s.starts(requestOf(follower.memberID))); reply.leader != follower.memberID {
			t.Errorf("the follower does not lead: %+v", reply)
		}
		s.require(groupCompleting, 3, 1)
	})
}

func TestOldGenerationsAndStrangersAreRefused(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids := s.stable(1)
		commit := func(id string, generation int32) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.checkCommit(commitIdentity{memberID: id, generation: generation})
		}
		for _, c := range []struct {
			claim string
			got   error
			want  error
		}{
			{"heartbeat of an old generation", s.beats(ids[0], 0), kerr.IllegalGeneration},
			{"heartbeat of a generation to come", s.beats(ids[0], 2), kerr.IllegalGeneration},
			{"heartbeat of a stranger", s.beats("stranger", 1), kerr.UnknownMemberID},
			{"sync of an old generation", s.waitSync(s.syncs(ids[0], 0, nil)).err, kerr.IllegalGeneration},
			{"leaving of a stranger", s.leaves("stranger"), kerr.UnknownMemberID},
			{"join of a stranger", s.waitJoin(s.starts(requestOf("stranger"))).err, kerr.UnknownMemberID},
			{"commit of an old generation", commit(ids[0], 0), kerr.IllegalGeneration},
			{"commit of a client without the group", commit("", -1), kerr.UnknownMemberID},
			{"commit of the member", commit(ids[0], 1), nil},
		} {
			if !errors.Is(c.got, c.want) {
				t.Errorf("%s: %v, want %v", c.claim, c.got, c.want)
			}
		}
	})
}

func TestCommitWaitsForTheAssignment(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		id := s.waitJoin(s.starts(requestOf(""))).memberID
		s.mu.Lock()
		err := s.checkCommit(commitIdentity{memberID: id, generation: 1})
		s.mu.Unlock()
		if !errors.Is(err, kerr.RebalanceInProgress) {
			t.Errorf("commit: %v, want REBALANCE_IN_PROGRESS", err)
		}
	})
}

// librdkafka sends its instance id with commits to partitions that it has assigned
// to itself.
func TestWhoIsNoMemberCommitsToAnEmptyGroupUnderAnyName(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		instance := "instance"
		commit := func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			return errors.Join(s.checkCommit(commitIdentity{instanceID: &instance, generation: -1}),
				s.checkCommit(commitIdentity{memberID: "somebody", generation: -1}))
		}
		if err := commit(); err != nil {
			t.Errorf("empty group: %v", err)
		}
		s.waitJoin(s.starts(requestOf("")))
		if err := commit(); !errors.Is(err, kerr.UnknownMemberID) {
			t.Errorf("group with a member: %v, want UNKNOWN_MEMBER_ID", err)
		}
	})
}

func TestMembersVoteForAProtocolThatAllKnow(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		first := s.waitJoin(s.starts(requestOf("", "sticky", "range", "own")))
		if first.protocol != "sticky" {
			t.Errorf("alone: %s", first.protocol)
		}
		second := s.starts(requestOf("", "range", "sticky"))
		third := s.starts(requestOf("", "range"))
		s.waitJoin(s.starts(requestOf(first.memberID, "sticky", "range", "own")))
		if p := s.waitJoin(second).protocol; p != "range" {
			t.Errorf("protocol is %s, want range, the only one that all know", p)
		}
		s.waitJoin(third)
		if reply := s.waitJoin(s.starts(requestOf("", "own"))); !errors.Is(reply.err, kerr.InconsistentGroupProtocol) {
			t.Errorf("join with what nobody else knows: %+v", reply)
		}
		other := requestOf("", "range")
		other.protocolType = "connect"
		if reply := s.waitJoin(s.starts(other)); !errors.Is(reply.err, kerr.InconsistentGroupProtocol) {
			t.Errorf("join of another kind: %+v", reply)
		}
	})
}

func TestMemberIDThatIsNotUsedHoldsBackNobodyForLong(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		r := requestOf("")
		r.needsMemberID = true
		if reply := s.waitJoin(s.starts(r)); !errors.Is(reply.err, kerr.MemberIDRequired) {
			t.Fatalf("%+v", reply)
		}
		other := s.starts(requestOf(""))
		s.requireWaiting(other)
		time.Sleep(testSession)
		s.waitJoin(other)
		s.require(groupCompleting, 1, 1)
	})
}

// Each newcomer makes the first member wait again, but not for longer than its
// rebalance timeout.
func TestFirstMemberWaitsForTheInitialDelay(t *testing.T) {
	delayed := func(c *GroupConfig) { c.InitialRebalanceDelay = 3 * time.Second }
	inGroup(t, delayed, func(s *groupScript) {
		first := s.starts(requestOf(""))
		time.Sleep(2 * time.Second)
		second := s.starts(requestOf(""))
		time.Sleep(2 * time.Second)
		s.requireWaiting(first)
		time.Sleep(time.Second)
		s.waitJoin(first)
		s.waitJoin(second)
		s.require(groupCompleting, 1, 2)
	})
	inGroup(t, delayed, func(s *groupScript) {
		var joins []chan joinReply
		for range int(testRebalance / (2 * time.Second)) {
			joins = append(joins, s.starts(requestOf("")))
			s.requireWaiting(joins[0])
			time.Sleep(2 * time.Second)
		}
		s.waitJoin(joins[0])
		s.require(groupCompleting, 1, len(joins))
	})
}

// A client may send heartbeats on one connection while it waits in a join or a sync on another.
func TestSessionDoesNotEndWhileAMemberWaits(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids := s.stable(2)
		rejoins := s.starts(requestOf(ids[0])) // the leader: a rebalance
		s.beats(ids[0], 1)
		for range 3 {
			time.Sleep(testSession * 2 / 3)
			s.beats(ids[1], 1)
		}
		s.requireWaiting(rejoins)
		s.require(groupPreparing, 1, 2)
		s.starts(requestOf(ids[1]))
		s.waitJoin(rejoins)
		waits := s.syncs(ids[1], 2, nil)
		s.beats(ids[1], 2)
		for range 3 {
			time.Sleep(testSession * 2 / 3)
			s.beats(ids[0], 2)
		}
		s.require(groupCompleting, 2, 2)
		s.waitSync(s.syncs(ids[0], 2, map[string][]byte{ids[1]: []byte("all")}))
		if reply := s.waitSync(waits); reply.err != nil || string(reply.assignment) != "all" {
			t.Errorf("%+v", reply)
		}
	})
}

// Consumers that come and go while one member keeps all others waiting leave nothing behind.
func TestGroupForgetsThoseWhoLeaveDuringARebalance(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		s.stable(1)
		for range 1000 {
			s.starts(requestOf(""))
			s.mu.Lock()
			for id, m := range s.members {
				if m.joining != nil {
					if err := s.leave(id, nil); err != nil {
						t.Fatal(err)
					}
				}
			}
			if n := len(s.ordered); n > 2*len(s.members)+orderedSlack+1 {
				t.Fatalf("%d are remembered of a group of %d", n, len(s.members))
			}
			s.mu.Unlock()
		}
		s.require(groupPreparing, 1, 1)
	})
}

func TestGroupTakesNoMoreMembersThanItMay(t *testing.T) {
	inGroup(t, func(c *GroupConfig) { c.MembersMax = 2 }, func(s *groupScript) {
		r := requestOf("")
		r.needsMemberID = true
		s.waitJoin(s.starts(r))
		s.starts(requestOf(""))
		if reply := s.waitJoin(s.starts(requestOf(""))); !errors.Is(reply.err, kerr.GroupMaxSizeReached) {
			t.Errorf("third join: %+v", reply)
		}
	})
}

func staticRequest(memberID, instanceID string) joinRequest {
	r := requestOf(memberID)
	r.instanceID = &instanceID
	return r
}

func TestStaticMemberComesBackToItsAssignmentWithoutARebalance(t *testing.T) {
	for _, canSkip := range []bool{false, true} {
		t.Run(fmt.Sprintf("skip=%v", canSkip), func(t *testing.T) {
			inGroup(t, nil, func(s *groupScript) {
				old := s.waitJoin(s.starts(staticRequest("", "one")))
				s.waitSync(s.syncs(old.memberID, 1, map[string][]byte{old.memberID: []byte("all")}))
				s.require(groupStable, 1, 1)

				r := staticRequest("", "one")
				r.canSkipAssignment = canSkip
				reply := s.waitJoin(s.starts(r))
				if reply.err != nil || reply.generation != 1 || reply.memberID == old.memberID || reply.skipAssignment != canSkip {
					t.Fatalf("join after a restart: %+v", reply)
				}
				if believesToLead := reply.leader == reply.memberID; believesToLead != canSkip {
					t.Errorf("leader is %q, the member %q", reply.leader, reply.memberID)
				}
				if sync := s.waitSync(s.syncs(reply.memberID, 1, nil)); string(sync.assignment) != "all" {
					t.Errorf("sync: %+v", sync)
				}
				instance := "one"
				s.mu.Lock()
				err := s.heartbeat(old.memberID, &instance, 1)
				s.mu.Unlock()
				if !errors.Is(err, kerr.FencedInstanceID) {
					t.Errorf("heartbeat of the one before: %v, want FENCED_INSTANCE_ID", err)
				}
				s.require(groupStable, 1, 1)
			})
		})
	}
}

func TestStaticMemberThatIsAwayKeepsItsPlaceForItsSession(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		away := staticRequest("", "away")
		away.sessionTimeout = 5 * time.Minute
		reply := s.waitJoin(s.starts(away))
		s.waitSync(s.syncs(reply.memberID, 1, map[string][]byte{}))
		newcomer := s.starts(requestOf(""))
		time.Sleep(testRebalance)
		joined := s.waitJoin(newcomer)
		if joined.leader != joined.memberID || len(joined.members) != 2 {
			t.Errorf("newcomer should lead two members: %+v", joined)
		}
		s.require(groupCompleting, 2, 2)
	})
}

func TestAdministratorRemovesAStaticMember(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		s.waitJoin(s.starts(staticRequest("", "one")))
		instance, stranger := "one", "two"
		s.mu.Lock()
		wrong, right := s.leave("", &stranger), s.leave("", &instance)
		s.mu.Unlock()
		if !errors.Is(wrong, kerr.UnknownMemberID) || right != nil {
			t.Errorf("leaving: %v and %v", wrong, right)
		}
		s.require(groupEmpty, 2, 0)
	})
}

func TestAbandonedJoinKeepsTheMemberForItsSession(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids := s.stable(1)
		answer := s.starts(requestOf(""))
		s.abandonJoin(answer)
		rejoin := s.starts(requestOf(ids[0]))
		s.requireWaiting(rejoin)
		time.Sleep(testSession)
		if reply := s.waitJoin(rejoin); len(reply.members) != 1 {
			t.Errorf("the one that went is still there: %+v", reply)
		}
	})
}

func TestEndSendsThoseWhoWaitToFindTheCoordinator(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		ids := s.stable(2)
		join := s.starts(requestOf(ids[0]))
		s.end()
		if reply := s.waitJoin(join); !errors.Is(reply.err, kerr.NotCoordinator) {
			t.Errorf("join: %+v", reply)
		}
		if reply := s.waitJoin(s.starts(requestOf(""))); !errors.Is(reply.err, kerr.CoordinatorNotAvailable) {
			t.Errorf("join of a dead group: %+v", reply)
		}
	})
}

func TestManyMembersJoinAtOnce(t *testing.T) {
	inGroup(t, nil, func(s *groupScript) {
		s.stable(5000)
	})
}

// Members come, go, are silent and misbehave in random order. The invariants hold
// after every move, and when everybody behaves again, the group becomes stable.
func TestGroupComesToRestAfterAnything(t *testing.T) {
	for seed := range uint64(200) {
		inGroup(t, nil, func(s *groupScript) {
			random := rand.New(rand.NewPCG(seed, 1))
			var ids []string
			var joins []chan joinReply
			pick := func() string {
				if len(ids) == 0 || random.IntN(20) == 0 {
					return "stranger"
				}
				return ids[random.IntN(len(ids))]
			}
			collect := func() {
				synctest.Wait()
				joins = slices.DeleteFunc(joins, func(answer chan joinReply) bool {
					select {
					case reply := <-answer:
						if reply.memberID != "" && !slices.Contains(ids, reply.memberID) {
							ids = append(ids, reply.memberID)
						}
						return true
					default:
						return false
					}
				})
			}
			for range 200 {
				switch random.IntN(8) {
				case 0:
					r := requestOf("")
					r.needsMemberID = random.IntN(2) == 0
					joins = append(joins, s.starts(r))
				case 1:
					joins = append(joins, s.starts(staticRequest("", fmt.Sprint(random.IntN(3)))))
				case 2, 3:
					joins = append(joins, s.starts(requestOf(pick())))
				case 4:
					s.syncs(pick(), s.generation-int32(random.IntN(2)), nil)
				case 5:
					s.beats(pick(), s.generation)
				case 6:
					s.leaves(pick())
				case 7:
					time.Sleep(time.Duration(random.IntN(20_000)) * time.Millisecond)
				}
				collect()
				s.mu.Lock()
				s.checkInvariants()
				s.mu.Unlock()
			}
			// Everybody goes silent: sessions end, and nobody is left.
			time.Sleep(time.Hour)
			collect()
			if len(joins) > 0 {
				t.Fatalf("seed %d: %d joins are never answered; the group is %s", seed, len(joins), s.state)
			}
			s.mu.Lock()
			if s.state != groupEmpty || len(s.pending) > 0 {
				t.Fatalf("seed %d: group is %s with %d members, %d expected", seed, s.state, len(s.members), len(s.pending))
			}
			s.mu.Unlock()
			s.stable(3)
		})
	}
}
