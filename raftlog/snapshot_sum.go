package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// snapshotSumFile lies beside a snapshot's meta.json, which the library writes without
// a checksum though it holds the membership:
//
//	 0         1                 5
//	+---------+-----------------+
//	| version | CRC-32C of      |
//	|  = 1    | meta.json, LE   |
//	+---------+-----------------+
//
// It is written just after the snapshot is in its place. A crash in between leaves a
// snapshot without it, which is accepted.
const snapshotSumFile = "meta.sum"

const snapshotSumVersion = 1

func snapshotSum(dir string) ([]byte, error) {
	meta, err := os.ReadFile(filepath.Join(dir, "meta.json"))
	if err != nil {
		return nil, err
	}
	return binary.LittleEndian.AppendUint32([]byte{snapshotSumVersion}, crc32.Checksum(meta, castagnoli)), nil
}

func writeSnapshotSum(dir string) error {
	sum, err := snapshotSum(dir)
	if err != nil {
		return err
	}
	temporary := filepath.Join(dir, snapshotSumFile+".tmp")
	if err := writeSynced(temporary, sum); err != nil {
		return err
	}
	if err := os.Rename(temporary, filepath.Join(dir, snapshotSumFile)); err != nil {
		return err
	}
	return syncDir(dir)
}

func checkSnapshotSum(dir string) error {
	want, err := os.ReadFile(filepath.Join(dir, snapshotSumFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	got, err := snapshotSum(dir)
	if err != nil {
		return err
	}
	if string(got) != string(want) {
		return fmt.Errorf("%w: %s does not have the checksum in %s",
			ErrCorrupt, filepath.Join(dir, "meta.json"), snapshotSumFile)
	}
	return nil
}
