package statemachine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A snapshot is a Pebble checkpoint, streamed as files:
//
//	| "kontsnap" 8 | version 1 | applied index 8 |
//	{ name length 2, not 0 | name | size 8 | data | CRC-32C of name and data 4 }...
//	| 0 2 | number of files 4 |
//
// Nothing follows. Numbers are big-endian.
const (
	snapshotMagic   = "kontsnap"
	snapshotVersion = 1
	// snapshotNameBytesMax and snapshotFilesMax bound what Restore believes.
	snapshotNameBytesMax = 255
	snapshotFilesMax     = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Snapshot is the state as of an applied index. The store goes on while it is
// written.
type Snapshot struct {
	store *Store
	dir   string
	index uint64
}

// Snapshot captures the state as of the last Apply. The files are links, so it
// takes little but a flush. Release it.
func (s *Store) Snapshot() (*Snapshot, error) {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	s.dbMu.RLock()
	defer s.dbMu.RUnlock()
	// All must be in files, since there is no WAL that the checkpoint could take.
	if err := s.flush(); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	s.fs.foreground.Add(1)
	defer s.fs.foreground.Add(-1)
	s.snapshots++
	snapshot := &Snapshot{
		store: s,
		dir:   s.fs.PathJoin(s.dir, checkpointPrefix+strconv.Itoa(s.snapshots)),
		index: s.work.meta.appliedIndex,
	}
	if err := s.db.Checkpoint(snapshot.dir); err != nil {
		snapshot.Release()
		return nil, fmt.Errorf("snapshot: %w", s.explain(err))
	}
	return snapshot, nil
}

// Size is how many bytes Persist writes.
func (snapshot *Snapshot) Size() (int64, error) {
	names, err := snapshot.store.fs.List(snapshot.dir)
	if err != nil {
		return 0, fmt.Errorf("size of the snapshot of log index %d: %w", snapshot.index, err)
	}
	size := int64(len(snapshotMagic)) + 1 + 8 + 2 + 4
	for _, name := range names {
		info, err := snapshot.store.fs.Stat(snapshot.store.fs.PathJoin(snapshot.dir, name))
		if err != nil {
			return 0, fmt.Errorf("size of the snapshot of log index %d: %w", snapshot.index, err)
		}
		size += 2 + int64(len(name)) + 8 + info.Size() + 4
	}
	return size, nil
}

// Index is the log index that the snapshot includes.
func (snapshot *Snapshot) Index() uint64 { return snapshot.index }

// Release removes the snapshot's files. What can't be removed now is removed by the
// next Open.
func (snapshot *Snapshot) Release() {
	if err := snapshot.store.fs.RemoveAll(snapshot.dir); err != nil {
		snapshot.store.options.Logger.Warn("snapshot stays on disk", "directory", snapshot.dir, "error", err)
	}
}

// Persist writes the snapshot, as Restore reads it.
func (snapshot *Snapshot) Persist(w io.Writer) error {
	if err := snapshot.persist(w); err != nil {
		return fmt.Errorf("write snapshot of log index %d: %w", snapshot.index, err)
	}
	return nil
}

func (snapshot *Snapshot) persist(w io.Writer) error {
	fs := snapshot.store.fs
	names, err := fs.List(snapshot.dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	header := append([]byte(snapshotMagic), snapshotVersion)
	header = binary.BigEndian.AppendUint64(header, snapshot.index)
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, name := range names {
		if err := persistFile(w, fs, snapshot.dir, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	_, err = w.Write(binary.BigEndian.AppendUint32([]byte{0, 0}, uint32(len(names))))
	return err
}

func persistFile(w io.Writer, fs vfs.FS, dir, name string) (err error) {
	file, err := fs.Open(fs.PathJoin(dir, name), vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	header := binary.BigEndian.AppendUint16(nil, uint16(len(name)))
	header = append(header, name...)
	header = binary.BigEndian.AppendUint64(header, uint64(info.Size()))
	if _, err := w.Write(header); err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	sum.Write([]byte(name))
	if _, err := io.CopyN(io.MultiWriter(sum, w), file, info.Size()); err != nil {
		return err
	}
	_, err = w.Write(binary.BigEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

// ErrSnapshot: the stream is not a whole snapshot. Get it again.
var ErrSnapshot = errors.New("damaged snapshot")

// Restore replaces the state by that of a snapshot. When it returns nil the new
// state survives a power cut; after an error the old one is still there. Reads wait
// for a moment while the two are swapped.
func (s *Store) Restore(r io.Reader) error {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	if err := s.failure.get(); err != nil {
		return err
	}
	s.fs.foreground.Add(1)
	defer s.fs.foreground.Add(-1)
	if err := s.restore(r); err != nil {
		return fmt.Errorf("restore: %w", s.explain(err))
	}
	return nil
}

func (s *Store) restore(r io.Reader) error {
	name, err := s.nextStateName()
	if err != nil {
		return err
	}
	dir := s.fs.PathJoin(s.dir, name)
	abandon := func(err error) error { return errors.Join(err, s.fs.RemoveAll(dir)) }
	index, err := s.receive(r, dir)
	if err != nil {
		return abandon(err)
	}
	db, err := s.openPebble(dir)
	if err != nil {
		return abandon(err)
	}
	work, err := load(db)
	var published *image
	if err == nil {
		published, err = load(db)
	}
	if err == nil && work.meta.appliedIndex != index {
		err = fmt.Errorf("%w: it says log index %d and holds %d", ErrSnapshot, index, work.meta.appliedIndex)
	}
	if err == nil {
		err = s.marker.Move(name) // from here on the new state is the one that Open finds
	}
	if err != nil {
		return abandon(errors.Join(err, db.Close()))
	}
	if err := s.failure.get(); err != nil {
		// Whether the move is durable is not known. Both states are whole, and Open
		// takes the one that the disk tells it.
		return errors.Join(err, db.Close())
	}
	s.swap(db, name, work, published)
	return nil
}

// swap puts a new state in the place of the old one, which is removed.
func (s *Store) swap(db *pebble.DB, name string, work, published *image) {
	s.dbMu.Lock()
	s.mu.Lock()
	oldDB, oldDir := s.db, s.fs.PathJoin(s.dir, s.current)
	s.db, s.current, s.work, s.published = db, name, work, published
	s.topicChanges++
	s.timerFloor = 0
	s.timerChanges++
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	s.dbMu.Unlock()

	s.watches.wakeAll()
	// The new state is in place; the old one can only be in the way on disk, and
	// Open removes it.
	if err := errors.Join(oldDB.Close(), s.fs.RemoveAll(oldDir)); err != nil {
		s.options.Logger.Warn("old state stays on disk", "directory", oldDir, "error", err)
	}
}

func (s *Store) nextStateName() (string, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(s.current, statePrefix))
	if err != nil {
		return "", fmt.Errorf("%w: state directory %q", ErrCorrupt, s.current)
	}
	return statePrefix + strconv.Itoa(n+1), nil
}

// receive writes the files of a snapshot to a new directory, synced.
func (s *Store) receive(r io.Reader, dir string) (index uint64, err error) {
	if err := s.fs.RemoveAll(dir); err != nil {
		return 0, err
	}
	if err := s.fs.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	index, err = readSnapshot(r, func(name string, data io.Reader) error { return s.receiveFile(dir, name, data) })
	if err != nil {
		return 0, err
	}
	return index, errors.Join(syncDir(s.fs, dir, s.dir), s.failure.get())
}

const restoreBytesPerSync = 1 << 20

func (s *Store) receiveFile(dir, name string, data io.Reader) (err error) {
	file, err := s.fs.Create(s.fs.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	// A little at a time, or everybody else's syncs on that disk would wait for the last one of this.
	file = vfs.NewSyncingFile(file, vfs.SyncingFileOptions{BytesPerSync: restoreBytesPerSync})
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := io.Copy(file, data); err != nil {
		return err
	}
	return file.Sync()
}

// CheckSnapshot reads a snapshot to its end and checks that it is whole, without a store. Errors are those of the reader, and ErrSnapshot.
func CheckSnapshot(r io.Reader) (index uint64, err error) {
	return readSnapshot(r, func(_ string, data io.Reader) error {
		_, err := io.Copy(io.Discard, data)
		return err
	})
}

// readSnapshot reads a snapshot and gives each file to receive, which reads it to its end.
func readSnapshot(r io.Reader, receive func(name string, data io.Reader) error) (index uint64, err error) {
	header := make([]byte, len(snapshotMagic)+1+8)
	if err := readFull(r, header); err != nil {
		return 0, err
	}
	if string(header[:len(snapshotMagic)]) != snapshotMagic || header[len(snapshotMagic)] != snapshotVersion {
		return 0, fmt.Errorf("%w: begins with %q", ErrSnapshot, header[:len(snapshotMagic)+1])
	}
	index = binary.BigEndian.Uint64(header[len(snapshotMagic)+1:])
	for n := uint32(0); ; n++ {
		name, err := readName(r)
		if err != nil {
			return 0, err
		}
		if name == "" {
			return index, readSnapshotEnd(r, n)
		}
		if n == snapshotFilesMax {
			return 0, fmt.Errorf("%w: more than %d files", ErrSnapshot, snapshotFilesMax)
		}
		if err := readSnapshotFile(r, name, receive); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
	}
}

func readSnapshotEnd(r io.Reader, files uint32) error {
	var count [4]byte
	if err := readFull(r, count[:]); err != nil {
		return err
	}
	if n := binary.BigEndian.Uint32(count[:]); n != files {
		return fmt.Errorf("%w: %d files, it says %d", ErrSnapshot, files, n)
	}
	switch _, err := io.ReadFull(r, count[:1]); {
	case err == nil:
		return fmt.Errorf("%w: something follows its end", ErrSnapshot)
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

func readSnapshotFile(r io.Reader, name string, receive func(name string, data io.Reader) error) error {
	var size [8]byte
	if err := readFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint64(size[:])
	if n > math.MaxInt64 {
		return fmt.Errorf("%w: file of %d bytes", ErrSnapshot, n)
	}
	sum := crc32.New(castagnoli)
	sum.Write([]byte(name))
	data := &io.LimitedReader{R: r, N: int64(n)}
	// The sum comes first: a file may change the bytes that it is given.
	if err := receive(name, io.TeeReader(data, sum)); err != nil {
		return err
	}
	if data.N > 0 {
		return fmt.Errorf("%w: cut short", ErrSnapshot)
	}
	var want [4]byte
	if err := readFull(r, want[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(want[:]) != sum.Sum32() {
		return fmt.Errorf("%w: checksum does not match", ErrSnapshot)
	}
	return nil
}

// readName reads the name of the next file, "" at the end. It must be a plain
// name, or the stream could write outside of its directory.
func readName(r io.Reader) (string, error) {
	var length [2]byte
	if err := readFull(r, length[:]); err != nil {
		return "", err
	}
	n := binary.BigEndian.Uint16(length[:])
	if n > snapshotNameBytesMax {
		return "", fmt.Errorf("%w: file name of %d bytes, at most %d", ErrSnapshot, n, snapshotNameBytesMax)
	}
	name := make([]byte, n)
	if err := readFull(r, name); err != nil {
		return "", err
	}
	if strings.ContainsAny(string(name), "/\\:\x00") || string(name) == "." || string(name) == ".." {
		return "", fmt.Errorf("%w: file name %q", ErrSnapshot, name)
	}
	return string(name), nil
}

func readFull(r io.Reader, data []byte) error {
	_, err := io.ReadFull(r, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short", ErrSnapshot)
	}
	return err
}

// syncDir makes the names in the directories durable.
func syncDir(fs vfs.FS, dirs ...string) error {
	for _, name := range dirs {
		dir, err := fs.OpenDir(name)
		if err != nil {
			return err
		}
		if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
			return err
		}
	}
	return nil
}
