package statemachine

import (
	"encoding/binary"
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

func (c *change) applyCommitOffsets(com *command.CommitOffsets) []error {
	c.setTime(com.NowUnixMilli)
	errs := make([]error, len(com.Offsets))
	for i := range com.Offsets {
		errs[i] = c.commitOffset(com.Group, &com.Offsets[i])
	}
	return errs
}

func (c *change) commitOffset(group string, o *command.GroupOffset) error {
	t, err := c.checkGroupOffset(group, o)
	if err != nil {
		return err
	}
	c.value = encodeGroupOffset(c.value[:0], o, c.now)
	c.set(c.key.GroupPartition(group, t.number, o.Partition), c.value)
	return nil
}

// checkGroupOffset finds the topic of an offset that a group may commit.
func (c *change) checkGroupOffset(group string, o *command.GroupOffset) (*topic, error) {
	if len(group) > GroupNameBytesMax {
		return nil, limitError("bytes of a group's name", len(group), GroupNameBytesMax)
	}
	if len(o.Metadata) > OffsetMetadataBytesMax {
		return nil, limitError("bytes of an offset's metadata", len(o.Metadata), OffsetMetadataBytesMax)
	}
	t := c.work.findSame(o.Topic, o.TopicID, o.Partition)
	if t == nil {
		return nil, fmt.Errorf("%w: %q partition %d", command.ErrUnknownTopic, o.Topic, o.Partition)
	}
	return t, nil
}

func encodeGroupOffset(dst []byte, o *command.GroupOffset, nowUnixMilli int64) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendVarint(dst, o.Offset)
	dst = binary.AppendVarint(dst, int64(o.LeaderEpoch))
	dst = binary.AppendVarint(dst, nowUnixMilli)
	return appendString(dst, o.Metadata)
}

// decodeGroupOffset reads all but the topic and partition, which are in the key.
func decodeGroupOffset(value []byte) (o command.GroupOffset, committedUnixMilli int64, err error) {
	r := readValue(value)
	o.Offset = r.int()
	o.LeaderEpoch = int32(r.int())
	committedUnixMilli = r.int()
	o.Metadata = r.string()
	return o, committedUnixMilli, r.end("group offset")
}

func (c *change) applyDeleteGroups(com *command.DeleteGroups) []error {
	errs := make([]error, len(com.Groups))
	for i, group := range com.Groups {
		errs[i] = c.deleteGroup(group)
	}
	return errs
}

func (c *change) deleteGroup(group string) error {
	isKnown := c.dropTransactionOffsets(group)
	drop := func(key, _ []byte) error {
		isKnown = true
		c.delete(key)
		return nil
	}
	c.each(c.key.Group(group), drop)
	c.each(c.key.GroupParts(group), drop)
	if !isKnown {
		return fmt.Errorf("%w: %q", command.ErrUnknownGroup, group)
	}
	return nil
}

// groupTopic is the name of a topic that group offsets name by its number.
func (im *image) groupTopic(number keys.TopicNumber) (string, bool) {
	t := im.numbers[number]
	if t == nil {
		return "", false
	}
	return t.spec.Name, true
}
