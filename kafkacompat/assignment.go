package kafkacompat

import (
	"bytes"
	"slices"

	"kont/statemachine/command"
)

// An assignment is partitions by topic id: sorted, each once, and no topic without
// any. It is never changed, only replaced.
type assignment map[command.TopicID][]int32

// combine makes an assignment of what choose makes of the partitions of each topic
// in either of two.
func combine(a, b assignment, choose func(a, b []int32) []int32) assignment {
	out := make(assignment)
	add := func(id command.TopicID) {
		if chosen := choose(a[id], b[id]); len(chosen) > 0 {
			out[id] = chosen
		}
	}
	for id := range a {
		add(id)
	}
	for id := range b {
		if _, isDone := a[id]; !isDone {
			add(id)
		}
	}
	return out
}

// and is what is in both.
func (a assignment) and(b assignment) assignment {
	return combine(a, b, func(p, q []int32) []int32 {
		return keepIf(p, func(n int32) bool { _, found := slices.BinarySearch(q, n); return found })
	})
}

// without is what is in a but not in b.
func (a assignment) without(b assignment) assignment {
	return combine(a, b, func(p, q []int32) []int32 {
		return keepIf(p, func(n int32) bool { _, found := slices.BinarySearch(q, n); return !found })
	})
}

// or is what is in either.
func (a assignment) or(b assignment) assignment {
	return combine(a, b, func(p, q []int32) []int32 {
		both := slices.Concat(p, q)
		slices.Sort(both)
		return slices.Compact(both)
	})
}

func keepIf(from []int32, keep func(int32) bool) []int32 {
	var kept []int32
	for _, n := range from {
		if keep(n) {
			kept = append(kept, n)
		}
	}
	return kept
}

func (a assignment) equal(b assignment) bool {
	if len(a) != len(b) {
		return false
	}
	for id, partitions := range a {
		if !slices.Equal(partitions, b[id]) {
			return false
		}
	}
	return true
}

func (a assignment) each(f func(id command.TopicID, partition int32)) {
	for id, partitions := range a {
		for _, p := range partitions {
			f(id, p)
		}
	}
}

// topics are the topic ids in order.
func (a assignment) topics() []command.TopicID {
	ids := make([]command.TopicID, 0, len(a))
	for id := range a {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b command.TopicID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// assignmentOf takes partitions in any order.
func assignmentOf(partitions map[command.TopicID][]int32) assignment {
	a := make(assignment, len(partitions))
	for id, of := range partitions {
		if of = slices.Compact(slices.Sorted(slices.Values(of))); len(of) > 0 {
			a[id] = of
		}
	}
	return a
}
