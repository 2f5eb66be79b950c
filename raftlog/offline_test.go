package raftlog_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"

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
		if report, err := raftlog.Verify(cfg.Dir, cfg.NodeID); err != nil || report.LastIndex != sm.AppliedIndex() || report.Entries != 0 {
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

// Each write of term, snapshot or log fails, and Begin says so; the term's alone raft would not be told of.
func TestEveryFailureOfABeginningIsTold(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		for n := int64(0); ; n++ {
			left := n
			fail := func(what string) error {
				if left--; left == -1 {
					return fmt.Errorf("%s: %w", what, syscall.ENOSPC)
				}
				return nil
			}
			cfg := lone(t, logStore).
				WithSink(func(inner raft.SnapshotSink) raft.SnapshotSink { return &hookedSink{inner, fail} }).
				WithStableStore(func(inner raft.StableStore) raft.StableStore { return hookedStable{inner, fail} })
			err := raftlog.Begin(cfg, 7)
			if left >= 0 {
				if err != nil || n < 5 {
					t.Errorf("only %d failures, then %v", n, err)
				}
				return
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("failure %d: %v", n, err)
			}
		}
	})
}

// hookedStable asks before it writes a number.
type hookedStable struct {
	raft.StableStore
	hook func(what string) error
}

func (s hookedStable) SetUint64(key []byte, value uint64) error {
	if err := s.hook("before " + string(key)); err != nil {
		return err
	}
	return s.StableStore.SetUint64(key, value)
}

// A directory is that of one node and one log store, and says whose if it is given to another.
func TestDirectoryOfAnotherIsRefused(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	closeNode(t, lead(t, cfg, raftlogtest.NewDurable()))
	path := filepath.Join(cfg.Dir, "node.json")
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, bolt := cfg, cfg
	other.NodeID, bolt.LogStore = "n2", raftlog.LogStoreBoltDB
	for name, test := range map[string]struct {
		cfg  raftlog.Config
		file string
		want string
	}{
		"another node":      {other, string(written), `belongs to node "n1", not to "n2"`},
		"another log store": {bolt, string(written), `names log store "wal", not "boltdb"`},
		"newer":             {cfg, strings.Replace(string(written), `"version":1`, `"version":2`, 1), "has version 2, newest known is 1"},
		"no version":        {cfg, strings.Replace(string(written), `"version":1`, `"version":0`, 1), "does not name a node"},
		"no node":           {cfg, strings.Replace(string(written), `"n1"`, `""`, 1), "does not name a node"},
		"no JSON":           {cfg, `{"version":1,"node_id":"n1","log_store":"wal"`, "does not name a node"},
	} {
		write(t, cfg.Dir, "node.json", test.file)
		if _, err := raftlog.Open(test.cfg, raftlogtest.NewDurable()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
		if isDamaged := strings.Contains(test.want, "does not name"); isDamaged {
			if _, err := raftlog.Open(test.cfg, raftlogtest.NewDurable()); !errors.Is(err, raftlog.ErrCorrupt) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	write(t, cfg.Dir, "node.json", strings.Replace(string(written), `"wal"`, `"tape"`, 1))
	if _, err := raftlog.Verify(cfg.Dir, cfg.NodeID); err == nil || !strings.Contains(err.Error(), `log store "tape"`) {
		t.Errorf("an unknown log store is verified with %v", err)
	}
	write(t, cfg.Dir, "node.json", string(written))
	if _, err := raftlog.Verify(cfg.Dir, "n2"); err == nil || !strings.Contains(err.Error(), `belongs to node "n1", not to "n2"`) {
		t.Errorf("another node's is verified with %v", err)
	}
	lead(t, cfg, raftlogtest.NewDurable())
}

func TestVerifyFindsWhatOpenWouldRefuse(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		cfg := lone(t, logStore)
		sm := raftlogtest.NewDurable()
		node := lead(t, cfg, sm)
		proposeMany(t, node, 0, 200)
		if _, err := raftlog.Verify(cfg.Dir, cfg.NodeID); !errors.Is(err, raftlog.ErrLocked) {
			t.Errorf("of a node that runs: %v", err)
		}
		closeNode(t, node)
		report, err := raftlog.Verify(cfg.Dir, cfg.NodeID)
		if err != nil || report.LogStore != logStore || report.Entries < 100 || report.LastIndex < sm.AppliedIndex() || report.Term == 0 {
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
			if _, err := raftlog.Verify(cfg.Dir, cfg.NodeID); err != nil {
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
	if _, err := raftlog.Verify(t.TempDir(), "n1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
}
