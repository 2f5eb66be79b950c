package kafkacompat

import (
	"cmp"
	"slices"

	"kont/statemachine/command"
)

// An assignor decides which member of a group gets which partitions (KIP-848). It is
// a function of what it is given: every node would decide the same.
//
// Each partition of a topic that somebody subscribes to goes to one of its
// subscribers.
type assignor func(topics []assignorTopic, members []assignorMember) []assignment

// assignors are those that a member may ask for. assignorDefault is taken where
// nobody asks for one.
var assignors = map[string]assignor{"uniform": assignUniform, "range": assignRange}

const (
	assignorDefault = "uniform"
	// assignorNames is for people.
	assignorNames = "uniform, range"
)

// An assignorTopic is a topic that members subscribe to.
type assignorTopic struct {
	id         command.TopicID
	partitions int32
}

// An assignorMember is a member as an assignor sees it.
type assignorMember struct {
	id         string
	instanceID *string
	// topics are indexes of topics, in order.
	topics []int
	// before is what it was to have until now.
	before assignment
}

// subscribersOf lists the members of each topic.
func subscribersOf(topics []assignorTopic, members []assignorMember) [][]int {
	subscribers := make([][]int, len(topics))
	for i, m := range members {
		for _, t := range m.topics {
			subscribers[t] = append(subscribers[t], i)
		}
	}
	return subscribers
}

// assignRange lays the partitions of each topic out in a row and gives every
// subscriber a stretch of it. Members with the same subscriptions get the same
// stretch of topics of the same size, so that they can join them.
func assignRange(topics []assignorTopic, members []assignorMember) []assignment {
	assigned := make([]map[command.TopicID][]int32, len(members))
	for i := range assigned {
		assigned[i] = make(map[command.TopicID][]int32)
	}
	for t, subscribers := range subscribersOf(topics, members) {
		// Static members first, by the name that survives a restart.
		slices.SortFunc(subscribers, func(a, b int) int {
			x, y := &members[a], &members[b]
			switch {
			case x.instanceID != nil && y.instanceID != nil:
				return cmp.Compare(*x.instanceID, *y.instanceID)
			case x.instanceID != nil:
				return -1
			case y.instanceID != nil:
				return 1
			}
			return cmp.Compare(x.id, y.id)
		})
		next := int32(0)
		for i, m := range subscribers {
			count := topics[t].partitions / int32(len(subscribers))
			if int32(i) < topics[t].partitions%int32(len(subscribers)) {
				count++
			}
			for range count {
				assigned[m][topics[t].id] = append(assigned[m][topics[t].id], next)
				next++
			}
		}
	}
	return assignmentsOf(assigned)
}

func assignmentsOf(assigned []map[command.TopicID][]int32) []assignment {
	assignments := make([]assignment, len(assigned))
	for i, a := range assigned {
		assignments[i] = assignmentOf(a)
	}
	return assignments
}
