package kafkacompat

import (
	"cmp"
	"container/heap"
	"slices"

	"kont/statemachine/command"
)

// assignUniform gives everybody as many partitions as the others, as far as the
// subscriptions allow, and moves as few as it can.
//
// Where all subscribe to the same, nobody has more than one partition more than
// another. Else no partition could move to a subscriber of its topic that has at
// least two fewer.
func assignUniform(topics []assignorTopic, members []assignorMember) []assignment {
	if len(members) == 0 {
		return nil
	}
	u := newUniform(topics, members)
	isSame := true
	for i := range members {
		isSame = isSame && slices.Equal(members[i].topics, members[0].topics)
	}
	u.keepBefore()
	if isSame {
		u.cutToQuota()
		u.fillToQuota()
	} else {
		u.giveToLeastLoaded()
		u.level()
	}
	return assignmentsOf(u.assigned)
}

// A uniform is an assignment in the making.
type uniform struct {
	topics      []assignorTopic
	members     []assignorMember
	subscribers [][]int
	assigned    []map[command.TopicID][]int32
	// load counts the partitions of each member.
	load []int
	// free are the partitions of each topic that nobody has.
	free [][]int32
}

func newUniform(topics []assignorTopic, members []assignorMember) *uniform {
	u := &uniform{
		topics: topics, members: members, subscribers: subscribersOf(topics, members),
		assigned: make([]map[command.TopicID][]int32, len(members)), load: make([]int, len(members)),
		free: make([][]int32, len(topics)),
	}
	for i := range u.assigned {
		u.assigned[i] = make(map[command.TopicID][]int32)
	}
	return u
}

func (u *uniform) give(member, topic int, partition int32) {
	id := u.topics[topic].id
	u.assigned[member][id] = append(u.assigned[member][id], partition)
	u.load[member]++
}

// take takes the last partition of a topic that a member was given.
func (u *uniform) take(member, topic int) int32 {
	id := u.topics[topic].id
	of := u.assigned[member][id]
	u.assigned[member][id] = of[:len(of)-1]
	u.load[member]--
	return of[len(of)-1]
}

// keepBefore lets everybody have what it had, if it is there and still wanted.
func (u *uniform) keepBefore() {
	for t, topic := range u.topics {
		isTaken := make([]bool, topic.partitions)
		for _, m := range u.subscribers[t] {
			for _, p := range u.members[m].before[topic.id] {
				if p >= 0 && p < topic.partitions && !isTaken[p] {
					isTaken[p] = true
					u.give(m, t, p)
				}
			}
		}
		if len(u.subscribers[t]) > 0 {
			for p, isTaken := range isTaken {
				if !isTaken {
					u.free[t] = append(u.free[t], int32(p))
				}
			}
		}
	}
}

// quota is how many partitions everybody has at least, and how many members have one
// more.
func (u *uniform) quota() (each, more int) {
	total := 0
	for _, t := range u.members[0].topics {
		total += int(u.topics[t].partitions)
	}
	return total / len(u.members), total % len(u.members)
}

// cutToQuota takes away what is too much.
func (u *uniform) cutToQuota() {
	each, more := u.quota()
	for m := range u.members {
		allowed := each
		if u.load[m] > each && more > 0 {
			allowed++
			more--
		}
		// From the last topic backwards.
		for i := len(u.members[m].topics) - 1; u.load[m] > allowed; i-- {
			t := u.members[m].topics[i]
			for len(u.assigned[m][u.topics[t].id]) > 0 && u.load[m] > allowed {
				u.free[t] = append(u.free[t], u.take(m, t))
			}
		}
	}
}

// fillToQuota gives what is free to those in turn who have too little.
func (u *uniform) fillToQuota() {
	each, _ := u.quota()
	room := func(limit int) (members []int) {
		for m := range u.members {
			if u.load[m] < limit {
				members = append(members, m)
			}
		}
		return members
	}
	limit, open, next := each, room(each), 0
	for _, t := range u.members[0].topics {
		slices.Sort(u.free[t])
		for _, p := range u.free[t] {
			if len(open) == 0 {
				limit = each + 1
				open, next = room(limit), 0
			}
			next %= len(open)
			m := open[next]
			u.give(m, t, p)
			if u.load[m] == limit {
				open = slices.Delete(open, next, next+1)
			} else {
				next++
			}
		}
	}
}

// A loadHeap has members with the least loaded first.
type loadHeap struct {
	members []int
	load    []int
}

func (h *loadHeap) Len() int { return len(h.members) }
func (h *loadHeap) Less(i, j int) bool {
	a, b := h.members[i], h.members[j]
	return cmp.Or(cmp.Compare(h.load[a], h.load[b]), cmp.Compare(a, b)) < 0
}
func (h *loadHeap) Swap(i, j int) { h.members[i], h.members[j] = h.members[j], h.members[i] }
func (h *loadHeap) Push(any)      { panic("never grows") }
func (h *loadHeap) Pop() any      { panic("never shrinks") }

// giveToLeastLoaded gives away what is free, beginning with the topics that have the
// fewest subscribers.
func (u *uniform) giveToLeastLoaded() {
	order := make([]int, len(u.topics))
	for t := range order {
		order[t] = t
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(u.subscribers[a]), len(u.subscribers[b])) })
	for _, t := range order {
		if len(u.free[t]) == 0 {
			continue
		}
		h := &loadHeap{slices.Clone(u.subscribers[t]), u.load}
		heap.Init(h)
		for _, p := range u.free[t] {
			u.give(h.members[0], t, p)
			heap.Fix(h, 0)
		}
	}
}

// level moves partitions from those who have more to those who have less until no
// move would help. Each one makes the sum of the squares of the loads smaller, so
// there is an end.
func (u *uniform) level() {
	for hasMoved := true; hasMoved; {
		hasMoved = false
		for t := range u.topics {
			for u.levelOne(t) {
				hasMoved = true
			}
		}
	}
}

// levelOne moves one partition of a topic, if that helps.
func (u *uniform) levelOne(t int) bool {
	most, least := -1, -1
	for _, m := range u.subscribers[t] {
		if least < 0 || u.load[m] < u.load[least] {
			least = m
		}
		if len(u.assigned[m][u.topics[t].id]) > 0 && (most < 0 || u.load[m] > u.load[most]) {
			most = m
		}
	}
	if most < 0 || u.load[most] < u.load[least]+2 {
		return false
	}
	u.give(least, t, u.take(most, t))
	return true
}
