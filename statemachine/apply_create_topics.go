package statemachine

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

func (c *change) applyCreateTopics(com *command.CreateTopics) []error {
	c.setTime(com.NowUnixMilli)
	errs := make([]error, len(com.Topics))
	for i, spec := range com.Topics {
		errs[i] = c.createTopic(spec)
	}
	return errs
}

func (c *change) createTopic(spec command.Topic) error {
	if err := checkTopic(spec); err != nil {
		return err
	}
	if c.work.topics[spec.Name] != nil {
		return fmt.Errorf("%w: %q", command.ErrTopicExists, spec.Name)
	}
	if len(c.work.topics) >= TopicsMax {
		return limitError("topics", len(c.work.topics)+1, TopicsMax)
	}
	if err := c.checkRoomForPartitions(int(spec.Partitions)); err != nil {
		return err
	}
	number := c.work.meta.nextTopic
	c.work.meta.nextTopic++
	c.isMetaDirty = true
	spec.Configs = maps.Clone(spec.Configs)
	if spec.ID == (command.TopicID{}) {
		spec.ID = derivedTopicID(number, spec.Name)
	}
	t := &topic{number: number, spec: spec, partitions: make([]partition, spec.Partitions)}
	for i := range t.partitions {
		t.partitions[i] = newPartition()
	}
	c.work.add(t)
	c.writeTopic(t)
	return nil
}

// checkRoomForPartitions refuses more partitions than all topics together may have.
func (c *change) checkRoomForPartitions(more int) error {
	n := c.work.partitionsInAll + more
	if more > 0 && n > PartitionsInAllMax && c.work.nodes.Level >= command.LevelPartitionsInAll {
		return limitError("partitions of all topics", n, PartitionsInAllMax)
	}
	return nil
}

func (c *change) writeTopic(t *topic) {
	c.value = encodeTopic(c.value[:0], t.number, t.spec)
	c.set(c.key.TopicByName(keys.Topic, t.spec.Name), c.value)
	c.topicNames = append(c.topicNames, t.spec.Name)
}

// derivedTopicID is the identity of a topic whose proposer gave none. It differs
// for a topic that is deleted and made again, as the number does.
func derivedTopicID(number keys.TopicNumber, name string) command.TopicID {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint32([]byte("kont topic "), uint32(number)), name...))
	return command.TopicID(sum[:16])
}

func checkTopic(spec command.Topic) error {
	if err := checkTopicName(spec.Name); err != nil {
		return err
	}
	if spec.Partitions < 1 || spec.Partitions > PartitionsMax {
		return fmt.Errorf("%w: topic %q: %d, from 1 to %d", command.ErrInvalidPartitions, spec.Name, spec.Partitions, PartitionsMax)
	}
	return checkConfigs(spec.Configs)
}

// checkTopicName holds the rules of org.apache.kafka.common.internals.Topic.
func checkTopicName(name string) error {
	if len(name) < 1 || len(name) > topicNameBytesMax {
		return fmt.Errorf("%w: %d bytes, from 1 to %d", command.ErrInvalidTopic, len(name), topicNameBytesMax)
	}
	if name == "." || name == ".." {
		return fmt.Errorf("%w: %q", command.ErrInvalidTopic, name)
	}
	for i := range len(name) {
		b := name[i]
		isLegal := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '.' || b == '_' || b == '-'
		if !isLegal {
			return fmt.Errorf("%w: %q: only a-z A-Z 0-9 . _ -", command.ErrInvalidTopic, name)
		}
	}
	return nil
}

func checkConfigs(configs map[string]string) error {
	if len(configs) > TopicConfigsMax {
		return limitError("configurations of a topic", len(configs), TopicConfigsMax)
	}
	longest := 0
	for name, value := range configs {
		longest = max(longest, len(name)+len(value))
	}
	if longest > TopicConfigBytesMax {
		return limitError("bytes of a configuration", longest, TopicConfigBytesMax)
	}
	return nil
}
