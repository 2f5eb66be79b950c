package statemachine

import (
	"crypto/sha256"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// Contents is what Verify has read.
type Contents struct {
	AppliedIndex uint64
	Keys         int64
	// Batches are the record batches among the values, Bytes is the size of all keys and values.
	Batches int64
	Bytes   int64
	// Hash is ContentHash.
	Hash [32]byte
}

// Verify reads the whole store, whose files have checksums, and checks the sums that record batches have of their own. progress
// is told now and then how many bytes it has read; nil for nobody. What is damaged is ErrCorrupt.
func (s *Store) Verify(progress func(bytes int64)) (Contents, error) {
	if progress == nil {
		progress = func(int64) {}
	}
	found := Contents{AppliedIndex: s.AppliedIndex()}
	sum, told := sha256.New(), int64(0)
	err := s.read(func(db *pebble.DB) error {
		return eachIn(db, nil, nil, func(key, value []byte) (bool, error) {
			addBytes(sum, key)
			addBytes(sum, value)
			found.Keys++
			found.Bytes += int64(len(key) + len(value))
			if found.Bytes-told >= progressBytes {
				told = found.Bytes
				progress(told)
			}
			if key[0] != keys.Batch {
				return true, nil
			}
			found.Batches++
			if err := recordbatch.CheckSum(value); err != nil {
				return false, fmt.Errorf("%w: record batch of key %x: %w", ErrCorrupt, key, err)
			}
			return true, nil
		})
	})
	found.Hash = [32]byte(sum.Sum(nil))
	return found, err
}

// progressBytes is how much is read between two calls of progress.
const progressBytes = 256 << 20
