package raftlog_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

// Bits are turned and ends cut off in every file of a node. Either the node refuses to
// start and names the directory at least, or it has everything; it never starts with
// less, and never panics.
func TestDamagedFileIsNamedAndNothingIsLostInSilence(t *testing.T) {
	t.Parallel()
	eachLogStore(t, func(t *testing.T, logStore string) {
		cfg := lone(t, logStore)
		sm := raftlogtest.NewDurable()
		node := lead(t, cfg, sm)
		filler := strings.Repeat(".", 2<<10)
		var want []string
		for i := range 60 {
			if i == 10 {
				if err := node.Snapshot(deadline(t)); err != nil {
					t.Fatal(err)
				}
			}
			want = append(want, numbered(i)+filler)
			propose(t, node, want[i])
		}
		closeNode(t, node)

		refused, unharmed := map[string]int{}, map[string]int{}
		check := func(file, damage string, harm func(path string)) {
			damaged := cfg
			damaged.Dir = cloneDir(t, cfg.Dir)
			harm(filepath.Join(damaged.Dir, file))
			sm := sm.Reboot()
			kind := filepath.Ext(file) + " " + filepath.Base(file)
			node, err := raftlog.Open(damaged, sm)
			if err != nil {
				refused[kind]++
				if !strings.Contains(err.Error(), damaged.Dir) {
					t.Errorf("%s, %s: %v", file, damage, err)
				}
				if strings.HasSuffix(file, ".wal") && !(strings.Contains(err.Error(), ".wal") &&
					(errors.Is(err, raftlog.ErrCorrupt) || errors.Is(err, fs.ErrNotExist))) {
					t.Errorf("%s, %s: the error does not name the segment: %v", file, damage, err)
				}
				return
			}
			defer node.Close()
			if err := node.AwaitLeadership(deadline(t)); errors.Is(err, raftlog.ErrCorrupt) {
				refused[kind]++ // found by the first write of a term
				return
			} else if err != nil {
				t.Fatalf("%s, %s: %v", file, damage, err)
			}
			unharmed[kind]++
			if got := texts(sm.Proposals()); !slices.Equal(got, want) {
				t.Fatalf("%s, %s: started with %d proposals of %d", file, damage, len(got), len(want))
			}
		}
		for _, file := range filesIn(t, cfg.Dir) {
			data, err := os.ReadFile(filepath.Join(cfg.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Base(file) == "LOCK" || len(data) == 0 {
				continue
			}
			// Many places in the part that is in use, at the beginning too.
			used := len(strings.TrimRight(string(data), "\x00"))
			for place := 0; place < used; place += max(1, min(used/20, 1+place)) {
				check(file, "bit turned at "+numbered(place), func(path string) {
					harmed := slices.Clone(data)
					harmed[place] ^= 1 << (place % 8)
					write(t, filepath.Dir(path), filepath.Base(path), string(harmed))
				})
			}
			for _, size := range []int{0, used / 2, used - 1} {
				check(file, "cut to "+numbered(size), func(path string) {
					if err := os.Truncate(path, int64(size)); err != nil {
						t.Fatal(err)
					}
				})
			}
			check(file, "deleted", func(path string) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			})
		}
		t.Log("refused", refused)
		t.Log("unharmed", unharmed)
		for kind, n := range unharmed {
			// Padding may be damaged, and the last commit of a segment that has a successor.
			if strings.HasPrefix(kind, ".wal") && n > 3 {
				t.Errorf("%d damages in the log went unseen: %s", n, kind)
			}
		}
	})
}

func filesIn(t *testing.T, dir string) (files []string) {
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Without its list of segments the wal library deletes them. They are all that is left to
// restore from.
func TestLostSegmentListDoesNotCostTheSegments(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	node := lead(t, cfg, raftlogtest.New())
	proposeMany(t, node, 0, 5)
	closeNode(t, node)
	before := filesIn(t, filepath.Join(cfg.Dir, "wal"))
	if err := os.Remove(filepath.Join(cfg.Dir, "wal", "wal-meta.db")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := raftlog.Open(cfg, raftlogtest.New())
		if !errors.Is(err, raftlog.ErrCorrupt) || !strings.Contains(err.Error(), "wal-meta.db") {
			t.Fatalf("got %v", err)
		}
	}
	if after := filesIn(t, filepath.Join(cfg.Dir, "wal")); !slices.Equal(before, after) {
		t.Fatalf("left %q of %q", after, before)
	}
}
