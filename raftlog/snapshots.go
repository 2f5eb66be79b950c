package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

const snapshotsDir = "snapshots"

// snapshotHeader is the beginning of every snapshot, stored or sent:
//
//	 0        4         5      6          14          18
//	+--------+---------+------+----------+-----------+----
//	| "ksnp" | version | kind | state    | CRC-32C of| data
//	|        |  = 1    |      | index    | 0 to 13   | …
//	+--------+---------+------+----------+-----------+----
//
// Kind 1 is a reference: no data follows, the state machine's own disk holds a state
// of that index or a later one. Kind 2 is the state, as Snapshot.Persist wrote it.
// Integers are little endian. The file as a whole has a CRC-64 beside it.
type snapshotHeader struct {
	hasData bool
	// stateIndex is the last entry that the state includes. It is below the snapshot's
	// own index if that entry is not a proposal's, and may be above it if the state
	// was captured later, see open.
	stateIndex LogIndex
}

const (
	snapshotMagic       = "ksnp"
	snapshotVersion     = 1
	snapshotReference   = 1
	snapshotData        = 2
	snapshotHeaderBytes = 18
)

func (h snapshotHeader) bytes() []byte {
	kind := byte(snapshotReference)
	if h.hasData {
		kind = snapshotData
	}
	b := append([]byte(snapshotMagic), snapshotVersion, kind)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.stateIndex))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func readSnapshotHeader(r io.Reader) (snapshotHeader, error) {
	var b [snapshotHeaderBytes]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return snapshotHeader{}, fmt.Errorf("snapshot header: %w", err)
	}
	if string(b[:4]) != snapshotMagic || binary.LittleEndian.Uint32(b[14:]) != crc32.Checksum(b[:14], castagnoli) {
		return snapshotHeader{}, fmt.Errorf("%w: not a snapshot", ErrCorrupt)
	}
	if b[4] != snapshotVersion || (b[5] != snapshotReference && b[5] != snapshotData) {
		return snapshotHeader{}, fmt.Errorf("%w: snapshot version %d kind %d, newest known is version %d",
			ErrCorrupt, b[4], b[5], snapshotVersion)
	}
	return snapshotHeader{
		hasData:    b[5] == snapshotData,
		stateIndex: LogIndex(binary.LittleEndian.Uint64(b[6:])),
	}, nil
}

// referenceSnapshot becomes a snapshot without data.
type referenceSnapshot struct {
	flusher    Flusher
	stateIndex LogIndex
	failed     *atomic.Pointer[error]
}

// Persist makes the state durable before raft may trim the log.
func (s *referenceSnapshot) Persist(sink raft.SnapshotSink) error {
	err := s.flusher.Flush()
	if err == nil {
		_, err = sink.Write(snapshotHeader{stateIndex: s.stateIndex}.bytes())
	}
	if err != nil {
		err = fmt.Errorf("flush state at log entry %d: %w", s.stateIndex, err)
		s.failed.Store(&err)
	}
	return err // raft cancels the sink then
}

func (s *referenceSnapshot) Release() {}

// dataSnapshot becomes a snapshot with data.
type dataSnapshot struct {
	Snapshot
	stateIndex LogIndex
	failed     *atomic.Pointer[error]
}

func (s *dataSnapshot) writeTo(w io.Writer) error {
	if _, err := w.Write(snapshotHeader{hasData: true, stateIndex: s.stateIndex}.bytes()); err != nil {
		return err
	}
	return s.Snapshot.Persist(w)
}

func (s *dataSnapshot) Persist(sink raft.SnapshotSink) error {
	err := s.writeTo(sink)
	if err != nil {
		err = fmt.Errorf("write state at log entry %d: %w", s.stateIndex, err)
		s.failed.Store(&err)
	}
	return err
}

// snapshotStore keeps one snapshot in files. It differs from the library's store, on
// which it rests, in one thing: a reference is turned into data when it is opened,
// which raft does for a follower that needs entries that are trimmed.
type snapshotStore struct {
	*raft.FileSnapshotStore
	dir string
	fsm *fsm

	// stalled tells whether a snapshot that last brought something so long ago comes no more, and ends its connection then. nil
	// until raft is there, and on a node that gets none.
	stalled  atomic.Pointer[func(since time.Duration) bool]
	watching sync.WaitGroup

	wrapSink func(raft.SnapshotSink) raft.SnapshotSink

	mu     sync.Mutex
	newest uint64 // guarded by mu; index of the newest snapshot, 0 for none
}

func openSnapshots(dir string, logger hclog.Logger) (*snapshotStore, error) {
	files, err := raft.NewFileSnapshotStoreWithLogger(dir, 1, logger)
	if err != nil {
		return nil, err
	}
	s := &snapshotStore{FileSnapshotStore: files, dir: filepath.Join(dir, snapshotsDir)}
	return s, s.clean()
}

// clean removes what a crash left half written, and refuses to go on with a snapshot
// whose description cannot be read, which the library would pass over.
func (s *snapshotStore) clean() error {
	metas, err := s.List()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, meta := range metas {
		known[meta.ID] = true
	}
	// The library lists what it retains. Older ones may be there that it was about to
	// remove, whole or in part.
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(s.dir, entry.Name())
		isUnknown := entry.IsDir() && !known[entry.Name()]
		switch {
		case strings.HasSuffix(entry.Name(), ".tmp"), isUnknown && len(metas) > 0 && isOlderSnapshot(entry.Name(), metas[0]):
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		case isUnknown:
			return fmt.Errorf("%w: %s describes no snapshot", ErrCorrupt, filepath.Join(path, "meta.json"))
		}
	}
	if len(metas) > 0 {
		s.newest = metas[0].Index
	}
	return nil
}

// isOlderSnapshot compares a snapshot's directory with the newest snapshot. The library
// names them term-index-milliseconds, which as text do not sort.
func isOlderSnapshot(name string, newest *raft.SnapshotMeta) bool {
	var term, index, milli uint64
	if n, err := fmt.Sscanf(name, "%d-%d-%d", &term, &index, &milli); n != 3 || err != nil {
		return false
	}
	if term != newest.Term {
		return term < newest.Term
	}
	return index < newest.Index || index == newest.Index && name < newest.ID
}

// newestHeader reads the header of the newest snapshot and checks all of its bytes.
func (s *snapshotStore) newestHeader() (*raft.SnapshotMeta, snapshotHeader, error) {
	metas, err := s.List()
	if err != nil || len(metas) == 0 {
		return nil, snapshotHeader{}, err
	}
	if err := checkSnapshotSum(filepath.Join(s.dir, metas[0].ID)); err != nil {
		return nil, snapshotHeader{}, err
	}
	path := filepath.Join(s.dir, metas[0].ID, "state.bin")
	meta, r, err := s.FileSnapshotStore.Open(metas[0].ID)
	if err != nil {
		return nil, snapshotHeader{}, fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
	}
	defer r.Close()
	header, err := readSnapshotHeader(r)
	if err != nil {
		return nil, snapshotHeader{}, fmt.Errorf("%s: %w", path, err)
	}
	return meta, header, nil
}

func (s *snapshotStore) newestIndex() LogIndex {
	s.mu.Lock()
	defer s.mu.Unlock()
	return LogIndex(s.newest)
}

func (s *snapshotStore) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, trans raft.Transport) (raft.SnapshotSink, error) {
	sink, err := s.FileSnapshotStore.Create(version, index, term, configuration, configurationIndex, trans)
	if err != nil {
		return nil, err
	}
	if s.wrapSink != nil {
		sink = s.wrapSink(sink)
	}
	return &notingSink{SnapshotSink: sink, store: s, index: index, ended: make(chan struct{})}, nil
}

// notingSink tells the store that a snapshot is complete. It has one user at a time.
type notingSink struct {
	raft.SnapshotSink
	store  *snapshotStore
	index  uint64
	closed bool
	// unsynced is how many bytes were written since the last sync.
	unsynced int64

	// written is when something came last, in Unix nanoseconds, and 0 before.
	written   atomic.Int64
	ended     chan struct{}
	endedOnce sync.Once
}

func (k *notingSink) end() { k.endedOnce.Do(func() { close(k.ended) }) }

// Write is raft's, and FSMSnapshot's.
func (k *notingSink) Write(data []byte) (int, error) {
	if before := k.written.Swap(time.Now().UnixNano()); before == 0 {
		k.store.watching.Go(k.watch)
	}
	n, err := k.SnapshotSink.Write(data)
	if k.unsynced += int64(n); err == nil && k.unsynced >= snapshotBytesPerSync {
		k.unsynced = 0
		err = k.sync()
	}
	return n, err
}

// snapshotBytesPerSync bounds what a snapshot that comes in has of the kernel's memory. The library syncs once, in the end, and who
// syncs a file on that disk at the time would wait for all of it.
const snapshotBytesPerSync = 8 << 20

// sync makes durable what the library has written. It keeps its file to itself; any descriptor of it does that may write.
func (k *notingSink) sync() error {
	file, err := os.OpenFile(filepath.Join(k.store.dir, k.ID()+".tmp", "state.bin"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// Cancel forgets the snapshot.
func (k *notingSink) Cancel() error {
	k.end()
	return k.SnapshotSink.Cancel()
}

// Close puts the snapshot in its place.
func (k *notingSink) Close() error {
	k.end()
	err := k.SnapshotSink.Close()
	if err == nil && !k.closed {
		k.closed = true // raft may close it again
		err = writeSnapshotSum(filepath.Join(k.store.dir, k.ID()))
	}
	if err == nil {
		k.store.mu.Lock()
		k.store.newest = max(k.store.newest, k.index)
		k.store.mu.Unlock()
	}
	return err
}

// Open returns a snapshot with data. For a reference, the present state is captured,
// which may be newer than the snapshot. That is sound: what a leader has applied is
// committed; the receiver's raft goes on from the snapshot's index, and entries that
// the state already includes are passed over, as on a restart.
func (s *snapshotStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	meta, r, err := s.FileSnapshotStore.Open(id)
	if err != nil {
		return nil, nil, err
	}
	// A reference is as long as its header; anything else is data or refused later.
	if meta.Size != snapshotHeaderBytes {
		return meta, r, nil
	}
	header, err := readSnapshotHeader(r)
	r.Close()
	if err != nil {
		return nil, nil, err
	}
	if header.hasData { // an empty state
		return s.FileSnapshotStore.Open(id)
	}
	sent, size, err := s.present(header.stateIndex)
	if err != nil {
		return nil, nil, fmt.Errorf("capture state for a follower: %w", err)
	}
	sized := *meta
	sized.Size = size
	return &sized, sent, nil
}

// present captures the present state, to be read while it is written.
func (s *snapshotStore) present(atLeast LogIndex) (io.ReadCloser, int64, error) {
	snapshot, err := s.fsm.capture()
	if err != nil {
		return nil, 0, err
	}
	size, err := snapshot.Size()
	if err == nil && snapshot.stateIndex < atLeast {
		err = fmt.Errorf("%w: state is at log entry %d, the snapshot at %d", ErrStateLost, snapshot.stateIndex, atLeast)
	}
	if err != nil {
		snapshot.Release()
		return nil, 0, err
	}
	size += snapshotHeaderBytes
	return sendSnapshot(snapshot, size), size, nil
}
