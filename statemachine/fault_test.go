package statemachine

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kont/statemachine/command"
)

// failFrom fails all disk operations of a kind from the nth on, as a full or dying
// disk does. If isOnce it fails only that one.
type failFrom struct {
	n      int64
	isOnce bool
	kind   func(errorfs.Op) bool
	count  atomic.Int64
	hits   atomic.Int64
}

var errDisk = errors.New("no space left on device")

func (f *failFrom) MaybeError(op errorfs.Op) error {
	if !f.kind(op) {
		return nil
	}
	n := f.count.Add(1)
	if n < f.n || f.isOnce && n > f.n {
		return nil
	}
	f.hits.Add(1)
	return errDisk
}

func (f *failFrom) String() string { return "failFrom" }

func isWrite(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite }

// Every disk operation that writes fails, one after the other, in a life of open,
// apply, flush, snapshot and close. Each time the store either works or says why
// not, what it shows is the state after some entry, and reopened on a good disk it
// takes the rest of the log and has the right state.
func TestEveryFailedWriteEndsInAnErrorOrTheRightState(t *testing.T) {
	log, want := recorded(t, 11, 60)
	for _, isOnce := range []bool{false, true} {
		name := map[bool]string{false: "disk stays broken", true: "one failure"}[isOnce]
		t.Run(name, func(t *testing.T) {
			step := int64(1)
			if testing.Short() {
				step = 7
			}
			for n := int64(1); ; n += step {
				fault := &failFrom{n: n, isOnce: isOnce, kind: isWrite}
				disk := vfs.NewMem()
				liveOnFaultyDisk(t, errorfs.Wrap(disk, fault), log)
				requireRecovers(t, disk, log, want)
				if t.Failed() {
					t.Fatalf("with failure of operation %d", n)
				}
				if fault.hits.Load() == 0 {
					t.Logf("%d operations", n)
					return
				}
			}
		})
	}
}

// liveOnFaultyDisk lives until the first error.
func liveOnFaultyDisk(t *testing.T, fs vfs.FS, log []Entry) {
	store, err := Open("/srv/data", testOptions(fs))
	if err != nil {
		if n := strings.Count(err.Error(), errDisk.Error()); n != 1 || strings.Contains(err.Error(), "\n") {
			t.Errorf("the cause is told %d times: %v", n, err)
		}
		return
	}
	defer store.Close()
	if !applyUntilFailure(t, store, log[:len(log)/2]) {
		return
	}
	if err := store.Flush(); err != nil {
		requireStopped(t, store, err)
		return
	}
	if snapshot, err := store.Snapshot(); err == nil {
		if err := snapshot.Persist(io.Discard); err != nil {
			t.Errorf("reading the snapshot failed: %v", err)
		}
		snapshot.Release()
	}
	if !applyUntilFailure(t, store, log[len(log)/2:]) {
		return
	}
	if err := store.Flush(); err != nil {
		requireStopped(t, store, err)
	}
}

func applyUntilFailure(t *testing.T, store *Store, log []Entry) bool {
	for _, entry := range log {
		if store.Apply([]Entry{entry}) == nil {
			requireStopped(t, store, store.Err())
			return false
		}
	}
	return true
}

// requireStopped checks a store that has failed: it says why, takes no more, and
// can be read.
func requireStopped(t *testing.T, store *Store, err error) {
	t.Helper()
	if !errors.Is(err, command.ErrUnavailable) || !errors.Is(err, errDisk) {
		t.Errorf("got %v, want it to be unavailable for %v", err, errDisk)
	}
	if store.Err() == nil {
		t.Error("no Err after a failure")
	}
	index := store.AppliedIndex()
	if store.Apply([]Entry{{Index: index + 1, Proposals: [][]byte{encode(t, command.DeleteGroups{})}}}) != nil {
		t.Error("a failed store applied something")
	}
	if _, err := store.ContentHash(); err != nil {
		t.Errorf("reads do not go on: %v", err)
	}
}

// requireRecovers opens what a store left behind, and replays.
func requireRecovers(t *testing.T, disk vfs.FS, log []Entry, want [32]byte) {
	t.Helper()
	store, err := Open("/srv/data", testOptions(disk))
	if err != nil {
		t.Errorf("open again: %v", err)
		return
	}
	defer store.Close()
	// Entries at or below the applied index are passed over.
	if store.Apply(log) == nil {
		t.Errorf("replay: %v", store.Err())
		return
	}
	hash, err := store.ContentHash()
	if err != nil || hash != want {
		t.Errorf("after the replay: hash %x, want %x, %v", hash[:4], want[:4], err)
	}
}

// A power cut at any moment leaves what was synced and any part of the rest. The
// store opens, at an entry no earlier than the last Flush, and after the replay of
// the log has the right state.
func TestPowerCutLeavesAStateFromWhichTheLogGoesOn(t *testing.T) {
	log, want := recorded(t, 12, 150)
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 3))
		fs := vfs.NewCrashableMem()
		flushed := uint64(0)
		store, err := Open("/srv/data", testOptions(fs))
		if err != nil {
			t.Fatal(err)
		}
		cut := 1 + random.IntN(len(log))
		for _, entry := range log[:cut] {
			if store.Apply([]Entry{entry}) == nil {
				t.Fatal(store.Err())
			}
			switch random.IntN(20) {
			case 0:
				if err := store.Flush(); err != nil {
					t.Fatal(err)
				}
				flushed = entry.Index
			case 1:
				restoreSelf(t, store)
				flushed = entry.Index
			}
		}
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
		reopened, err := Open("/srv/data", testOptions(after))
		if err != nil {
			t.Fatalf("seed %d: open after the power cut: %v", seed, err)
		}
		if got := reopened.AppliedIndex(); got < flushed {
			t.Errorf("seed %d: applied index %d, and %d was flushed", seed, got, flushed)
		}
		if err := errors.Join(reopened.Close(), store.Close()); err != nil {
			t.Fatal(err)
		}
		requireRecovers(t, after, log, want)
	}
}

// restoreSelf takes a snapshot and restores it in its own place.
func restoreSelf(t *testing.T, store *Store) {
	t.Helper()
	snapshot, err := store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Release()
	var stream bytes.Buffer
	if err := snapshot.Persist(&stream); err != nil {
		t.Fatal(err)
	}
	if err := store.Restore(&stream); err != nil {
		t.Fatal(err)
	}
}

// A snapshot that is cut short or damaged anywhere is refused, and the state stays.
func TestDamagedSnapshotLeavesTheStateAsItWas(t *testing.T) {
	log, want := recorded(t, 13, 40)
	h := newHarness(t)
	if h.store.Apply(log) == nil {
		t.Fatal(h.store.Err())
	}
	snapshot, err := h.store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	if err := snapshot.Persist(&stream); err != nil {
		t.Fatal(err)
	}
	snapshot.Release()
	whole := stream.Bytes()
	random := rand.New(rand.NewPCG(1, 4))
	for range 60 {
		damaged := bytes.Clone(whole)
		if at := random.IntN(len(whole)); random.IntN(2) == 0 {
			damaged = damaged[:at]
		} else {
			damaged[at] ^= 1 << random.IntN(8)
		}
		if err := h.store.Restore(bytes.NewReader(damaged)); !errors.Is(err, ErrSnapshot) {
			t.Errorf("got %v, want %v", err, ErrSnapshot)
		}
	}
	for _, name := range []string{"../../x", "a/b", "..", ""} {
		data := append([]byte(snapshotMagic), snapshotVersion, 0, 0, 0, 0, 0, 0, 0, 1, 0, byte(len(name)))
		if err := h.store.Restore(bytes.NewReader(append(data, name...))); !errors.Is(err, ErrSnapshot) {
			t.Errorf("file name %q: got %v, want %v", name, err, ErrSnapshot)
		}
	}
	requireEqual(t, "hash", h.hash(), want)
	names, err := h.fs.List("/srv/data")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, checkpointPrefix) || strings.HasPrefix(name, statePrefix) && name != "state-1" {
			t.Errorf("%s was left behind", name)
		}
	}
	if h.store.Apply([]Entry{{Index: uint64(len(log) + 1), Proposals: [][]byte{encode(t, command.AllocateProducerIDs{Count: 1})}}}) == nil {
		t.Error(h.store.Err())
	}
}

// Flipping a bit of a table on a real disk is found when its block is read, and the
// error names the file.
func TestDamagedFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	log, _ := recorded(t, 14, 60)
	store, err := Open(dir, Options{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	if store.Apply(log) == nil {
		t.Fatal(store.Err())
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "state-1", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	data, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	data[100] ^= 1
	if err := os.WriteFile(tables[0], data, 0o644); err != nil {
		t.Fatal(err)
	}
	store, err = Open(dir, Options{Logger: quiet()})
	if err == nil {
		_, err = store.ContentHash()
		if store.Err() == nil {
			t.Error("a damaged store takes writes")
		}
		store.Close()
	}
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), strings.TrimLeft(strings.TrimSuffix(filepath.Base(tables[0]), ".sst"), "0")) {
		t.Errorf("got %v, want %v that names %s", err, ErrCorrupt, tables[0])
	}
}

func TestMissingFileIsNamedAtOpen(t *testing.T) {
	dir := t.TempDir()
	log, _ := recorded(t, 14, 30)
	store, err := Open(dir, Options{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	store.Apply(log)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	tables, _ := filepath.Glob(filepath.Join(dir, "state-1", "*.sst"))
	if err := os.Remove(tables[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{Logger: quiet()}); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(filepath.Base(tables[0]), ".sst")) {
		t.Errorf("got %v, want an error that names %s", err, tables[0])
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	store, err := Open(dir, Options{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := Open(dir, Options{Logger: quiet()}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want an error that names %s", err, dir)
	}
}

// A command that this release doesn't know stops the store, rather than being
// passed over by this node alone.
func TestUnknownCommandStopsTheStore(t *testing.T) {
	for name, test := range map[string]struct {
		proposal []byte
		want     error
	}{
		"unknown kind":    {[]byte{1, 99, 0xa0}, command.ErrUnknownKind},
		"unknown version": {[]byte{9, 1, 0xa0}, command.ErrUnknownVersion},
		"malformed":       {[]byte{1, 1, 0xff}, command.ErrMalformed},
		"empty":           {nil, command.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.create("t", 1)
			before := h.hash()
			entry := Entry{Index: 2, Proposals: [][]byte{encode(t, command.AllocateProducerIDs{Count: 1}), test.proposal}}
			if h.store.Apply([]Entry{entry}) != nil {
				t.Fatal("it was applied")
			}
			if err := h.store.Err(); !errors.Is(err, test.want) || !errors.Is(err, command.ErrUnavailable) || !strings.Contains(err.Error(), "log index 2") {
				t.Errorf("got %v, want %v", err, test.want)
			}
			select {
			case <-h.store.Failed():
			default:
				t.Error("Failed is not closed")
			}
			requireEqual(t, "hash", h.hash(), before)
			requireEqual(t, "applied index", h.store.AppliedIndex(), uint64(1))
			if h.store.Apply([]Entry{{Index: 2, Proposals: [][]byte{encode(t, command.AllocateProducerIDs{Count: 1})}}}) != nil {
				t.Error("a stopped store applied something")
			}
		})
	}
}
