package statemachine

import (
	"fmt"
	"math"
	"strconv"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/keys"
)

// UnmatchedEvent is an event that no thread waited for.
type UnmatchedEvent struct {
	ResumeTopic string
	Partition   int32
	Offset      int64
	// UnixMilli is when it was found to be unmatched.
	UnixMilli int64
	// Key is the record's, empty if it had none, cut to ThreadKeyBytesMax.
	Key    string
	Reason string
	// Value is the beginning of the record's value.
	Value []byte
}

// UnmatchedQuery selects unmatched events. Zero fields select all.
type UnmatchedQuery struct {
	ResumeTopic string
	// Limit is 100 if 0.
	Limit int
	// After is the Next of the page before.
	After string
}

// UnmatchedPage is some unmatched events, the newest first.
type UnmatchedPage struct {
	Events []UnmatchedEvent
	// Next is empty on the last page.
	Next string
}

// UnmatchedEvents lists the newest unmatched events, UnmatchedEventsMax of all
// topics together at most. What comes between two pages is on neither. A cursor
// that is not from a page is ErrCursor.
func (s *Store) UnmatchedEvents(q UnmatchedQuery) (UnmatchedPage, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	before := uint64(math.MaxUint64)
	if q.After != "" {
		var err error
		if before, err = strconv.ParseUint(q.After, 10, 64); err != nil {
			return UnmatchedPage{}, fmt.Errorf("%w: %q", ErrCursor, q.After)
		}
	}
	page := UnmatchedPage{}
	err := s.read(func(db *pebble.DB) error {
		first, names := s.unmatchedTopics()
		if before <= first {
			return nil
		}
		var from, to keys.Key
		lower, upper := from.UnmatchedAt(first), to.UnmatchedAt(before)
		last := uint64(0)
		return eachBackIn(db, lower, upper, func(key, value []byte) (bool, error) {
			number, err := keys.ParseUnmatched(key)
			if err != nil {
				return false, err
			}
			e, err := decodeUnmatchedEvent(value)
			if err != nil {
				return false, err
			}
			name, exists := names[e.topic]
			if !exists || q.ResumeTopic != "" && q.ResumeTopic != name {
				return true, nil
			}
			if len(page.Events) == q.Limit {
				page.Next = strconv.FormatUint(last, 10)
				return false, nil
			}
			last = number
			page.Events = append(page.Events, UnmatchedEvent{ResumeTopic: name, Partition: e.partition, Offset: e.offset,
				UnixMilli: e.unixMilli, Key: e.key, Reason: e.reason, Value: e.value})
			return true, nil
		})
	})
	return page, err
}

// unmatchedTopics is where the list begins, and the names of topics by their
// numbers.
func (s *Store) unmatchedTopics() (first uint64, names map[keys.TopicNumber]string) {
	names = map[keys.TopicNumber]string{}
	s.view(func(im *image) {
		first = im.unmatched.first
		for number, t := range im.numbers {
			names[number] = t.spec.Name
		}
	})
	return first, names
}
