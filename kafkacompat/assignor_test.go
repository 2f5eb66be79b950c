package kafkacompat

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"kont/statemachine/command"
)

func randomTopics(random *rand.Rand, n int) []assignorTopic {
	var topics []assignorTopic
	for i := range n {
		topics = append(topics, assignorTopic{id: command.TopicID{byte(i + 1)}, partitions: 1 + random.Int32N(12)})
	}
	return topics
}

func randomSubscription(random *rand.Rand, topics int) (subscribed []int) {
	for t := range topics {
		if random.IntN(2) == 0 {
			subscribed = append(subscribed, t)
		}
	}
	return subscribed
}

func all(n int) (subscribed []int) {
	for t := range n {
		subscribed = append(subscribed, t)
	}
	return subscribed
}

func loadOf(a assignment) (n int) {
	a.each(func(command.TopicID, int32) { n++ })
	return n
}

// requireAssigned checks that each partition of a topic with subscribers is one
// subscriber's, and returns whose.
func requireAssigned(t *testing.T, topics []assignorTopic, members []assignorMember, assigned []assignment) map[command.TopicID]map[int32]int {
	t.Helper()
	owners := make(map[command.TopicID]map[int32]int)
	for m := range members {
		wants := make(map[command.TopicID]bool)
		for _, topic := range members[m].topics {
			wants[topics[topic].id] = true
		}
		assigned[m].each(func(id command.TopicID, p int32) {
			if !wants[id] {
				t.Fatalf("member %d has topic %d and doesn't want it", m, id[0])
			}
			if owners[id] == nil {
				owners[id] = make(map[int32]int)
			}
			if other, isTaken := owners[id][p]; isTaken {
				t.Fatalf("topic %d partition %d is of members %d and %d", id[0], p, other, m)
			}
			owners[id][p] = m
		})
	}
	for i, subscribers := range subscribersOf(topics, members) {
		want := int(topics[i].partitions)
		if len(subscribers) == 0 {
			want = 0
		}
		if got := len(owners[topics[i].id]); got != want {
			t.Fatalf("topic %d has %d partitions with owners, want %d", topics[i].id[0], got, want)
		}
		for p := range owners[topics[i].id] {
			if p < 0 || p >= topics[i].partitions {
				t.Fatalf("topic %d has no partition %d", topics[i].id[0], p)
			}
		}
	}
	return owners
}

// requireBalanced checks that no single move would help.
func requireBalanced(t *testing.T, topics []assignorTopic, members []assignorMember, assigned []assignment) {
	t.Helper()
	for i, subscribers := range subscribersOf(topics, members) {
		for _, from := range subscribers {
			for _, to := range subscribers {
				if len(assigned[from][topics[i].id]) > 0 && loadOf(assigned[from]) >= loadOf(assigned[to])+2 {
					t.Fatalf("member %d has %d partitions and %d has %d of what both want", from, loadOf(assigned[from]), to, loadOf(assigned[to]))
				}
			}
		}
	}
}

// Members come and go, topics come, grow and go, subscriptions change. Each time all
// is assigned once, in balance, and a second call changes nothing.
func TestUniformAssignsAllOnceInBalanceAndMovesLittle(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 3))
		isSame := seed%2 == 0
		topics := randomTopics(random, 1+random.IntN(6))
		var members []assignorMember
		for round := range 30 {
			switch random.IntN(5) {
			case 0, 1:
				m := assignorMember{id: fmt.Sprintf("%02d-%d", random.IntN(100), round)}
				members = append(members, m)
				slices.SortFunc(members, func(a, b assignorMember) int { return slices.Compare([]byte(a.id), []byte(b.id)) })
			case 2:
				if n := len(members); n > 0 {
					i := random.IntN(n)
					members = slices.Delete(members, i, i+1)
				}
			case 3:
				topics[random.IntN(len(topics))].partitions += random.Int32N(4)
			case 4:
				topics[random.IntN(len(topics))] = assignorTopic{id: command.TopicID{byte(100 + round)}, partitions: 1 + random.Int32N(12)}
			}
			for i := range members {
				if isSame {
					members[i].topics = all(len(topics))
				} else if members[i].topics == nil || random.IntN(6) == 0 {
					members[i].topics = append([]int{}, randomSubscription(random, len(topics))...)
				}
			}
			assigned := assignUniform(topics, members)
			owners := requireAssigned(t, topics, members, assigned)
			requireBalanced(t, topics, members, assigned)
			if isSame && len(members) > 0 {
				requireFewMoves(t, topics, members, assigned, owners)
			}
			for i := range members {
				members[i].before = assigned[i]
			}
			for i, again := range assignUniform(topics, members) {
				if !again.equal(assigned[i]) {
					t.Fatalf("seed %d round %d: member %d had %v, and then %v with nothing changed", seed, round, i, assigned[i], again)
				}
			}
		}
	}
}

// requireFewMoves checks that a partition left its owner only to bring somebody up
// to the quota, and nobody below it.
func requireFewMoves(t *testing.T, topics []assignorTopic, members []assignorMember, assigned []assignment, owners map[command.TopicID]map[int32]int) {
	t.Helper()
	total := 0
	exists := make(assignment)
	for _, topic := range topics {
		total += int(topic.partitions)
		for p := range topic.partitions {
			exists[topic.id] = append(exists[topic.id], p)
		}
	}
	each, more := total/len(members), total%len(members)
	// As many as can stay: each keeps up to the quota, and some one more.
	couldStay, haveMore := 0, 0
	for _, m := range members {
		had := loadOf(m.before.and(exists))
		couldStay += min(had, each)
		if had > each {
			haveMore++
		}
	}
	couldStay += min(haveMore, more)
	stayed := 0
	for i, m := range members {
		stayed += loadOf(m.before.and(assigned[i]))
	}
	if stayed != couldStay {
		t.Fatalf("%d partitions stayed where they were, %d could", stayed, couldStay)
	}
}

func TestRangeGivesEverybodyAStretch(t *testing.T) {
	one, two := "one", "two"
	topics := []assignorTopic{{command.TopicID{1}, 7}, {command.TopicID{2}, 7}, {command.TopicID{3}, 1}}
	members := []assignorMember{
		{id: "a", topics: []int{0, 1}}, {id: "b", topics: []int{0, 1, 2}, instanceID: &two}, {id: "c", topics: []int{0, 1}, instanceID: &one},
	}
	assigned := assignRange(topics, members)
	requireAssigned(t, topics, members, assigned)
	for i, want := range [][]int32{{5, 6}, {3, 4}, {0, 1, 2}} {
		for _, topic := range topics[:2] {
			if got := assigned[i][topic.id]; !slices.Equal(got, want) {
				t.Errorf("member %s has %v of topic %d, want %v", members[i].id, got, topic.id[0], want)
			}
		}
	}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 4))
		topics := randomTopics(random, 1+random.IntN(6))
		var members []assignorMember
		for m := range random.IntN(15) {
			members = append(members, assignorMember{id: fmt.Sprint(m), topics: randomSubscription(random, len(topics))})
		}
		assigned := assignRange(topics, members)
		requireAssigned(t, topics, members, assigned)
		for i, subscribers := range subscribersOf(topics, members) {
			for _, m := range subscribers {
				of := assigned[m][topics[i].id]
				if n := int32(len(of)); n > 0 && of[n-1]-of[0] != n-1 {
					t.Fatalf("member %d has %v, which is no stretch", m, of)
				}
				if few := int(topics[i].partitions) / len(subscribers); len(of) < few || len(of) > few+1 {
					t.Fatalf("member %d has %d of %d partitions with %d others", m, len(of), topics[i].partitions, len(subscribers)-1)
				}
			}
		}
	}
}

func BenchmarkAssignUniform(b *testing.B) {
	for _, members := range []int{100, 2000} {
		b.Run(fmt.Sprintf("members=%d/partitions=10000", members), func(b *testing.B) {
			var topics []assignorTopic
			for i := range 100 {
				topics = append(topics, assignorTopic{command.TopicID{byte(i + 1)}, 100})
			}
			all := all(100)
			var group []assignorMember
			for m := range members {
				group = append(group, assignorMember{id: fmt.Sprint(m), topics: all})
			}
			for range b.N {
				for m, a := range assignUniform(topics, group) {
					group[m].before = a
				}
			}
		})
	}
}
