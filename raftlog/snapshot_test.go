package raftlog_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

func TestLogIsTrimmedByBytesAndByEntries(t *testing.T) {
	t.Parallel()
	for name, bound := range map[string]func(*raftlog.Config){
		"bytes":   func(c *raftlog.Config) { c.SnapshotBytes = 64 << 10 },
		"entries": func(c *raftlog.Config) { c.SnapshotEntries = 20 },
	} {
		t.Run(name, func(t *testing.T) {
			eachLogStore(t, func(t *testing.T, logStore string) {
				cfg := lone(t, logStore)
				bound(&cfg)
				sm := raftlogtest.NewDurable()
				node := lead(t, cfg, sm)
				data := strings.Repeat("x", 4<<10)
				for range 200 {
					propose(t, node, data)
				}
				wait(t, "the log to be trimmed", func() bool { return node.Stats().LogBytes < 200<<10 })
				stats := node.Stats()
				// A snapshot that comes after the last proposal leaves nothing of the log.
				isTrimmed := stats.FirstIndex >= 2 || stats.LogEntries == 0
				if stats.Snapshots == 0 || stats.SnapshotIndex == 0 || !isTrimmed {
					t.Fatalf("stats %+v", stats)
				}
				closeNode(t, node)

				rebooted := sm.Reboot()
				if rebooted.AppliedIndex() < stats.SnapshotIndex-2 {
					t.Fatalf("state on disk is at %d, log was trimmed to %d", rebooted.AppliedIndex(), stats.SnapshotIndex)
				}
				lead(t, cfg, rebooted)
				if got := len(rebooted.Proposals()); got != 200 {
					t.Fatalf("%d proposals after the restart, want 200", got)
				}
			})
		})
	}
}

func TestIdleNodeTrimsItsLog(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	cfg.SnapshotIdle, cfg.SnapshotIdleBytes = time.Millisecond, 1000
	node := lead(t, cfg, raftlogtest.NewDurable())
	propose(t, node, strings.Repeat("x", 2000))
	wait(t, "an idle snapshot", func() bool { return node.Stats().Snapshots == 1 && node.Stats().LogEntries == 0 })
	propose(t, node, "too little for another")
}

// The log may go only once the state is on disk.
func TestFailingFlushKeepsTheLog(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		cfg := lone(t, logStore)
		sm := raftlogtest.NewDurable()
		full := errors.New("disk full")
		sm.FailFlush(full)
		node := lead(t, cfg, sm)
		proposeMany(t, node, 0, 50)
		err := node.Snapshot(deadline(t))
		if !errors.Is(err, full) {
			t.Fatalf("Snapshot: %v", err)
		}
		if stats := node.Stats(); stats.FirstIndex != 1 || stats.SnapshotsFailed != 1 || stats.SnapshotIndex != 0 {
			t.Fatalf("stats %+v", stats)
		}
		propose(t, node, numbered(50)) // a failed snapshot stops nothing
		closeNode(t, node)
		rebooted := sm.Reboot()
		lead(t, cfg, rebooted)
		if got := len(rebooted.Proposals()); got != 51 {
			t.Fatalf("%d proposals after the restart, want 51", got)
		}
	})
}

func TestSnapshotOfStateOnDiskHoldsNoData(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	sm := raftlogtest.NewDurable()
	node := lead(t, cfg, sm)
	for range 3 {
		for range 20 {
			propose(t, node, strings.Repeat("x", 10_000))
		}
		if err := node.Snapshot(deadline(t)); err != nil {
			t.Fatal(err)
		}
	}
	if got := diskBytes(t, filepath.Join(cfg.Dir, "snapshots")); got > 4096 {
		t.Errorf("snapshots take %d bytes for a state of 600,000", got)
	}
	if got := diskBytes(t, filepath.Join(cfg.Dir, "wal")); got > 200<<10 {
		t.Errorf("the trimmed log takes %d bytes", got)
	}
}

// A state machine without a disk is restored from the snapshot's data, then from the
// log.
func TestStateWithoutDiskIsRestoredFromSnapshot(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		cfg := lone(t, logStore)
		node := lead(t, cfg, raftlogtest.New())
		proposeMany(t, node, 0, 30)
		if err := node.Snapshot(deadline(t)); err != nil {
			t.Fatal(err)
		}
		proposeMany(t, node, 30, 40)
		closeNode(t, node)

		sm := raftlogtest.New()
		replayed := 0
		sm.OnApply = func(r raftlogtest.Result) any { replayed++; return r }
		lead(t, cfg, sm)
		if replayed != 10 {
			t.Errorf("%d proposals replayed, want 10", replayed)
		}
		if got := texts(sm.Proposals()); len(got) != 40 || got[0] != numbered(0) || got[39] != numbered(39) {
			t.Errorf("found %d proposals", len(got))
		}
	})
}

func TestMixedUpDirectoriesAreRefused(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	sm := raftlogtest.NewDurable()
	node := lead(t, cfg, sm)
	proposeMany(t, node, 0, 10)
	if err := node.Snapshot(deadline(t)); err != nil {
		t.Fatal(err)
	}
	proposeMany(t, node, 10, 20)
	closeNode(t, node)
	if err := sm.Flush(); err != nil {
		t.Fatal(err)
	}

	t.Run("state gone", func(t *testing.T) {
		_, err := raftlog.Open(cfg, raftlogtest.NewDurable())
		if !errors.Is(err, raftlog.ErrStateLost) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("log gone", func(t *testing.T) {
		other := lone(t, raftlog.LogStoreWAL)
		_, err := raftlog.Open(other, sm.Reboot())
		if !errors.Is(err, raftlog.ErrStateLost) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("snapshot gone", func(t *testing.T) {
		other := cfg
		other.Dir = cloneDir(t, cfg.Dir)
		if err := os.RemoveAll(filepath.Join(other.Dir, "snapshots")); err != nil {
			t.Fatal(err)
		}
		_, err := raftlog.Open(other, sm.Reboot())
		if !errors.Is(err, raftlog.ErrStateLost) {
			t.Fatalf("got %v", err)
		}
	})
	lead(t, cfg, sm.Reboot()) // the right ones still fit
}

func TestHalfWrittenSnapshotIsRemoved(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	closeNode(t, lead(t, cfg, raftlogtest.NewDurable()))
	left := filepath.Join(cfg.Dir, "snapshots", "1-2-3.tmp")
	if err := os.Mkdir(left, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, left, "meta.json", "{")
	lead(t, cfg, raftlogtest.NewDurable())
	entries, err := os.ReadDir(filepath.Dir(left))
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == "1-2-3.tmp" }) {
		t.Fatalf("still there: %v, %v", entries, err)
	}
}

// The library removes the older snapshot when the newer one is in its place. A crash in
// between leaves both, or the older one in part, whatever their numbers look like as text.
func TestOlderSnapshotThatACrashLeftIsRemoved(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	sm := raftlogtest.NewDurable()
	node := lead(t, cfg, sm)
	proposeMany(t, node, 0, 20)
	if err := node.Snapshot(deadline(t)); err != nil {
		t.Fatal(err)
	}
	closeNode(t, node)
	snapshots, err := filepath.Glob(filepath.Join(cfg.Dir, "snapshots", "*"))
	if err != nil || len(snapshots) != 1 {
		t.Fatalf("snapshots %v, %v", snapshots, err)
	}
	var term, index uint64
	if _, err := fmt.Sscanf(filepath.Base(snapshots[0]), "%d-%d-", &term, &index); err != nil || index < 10 || index > 98 {
		t.Fatalf("snapshot %s, %v", snapshots[0], err)
	}
	left := filepath.Join(cfg.Dir, "snapshots", fmt.Sprintf("%d-9-1700000000000", term))
	if err := os.Mkdir(left, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, left, "state.bin", "")
	closeNode(t, lead(t, cfg, sm.Reboot()))
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}

	// One that is newer than all that can be read is damaged.
	newer := filepath.Join(cfg.Dir, "snapshots", fmt.Sprintf("%d-100-1700000000000", term+1))
	if err := os.Mkdir(newer, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := raftlog.Open(cfg, sm.Reboot()); !errors.Is(err, raftlog.ErrCorrupt) || !strings.Contains(err.Error(), newer) {
		t.Errorf("got %v, want %v that names %s", err, raftlog.ErrCorrupt, newer)
	}
}
