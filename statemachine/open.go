package statemachine

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
)

// Options configure a store. The zero value is what a small node wants.
type Options struct {
	// CacheBytes is the block cache, 8 MiB if 0.
	CacheBytes int64
	// MemTableBytes is how much is gathered in memory before it is written, 8 MiB
	// if 0. It bounds what Raft replays after a crash, to about four times as much.
	MemTableBytes uint64
	// FS is the file system, the operating system's if nil.
	FS vfs.FS
	// Logger gets failures and slow work, slog.Default() if nil.
	Logger *slog.Logger
	// ReadOnly is for a store that is looked at: nothing is made, and one that is not there is ErrNoStore.
	ReadOnly bool
}

// ErrNoStore: there is no store in the directory. Open without ReadOnly would begin one.
var ErrNoStore = errors.New("no store there")

func (o *Options) defaults() {
	if o.CacheBytes == 0 {
		o.CacheBytes = 8 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 8 << 20
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// The names in a store's directory.
//
//	marker.state.<n>.<directory>   which directory is the state; moved atomically
//	state-<n>                      a Pebble store
//	checkpoint-<n>                 a snapshot that is being written; not kept
const (
	markerName       = "state"
	statePrefix      = "state-"
	checkpointPrefix = "checkpoint-"
)

// Open opens the store in dir, which is made if it does not exist. Leftovers of a
// process that died are removed. A damaged store is ErrCorrupt; a directory that
// can't be written to, or that another process has open, is an error too.
func Open(dir string, o Options) (*Store, error) {
	o.defaults()
	s := &Store{dir: dir, options: o, failure: newFailure(), closing: make(chan struct{}), room: newRoom()}
	s.fs = &gate{FS: o.FS, failure: s.failure, closing: s.closing, foreground: &atomic.Int32{}}
	s.watches.init()
	s.changed = make(chan struct{})
	s.fs.foreground.Add(1)
	defer s.fs.foreground.Add(-1)
	if err := s.open(); err != nil {
		if cause := s.failure.get(); cause != nil {
			err = cause // all else that went wrong follows from it
		}
		return nil, fmt.Errorf("open store %s: %w", dir, s.explain(err))
	}
	return s, nil
}

func (s *Store) open() error {
	if s.options.ReadOnly {
		if err := s.checkIsThere(s.dir); err != nil {
			return err
		}
	} else if err := makeDir(s.fs, s.dir); err != nil {
		return err
	}
	lock, err := s.fs.Lock(s.fs.PathJoin(s.dir, "LOCK"))
	if err != nil {
		return fmt.Errorf("is another process using it? %w", err)
	}
	s.lock = lock
	if err := s.openCurrent(); err != nil {
		if s.marker != nil {
			err = errors.Join(err, s.marker.Close())
		}
		return errors.Join(err, lock.Close())
	}
	return nil
}

func (s *Store) checkIsThere(dir string) error {
	_, err := s.fs.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoStore
	}
	return err
}

// makeDir makes a directory and those above it that do not exist, and makes their
// names durable.
func makeDir(fs vfs.FS, dir string) error {
	above := []string{fs.PathDir(dir)}
	for {
		last := above[len(above)-1]
		_, err := fs.Stat(last)
		if err == nil || fs.PathDir(last) == last {
			break
		}
		above = append(above, fs.PathDir(last))
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return syncDir(fs, above...)
}

func (s *Store) openCurrent() error {
	marker, current, err := atomicfs.LocateMarker(s.fs, s.dir, markerName)
	if err != nil {
		return err
	}
	s.marker = marker
	if current == "" {
		current = statePrefix + "1"
		if err := s.prepare(func() error { return s.marker.Move(current) }); err != nil {
			return err
		}
	}
	if s.options.ReadOnly {
		if err := s.checkIsThere(s.fs.PathJoin(s.dir, current)); err != nil {
			return err
		}
	}
	if err := s.prepare(s.marker.RemoveObsolete); err != nil {
		return err
	}
	if err := s.prepare(func() error { return s.removeLeftovers(current) }); err != nil {
		return err
	}
	db, err := s.openPebble(s.fs.PathJoin(s.dir, current))
	if err != nil {
		return err
	}
	loaded, err := load(db)
	if err == nil {
		// A second one, so that Apply may write to its own while readers read.
		s.published, err = load(db)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	if err := s.failure.get(); err != nil { // such as a directory that can't be synced
		return errors.Join(err, db.Close())
	}
	s.db, s.current, s.work = db, current, loaded
	return nil
}

// prepare makes a change to the directory before the store is opened, unless that is only looked at.
func (s *Store) prepare(change func() error) error {
	if s.options.ReadOnly {
		return nil
	}
	return change()
}

// removeLeftovers removes snapshots and states that are not the current one.
func (s *Store) removeLeftovers(current string) error {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		isLeftover := strings.HasPrefix(name, checkpointPrefix) || strings.HasPrefix(name, statePrefix) && name != current
		if isLeftover {
			if err := s.fs.RemoveAll(s.fs.PathJoin(s.dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// openPebble tunes Pebble for a small footprint: little memory, few files, cheap
// compression where data is short-lived and zstd where it stays.
func (s *Store) openPebble(dir string) (*pebble.DB, error) {
	// Pebble takes its memory tables out of the cache: one that is written to and
	// one that is being flushed.
	cache := pebble.NewCache(s.options.CacheBytes + 2*int64(s.options.MemTableBytes))
	defer cache.Unref() // the store holds its own reference
	files := s.fs.forPebble()
	defer files.opened()
	o := &pebble.Options{
		FS:                          files,
		Cache:                       cache,
		DisableWAL:                  true, // the Raft log is the WAL
		ReadOnly:                    s.options.ReadOnly,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                s.options.MemTableBytes,
		MemTableStopWritesThreshold: stopWritesNever, // see waitForRoom
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       stopWritesNever,
		LBaseMaxBytes:               32 << 20,
		MaxOpenFiles:                256,
		MaxManifestFileSize:         16 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		Logger:                      pebbleLogger{s},
		EventListener: &pebble.EventListener{
			BackgroundError: s.backgroundFailed,
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				s.failed("read", fmt.Errorf("%w: %s: %w", ErrCorrupt, info.Path, info.Details))
			},
			FlushEnd:      func(pebble.FlushInfo) { s.room.free() },
			CompactionEnd: func(pebble.CompactionInfo) { s.room.free() },
		},
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = 16 << 10
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		profile := block.BalancedCompression
		if i == 0 {
			profile = block.FastestCompression
		}
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return profile }
	}
	db, err := pebble.Open(dir, o)
	if failed := s.failure.get(); failed != nil {
		if err == nil {
			err = db.Close()
		}
		s.options.Logger.Debug("pebble after a failure", "directory", dir, "error", err)
		return nil, failed
	}
	return db, err
}

// backgroundFailed stops the store when background work fails, but not when it is
// ended by Close.
func (s *Store) backgroundFailed(err error) {
	if !s.isClosing() && !errors.Is(err, pebble.ErrClosed) {
		s.failed("background work", err)
	}
}

// failed stops the store.
func (s *Store) failed(attempt string, err error) {
	var already *FailedError
	if errors.As(err, &already) {
		return
	}
	err = fmt.Errorf("%s: %w", attempt, s.explain(err))
	if s.failure.get() == nil {
		s.options.Logger.Error("state machine stops", "directory", s.dir, "error", err)
	}
	s.failure.set(err)
}

func (s *Store) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// explain adds the sentinel to what Pebble calls corruption.
func (s *Store) explain(err error) error {
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return fmt.Errorf("%w: %w", ErrNoStore, err)
	}
	if pebble.IsCorruptionError(err) && !errors.Is(err, ErrCorrupt) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// pebbleLogger passes on what Pebble says. Its Infof is chatter.
type pebbleLogger struct{ store *Store }

func (l pebbleLogger) Infof(string, ...any) {}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.store.options.Logger.Debug("pebble", "message", fmt.Sprintf(format, args...))
}

// Fatalf stops the store instead of the process where Pebble can go on reading:
// after a manifest write whose outcome is unknown, and when a file has the wrong
// size. The gate sees to it that nothing is written any more. Anything else that
// Pebble calls fatal is a bug, and comes without an error.
//
// This also holds while the store is being closed: a compaction that is on its way
// would write the same change to the manifest again, and no one could open it.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	for _, arg := range args {
		if err, isError := arg.(error); isError {
			l.store.failed("write", err)
			return
		}
	}
	panic("pebble: " + fmt.Sprintf(format, args...))
}
