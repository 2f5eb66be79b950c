package statemachine

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
)

// read calls f with the store, which stays open and is not replaced until f
// returns. What f finds in the image is in the store too, though by then more may
// be.
func (s *Store) read(f func(db *pebble.DB) error) error {
	s.dbMu.RLock()
	defer s.dbMu.RUnlock()
	if s.isClosing() {
		return fmt.Errorf("%w: the store is closed", command.ErrUnavailable)
	}
	if err := f(s.db); err != nil {
		return s.explain(err)
	}
	return nil
}

// view calls f with the image of the readers. f must not keep what it points to,
// but may keep specs, which are never written to.
func (s *Store) view(f func(im *image)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(s.published)
}

// eachIn calls f with the keys from lower to before upper, until it returns false.
func eachIn(db pebble.Reader, lower, upper []byte, f func(key, value []byte) (goOn bool, err error)) error {
	return walk(db, lower, upper, (*pebble.Iterator).First, (*pebble.Iterator).Next, f)
}

// eachBackIn is eachIn from the last key to the first.
func eachBackIn(db pebble.Reader, lower, upper []byte, f func(key, value []byte) (goOn bool, err error)) error {
	return walk(db, lower, upper, (*pebble.Iterator).Last, (*pebble.Iterator).Prev, f)
}

func walk(db pebble.Reader, lower, upper []byte, begin, next func(*pebble.Iterator) bool, f func(key, value []byte) (goOn bool, err error)) error {
	iterator, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	for begin(iterator); iterator.Valid(); next(iterator) {
		value, err := iterator.ValueAndErr()
		goOn := false
		if err == nil {
			goOn, err = f(iterator.Key(), value)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("key %q: %w", iterator.Key(), err), iterator.Close())
		}
		if !goOn {
			break
		}
	}
	return iterator.Close()
}

// errUnknownPartition names a partition that isn't there.
func errUnknownPartition(topic string, partition int32) error {
	return fmt.Errorf("%w: %q partition %d", command.ErrUnknownTopic, topic, partition)
}
