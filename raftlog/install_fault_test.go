package raftlog_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

// hookedSink asks before and after it does something.
type hookedSink struct {
	raft.SnapshotSink
	hook func(what string) error
}

func (s *hookedSink) Write(data []byte) (int, error) {
	if err := s.hook("before a write"); err != nil {
		return 0, err
	}
	n, err := s.SnapshotSink.Write(data)
	return n, errors.Join(err, s.hook("after a write"))
}

func (s *hookedSink) Close() error {
	if err := s.hook("before the end"); err != nil {
		return err
	}
	return errors.Join(s.SnapshotSink.Close(), s.hook("after the end"))
}

// A follower gets the leader's state. Whatever fails while it writes that down, it has it in the end, by the next attempt if only one thing
// failed, and by a restart if the disk stayed broken or the machine died just then.
func TestEveryFailureWhileASnapshotIsInstalledIsGotOver(t *testing.T) {
	t.Parallel()
	for name, isOnce := range map[string]bool{"disk stays broken": false, "one failure": true} {
		t.Run(name, func(t *testing.T) {
			for n := int64(0); ; n++ {
				if !failInstallation(t, n, isOnce) {
					t.Logf("%d faults", n)
					return
				}
			}
		})
	}
}

// failInstallation tells whether there was a failure n.
func failInstallation(t *testing.T, n int64, isOnce bool) bool {
	c := newCluster(t, 1, nil)
	leader := c.leader()
	proposeMany(t, leader.Node, 0, 30)
	if err := leader.Snapshot(deadline(t)); err != nil {
		t.Fatal(err)
	}
	joined := c.start(2, nil)
	c.kill(joined)
	sm, died := raftlogtest.NewDurable(), filepath.Join(t.TempDir(), "died")
	var count atomic.Int64
	var what string
	var smDied *raftlogtest.Durable
	hit := make(chan struct{})
	hook := func(where string) error {
		switch i := count.Add(1) - 1; {
		case i < n, i > n && isOnce:
			return nil
		case i == n:
			what, smDied = where, sm.Reboot()
			if err := os.CopyFS(died, os.DirFS(joined.cfg.Dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			close(hit)
		}
		return fmt.Errorf("%s: %w", where, syscall.ENOSPC)
	}
	sm.OnRestore = hook
	cfg := joined.cfg.WithSink(func(inner raft.SnapshotSink) raft.SnapshotSink { return &hookedSink{inner, hook} })
	failing := c.open(cfg, joined.port, sm)
	// Without a vote, so that the leader goes on meanwhile.
	if err := leader.AddNonvoter(deadline(t), joined.cfg.NodeID, joined.port.Bind); err != nil {
		t.Fatal(err)
	}
	isHit := func() bool {
		select {
		case <-hit:
			return true
		default:
			return false
		}
	}
	wait(t, "a failure, or a state without what was received", func() bool { return isHit() || failing.Stats().Snapshots > 0 })
	if !isHit() || isOnce {
		c.waitSameState(30)
	}
	c.kill(failing)
	if !isHit() {
		return false
	}
	for _, image := range []struct {
		dir string
		sm  *raftlogtest.Durable
	}{{died, smDied}, {joined.cfg.Dir, sm.Reboot()}} {
		cfg := joined.cfg
		cfg.Dir = image.dir
		if _, err := raftlog.Verify(cfg.Dir, cfg.NodeID); err != nil && !errors.Is(err, raftlog.ErrStateLost) {
			t.Fatalf("%s: %v", what, err)
		}
		healed := c.open(cfg, joined.port, image.sm)
		c.waitSameState(30)
		c.kill(healed)
	}
	return true
}
