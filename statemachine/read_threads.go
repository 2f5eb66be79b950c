package statemachine

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// Thread returns a thread with its continuation and kept events, false if nothing
// is known of the key. One of which only history is left has the status
// ThreadEnded; so has a key that never had a thread but unmatched events.
func (s *Store) Thread(resumeTopic, key string) (command.Thread, bool, error) {
	return s.thread(resumeTopic, key, true)
}

// ThreadHeader is Thread without the continuation and the kept events, cheap
// however large they are.
func (s *Store) ThreadHeader(resumeTopic, key string) (command.Thread, bool, error) {
	return s.thread(resumeTopic, key, false)
}

func (s *Store) thread(resumeTopic, key string, isWhole bool) (found command.Thread, exists bool, err error) {
	err = s.read(func(db *pebble.DB) error {
		number := s.topicNumber(resumeTopic)
		if number == 0 {
			return nil
		}
		// The parts of a thread are under several keys; a snapshot has them as they
		// were at one moment.
		snapshot := db.NewSnapshot()
		th, err := loadStored(snapshot, number, key)
		if err == nil && th.status != 0 {
			exists = true
			found = s.threadOf(resumeTopic, key, &th)
			if isWhole {
				err = loadRest(snapshot, number, &th, &found)
			}
		}
		return errors.Join(err, snapshot.Close())
	})
	if err != nil {
		return command.Thread{}, false, fmt.Errorf("thread %s: %w", key, err)
	}
	return found, exists, nil
}

func (s *Store) topicNumber(name string) (number keys.TopicNumber) {
	s.view(func(im *image) {
		if t := im.topics[name]; t != nil {
			number = t.number
		}
	})
	return number
}

func loadStored(db pebble.Reader, topic keys.TopicNumber, key string) (th thread, err error) {
	point := pointReader{}
	defer func() { err = errors.Join(err, point.close()) }()
	var k keys.Key
	for _, letter := range []byte{keys.Thread, keys.Ended} {
		value, err := point.get(db, k.Name(letter, topic, key))
		if err != nil {
			return thread{}, err
		}
		if value != nil {
			return decodeThread(value)
		}
	}
	return thread{}, nil
}

// loadRest adds to a thread what is stored beside it.
func loadRest(db pebble.Reader, topic keys.TopicNumber, th *thread, found *command.Thread) error {
	var k keys.Key
	if th.isLive() && th.isLarge() {
		value, err := get(db, k.Name(keys.Continuation, topic, found.Key))
		if err != nil {
			return err
		}
		r := readValue(value)
		found.Continuation = r.rest()
		if err := r.end("continuation"); err != nil {
			return err
		}
		if len(found.Continuation) != th.continuationBytes {
			return fmt.Errorf("continuation: %w: %d bytes, want %d", errMalformed, len(found.Continuation), th.continuationBytes)
		}
	} else if th.continuationBytes > 0 {
		found.Continuation = th.continuation
	}
	for n := range th.kept {
		value, err := get(db, k.Numbered(keys.KeptEvent, topic, found.Key, n))
		if err != nil {
			return err
		}
		e, err := decodeKeptEvent(value)
		if err != nil {
			return err
		}
		found.KeptEvents = append(found.KeptEvents, e.value)
	}
	return nil
}

// threadOf is a stored thread as readers see it, without its continuation.
func (s *Store) threadOf(resumeTopic, key string, th *thread) command.Thread {
	found := command.Thread{
		ResumeTopic:      resumeTopic,
		Key:              key,
		Status:           th.status,
		StepID:           th.stepID,
		Steps:            th.steps,
		Refs:             th.refs,
		Fault:            th.fault,
		StartedUnixMilli: th.startedUnixMilli,
		UpdatedUnixMilli: th.updatedUnixMilli,
	}
	s.view(func(im *image) { found.Hash = im.bundles[th.bundle].hash })
	return found
}

// History returns the newest entries of a thread's history, limit of them at most,
// the newest last.
func (s *Store) History(resumeTopic, key string, limit int) ([]command.HistoryEntry, error) {
	var entries []command.HistoryEntry
	err := s.read(func(db *pebble.DB) error {
		number := s.topicNumber(resumeTopic)
		if number == 0 {
			return nil
		}
		snapshot := db.NewSnapshot()
		th, err := loadStored(snapshot, number, key)
		first := th.firstHistory()
		if int64(th.historyNext)-int64(limit) > int64(first) {
			first = th.historyNext - uint32(max(limit, 0))
		}
		var k keys.Key
		lower := bytes.Clone(k.Numbered(keys.History, number, key, first))
		upper := bytes.Clone(k.Numbered(keys.History, number, key, th.historyNext))
		if err == nil && first < th.historyNext {
			err = eachIn(snapshot, lower, upper, func(_, value []byte) (bool, error) {
				entry, err := decodeHistory(value)
				entries = append(entries, entry)
				return true, err
			})
		}
		return errors.Join(err, snapshot.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("history of thread %s: %w", key, err)
	}
	return entries, nil
}

// ThreadsQuery selects threads. Zero fields select all.
type ThreadsQuery struct {
	ResumeTopic string
	Status      command.ThreadStatus
	// KeyPrefix begins the keys.
	KeyPrefix string
	// Limit is 100 if 0.
	Limit int
	// After is the Next of the page before.
	After string
}

// ThreadsPage is some threads, by resume topic and key, without continuations.
type ThreadsPage struct {
	Threads []command.Thread
	// Next is empty on the last page.
	Next string
}

// ErrCursor: ThreadsQuery.After is not from a page. Begin again without it.
var ErrCursor = errors.New("invalid cursor")

// Threads lists threads.
func (s *Store) Threads(q ThreadsQuery) (ThreadsPage, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	afterTopic, afterKey, err := decodeCursor(q.After)
	if err != nil {
		return ThreadsPage{}, err
	}
	page := ThreadsPage{}
	err = s.read(func(db *pebble.DB) error {
		for _, spec := range s.Topics() {
			isWanted := q.ResumeTopic == "" || q.ResumeTopic == spec.Name
			if !isWanted || spec.Name < afterTopic {
				continue
			}
			from := ""
			if q.After != "" && spec.Name == afterTopic {
				from = afterKey + "\x00"
			}
			isFull, err := s.listThreads(db, spec.Name, from, &q, &page)
			if err != nil || isFull {
				return err
			}
		}
		return nil
	})
	return page, err
}

// listThreads adds the threads of one topic to a page, and says whether it is
// full. Those that run and those that have ended are stored apart, and merged
// here.
func (s *Store) listThreads(db *pebble.DB, topic, from string, q *ThreadsQuery, page *ThreadsPage) (isFull bool, err error) {
	number := s.topicNumber(topic)
	if number == 0 {
		return false, nil
	}
	live, ended := byte(keys.Thread), byte(keys.Ended)
	switch q.Status {
	case command.ThreadEnded:
		live = 0
	case command.ThreadSuspended:
		ended = 0
	case command.ThreadFaulted:
		live, ended = keys.Faulted, 0
	}
	snapshot := db.NewSnapshot()
	merged := mergedThreads{}
	err = merged.open(snapshot, number, []byte{live, ended}, from, q.KeyPrefix)
	for err == nil && merged.isValid() {
		var th thread
		var key string
		if key, th, err = merged.take(snapshot, number); err != nil {
			break
		}
		if q.Status != 0 && th.status != q.Status {
			continue
		}
		if len(page.Threads) == q.Limit {
			last := page.Threads[q.Limit-1]
			page.Next = encodeCursor(last.ResumeTopic, last.Key)
			isFull = true
			break
		}
		page.Threads = append(page.Threads, s.threadOf(topic, key, &th))
	}
	return isFull, errors.Join(err, merged.close(), snapshot.Close())
}

// mergedThreads walks several ranges of threads in the order of their keys.
type mergedThreads struct{ iterators []*pebble.Iterator }

func (m *mergedThreads) open(db pebble.Reader, topic keys.TopicNumber, letters []byte, from, prefix string) error {
	var k keys.Key
	for _, letter := range letters {
		if letter == 0 {
			continue
		}
		upper := keys.After(k.Name(letter, topic, prefix))
		lower := bytes.Clone(k.Name(letter, topic, max(from, prefix)))
		if bytes.Compare(lower, upper) >= 0 {
			continue
		}
		iterator, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
		if err != nil {
			return err
		}
		m.iterators = append(m.iterators, iterator)
		iterator.First()
	}
	return nil
}

// least is the iterator with the least name, nil at the end.
func (m *mergedThreads) least() *pebble.Iterator {
	var least *pebble.Iterator
	for _, iterator := range m.iterators {
		if iterator.Valid() && (least == nil || bytes.Compare(iterator.Key()[5:], least.Key()[5:]) < 0) {
			least = iterator
		}
	}
	return least
}

func (m *mergedThreads) isValid() bool { return m.least() != nil }

// take reads the next thread. The index of faulted threads leads to another key.
func (m *mergedThreads) take(db pebble.Reader, topic keys.TopicNumber) (key string, th thread, err error) {
	iterator := m.least()
	key = string(iterator.Key()[5:])
	if iterator.Key()[0] == keys.Faulted {
		th, err = loadStored(db, topic, key)
	} else {
		var value []byte
		if value, err = iterator.ValueAndErr(); err == nil {
			th, err = decodeThread(value)
			th.continuation = nil // it aliases the iterator's memory
		}
	}
	iterator.Next()
	return key, th, err
}

func (m *mergedThreads) close() error {
	var err error
	for _, iterator := range m.iterators {
		err = errors.Join(err, iterator.Close())
	}
	return err
}

func encodeCursor(topic, key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(topic + "|" + key))
}

func decodeCursor(cursor string) (topic, key string, err error) {
	if cursor == "" {
		return "", "", nil
	}
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", "", fmt.Errorf("%w: %q", ErrCursor, cursor)
	}
	// A topic's name has no bar.
	topic, key, isWhole := strings.Cut(string(data), "|")
	if !isWhole {
		return "", "", fmt.Errorf("%w: %q", ErrCursor, cursor)
	}
	return topic, key, nil
}
