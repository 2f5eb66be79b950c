package statemachine

import (
	"errors"
	"fmt"
	"testing"

	"kont/statemachine/command"
)

// requirePartitionsInAll compares what is counted with the topics that there are.
func (h *harness) requirePartitionsInAll(want int) {
	h.Helper()
	loaded, err := load(h.store.db)
	if err != nil {
		h.Fatal(err)
	}
	for what, im := range map[string]*image{"on disk": loaded, "of Apply": h.store.work, "of readers": h.store.published} {
		if im.partitionsInAll != want {
			h.Errorf("partitions %s: %d, want %d", what, im.partitionsInAll, want)
		}
	}
}

// Partitions are in the memory of every node, also of empty ones. A few kilobytes of a client's
// must not make more of them than there is memory for: nodes would die of it at each start.
func TestPartitionsOfAllTopicsAreBounded(t *testing.T) {
	h := newHarness(t)
	h.must(command.RegisterNode{Node: nodeOf(1, 1, 1, command.NewestLevel)})
	var topics []command.Topic
	for i := range PartitionsInAllMax/PartitionsMax + 1 {
		topics = append(topics, command.Topic{Name: fmt.Sprint("t", i), Partitions: PartitionsMax})
	}
	errs := h.apply(command.CreateTopics{Topics: topics}).([]error)
	last := len(errs) - 1
	requireErrors(t, errs[last:], command.ErrLimit)
	if err := errors.Join(errs[:last]...); err != nil {
		t.Fatal(err)
	}
	h.requirePartitionsInAll(PartitionsInAllMax)

	h.must(command.DeleteTopics{Names: []string{"t0"}})
	h.create("small", 1)
	h.requirePartitionsInAll(PartitionsInAllMax - PartitionsMax + 1)
	grown := command.CreatePartitions{Topics: []command.PartitionCount{{Topic: "small", Count: PartitionsMax}}}
	h.must(grown)
	h.requirePartitionsInAll(PartitionsInAllMax)
	h.must(command.DeleteTopics{Names: []string{"t1"}})
	h.create("another", 2)
	grown.Topics[0] = command.PartitionCount{Topic: "another", Count: PartitionsMax}
	h.create("third", 1)
	requireErrors(t, h.apply(grown).([]error), command.ErrLimit)
	h.requirePartitionsInAll(PartitionsInAllMax - PartitionsMax + 3)

	// A deployment is refused as a whole, and one that makes no topics is not.
	deploy := command.Deploy{App: "app", ResumeTopic: "third", Hash: command.BundleHash{1}, Bundle: []byte("b"),
		Topics: []command.Topic{{Name: "out", Partitions: 1}, {Name: "large", Partitions: PartitionsMax}}}
	if err, _ := h.apply(deploy).(error); !errors.Is(err, command.ErrLimit) || h.store.HasTopic("out") {
		t.Errorf("deployment that makes too many: %v", err)
	}
	deploy.Topics = nil
	h.must(deploy)
	restoreSelf(t, h.store)
	h.requirePartitionsInAll(PartitionsInAllMax - PartitionsMax + 3)
}

// As long as a node of an older release is in the cluster, all do as that one does; and later
// what is too much stays, and doesn't grow.
func TestPartitionsOfAllTopicsAreNotBoundedAtLevelTwo(t *testing.T) {
	h := newHarness(t)
	h.must(command.RegisterNode{Node: nodeOf(1, 1, 1, command.LevelStepsInARow)})
	for i := range PartitionsInAllMax/PartitionsMax + 1 {
		h.create(fmt.Sprint("t", i), PartitionsMax)
	}
	h.must(command.RegisterNode{Node: nodeOf(1, 1, 1, command.NewestLevel)})
	requireErrors(t, h.apply(command.CreateTopics{Topics: []command.Topic{{Name: "t", Partitions: 1}}}).([]error), command.ErrLimit)
	h.must(command.Deploy{App: "app", ResumeTopic: "t0", Hash: command.BundleHash{1}, Bundle: []byte("b")})
	h.requirePartitionsInAll(PartitionsInAllMax + PartitionsMax)
}
