package kafkacompat

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// A partsLog keeps parts of groups, and fails when it is told to.
type partsLog struct {
	emptyLog
	mu      sync.Mutex
	parts   map[string]map[string][]byte
	offsets map[string][]command.GroupOffset
	topics  map[string]command.Topic
	configs command.GroupConfigs
	changes uint64
	writes  int
	// fail is the error of the writes to come, delay how long one takes.
	fail  error
	delay time.Duration
	// partsMax, if not 0, bounds a write as the limits of the state machine do.
	partsMax int
}

func (l *partsLog) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	select {
	case <-time.After(l.delay):
	case <-ctx.Done(): // it is withdrawn
		return nil, fmt.Errorf("propose: %w", context.Cause(ctx))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return nil, l.fail
	}
	store, ok := c.(command.StoreGroup)
	if !ok {
		return nil, fmt.Errorf("%T is proposed by a coordinator", c)
	}
	if l.partsMax > 0 && len(store.Parts) > l.partsMax {
		return nil, fmt.Errorf("%d parts: %w", len(store.Parts), command.ErrLimit)
	}
	l.writes++
	if l.parts == nil {
		l.parts = make(map[string]map[string][]byte)
	}
	if store.IsWhole || l.parts[store.Group] == nil {
		l.parts[store.Group] = make(map[string][]byte)
	}
	for _, part := range store.Parts {
		if part.Value == nil {
			delete(l.parts[store.Group], part.Name)
		} else {
			l.parts[store.Group][part.Name] = part.Value
		}
	}
	if len(l.parts[store.Group]) == 0 {
		delete(l.parts, store.Group)
	}
	return nil, nil
}

func (l *partsLog) StoredGroups() ([]command.StoredGroup, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var stored []command.StoredGroup
	for _, group := range slices.Sorted(maps.Keys(l.parts)) {
		one := command.StoredGroup{Group: group}
		for _, name := range slices.Sorted(maps.Keys(l.parts[group])) {
			one.Parts = append(one.Parts, command.GroupPart{Name: name, Value: l.parts[group][name]})
		}
		stored = append(stored, one)
	}
	return stored, nil
}

func (l *partsLog) setOffsets(offsets map[string][]command.GroupOffset) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.offsets = offsets
}

func (l *partsLog) CommittedOffsets(group string) ([]command.GroupOffset, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.offsets[group], nil
}

func (l *partsLog) Topic(name string) (command.Topic, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	topic, exists := l.topics[name]
	return topic, exists
}

func (l *partsLog) TopicByID(id command.TopicID) (command.Topic, bool) {
	for _, topic := range l.Topics() {
		if topic.ID == id {
			return topic, true
		}
	}
	return command.Topic{}, false
}

func (l *partsLog) GroupConfigs() *command.GroupConfigs {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &command.GroupConfigs{ByGroup: l.configs.ByGroup}
}

func (l *partsLog) Topics() []command.Topic {
	l.mu.Lock()
	defer l.mu.Unlock()
	var topics []command.Topic
	for _, name := range slices.Sorted(maps.Keys(l.topics)) {
		topics = append(topics, l.topics[name])
	}
	return topics
}

func (l *partsLog) TopicChanges() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changes
}

// setTopic makes or grows a topic; with no partitions it deletes it.
func (l *partsLog) setTopic(name string, partitions int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.topics == nil {
		l.topics = make(map[string]command.Topic)
	}
	l.changes++
	topic, exists := l.topics[name]
	if !exists {
		topic = command.Topic{Name: name, ID: command.TopicID{byte(l.changes), byte(l.changes >> 8), 1}}
	}
	if topic.Partitions = partitions; partitions == 0 {
		delete(l.topics, name)
		return
	}
	l.topics[name] = topic
}

func (l *partsLog) set(fail error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = fail
}

func (l *partsLog) names(group string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.parts[group]))
}

// restartable runs f in virtual time with a coordinator over a log, and a function
// that starts another one over the same log.
func restartable(t *testing.T, f func(s *groupScript, log *partsLog, restart func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := &partsLog{}
		s := &groupScript{t: t}
		var c *coordinator
		start := func() {
			config := GroupConfig{MembersMax: 10_000, EmptyRetention: 10 * time.Minute}
			c = newCoordinator(config, &stubCluster{epoch: 1}, log, slog.New(slog.DiscardHandler))
			if err := c.checkLeader(); err != nil {
				t.Fatal(err)
			}
			g, err := c.findOrMakeClassic("orders")
			if err != nil {
				t.Fatal(err)
			}
			s.group = g.(*group)
			s.group.mu.Unlock()
		}
		start()
		f(s, log, func() { c.close(); start() })
		c.close()
	})
}

func TestMembersGoOnInTheirGenerationAfterARestart(t *testing.T) {
	restartable(t, func(s *groupScript, log *partsLog, restart func()) {
		ids := s.stable(3)
		writes := log.writes
		for range 5 {
			time.Sleep(time.Second)
			for _, id := range ids {
				if err := s.beats(id, 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		if log.writes != writes {
			t.Errorf("heartbeats made %d writes", log.writes-writes)
		}
		restart()
		s.require(groupStable, 1, 3)
		for i, id := range ids {
			s.mu.Lock()
			err := s.checkCommit(commitIdentity{memberID: id, generation: 1})
			m := s.members[id]
			s.mu.Unlock()
			if err != nil || s.beats(id, 1) != nil {
				t.Errorf("commit of member %d: %v", i, err)
			}
			if string(m.assignment) != fmt.Sprintf("part %d", i) || m.sessionTimeout != testSession || m.clientID != "client" {
				t.Errorf("member %d came back as %+v", i, m)
			}
		}
		// A follower that missed an answer hears it again; a newcomer begins a rebalance.
		if reply := s.waitJoin(s.starts(requestOf(ids[1]))); reply.err != nil || reply.generation != 1 || reply.leader != ids[0] {
			t.Errorf("follower joins again: %+v", reply)
		}
		s.starts(requestOf(""))
		if err := s.beats(ids[0], 1); !errors.Is(err, kerr.RebalanceInProgress) {
			t.Errorf("heartbeat: %v, want REBALANCE_IN_PROGRESS", err)
		}
	})
}

func TestSessionsBeginAnewAfterARestart(t *testing.T) {
	restartable(t, func(s *groupScript, log *partsLog, restart func()) {
		ids := s.stable(2)
		time.Sleep(testSession - time.Millisecond)
		restart()
		time.Sleep(testSession - time.Millisecond)
		if err := s.beats(ids[0], 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond) // the other one never came back
		if err := s.beats(ids[0], 1); !errors.Is(err, kerr.RebalanceInProgress) {
			t.Errorf("heartbeat: %v, want REBALANCE_IN_PROGRESS", err)
		}
	})
}

func TestStaticMemberIsFencedAfterARestart(t *testing.T) {
	restartable(t, func(s *groupScript, log *partsLog, restart func()) {
		old := s.waitJoin(s.starts(staticRequest("", "one")))
		s.waitSync(s.syncs(old.memberID, 1, map[string][]byte{old.memberID: []byte("all")}))
		replaced := s.waitJoin(s.starts(staticRequest("", "one")))
		restart()
		s.require(groupStable, 1, 1)
		instance := "one"
		s.mu.Lock()
		wrong, right := s.heartbeat(old.memberID, &instance, 1), s.heartbeat(replaced.memberID, &instance, 1)
		s.mu.Unlock()
		if !errors.Is(wrong, kerr.FencedInstanceID) || right != nil {
			t.Errorf("heartbeats: %v of the one before, %v", wrong, right)
		}
		if reply := s.waitJoin(s.starts(staticRequest("", "one"))); reply.err != nil || reply.generation != 1 {
			t.Errorf("another start: %+v", reply)
		}
	})
}

// What the leader decided is told to nobody before it is in the log.
func TestAssignmentThatCannotBeKeptIsToldToNobody(t *testing.T) {
	restartable(t, func(s *groupScript, log *partsLog, restart func()) {
		leader := s.waitJoin(s.starts(requestOf(""))).memberID
		log.set(command.ErrUnavailable)
		reply := s.waitSync(s.syncs(leader, 1, map[string][]byte{leader: []byte("all")}))
		if !errors.Is(reply.err, kerr.CoordinatorNotAvailable) {
			t.Errorf("sync: %+v", reply)
		}
		log.set(nil)
		joined := s.waitJoin(s.starts(requestOf(leader)))
		if joined.generation != 2 {
			t.Fatalf("join: %+v", joined)
		}
		if reply := s.waitSync(s.syncs(leader, 2, map[string][]byte{leader: []byte("all")})); reply.err != nil {
			t.Fatalf("sync: %+v", reply)
		}
		restart()
		s.require(groupStable, 2, 1)
	})
}

// A rebalance that begins while the decision is on its way makes it void.
func TestDecisionThatIsOvertakenByARebalanceIsVoid(t *testing.T) {
	restartable(t, func(s *groupScript, log *partsLog, restart func()) {
		leader := s.waitJoin(s.starts(requestOf(""))).memberID
		log.delay = time.Second
		sync := s.syncs(leader, 1, map[string][]byte{leader: []byte("all")})
		newcomer := s.starts(requestOf(""))
		if reply := s.waitSync(sync); !errors.Is(reply.err, kerr.RebalanceInProgress) {
			t.Errorf("sync: %+v", reply)
		}
		time.Sleep(2 * time.Second)
		s.require(groupPreparing, 1, 2)
		s.waitJoin(s.starts(requestOf(leader)))
		s.waitJoin(newcomer)
		s.require(groupCompleting, 2, 2)
	})
}

func TestEmptyGroupIsKeptForAsLongAsItsOffsets(t *testing.T) {
	restartable(t, func(s *groupScript, log *partsLog, restart func()) {
		ids := s.stable(1)
		log.setOffsets(map[string][]command.GroupOffset{"orders": {{Topic: "t"}}})
		if err := s.leaves(ids[0]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		restart()
		s.require(groupEmpty, 2, 0)
		log.setOffsets(nil)
		time.Sleep(time.Hour)
		if names := log.names("orders"); len(names) > 0 {
			t.Errorf("%q is left of a group without members and offsets", names)
		}
	})
}

func TestGroupThatIsTooLargeGoesOnInMemory(t *testing.T) {
	restartable(t, func(s *groupScript, log *partsLog, restart func()) {
		log.set(command.ErrLimit)
		s.stable(2)
		log.set(nil)
		restart()
		s.require(groupEmpty, 0, 0)
	})
}

// Whatever is in the log, a coordinator starts; a group that can't be read is made
// anew.
func TestDamagedGroupsHoldBackNoOthers(t *testing.T) {
	restartable(t, func(s *groupScript, log *partsLog, restart func()) {
		ids := s.stable(3)
		random := rand.New(rand.NewPCG(1, 2))
		good := maps.Clone(log.parts["orders"])
		for i := range 300 {
			damaged := make(map[string][]byte)
			for name, value := range good {
				damaged[name] = bytes.Clone(value)
			}
			names := slices.Sorted(maps.Keys(damaged))
			name := names[random.IntN(len(names))]
			switch random.IntN(3) {
			case 0:
				delete(damaged, name)
			case 1:
				damaged[name] = damaged[name][:random.IntN(len(damaged[name]))]
			case 2:
				damaged[name][random.IntN(len(damaged[name]))] ^= 1 << random.IntN(8)
			}
			log.parts = map[string]map[string][]byte{"orders": damaged, "other": good}
			restart()
			s.mu.Lock()
			s.checkInvariants()
			s.mu.Unlock()
			if i == 0 {
				s.mu.Lock()
				_, isThere := s.members[ids[0]]
				s.mu.Unlock()
				t.Logf("first member is there: %v", isThere)
			}
		}
	})
}

var writeGolden = flag.Bool("write-golden", false, "write golden files that are missing; those there are never changed")

// golden compares bytes with those of a file, which is added when it isn't there.
func golden(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join("testdata", "groups", name+".hex")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && *writeGolden {
		text = []byte(hex.EncodeToString(data) + "\n")
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(data); got != strings.TrimSpace(string(text)) {
		t.Errorf("%s changed\n got %s\nwant %s", name, got, text)
	}
}

func TestGoldenPartsOfClassicGroups(t *testing.T) {
	instance := "instance"
	m := &member{
		id: "a", instanceID: &instance, clientID: "client", clientHost: "/127.0.0.1", order: 7, sessionTimeout: 45 * time.Second,
		rebalanceTimeout: 5 * time.Minute, protocols: []groupProtocol{{"range", []byte("by range")}, {"sticky", []byte{}}},
		assignment: []byte("all"), told: []byte("all"), hasSynced: true,
	}
	g := &group{generation: 300, protocolType: "consumer", protocol: "range", leader: "a"}
	golden(t, "classic_group", encodeClassicGroup(g))
	golden(t, "classic_member", encodeClassicMember(m))
	again := &group{}
	if err := decodeClassicGroup(again, encodeClassicGroup(g)); err != nil || !reflect.DeepEqual(again, g) {
		t.Errorf("got %+v, %v", again, err)
	}
	if read, err := decodeClassicMember("a", encodeClassicMember(m)); err != nil || !reflect.DeepEqual(read, m) {
		t.Errorf("got %+v, %v", read, err)
	}
}

func FuzzClassicParts(f *testing.F) {
	f.Add(encodeClassicGroup(&group{protocolType: "consumer"}))
	f.Add(encodeClassicMember(&member{protocols: []groupProtocol{{"range", nil}}}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = decodeClassicGroup(&group{}, data)
		_, _ = decodeClassicMember("a", data)
	})
}
