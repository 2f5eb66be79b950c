package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"kont/statemachine/command"
)

// newTopic is a topic with a fresh identity.
func newTopic(name string, partitions int32) command.Topic {
	topic := command.Topic{Name: name, Partitions: partitions}
	rand.Read(topic.ID[:])
	return topic
}

// createTopics makes topics; one that is there already is fine.
func (n *Node) createTopics(ctx context.Context, topics []command.Topic) error {
	if len(topics) == 0 {
		return nil
	}
	result, err := n.proposer.Propose(ctx, command.CreateTopics{Topics: topics, NowUnixMilli: time.Now().UnixMilli()})
	if err != nil {
		return fmt.Errorf("make %d topics: %w", len(topics), err)
	}
	for i, err := range result.([]error) {
		if err != nil && !errors.Is(err, command.ErrTopicExists) {
			return fmt.Errorf("make topic %q: %w", topics[i].Name, err)
		}
	}
	return nil
}

// makeProtocolTopics makes those topics of the protocol that are not there yet. They may have been deleted, and others have taken their places.
func (n *Node) makeProtocolTopics(ctx context.Context) error {
	var missing []command.Topic
	for _, name := range []string{command.TopicResume, command.TopicResult, command.TopicError, command.TopicScheduler} {
		if !n.store.HasTopic(name) {
			missing = append(missing, newTopic(name, n.config.ResumePartitions))
		}
	}
	err := n.createTopics(ctx, missing)
	if errors.Is(err, command.ErrLimit) {
		// Without a leader nobody could delete others.
		n.logger.Error("topics of the protocol are not there; delete others, and let another node lead or start this one again", "error", err)
		return nil
	}
	return err
}
