package statemachine

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/cockroachdb/pebble/v2"
)

// ContentHash sums all keys and values. Stores that have applied the same entries
// have the same, however the entries were cut into calls of Apply and whatever
// happened to the nodes meanwhile. It reads the whole store.
func (s *Store) ContentHash() ([32]byte, error) {
	sum := sha256.New()
	err := s.read(func(db *pebble.DB) error {
		return eachIn(db, nil, nil, func(key, value []byte) (bool, error) {
			addBytes(sum, key)
			addBytes(sum, value)
			return true, nil
		})
	})
	return [32]byte(sum.Sum(nil)), err
}

func addBytes(sum hash.Hash, data []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(data)))
	sum.Write(length[:])
	sum.Write(data)
}
