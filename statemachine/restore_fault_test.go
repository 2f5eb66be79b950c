package statemachine

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A node that lags gets another one's state in the place of its own. Each write of that fails, and then the power: it has the one state or
// the other, the new one if it was told so, and takes the new one at the next attempt and the log from there.
func TestEveryFailedWriteOfARestoreLeavesTheOldStateOrTheNew(t *testing.T) {
	log, want := recorded(t, 17, 60)
	const before, sent = 20, 40
	stream, hashes := streamOf(t, log[:sent]), map[uint64][32]byte{}
	for _, n := range []int{before, sent} {
		h := newHarness(t)
		if h.store.Apply(log[:n]) == nil {
			t.Fatal(h.store.Err())
		}
		hashes[h.store.AppliedIndex()] = h.hash()
	}
	newest := log[sent-1].Index
	for name, isOnce := range map[string]bool{"disk stays broken": false, "one failure": true} {
		t.Run(name, func(t *testing.T) {
			for n := int64(1); ; n++ {
				disk := vfs.NewCrashableMem()
				var isOn atomic.Bool
				fault := &failFrom{n: n, isOnce: isOnce, kind: func(op errorfs.Op) bool { return isOn.Load() && isWrite(op) }}
				store, err := Open("/srv/data", testOptions(errorfs.Wrap(disk, fault)))
				if err != nil {
					t.Fatal(err)
				}
				if store.Apply(log[:before]) == nil {
					t.Fatal(store.Err())
				}
				if err := store.Flush(); err != nil {
					t.Fatal(err)
				}
				isOn.Store(true)
				failed := store.Restore(bytes.NewReader(stream))
				index := store.AppliedIndex()
				if hash, err := store.ContentHash(); err != nil || hash != hashes[index] || failed == nil && index != newest {
					t.Errorf("restored with %v, and shows index %d with hash %x, %v", failed, index, hash[:4], err)
				}
				if failed != nil && !errors.Is(failed, errDisk) {
					t.Errorf("restore: %v", failed)
				}
				random := rand.New(rand.NewPCG(uint64(n), 5))
				after := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(3) * 50, RNG: random})
				store.Close()
				requireInstalls(t, after, hashes, failed == nil, newest, stream)
				requireRecovers(t, after, log, want)
				if t.Failed() {
					t.Fatalf("with failure of write %d", n)
				}
				if fault.hits.Load() == 0 {
					t.Logf("%d writes", fault.count.Load())
					return
				}
			}
		})
	}
}

// requireInstalls opens what a restore and a power cut left, and restores once more.
func requireInstalls(t *testing.T, disk vfs.FS, hashes map[uint64][32]byte, isNew bool, newest uint64, stream []byte) {
	t.Helper()
	store, err := Open("/srv/data", testOptions(disk))
	if err != nil {
		t.Errorf("open again: %v", err)
		return
	}
	defer store.Close()
	index := store.AppliedIndex()
	if hash, err := store.ContentHash(); err != nil || hash != hashes[index] || isNew && index != newest {
		t.Errorf("after the power cut it has index %d with hash %x, %v", index, hash[:4], err)
	}
	if err := store.Restore(bytes.NewReader(stream)); err != nil {
		t.Errorf("restore once more: %v", err)
	}
	if hash, err := store.ContentHash(); err != nil || hash != hashes[newest] {
		t.Errorf("restored once more, it has hash %x, %v", hash[:4], err)
	}
}

// streamOf is a snapshot of the state after entries.
func streamOf(t *testing.T, log []Entry) []byte {
	t.Helper()
	h := newHarness(t)
	if h.store.Apply(log) == nil {
		t.Fatal(h.store.Err())
	}
	snapshot, err := h.store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Release()
	var stream bytes.Buffer
	if err := snapshot.Persist(&stream); err != nil {
		t.Fatal(err)
	}
	if size, err := snapshot.Size(); err != nil || size != int64(stream.Len()) {
		t.Errorf("a snapshot of %d bytes says that it has %d, %v", stream.Len(), size, err)
	}
	return stream.Bytes()
}
