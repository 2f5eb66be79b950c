package statemachine

import (
	"slices"
	"strings"

	"kont/statemachine/command"
)

// Topics lists all topics by name. Their configurations must not be changed.
func (s *Store) Topics() []command.Topic {
	var topics []command.Topic
	s.view(func(im *image) {
		topics = make([]command.Topic, 0, len(im.topics))
		for _, t := range im.topics {
			topics = append(topics, t.spec)
		}
	})
	slices.SortFunc(topics, func(a, b command.Topic) int { return strings.Compare(a.Name, b.Name) })
	return topics
}

// TopicChanges is another number after topics were made, changed or deleted. It is of
// this store's life only.
func (s *Store) TopicChanges() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topicChanges
}

// Topic returns a topic, false if there is none. Its configurations must not be
// changed.
func (s *Store) Topic(name string) (spec command.Topic, exists bool) {
	s.view(func(im *image) {
		if t := im.topics[name]; t != nil {
			spec, exists = t.spec, true
		}
	})
	return spec, exists
}

// TopicByID returns the topic with that identity, false if there is none.
func (s *Store) TopicByID(id command.TopicID) (spec command.Topic, exists bool) {
	s.view(func(im *image) {
		if t := im.ids[id]; t != nil {
			spec, exists = t.spec, true
		}
	})
	return spec, exists
}

// HasTopic says whether a topic exists.
func (s *Store) HasTopic(name string) bool {
	_, exists := s.Topic(name)
	return exists
}

// ResumeTopics lists the topics that hold events, by name: the default one and each
// that a deployment is bound to, if they exist.
func (s *Store) ResumeTopics() []command.Topic {
	var topics []command.Topic
	for _, spec := range s.Topics() {
		isResume := false
		s.view(func(im *image) { isResume = im.isResume(spec.Name) })
		if isResume {
			topics = append(topics, spec)
		}
	}
	return topics
}

// Partition returns the ends and the size of a partition, or ErrUnknownTopic.
func (s *Store) Partition(topic string, partition int32) (command.PartitionState, error) {
	var state command.PartitionState
	found := false
	s.view(func(im *image) {
		if t := im.find(topic, partition); t != nil {
			p := &t.partitions[partition]
			state = command.PartitionState{StartOffset: p.start, NextOffset: p.next, StableOffset: p.stable(), Bytes: p.bytes()}
			found = true
		}
	})
	if !found {
		return state, errUnknownPartition(topic, partition)
	}
	return state, nil
}

// Consumption tells which events of a partition of a resume topic are consumed: all
// below next, and those in beyond, which are sorted. Or ErrUnknownTopic.
func (s *Store) Consumption(topic string, partition int32) (next int64, beyond []OffsetRange, err error) {
	err = errUnknownPartition(topic, partition)
	s.view(func(im *image) {
		if t := im.find(topic, partition); t != nil {
			consumed := t.partitions[partition].consumed.clone()
			next, beyond, err = consumed.next, consumed.beyond, nil
		}
	})
	return next, beyond, err
}

// ConsumedOffset is the offset below which all events of a partition are consumed.
func (s *Store) ConsumedOffset(topic string, partition int32) (int64, error) {
	next, _, err := s.Consumption(topic, partition)
	return next, err
}

// IsConsumed says whether one event is consumed.
func (s *Store) IsConsumed(topic string, partition int32, offset int64) (isConsumed bool, err error) {
	err = errUnknownPartition(topic, partition)
	s.view(func(im *image) {
		if t := im.find(topic, partition); t != nil {
			isConsumed, err = t.partitions[partition].consumed.contains(offset), nil
		}
	})
	return isConsumed, err
}

// Unmatched counts the unmatched events of a resume topic by the class of their
// reason.
func (s *Store) Unmatched(topic string) map[command.UnmatchedClass]uint64 {
	counts := map[command.UnmatchedClass]uint64{}
	s.view(func(im *image) {
		if t := im.topics[topic]; t != nil {
			for stem, n := range t.tally.unmatched {
				counts[command.UnmatchedClassOf(stem)] += n
			}
		}
	})
	return counts
}

// LastStepID is the greatest StepID committed, 0 for none.
func (s *Store) LastStepID() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.published.meta.lastStepID
}
