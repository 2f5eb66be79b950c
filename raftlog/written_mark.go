package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// writtenMarkFile holds the index of the last log entry that was written and synced:
//
//	 0        4         8               16          20
//	+--------+---------+---------------+-----------+
//	| "kmrk" | version | index (little | CRC-32C of|
//	|        |  = 1    | endian)       | 0 to 15   |
//	+--------+---------+---------------+-----------+
//
// Neither log store notices when its newest entries are gone: the wal takes an
// unreadable frame for the torn end of the last write, boltdb falls back to its older
// meta page. The mark does. It is written after each append without a sync, so after
// a power cut it may be behind, which only makes the check weaker; it is never ahead,
// because it is lowered with a sync before entries are deleted.
const writtenMarkFile = "written"

const (
	writtenMarkMagic   = "kmrk"
	writtenMarkVersion = 1
	writtenMarkBytes   = 20
)

// writtenMark has one user at a time, the one that writes the log.
type writtenMark struct {
	file  *os.File
	index uint64
}

func openWrittenMark(path string) (*writtenMark, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	mark := &writtenMark{file: file}
	var buf [writtenMarkBytes]byte
	switch n, err := file.ReadAt(buf[:], 0); {
	case n == 0 && errors.Is(err, io.EOF):
		// New, or never reached the disk.
	case err != nil && !errors.Is(err, io.EOF):
		file.Close()
		return nil, err
	default:
		if mark.index, err = parseWrittenMark(buf[:n]); err != nil {
			file.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return mark, nil
}

func parseWrittenMark(b []byte) (uint64, error) {
	// Zeros are what a power cut may leave of a new file.
	if string(b) == string(make([]byte, len(b))) {
		return 0, nil
	}
	if len(b) != writtenMarkBytes || string(b[:4]) != writtenMarkMagic ||
		binary.LittleEndian.Uint32(b[16:]) != crc32.Checksum(b[:16], castagnoli) {
		return 0, fmt.Errorf("%w: not a mark of the last written entry", ErrCorrupt)
	}
	if version := binary.LittleEndian.Uint32(b[4:]); version != writtenMarkVersion {
		return 0, fmt.Errorf("%w: mark version %d, newest known is %d", ErrCorrupt, version, writtenMarkVersion)
	}
	return binary.LittleEndian.Uint64(b[8:]), nil
}

// set records that entries up to index are on disk.
func (m *writtenMark) set(index uint64) error {
	var b [writtenMarkBytes]byte
	copy(b[:], writtenMarkMagic)
	binary.LittleEndian.PutUint32(b[4:], writtenMarkVersion)
	binary.LittleEndian.PutUint64(b[8:], index)
	binary.LittleEndian.PutUint32(b[16:], crc32.Checksum(b[:16], castagnoli))
	if _, err := m.file.WriteAt(b[:], 0); err != nil {
		return err
	}
	m.index = index
	return nil
}

// lower must precede the deletion of entries above index.
func (m *writtenMark) lower(index uint64) error {
	if index >= m.index {
		return nil
	}
	if err := m.set(index); err != nil {
		return err
	}
	return m.file.Sync()
}
