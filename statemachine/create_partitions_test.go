package statemachine

import (
	"fmt"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// A topic that has more partitions has what it had, on disk, for readers and for Apply;
// keys go where a producer would send them.
func TestTopicGrows(t *testing.T) {
	h := newHarness(t)
	h.create("t", 2, "retention.ms", "1")
	h.send("t", 1, record(1, "k", "before"))
	before, _ := h.store.Topic("t")
	h.must(command.CreatePartitions{Topics: []command.PartitionCount{{Topic: "t", TopicID: before.ID, Count: 5}}})
	h.requireConsistent()
	after, _ := h.store.Topic("t")
	if after.Partitions != 5 || after.ID != before.ID || after.Configs["retention.ms"] != "1" {
		t.Errorf("topic %+v, was %+v", after, before)
	}
	h.send("t", 4, record(2, "k", "after"))
	requireEqual(t, "records", append(h.values("t", 1), h.values("t", 4)...), []string{"before", "after"})
	restoreSelf(t, h.store)
	h.requireConsistent()
	requireEqual(t, "records", append(h.values("t", 1), h.values("t", 4)...), []string{"before", "after"})
	requireErrors(t, h.apply(command.CreatePartitions{Topics: []command.PartitionCount{
		{Topic: "t", Count: 5}, {Topic: "t", Count: 4}, {Topic: "t", Count: PartitionsMax + 1}, {Topic: "nobody", Count: 5},
		{Topic: "t", TopicID: command.TopicID{9}, Count: 7}, {Topic: "t", Count: 6}}}).([]error),
		command.ErrInvalidPartitions, command.ErrInvalidPartitions, command.ErrInvalidPartitions, command.ErrUnknownTopic,
		command.ErrUnknownTopic, nil)
	h.must(command.DeleteTopics{Names: []string{"t"}})
	for key := range contents(t, h.store) {
		if key != "store" {
			t.Errorf("%s is left of the topic", key)
		}
	}
}

// Outputs and timers go by the number of partitions at the time.
func TestOutputsAndTimersGoToTheNewPartitions(t *testing.T) {
	h := newHarness(t)
	h.create(command.TopicResume, 1)
	h.create(command.TopicScheduler, 1)
	h.deploy(command.TopicResume, "bundle")
	key := "thread"
	for recordbatch.PartitionForKey([]byte(key), 8) == 0 {
		key += "x"
	}
	h.send(command.TopicScheduler, 0, record(1, key+"|woken", "1000"))
	h.must(command.CreatePartitions{Topics: []command.PartitionCount{{Topic: command.TopicResume, Count: 8}}})
	due, err := h.store.TimersDueBy(10_000, 10)
	if err != nil {
		t.Fatal(err)
	}
	requireEqual(t, "fired", h.must(command.FireTimers{Timers: due, NowUnixMilli: 10_000}), any(1))
	requireEqual(t, "events", h.values(command.TopicResume, recordbatch.PartitionForKey([]byte(key), 8)), []string{"woken"})
	for p := range int32(8) {
		offset, err := h.store.ConsumedOffset(command.TopicResume, p)
		requireEqual(t, fmt.Sprint("consumed of partition ", p), []any{offset, err}, []any{int64(0), error(nil)})
	}
}
