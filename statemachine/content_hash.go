package statemachine

import (
	"encoding/binary"
	"hash"
)

// ContentHash sums all keys and values. Stores that have applied the same entries
// have the same, however the entries were cut into calls of Apply and whatever
// happened to the nodes meanwhile. It reads the whole store.
func (s *Store) ContentHash() ([32]byte, error) {
	found, err := s.Verify(nil)
	return found.Hash, err
}

func addBytes(sum hash.Hash, data []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(data)))
	sum.Write(length[:])
	sum.Write(data)
}
