package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/hashicorp/raft"
)

// sealVersion is the first byte of a seal:
//
//	 0         1                 5
//	+---------+-----------------+
//	| version | CRC-32C (little |
//	|  = 1    | endian)         |
//	+---------+-----------------+
//
// The checksum covers index, term (both 8 bytes, little endian), type (1 byte) and
// data of a log entry. It is kept in raft.Log.Extensions, next to the entry, by
// either log store, and never leaves the node.
const sealVersion = 1

const sealBytes = 1 + 4

func sealSum(l *raft.Log) uint32 {
	var head [17]byte
	binary.LittleEndian.PutUint64(head[0:], l.Index)
	binary.LittleEndian.PutUint64(head[8:], l.Term)
	head[16] = byte(l.Type)
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, l.Data)
}

// sealed returns a copy of l that carries its seal. Raft shares l with goroutines that
// replicate it, so it is not changed.
func sealed(l *raft.Log) *raft.Log {
	out := *l
	out.Extensions = binary.LittleEndian.AppendUint32([]byte{sealVersion}, sealSum(l))
	return &out
}

// unseal checks an entry that was read for index, and takes its seal off.
func unseal(index uint64, l *raft.Log) error {
	if l.Index != index {
		return fmt.Errorf("%w: log entry %d found in the place of %d", ErrCorrupt, l.Index, index)
	}
	if len(l.Extensions) != sealBytes || l.Extensions[0] != sealVersion {
		return fmt.Errorf("%w: log entry %d has no seal of version %d", ErrCorrupt, index, sealVersion)
	}
	if want, got := binary.LittleEndian.Uint32(l.Extensions[1:]), sealSum(l); want != got {
		return fmt.Errorf("%w: log entry %d has checksum %08x, want %08x", ErrCorrupt, index, got, want)
	}
	l.Extensions = nil
	return nil
}
