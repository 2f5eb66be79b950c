package statemachine

import (
	"errors"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// CommittedOffset is what a group committed for a partition, false if nothing.
func (s *Store) CommittedOffset(group, topic string, partition int32) (offset command.GroupOffset, exists bool, err error) {
	err = s.read(func(db *pebble.DB) error {
		number, _, err := s.partition(topic, partition)
		if errors.Is(err, command.ErrUnknownTopic) {
			return nil
		}
		var k keys.Key
		value, err := get(db, k.GroupPartition(group, number, partition))
		if value == nil || err != nil {
			return err
		}
		offset, _, err = decodeGroupOffset(value)
		offset.Topic, offset.Partition = topic, partition
		exists = true
		return err
	})
	return offset, exists && err == nil, err
}

// CommittedOffsets is all that a group committed, by topic and partition.
func (s *Store) CommittedOffsets(group string) ([]command.GroupOffset, error) {
	var offsets []command.GroupOffset
	err := s.read(func(db *pebble.DB) error {
		var k keys.Key
		lower := k.Group(group)
		return eachIn(db, lower, keys.After(lower), func(key, value []byte) (bool, error) {
			_, number, partition, err := keys.ParseGroup(key)
			if err != nil {
				return false, err
			}
			offset, _, err := decodeGroupOffset(value)
			exists := false
			s.view(func(im *image) { offset.Topic, exists = im.groupTopic(number) })
			offset.Partition = partition
			if exists {
				offsets = append(offsets, offset)
			}
			return true, err
		})
	})
	slices.SortStableFunc(offsets, func(a, b command.GroupOffset) int { return strings.Compare(a.Topic, b.Topic) })
	return offsets, err
}

// GroupAge is how old the oldest offset of a group for a topic is: when it was committed,
// or somebody in the group was last known to read the topic.
type GroupAge struct {
	Group           string
	Topic           string
	OldestUnixMilli int64
}

// GroupAges lists the groups that have offsets, by name, with each of their topics. It
// reads all offsets.
func (s *Store) GroupAges() ([]GroupAge, error) {
	var ages []GroupAge
	err := s.read(func(db *pebble.DB) error {
		return scan(db, keys.GroupOffset, func(key, value []byte) error {
			group, number, _, err := keys.ParseGroup(key)
			if err != nil {
				return err
			}
			_, committedUnixMilli, err := decodeGroupOffset(value)
			topic, exists := "", false
			if s.view(func(im *image) { topic, exists = im.groupTopic(number) }); !exists {
				return err // it is being deleted
			}
			if n := len(ages); n == 0 || ages[n-1].Group != group || ages[n-1].Topic != topic {
				ages = append(ages, GroupAge{group, topic, committedUnixMilli})
			}
			last := &ages[len(ages)-1]
			last.OldestUnixMilli = min(last.OldestUnixMilli, committedUnixMilli)
			return err
		})
	})
	return ages, err
}

// Groups lists the groups that committed offsets, by name. It takes a seek for
// each.
func (s *Store) Groups() ([]string, error) {
	var groups []string
	err := s.read(func(db *pebble.DB) error {
		var k keys.Key
		prefix := k.Letter(keys.GroupOffset)
		iterator, err := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: keys.After(prefix)})
		if err != nil {
			return err
		}
		for isValid := iterator.First(); isValid; {
			group, _, _, err := keys.ParseGroup(iterator.Key())
			if err != nil {
				return errors.Join(err, iterator.Close())
			}
			groups = append(groups, group)
			isValid = iterator.SeekGE(keys.After(k.Group(group)))
		}
		return iterator.Close()
	})
	return groups, err
}

// StoredGroups is what was kept of all groups, by name. It reads all of it.
func (s *Store) StoredGroups() ([]command.StoredGroup, error) {
	var groups []command.StoredGroup
	err := s.read(func(db *pebble.DB) error {
		return scan(db, keys.GroupPart, func(key, value []byte) error {
			group, name, err := keys.ParseGroupPart(key)
			if err != nil {
				return err
			}
			part, err := decodeGroupPart(value)
			if n := len(groups); n == 0 || groups[n-1].Group != group {
				groups = append(groups, command.StoredGroup{Group: group})
			}
			last := &groups[len(groups)-1]
			last.Parts = append(last.Parts, command.GroupPart{Name: name, Value: part})
			return err
		})
	})
	return groups, err
}
