package statemachine

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// TimersDueBy lists the timers that are due at a time or before, in due order,
// limit of them at most.
func (s *Store) TimersDueBy(unixMilli int64, limit int) ([]command.TimerKey, error) {
	var timers []command.TimerKey
	_, err := s.walkTimers(func(timer command.TimerKey) bool {
		if timer.DueUnixMilli > unixMilli || len(timers) >= limit {
			return false
		}
		timers = append(timers, timer)
		return true
	})
	return timers, err
}

// NextTimerDue is when the next timer is due, false if none is set. WatchTimers
// tells of timers that are set for a time before.
func (s *Store) NextTimerDue() (unixMilli int64, exists bool, err error) {
	for {
		unixMilli, exists = 0, false
		changes, err := s.walkTimers(func(timer command.TimerKey) bool {
			unixMilli, exists = timer.DueUnixMilli, true
			return false
		})
		if err != nil {
			return 0, false, err
		}
		s.mu.Lock()
		isCurrent := s.timerChanges == changes
		if isCurrent {
			s.timerFloor = noFloor
			if exists {
				s.timerFloor = unixMilli
			}
		}
		s.mu.Unlock()
		// If timers were set since we looked, one may be earlier, and whoever set it
		// compared it with the old floor and woke nobody.
		if isCurrent {
			return unixMilli, exists, nil
		}
	}
}

// walkTimers calls f with the timers in due order until it returns false. It
// returns the count of changes before which it looked.
func (s *Store) walkTimers(f func(command.TimerKey) (goOn bool)) (changes uint64, err error) {
	err = s.read(func(db *pebble.DB) error {
		s.mu.RLock()
		floor := s.timerFloor
		changes = s.timerChanges
		s.mu.RUnlock()
		if floor == noFloor {
			return nil
		}
		var k keys.Key
		lower := bytes.Clone(k.TimerDue(max(floor, 0), 0, ""))
		upper := keys.After(k.Letter(keys.TimerByDue))
		return eachIn(db, lower, upper, func(key, _ []byte) (bool, error) {
			due, number, name, err := keys.ParseTimerDue(key)
			if err != nil {
				return false, err
			}
			timer := command.TimerKey{Key: name, DueUnixMilli: due}
			s.view(func(im *image) {
				if t := im.numbers[number]; t != nil {
					timer.Topic = t.spec.Name
				}
			})
			if timer.Topic == "" {
				return true, nil // its topic is being deleted
			}
			return f(timer), nil
		})
	})
	return changes, err
}
