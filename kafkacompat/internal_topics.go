package kafkacompat

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// The names of the topics in which a Kafka cluster keeps the offsets of its groups and the states of its transactions.
const (
	topicConsumerOffsets  = "__consumer_offsets"
	topicTransactionState = "__transaction_state"
)

// isInternalTopic tells whether a topic of that name is the cluster's own.
func isInternalTopic(name string) bool {
	return name == topicConsumerOffsets || name == topicTransactionState
}

// internalTopics shows a topic of Kafka's own, which clients look for by name or pass over where they match patterns.
//
// Offsets and transactions are in the log otherwise, so nothing is stored under these names: the topics are empty, can be read
// and described, and everything that would change them is refused. As on a Kafka cluster each is there from when somebody first
// looks for a coordinator; this is known to the node alone and until it stops. Their ids are fixed, so that all nodes have the same.
// A stored topic of the name, from before, is shown in its place.
type internalTopics struct {
	Log
	offsets, transactions *atomic.Bool
}

func withInternalTopics(log Log) internalTopics {
	return internalTopics{log, new(atomic.Bool), new(atomic.Bool)}
}

func internalTopic(name string) command.Topic {
	// Any ids do that nobody draws: version 8 of a UUID is for what its maker says.
	topic := command.Topic{Name: name, Partitions: 50, ID: command.TopicID{0: 'k', 1: 'o', 2: 'n', 3: 't', 6: 0x80, 8: 0x80, 15: 1}}
	topic.Configs = map[string]string{configCleanupPolicy: policyCompact}
	if name == topicTransactionState {
		topic.ID[15] = 2
	}
	return topic
}

func (l internalTopics) isShown(name string) bool {
	return name == topicConsumerOffsets && l.offsets.Load() || name == topicTransactionState && l.transactions.Load()
}

// partition finds one of a shown topic.
func (l internalTopics) partition(name string, partition int32) (isShown bool, err error) {
	if !isInternalTopic(name) || !l.isShown(name) {
		return false, nil
	}
	if _, isStored := l.Log.Topic(name); isStored {
		return false, nil
	}
	if topic := internalTopic(name); partition < 0 || partition >= topic.Partitions {
		return true, fmt.Errorf("topic %s has no partition %d: %w", name, partition, command.ErrUnknownTopic)
	}
	return true, nil
}

func (l internalTopics) Topics() []command.Topic {
	topics := l.Log.Topics()
	isCopied := false
	for _, name := range []string{topicConsumerOffsets, topicTransactionState} {
		if !l.isShown(name) {
			continue
		}
		at, isStored := slices.BinarySearchFunc(topics, name, func(t command.Topic, name string) int { return strings.Compare(t.Name, name) })
		if isStored {
			continue
		}
		if !isCopied {
			topics, isCopied = slices.Clone(topics), true
		}
		topics = slices.Insert(topics, at, internalTopic(name))
	}
	return topics
}

func (l internalTopics) Topic(name string) (command.Topic, bool) {
	topic, ok := l.Log.Topic(name)
	if !ok && isInternalTopic(name) && l.isShown(name) {
		return internalTopic(name), true
	}
	return topic, ok
}

func (l internalTopics) TopicByID(id command.TopicID) (command.Topic, bool) {
	for _, name := range []string{topicConsumerOffsets, topicTransactionState} {
		if topic := internalTopic(name); topic.ID == id {
			shown, ok := l.Topic(name)
			return shown, ok && shown.ID == id
		}
	}
	return l.Log.TopicByID(id)
}

// TopicChanges grows with either of two numbers that only grow.
func (l internalTopics) TopicChanges() uint64 {
	changes := l.Log.TopicChanges()
	for _, is := range []*atomic.Bool{l.offsets, l.transactions} {
		if is.Load() {
			changes++
		}
	}
	return changes
}

func (l internalTopics) Partition(topic string, partition int32) (command.PartitionState, error) {
	if isShown, err := l.partition(topic, partition); isShown {
		return command.PartitionState{}, err
	}
	return l.Log.Partition(topic, partition)
}

func (l internalTopics) ReadBatches(topic string, partition int32, offset int64, bytesMax int) ([]byte, error) {
	if isShown, err := l.partition(topic, partition); isShown {
		return nil, errorOfEmpty(topic, partition, offset, err)
	}
	return l.Log.ReadBatches(topic, partition, offset, bytesMax)
}

func (l internalTopics) ReadCommitted(topic string, partition int32, offset int64, bytesMax int) ([]byte, []command.AbortedTransaction, error) {
	if isShown, err := l.partition(topic, partition); isShown {
		return nil, nil, errorOfEmpty(topic, partition, offset, err)
	}
	return l.Log.ReadCommitted(topic, partition, offset, bytesMax)
}

func errorOfEmpty(topic string, partition int32, offset int64, err error) error {
	if err == nil && offset != 0 {
		err = fmt.Errorf("topic %s, partition %d: offset %d of an empty partition: %w", topic, partition, offset, command.ErrOffsetOutOfRange)
	}
	return err
}

func (l internalTopics) OffsetForTimestamp(topic string, partition int32, unixMilli int64) (offset, timestampUnixMilli int64, err error) {
	if isShown, err := l.partition(topic, partition); isShown {
		return -1, -1, err
	}
	return l.Log.OffsetForTimestamp(topic, partition, unixMilli)
}

func (l internalTopics) MaxTimestamp(topic string, partition int32) (offset, timestampUnixMilli int64, err error) {
	if isShown, err := l.partition(topic, partition); isShown {
		return -1, -1, err
	}
	return l.Log.MaxTimestamp(topic, partition)
}

func (l internalTopics) Producers(topic string, partition int32) ([]command.ActiveProducer, error) {
	if isShown, err := l.partition(topic, partition); isShown {
		return nil, err
	}
	return l.Log.Producers(topic, partition)
}

// checkNotInternal refuses what would change a topic of Kafka's own.
func checkNotInternal(name string) error {
	if isInternalTopic(name) {
		return fmt.Errorf("topic %s is internal: %w", name, kerr.InvalidTopicException)
	}
	return nil
}
