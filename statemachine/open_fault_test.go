package statemachine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A full disk still lets files be made, but nothing be written into them; a dying
// one may only refuse to sync. Each write of opening a store again fails, one after
// the other: Open returns, says why, and leaves what was there.
func TestOpenOnADiskThatTakesNoWritesReturnsWhy(t *testing.T) {
	log, want := recorded(t, 11, 60)
	syncs := []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo, errorfs.OpFileFlush}
	for name, kinds := range map[string][]errorfs.OpKind{
		"no room for bytes":       {errorfs.OpFileWrite},
		"no room to preallocate":  {errorfs.OpFilePreallocate, errorfs.OpFileWrite},
		"no sync":                 syncs,
		"no room, no sync":        append([]errorfs.OpKind{errorfs.OpFileWrite}, syncs...),
		"no room for a new file":  {errorfs.OpCreate, errorfs.OpFileWrite},
		"no rename, link, remove": {errorfs.OpRename, errorfs.OpLink, errorfs.OpRemove},
	} {
		t.Run(name, func(t *testing.T) {
			for n := int64(1); ; n++ {
				disk := vfs.NewMem()
				fill(t, disk, log)
				fault := &failFrom{n: n, kind: func(op errorfs.Op) bool { return slices.Contains(kinds, op.Kind) }}
				store, err := Open("/srv/data", testOptions(errorfs.Wrap(disk, fault)))
				if err == nil {
					// It may have failed since: what comes after Open is the
					// business of the other tests.
					store.Close()
				} else if !errors.Is(err, errDisk) || strings.Count(err.Error(), errDisk.Error()) != 1 {
					t.Errorf("with failure of operation %d: %v", n, err)
				}
				requireRecovers(t, disk, log, want)
				if fault.hits.Load() == 0 {
					if n == 1 {
						t.Error("nothing failed")
					}
					return
				}
			}
		})
	}
}

func fill(t *testing.T, disk vfs.FS, log []Entry) {
	t.Helper()
	store, err := Open("/srv/data", testOptions(disk))
	if err != nil {
		t.Fatal(err)
	}
	if store.Apply(log[:len(log)/2]) == nil {
		t.Fatal(store.Err())
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
