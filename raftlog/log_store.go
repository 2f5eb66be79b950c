package raftlog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// logStore stands between raft and the log store. It seals entries and checks them
// when they are read, counts their bytes, keeps the written mark, and makes the first
// failed write the last: afterwards nothing more is written, because neither store
// says what a failed write left behind. Damaged files can make either store panic; that
// too is a failure here.
type logStore struct {
	// writing is held by what changes the log until its fault, if any, is set. Raft
	// deletes below a snapshot while it appends, and after a deletion that failed in
	// part, the wal appends to a file that its metadata have given up: the next start
	// would delete it.
	writing sync.Mutex
	inner   raft.LogStore
	mark    *writtenMark // guarded by writing
	// whereIs names the file that holds an entry.
	whereIs func(index uint64) string
	fault   *fault
	stats   *counters

	// stored gets a token after each append, if it holds none: the log is idle and
	// the next batch may be cut.
	stored chan struct{}
	// watch is on the present append.
	watch writeWatch
	// tail is what raft takes for written and is not, nil for one that writes all before it returns. leadsOthers tells whether this node leads
	// and has other voters; raft changes that only in the goroutine from which it calls StoreLogs.
	tail        *logTail
	leadsOthers func() bool
	// passed is the last entry that verify found to be of no use: a snapshot was installed that ends beyond it, and there is a gap, or
	// nothing, after it. 0 if there is none.
	passed uint64
	// onStored is called after each append.
	onStored func()
	// ending is the end of a snapshot while raft learns that its log ends there, and 0 otherwise; see installs. The log is empty then.
	ending atomic.Uint64

	mu    sync.Mutex
	sizes logSizes // guarded by mu
	// emptiedTo is the last entry of a log that was removed as a whole, 0 if there was none or something was written since; guarded by mu.
	emptiedTo uint64
}

var _ raft.MonotonicLogStore = (*logStore)(nil)

// IsMonotonic says that the log may have no gaps: raft is to remove it when it has installed a snapshot that ends beyond it. One of
// the stores would take what comes after the snapshot all the same.
func (s *logStore) IsMonotonic() bool { return true }

func (s *logStore) FirstIndex() (uint64, error) { return s.inner.FirstIndex() }

// LastIndex counts the tail.
func (s *logStore) LastIndex() (uint64, error) {
	unwritten := s.tail.last() // first, because it may be written meanwhile
	written, err := s.inner.LastIndex()
	return max(written, unwritten), err
}

// GetLog reads and checks an entry. One that is not written is read by the leader alone; others wait until it is.
func (s *logStore) GetLog(index uint64, l *raft.Log) error {
	if s.isEnding(index) {
		*l = raft.Log{Index: index} // no entry has this term
		return nil
	}
	if entry, exists := s.tail.get(index); exists {
		if s.runsAhead() {
			*l = *entry
			return nil
		}
		if err := s.awaitWritten(index); err != nil {
			return err
		}
	}
	err := catchPanics(func() error { return s.inner.GetLog(index, l) })
	if errors.Is(err, raft.ErrLogNotFound) {
		return raft.ErrLogNotFound // raft compares by ==
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: the file is too short: %w", ErrCorrupt, err)
	}
	if err == nil {
		err = unseal(index, l)
	}
	if err != nil {
		return fmt.Errorf("read log entry %d from %s: %w", index, s.whereIs(index), err)
	}
	return nil
}

func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

func (s *logStore) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 || len(logs) == 1 && s.isEnding(logs[0].Index) {
		return nil
	}
	if err := s.fault.get(); err != nil {
		return err
	}
	changesVotes := func(l *raft.Log) bool { return l.Type == raft.LogConfiguration }
	if s.runsAhead() && !slices.ContainsFunc(logs, changesVotes) && s.tail.put(logs) {
		return nil
	}
	if err := s.awaitWritten(math.MaxUint64); err != nil {
		return err
	}
	return s.write(logs)
}

// runsAhead: raft may go on before entries are written, see logTail.
func (s *logStore) runsAhead() bool { return s.tail != nil && s.leadsOthers() }

// awaitWritten returns when no entry up to an index waits to be written.
func (s *logStore) awaitWritten(index uint64) error {
	if s.tail == nil || s.tail.await(index, func() bool { return true }) {
		return nil
	}
	return fmt.Errorf("log entry %d is not written: %w", index, cmp.Or(s.fault.get(), ErrStopped))
}

// write writes entries durably.
func (s *logStore) write(logs []*raft.Log) error {
	s.watch.begin() // before the wait for what trims
	defer s.watch.end()
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.fault.get(); err != nil {
		return err
	}
	start := time.Now()
	out := make([]*raft.Log, len(logs))
	for i, l := range logs {
		out[i] = sealed(l)
	}
	first, last := logs[0].Index, logs[len(logs)-1].Index
	if err := catchPanics(func() error { return s.inner.StoreLogs(out) }); err != nil {
		return s.fault.set(fmt.Errorf("write log entries %d to %d: %w", first, last, err))
	}
	if err := s.mark.set(last); err != nil {
		return s.fault.set(fmt.Errorf("mark log entry %d as written: %w", last, err))
	}
	bytes := 0
	s.mu.Lock()
	s.emptiedTo = 0
	for _, l := range logs {
		s.sizes.add(l.Index, len(l.Data))
		bytes += len(l.Data)
	}
	s.mu.Unlock()
	s.stats.logWrites.observe(time.Since(start))
	s.stats.logBytesWritten.Add(uint64(bytes))
	select {
	case s.stored <- struct{}{}:
	default:
	}
	s.onStored()
	return nil
}

// DeleteRange deletes entries: a prefix after a snapshot, a suffix that a new leader
// does not have.
func (s *logStore) DeleteRange(min, max uint64) error {
	if s.isEnding(min) {
		return nil
	}
	if err := s.awaitWritten(max); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.fault.get(); err != nil {
		return err
	}
	first, err := s.inner.FirstIndex()
	if err != nil {
		return err
	}
	last, err := s.inner.LastIndex()
	if err != nil {
		return err
	}
	if max >= last {
		left := uint64(0)
		if min > first {
			left = min - 1
		}
		if err := s.mark.lower(left); err != nil {
			return s.fault.set(fmt.Errorf("lower the written mark to %d: %w", left, err))
		}
	}
	if err := catchPanics(func() error { return s.inner.DeleteRange(min, max) }); err != nil {
		return s.fault.set(fmt.Errorf("delete log entries %d to %d: %w", min, max, err))
	}
	s.mu.Lock()
	s.sizes.remove(min, max)
	if last > 0 && min <= first && max >= last {
		s.emptiedTo = last
	}
	s.mu.Unlock()
	return nil
}

// beginEnding is false if raft need not be told that its log ends with a snapshot, because it had less than that. endEnding comes after it.
func (s *logStore) beginEnding(index uint64) (isNeeded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	isNeeded = s.emptiedTo >= index
	if isNeeded {
		s.ending.Store(index)
	}
	return isNeeded
}

func (s *logStore) endEnding() { s.ending.Store(0) }

func (s *logStore) isEnding(index uint64) bool { return index > 0 && s.ending.Load() == index }

// verify reads the whole log, which fills in the sizes, and compares its end with the
// mark. snapshotIndex is that of the newest snapshot: what it includes may be gone, and before it there may
// be a gap that a node left which stopped when it had installed the snapshot. It returns index and term of the last entry.
func (s *logStore) verify(snapshotIndex, snapshotTerm uint64) (last, term uint64, err error) {
	first, err := s.inner.FirstIndex()
	if err != nil {
		return 0, 0, err
	}
	last, err = s.inner.LastIndex()
	if err != nil {
		return 0, 0, err
	}
	conflicts := false // the node stopped when it had installed the snapshot, and the log has what never counted: none of it from here on can
	for index := first; index <= last && last > 0; index++ {
		var l raft.Log
		if err := s.GetLog(index, &l); err != nil {
			if errors.Is(err, raft.ErrLogNotFound) {
				if index <= snapshotIndex {
					s.passed = index
					continue
				}
				err = fmt.Errorf("%w: %s has no log entry %d, though it holds %d to %d",
					ErrCorrupt, s.whereIs(index), index, first, last)
			}
			return 0, 0, err
		}
		s.sizes.add(index, len(l.Data))
		term = l.Term
		conflicts = conflicts || index == snapshotIndex && term != snapshotTerm
	}
	if last < snapshotIndex || conflicts {
		s.passed = last
	}
	if end := max(last, snapshotIndex); end < s.mark.index {
		return 0, 0, fmt.Errorf("%w: the log in %s ends at entry %d, but %d was written",
			ErrCorrupt, s.whereIs(s.mark.index), end, s.mark.index)
	}
	if last > 0 && first > snapshotIndex+1 {
		return 0, 0, fmt.Errorf("%w: the log begins at entry %d, but the newest snapshot ends at %d",
			ErrStateLost, first, snapshotIndex)
	}
	return last, term, nil
}

// dropPassed removes what verify found to be of no use. What comes after the snapshot could not follow it.
func (s *logStore) dropPassed() error {
	if s.passed == 0 {
		return nil
	}
	first, err := s.inner.FirstIndex()
	if err != nil || first == 0 || first > s.passed {
		return err
	}
	return s.DeleteRange(first, s.passed)
}

// above is the count and size of entries beyond index.
func (s *logStore) above(index uint64) (entries, bytes uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sizes.above(index)
}

// newest is how many of the newest entries fit into both bounds.
func (s *logStore) newest(entriesMax, bytesMax uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sizes.newest(entriesMax, bytesMax)
}

// stableStore makes the first failed write of term or vote the node's fault.
type stableStore struct {
	raft.StableStore
	path  string
	fault *fault
}

// keyCurrentTerm is raft's.
const keyCurrentTerm = "CurrentTerm"

func (s *stableStore) Set(key, value []byte) error {
	if err := s.fault.get(); err != nil {
		return err
	}
	if err := catchPanics(func() error { return s.StableStore.Set(key, value) }); err != nil {
		return s.fault.set(fmt.Errorf("write %s: %w", s.path, err))
	}
	return nil
}

// SetUint64 stores a number. Raft panics when the current term cannot be stored, which
// would take the state machine's readers down too. So that failure is only recorded:
// the node is being stopped, and until it has, Set and StoreLogs refuse. Without them
// it can neither vote in the new term nor acknowledge an entry, and to have seen a term
// without doing either promises nothing to anybody (Raft thesis, section 3.8).
func (s *stableStore) SetUint64(key []byte, value uint64) error {
	err := s.fault.get()
	if err == nil {
		if err = catchPanics(func() error { return s.StableStore.SetUint64(key, value) }); err == nil {
			return nil
		}
		err = s.fault.set(fmt.Errorf("write %s: %w", s.path, err))
	}
	if string(key) == keyCurrentTerm {
		return nil
	}
	return err
}

// fault is the reason why a node stopped by itself; the first one stays.
type fault struct {
	first atomic.Pointer[error]
	// raised is closed when there is one.
	raised chan struct{}
}

func newFault() *fault { return &fault{raised: make(chan struct{})} }

func (f *fault) get() error {
	if err := f.first.Load(); err != nil {
		return *err
	}
	return nil
}

// set records err, unless there is a fault already, and returns err.
func (f *fault) set(err error) error {
	if f.first.CompareAndSwap(nil, &err) {
		close(f.raised)
	}
	return err
}
