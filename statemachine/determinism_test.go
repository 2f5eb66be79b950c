package statemachine

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The same entries give the same state, whether they come one by one, in batches
// of any size, in entries of many proposals, with restarts in between, or by way of
// a snapshot.
func TestStateDependsOnEntriesAlone(t *testing.T) {
	for seed := range uint64(4) {
		log, want := recorded(t, seed, 400)

		t.Run("batches", func(t *testing.T) {
			h := newHarness(t)
			random := rand.New(rand.NewPCG(seed, 1))
			for rest := log; len(rest) > 0; {
				n := 1 + random.IntN(min(len(rest), 50))
				if h.store.Apply(rest[:n]) == nil {
					t.Fatal(h.store.Err())
				}
				rest = rest[n:]
			}
			requireEqual(t, "hash", h.hash(), want)
			h.requireConsistent()
		})

		t.Run("restarts", func(t *testing.T) {
			fs := vfs.NewMem()
			random := rand.New(rand.NewPCG(seed, 2))
			for at := 0; at < len(log); {
				store, err := Open("/srv/data", testOptions(fs))
				if err != nil {
					t.Fatal(err)
				}
				if got := store.AppliedIndex(); got != uint64(at) {
					t.Fatalf("applied index %d after a clean close, want %d", got, at)
				}
				n := min(len(log)-at, 1+random.IntN(100))
				// Entries that are applied already come again.
				if store.Apply(log[max(0, at-3):at+n]) == nil {
					t.Fatal(store.Err())
				}
				at += n
				if at == len(log) {
					hash, err := store.ContentHash()
					if err != nil {
						t.Fatal(err)
					}
					requireEqual(t, "hash", hash, want)
				}
				if err := store.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})

		t.Run("snapshot", func(t *testing.T) {
			first, second := newHarness(t), newHarness(t)
			middle := len(log) / 2
			if first.store.Apply(log[:middle]) == nil {
				t.Fatal(first.store.Err())
			}
			snapshot, err := first.store.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			// The store goes on before the snapshot is written.
			if first.store.Apply(log[middle:]) == nil {
				t.Fatal(first.store.Err())
			}
			var stream bytes.Buffer
			if err := snapshot.Persist(&stream); err != nil {
				t.Fatal(err)
			}
			snapshot.Release()
			// The other had a state of its own.
			if second.store.Apply(log[:middle/2]) == nil {
				t.Fatal(second.store.Err())
			}
			if err := second.store.Restore(&stream); err != nil {
				t.Fatal(err)
			}
			if got := second.store.AppliedIndex(); got != uint64(middle) {
				t.Fatalf("applied index %d after the restore, want %d", got, middle)
			}
			second.requireConsistent()
			if second.store.Apply(log[middle:]) == nil {
				t.Fatal(second.store.Err())
			}
			requireEqual(t, "hash", second.hash(), want)
			requireEqual(t, "hash of the first", first.hash(), want)
			second.requireConsistent()
		})
	}
}
