package statemachine

import (
	"errors"
	"io"
	"math"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
)

// Store is the state of a node. Apply, Snapshot and Restore are called by one
// goroutine at a time, reads and watches by any number.
type Store struct {
	dir     string
	options Options
	fs      *gate
	failure *failure
	lock    io.Closer
	// closing is closed when Close begins to.
	closing   chan struct{}
	closeOnce sync.Once

	// applyMu serializes what changes the state. It guards all up to dbMu.
	applyMu sync.Mutex
	work    *image
	// current is the directory of the Pebble store below dir.
	current string
	marker  *atomicfs.Marker
	// snapshots counts those that were taken, to name them.
	snapshots int
	room      room

	// dbMu is held for reading by whoever uses db, and for writing by Restore and
	// Close, which replace it.
	dbMu sync.RWMutex
	db   *pebble.DB

	mu sync.RWMutex // guards all below; never held during a disk operation
	// published is the image that readers see.
	published *image
	changed   chan struct{}
	// topicChanges counts the times that topics were made, changed or removed.
	topicChanges uint64
	// timerFloor is a time before which no timer is due, so that a look for the
	// next one need not pass over the graves of those that have fired.
	timerFloor int64
	// timerChanges counts the changes that set timers.
	timerChanges uint64

	watches watches
}

// Err is nil as long as the store takes writes, then a *FailedError.
func (s *Store) Err() error { return s.failure.get() }

// Failed is closed when Err is no longer nil.
func (s *Store) Failed() <-chan struct{} { return s.failure.failed }

// AppliedIndex is the log index of the last entry applied, 0 for none. After Open
// it is what the disk holds.
func (s *Store) AppliedIndex() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.published.meta.appliedIndex
}

// Time is the latest time that a command brought, in milliseconds since 1970.
func (s *Store) Time() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.published.meta.timeUnixMilli
}

// Flush returns nil once everything applied before the call survives a power cut.
// It may run beside Apply.
func (s *Store) Flush() error {
	s.dbMu.RLock()
	defer s.dbMu.RUnlock()
	return s.flush()
}

// flush does the work of Flush. The caller holds dbMu or applyMu.
//
// Pebble flushes again and again after an error, and tells only its listener of
// it, so the wait ends when the store fails, too.
func (s *Store) flush() error {
	if err := s.failure.get(); err != nil {
		return err
	}
	if s.isClosing() {
		return pebble.ErrClosed
	}
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		s.failed("flush", err)
		return errors.Join(s.failure.get(), err)
	}
	select {
	case <-flushed:
		return nil
	case <-s.failure.failed:
		return s.failure.get()
	}
}

// Close flushes and releases everything. Reads and Apply must have returned, and
// none may begin.
func (s *Store) Close() error {
	var err error
	s.closeOnce.Do(func() { err = s.close() })
	return err
}

func (s *Store) close() error {
	var flushErr error
	isTold := s.failure.get() != nil
	if !isTold && !s.options.ReadOnly {
		flushErr = s.Flush()
	}
	close(s.closing) // lets go what waits at the gate
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	s.dbMu.Lock()
	defer s.dbMu.Unlock()
	err := errors.Join(s.db.Close(), s.marker.Close(), s.lock.Close())
	if isTold {
		return nil // by Err; what comes now only follows from it
	}
	return errors.Join(flushErr, err)
}

// noFloor is a timerFloor above all timers.
const noFloor = math.MaxInt64
