package raftlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	wal "github.com/hashicorp/raft-wal"
	walfs "github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
	"go.etcd.io/bbolt"
)

const (
	stableFile  = "stable.db"
	boltLogFile = "log.db"
	walDir      = "wal"
)

// openBolt opens a BoltDB file. The directory is locked by then, so a file that is
// locked nevertheless is somebody else's mistake; it is not waited for.
func openBolt(path string, options bbolt.Options) (store *raftboltdb.BoltStore, err error) {
	options.Timeout = time.Second
	options.FreelistType = bbolt.FreelistMapType
	err = catchPanics(func() (err error) {
		store, err = raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: &options})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, corruptBolt(err))
	}
	return store, nil
}

func corruptBolt(err error) error {
	if errors.Is(err, bbolt.ErrInvalid) || errors.Is(err, bbolt.ErrChecksum) || errors.Is(err, bbolt.ErrVersionMismatch) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// openBoltLog opens the log store of kind boltdb.
func openBoltLog(dir string) (raft.LogStore, func(uint64) string, io.Closer, error) {
	path := filepath.Join(dir, boltLogFile)
	store, err := openBolt(path, bbolt.Options{NoFreelistSync: true})
	if err != nil {
		return nil, nil, nil, err
	}
	return store, func(uint64) string { return path }, store, nil
}

// openWAL opens the log store of kind wal.
func openWAL(dir string, cfg Config, logger hclog.Logger) (raft.LogStore, func(uint64) string, io.Closer, error) {
	path := filepath.Join(dir, walDir)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, nil, nil, err
	}
	files := cfg.WALFiles
	if files == nil {
		files = walfs.New()
	}
	meta := &metadb.BoltMetaDB{}
	store := &walStore{meta: meta}
	filer := walFiler{segment.NewFiler(path, files), path, &store.lastError}
	err := catchPanics(func() (err error) {
		if err := prepareWAL(path, meta, filer); err != nil {
			return err
		}
		store.WAL, err = wal.Open(path,
			wal.WithMetaStore(walMeta{meta, &store.lastError}),
			wal.WithSegmentFiler(filer),
			wal.WithSegmentSize(cfg.WALSegmentBytes),
			wal.WithLogger(logger))
		return err
	})
	if err != nil {
		meta.Close()
		if errors.Is(err, types.ErrCorrupt) {
			err = fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		return nil, nil, nil, fmt.Errorf("open %s: %w", path, corruptBolt(err))
	}
	return store, func(index uint64) string { return walSegmentOf(path, index) }, store, nil
}

// walStore closes what wal.WAL leaves open, the database that lists the segments, and
// tells why it cannot begin a new segment: wal.WAL does that in the background and then
// only says that the old one is sealed.
type walStore struct {
	*wal.WAL
	meta      *metadb.BoltMetaDB
	lastError atomic.Pointer[error]
}

func (s *walStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

func (s *walStore) StoreLogs(logs []*raft.Log) error {
	err := s.WAL.StoreLogs(logs)
	if cause := s.lastError.Load(); cause != nil && errors.Is(err, types.ErrSealed) {
		return fmt.Errorf("begin a new segment: %w", *cause)
	}
	return err
}

// DeleteRange waits until a segment is begun that follows a full one: that is done beside, and wal.WAL would take what a deletion
// leaves for the full one, and lose count. Only a write waits for it, so this is one, that is refused.
func (s *walStore) DeleteRange(min, max uint64) error {
	if last, err := s.WAL.LastIndex(); err != nil {
		return err
	} else if last > 0 {
		s.WAL.StoreLogs([]*raft.Log{{}}) //nolint:errcheck // it has an index that never follows
	}
	return s.WAL.DeleteRange(min, max)
}

func (s *walStore) Close() error { return errors.Join(s.WAL.Close(), s.meta.Close()) }

// walMeta remembers its last error.
type walMeta struct {
	*metadb.BoltMetaDB
	lastError *atomic.Pointer[error]
}

func (m walMeta) CommitState(state types.PersistentState) error {
	err := m.BoltMetaDB.CommitState(state)
	if err != nil {
		m.lastError.Store(&err)
	}
	return err
}

// walFiler adds the file's name to errors, and remembers the last one.
type walFiler struct {
	types.SegmentFiler
	dir       string
	lastError *atomic.Pointer[error]
}

func (f walFiler) named(info types.SegmentInfo, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("segment %s: %w", filepath.Join(f.dir, segment.FileName(info)), err)
	f.lastError.Store(&err)
	return err
}

func (f walFiler) Create(info types.SegmentInfo) (types.SegmentWriter, error) {
	w, err := f.SegmentFiler.Create(info)
	return w, f.named(info, err)
}

func (f walFiler) RecoverTail(info types.SegmentInfo) (types.SegmentWriter, error) {
	w, err := f.SegmentFiler.RecoverTail(info)
	return w, f.named(info, err)
}

// Open opens a sealed segment. One without an index is scanned, see wal_repair.go.
func (f walFiler) Open(info types.SegmentInfo) (types.SegmentReader, error) {
	if info.IndexStart == 0 {
		return f.RecoverTail(info)
	}
	r, err := f.SegmentFiler.Open(info)
	return r, f.named(info, err)
}

// walSegmentOf names the segment file that holds index: the last one, by name, that
// begins at or below it.
func walSegmentOf(dir string, index uint64) string {
	names, _ := filepath.Glob(filepath.Join(dir, "*.wal"))
	found := dir
	for _, name := range names { // sorted
		var base, id uint64
		if _, err := fmt.Sscanf(filepath.Base(name), "%020d-%016x.wal", &base, &id); err == nil && base <= index {
			found = name
		}
	}
	return found
}
