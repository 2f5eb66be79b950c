package statemachine

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

func (c *change) applyDeleteTopics(com *command.DeleteTopics) []error {
	c.setTime(com.NowUnixMilli)
	errs := make([]error, len(com.Names))
	for i, name := range com.Names {
		var id command.TopicID
		if i < len(com.TopicIDs) {
			id = com.TopicIDs[i]
		}
		errs[i] = c.deleteTopic(name, id)
	}
	return errs
}

// deleteTopic drops a topic with its records, threads, timers and the offsets that
// groups committed on it. A deployment stays bound to the name: when the topic is
// made again, its threads start afresh.
func (c *change) deleteTopic(name string, id command.TopicID) error {
	t := c.work.topics[name]
	if t == nil || id != (command.TopicID{}) && t.spec.ID != id {
		return fmt.Errorf("%w: %q", command.ErrUnknownTopic, name)
	}
	c.releaseBundlesOf(t)
	c.deleteTimersByDue(t)
	c.deleteGroupOffsetsOf(t)
	c.deleteUnmatchedOf(t)
	for _, letter := range keys.OfTopic {
		c.deletePrefix(c.key.TopicOnly(letter, t.number))
	}
	for i := range t.partitions {
		c.deletedBytes += uint64(t.partitions[i].bytes())
	}
	c.delete(c.key.TopicByName(keys.Topic, name))
	c.work.remove(t)
	c.topicNames = append(c.topicNames, name)
	return nil
}

// releaseBundlesOf counts the topic's threads off their bundles.
func (c *change) releaseBundlesOf(t *topic) {
	if t.tally.suspended+t.tally.faulted == 0 {
		return
	}
	c.each(c.key.TopicOnly(keys.Thread, t.number), func(_, value []byte) error {
		bundle, err := threadBundle(value)
		if err == nil {
			c.releaseThread(bundle)
		}
		return err
	})
}

func (c *change) deleteTimersByDue(t *topic) {
	if t.tally.timers == 0 {
		return
	}
	c.each(c.key.TopicOnly(keys.Timer, t.number), func(key, value []byte) error {
		_, name, err := keys.InTopic(key)
		if err != nil {
			return err
		}
		due, err := decodeTimer(value)
		if err == nil {
			c.delete(c.other.TimerDue(due, t.number, string(name)))
		}
		return err
	})
}

// deleteGroupOffsetsOf drops the offsets of groups, and those that open transactions hold
// for them.
func (c *change) deleteGroupOffsetsOf(t *topic) {
	for _, id := range sortedIDs(c.work.transactions.open) {
		c.each(bytes.Clone(c.key.TransactionOnly(id)), func(key, _ []byte) error {
			_, rest, isOffset, err := keys.ParseTransaction(key)
			if err != nil || !isOffset {
				return err
			}
			_, number, _, err := keys.ParseTransactionOffset(rest)
			if err == nil && number == t.number {
				c.delete(key)
			}
			return err
		})
	}
	c.each(c.key.Letter(keys.GroupOffset), func(key, _ []byte) error {
		_, number, _, err := keys.ParseGroup(key)
		if err == nil && number == t.number {
			c.delete(key)
		}
		return err
	})
}

// each calls f with the keys that begin with prefix and their values, as they were
// when it began: f may write. Both are valid during the call only.
func (c *change) each(prefix []byte, f func(key, value []byte) error) {
	lower := bytes.Clone(prefix)
	c.eachFrom(lower, keys.After(lower), func(key, value []byte) (bool, error) { return true, f(key, value) })
}

// eachFrom is each for any range of keys, and ends when f returns false.
func (c *change) eachFrom(lower, upper []byte, f func(key, value []byte) (bool, error)) {
	if c.err != nil {
		return
	}
	iterator, err := c.batch.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		c.fail(err)
		return
	}
	for iterator.First(); iterator.Valid(); iterator.Next() {
		value, err := iterator.ValueAndErr()
		goOn := false
		if err == nil {
			goOn, err = f(iterator.Key(), value)
		}
		if err != nil {
			c.fail(fmt.Errorf("key %q: %w", iterator.Key(), err))
			break
		}
		if !goOn || c.err != nil {
			break
		}
	}
	c.fail(iterator.Close())
}
