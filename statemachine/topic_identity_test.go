package statemachine

import (
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// What was made for a topic that was deleted and made again on its way touches
// nothing of the new one.
func TestPartsForAnotherIdentityOfATopicAreRefused(t *testing.T) {
	h := newHarness(t)
	hash := h.deploy("x", "v1")
	old, current := command.TopicID{1}, command.TopicID{2}
	topic := command.Topic{Name: command.TopicResume, Partitions: 1, ID: old}
	h.must(command.CreateTopics{Topics: []command.Topic{topic}})
	commit := command.CommitOffsets{Group: "g", Offsets: []command.GroupOffset{{Topic: command.TopicResume, TopicID: old, Offset: 7}}}
	h.must(commit)
	topic.ID = current
	h.must(command.DeleteTopics{Names: []string{command.TopicResume}})
	h.must(command.CreateTopics{Topics: []command.Topic{topic}})
	h.send(command.TopicResume, 0, record(1, "a", "new:1"), record(1, "a", "new:2"))

	step := command.Step{ResumeTopic: command.TopicResume, TopicID: old, Thread: "a", Outcome: command.OutcomeEnded, StepID: 1, Started: true, Hash: hash}
	batch := recordbatch.Append(nil, []recordbatch.Record{record(1, "a", "new:3")}, recordbatch.Options{})
	appends := command.AppendRecords{Appends: []command.Append{{Topic: command.TopicResume, TopicID: old, Batch: batch}}}
	trims := command.DeleteRecords{Trims: []command.Trim{{Topic: command.TopicResume, TopicID: old, Offset: 1}}}
	requireErrors(t, h.commit(step), command.ErrUnknownTopic)
	requireErrors(t, h.apply(commit).([]error), command.ErrUnknownTopic)
	requireErrors(t, h.apply(trims).([]error), command.ErrUnknownTopic)
	requireErrors(t, []error{h.apply(appends).([]command.AppendResult)[0].Err}, command.ErrUnknownTopic)
	value := "1"
	alter := command.AlterTopicConfigs{Topic: command.TopicResume, TopicID: old, Configs: map[string]*string{"retention.ms": &value}}
	remove := command.DeleteTopics{Names: []string{"nobody", command.TopicResume}, TopicIDs: []command.TopicID{{}, old}}
	requireErrors(t, []error{h.apply(alter).(error)}, command.ErrUnknownTopic)
	requireErrors(t, h.apply(remove).([]error), command.ErrUnknownTopic, command.ErrUnknownTopic)
	if kept, _ := h.store.Topic(command.TopicResume); kept.ID != current || len(kept.Configs) != 0 {
		t.Errorf("the topic is %+v", kept)
	}
	requireEqual(t, "events", h.unconsumed(0, "a"), []string{"new:1", "new:2"})
	if offset, exists, err := h.store.CommittedOffset("g", command.TopicResume, 0); exists || err != nil {
		t.Errorf("the group has the offset %+v, %v", offset, err)
	}
	h.requireConsistent()

	step.TopicID, commit.Offsets[0].TopicID, trims.Trims[0].TopicID, appends.Appends[0].TopicID = current, current, current, current
	h.commitOK(step)
	h.must(commit)
	h.must(trims)
	h.must(appends)
	alter.TopicID, remove.TopicIDs = current, []command.TopicID{{}, current}
	if err, isRefused := h.apply(alter).(error); isRefused {
		t.Error(err)
	}
	requireErrors(t, h.apply(remove).([]error), command.ErrUnknownTopic, nil)
	if _, isThere := h.store.Topic(command.TopicResume); isThere {
		t.Error("the topic is there after it was deleted by its own id")
	}
}
