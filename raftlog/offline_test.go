package raftlog_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

// A log can begin after a state that came from elsewhere, and goes on as any other.
func TestLogBeginsAfterAState(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		source := lone(t, logStore)
		sm := raftlogtest.NewDurable()
		node := lead(t, source, sm)
		proposeMany(t, node, 0, 20)
		if err := node.Snapshot(deadline(t)); err != nil {
			t.Fatal(err)
		}
		closeNode(t, node)
		sm = sm.Reboot()

		cfg := lone(t, logStore)
		if err := raftlog.Begin(cfg, sm.AppliedIndex()); err != nil {
			t.Fatal(err)
		}
		if err := raftlog.Begin(cfg, sm.AppliedIndex()); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a second time: %v", err)
		}
		if report, err := raftlog.Verify(cfg.Dir); err != nil || report.LastIndex != sm.AppliedIndex() || report.Entries != 0 {
			t.Errorf("verified as %+v, %v", report, err)
		}
		for round := range 2 {
			node := lead(t, cfg, sm)
			proposeMany(t, node, 20+10*round, 30+10*round)
			closeNode(t, node)
			sm = sm.Reboot() // it has lost what was not flushed
		}
		lead(t, cfg, sm)
		if got := len(sm.Proposals()); got != 40 {
			t.Errorf("%d proposals, want 40", got)
		}
		// A state that is older or newer than where the log begins is another one.
		for _, other := range []raftlog.LogIndex{1, 1000} {
			wrong := lone(t, logStore)
			if err := raftlog.Begin(wrong, other); err != nil {
				t.Fatal(err)
			}
			empty := raftlogtest.NewDurable()
			if _, err := raftlog.Open(wrong, empty); !errors.Is(err, raftlog.ErrStateLost) {
				t.Errorf("a log from %d on for an empty state: %v", other, err)
			}
		}
	})
}

func TestVerifyFindsWhatOpenWouldRefuse(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		cfg := lone(t, logStore)
		sm := raftlogtest.NewDurable()
		node := lead(t, cfg, sm)
		proposeMany(t, node, 0, 200)
		if _, err := raftlog.Verify(cfg.Dir); !errors.Is(err, raftlog.ErrLocked) {
			t.Errorf("of a node that runs: %v", err)
		}
		closeNode(t, node)
		report, err := raftlog.Verify(cfg.Dir)
		if err != nil || report.NodeID != cfg.NodeID || report.LogStore != logStore || report.Entries < 100 || report.LastIndex < sm.AppliedIndex() || report.Term == 0 {
			t.Fatalf("%+v, %v", report, err)
		}
		// It leaves everything as it is: the node starts.
		closeNode(t, lead(t, cfg, sm.Reboot()))

		found := 0
		err = filepath.WalkDir(cfg.Dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || entry.Name() == "LOCK" {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil || len(data) == 0 {
				return err
			}
			damaged := append([]byte(nil), data...)
			for i := range damaged {
				damaged[i] ^= 0x55
			}
			if err := os.WriteFile(path, damaged, 0o644); err != nil {
				return err
			}
			if _, err := raftlog.Verify(cfg.Dir); err != nil {
				found++
			} else {
				t.Logf("%s is damaged, and nobody notices", path)
			}
			return os.WriteFile(path, data, 0o644)
		})
		if err != nil || found < 4 {
			t.Errorf("damage of %d files is found, %v", found, err)
		}
	})
	if _, err := raftlog.Verify(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
}
