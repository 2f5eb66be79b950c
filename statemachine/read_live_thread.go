package statemachine

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// LiveThread returns a thread that is suspended or faulted, with its continuation
// but without kept events; false for any other key. It is what the next step of a
// thread starts from, and as cheap as can be: one lookup, of a key that a start will
// not find.
func (s *Store) LiveThread(resumeTopic, key string) (found command.Thread, exists bool, err error) {
	isApart := false
	err = s.read(func(db *pebble.DB) (err error) {
		number := s.topicNumber(resumeTopic)
		if number == 0 {
			return nil
		}
		point := pointReader{}
		defer func() { err = errors.Join(err, point.close()) }()
		var k keys.Key
		value, err := point.get(db, k.Name(keys.Thread, number, key))
		if value == nil {
			return err
		}
		th, err := decodeThread(value)
		if err != nil {
			return err
		}
		exists, isApart = true, th.isLarge()
		found = s.threadOf(resumeTopic, key, &th)
		if th.continuationBytes > 0 {
			found.Continuation = th.continuation
		}
		return nil
	})
	if err != nil {
		return command.Thread{}, false, fmt.Errorf("thread %s: %w", key, err)
	}
	if isApart {
		// Under two keys, which have to be read as of one moment. It may have ended
		// meanwhile.
		found, exists, err = s.thread(resumeTopic, key, true)
		found.KeptEvents = nil
		exists = exists && found.Status != command.ThreadEnded
	}
	return found, exists, err
}
