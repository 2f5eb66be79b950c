package server

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/twmb/franz-go/pkg/kgo"
)

var everyFaultFlag = flag.Bool("every-fault", false, "fail each write of a restore, rather than every tenth")

// failFrom fails writes from the nth on, or only that one.
type failFrom struct {
	n           int64
	isOnce      bool
	count, hits atomic.Int64
}

func (f *failFrom) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	if n := f.count.Add(1); n < f.n || f.isOnce && n > f.n {
		return nil
	}
	f.hits.Add(1)
	return syscall.ENOSPC
}

func (f *failFrom) String() string { return "failFrom" }

// eachFailedWrite gives run a disk on which a write fails, the first one, the second, until a run meets none; and then what a power cut
// leaves of that disk to check, with what run returned. step 2 takes every second one, and so on.
func eachFailedWrite[T any](t *testing.T, step int64, run func(t *testing.T, disk vfs.FS, wrap func(vfs.FS) vfs.FS) T, check func(t *testing.T, after vfs.FS, returned T)) {
	for name, isOnce := range map[string]bool{"disk stays broken": false, "one failure": true} {
		t.Run(name, func(t *testing.T) {
			for n := int64(1); ; n += step {
				fault := &failFrom{n: n, isOnce: isOnce}
				disk := vfs.NewCrashableMem()
				if err := disk.MkdirAll("/srv/data", 0o755); err != nil {
					t.Fatal(err)
				}
				for _, dir := range []string{"/", "/srv"} {
					if err := syncDir(disk, dir); err != nil {
						t.Fatal(err)
					}
				}
				returned := run(t, disk, func(fs vfs.FS) vfs.FS { return errorfs.Wrap(fs, fault) })
				random := rand.New(rand.NewPCG(uint64(n), 1))
				check(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(3) * 50, RNG: random}), returned)
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

// Who a node is stays: what it was told at the first start, and each change of it.
func TestEveryFailedWriteOfTheIdentityLeavesTheOldOneOrTheNew(t *testing.T) {
	type result struct {
		made, changed identity
		makeErr, err  error
	}
	eachFailedWrite(t, 1, func(t *testing.T, disk vfs.FS, wrap func(vfs.FS) vfs.FS) (r result) {
		disk = wrap(disk)
		if r.made, r.makeErr = loadIdentity(disk, "/srv/data", 3, true); r.makeErr != nil {
			return r
		}
		r.changed = r.made
		r.changed.IsMember, r.changed.IsFounder = true, false
		r.err = r.changed.save(disk, "/srv/data")
		return r
	}, func(t *testing.T, after vfs.FS, r result) {
		got, err := loadIdentity(after, "/srv/data", 3, true)
		switch {
		case err != nil:
			t.Errorf("the next start: %v", err)
		case r.makeErr != nil: // any will do, from now on
			if !errors.Is(r.makeErr, syscall.ENOSPC) || got.ClusterID == "" || !got.IsFounder {
				t.Errorf("made: %v, and then %+v", r.makeErr, got)
			}
		case r.err == nil && got != r.changed, r.err != nil && got != r.changed && got != r.made:
			t.Errorf("%+v, and it was %+v, then %+v, %v", got, r.made, r.changed, r.err)
		case r.err != nil && !errors.Is(r.err, syscall.ENOSPC):
			t.Errorf("changed: %v", r.err)
		}
		again, err := loadIdentity(after, "/srv/data", 3, true)
		if err != nil || again != got {
			t.Errorf("the start after that: %+v, %v", again, err)
		}
	})
}

// beside is a disk beside the directory of the log, which is on that of the machine.
type beside struct {
	vfs.FS
	log string
}

func (b beside) List(dir string) ([]string, error) {
	names, err := b.FS.List(dir)
	if _, logErr := os.Stat(b.log); logErr == nil && dir == filepath.Dir(b.log) {
		names = append(names, filepath.Base(b.log))
	}
	return names, err
}

func (b beside) RemoveAll(name string) error {
	if name == b.log {
		return os.RemoveAll(name)
	}
	return b.FS.RemoveAll(name)
}

// Each write of a restore fails, and then the power. Nothing of it is taken for a node's data unless all of it is there; and it can be begun
// again at once.
func TestEveryFailedWriteOfARestoreEndsInAnErrorOrTheRightState(t *testing.T) {
	n := startNode(t, testConfig(t.TempDir()))
	client := newClient(t, n, kgo.AllowAutoTopicCreation())
	for range 3 {
		produce(t, client, "orders", "a", strings.Repeat("x", 1000))
	}
	backup := backUp(t, n)
	whole := testConfig(filepath.Join(t.TempDir(), "data"))
	if _, err := Restore(whole, bytes.NewReader(backup)); err != nil {
		t.Fatal(err)
	}
	want, err := Verify(whole, nil)
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		settings Config
		err      error
	}
	step := int64(10) // each run syncs files of the machine's
	if *everyFaultFlag {
		step = 1
	}
	eachFailedWrite(t, step, func(t *testing.T, disk vfs.FS, wrap func(vfs.FS) vfs.FS) result {
		settings := testConfig(filepath.Join(t.TempDir(), "data"))
		settings.FS = wrap(beside{disk, filepath.Join(settings.DataDir, "raft")})
		_, err := Restore(settings, bytes.NewReader(backup))
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("restore: %v", err)
		}
		return result{settings, err}
	}, func(t *testing.T, after vfs.FS, r result) {
		disk := beside{after, filepath.Join(r.settings.DataDir, "raft")}
		r.settings.FS = disk
		found, err := Verify(r.settings, nil)
		if r.err == nil && err != nil || err == nil && (found.State.Hash != want.State.Hash || found.Log.LastIndex != want.Log.LastIndex) {
			t.Fatalf("restored with %v, and then verified as %+v, %v", r.err, found, err)
		}
		if err == nil {
			return
		}
		if checkRestored(disk, r.settings.DataDir) == nil {
			names, err := disk.List(r.settings.DataDir)
			names = slices.DeleteFunc(names, func(name string) bool { return name == lockFile || name == restoringFile+".tmp" })
			if len(names) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it looks like a node's: %v, %v", names, err)
			}
		}
		if _, err := Restore(r.settings, bytes.NewReader(backup)); err != nil {
			t.Fatalf("once more: %v", err)
		}
		if found, err := Verify(r.settings, nil); err != nil || found.State.Hash != want.State.Hash {
			t.Errorf("restored once more, and then verified as %+v, %v", found, err)
		}
	})
}
