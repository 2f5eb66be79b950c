package raftlog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

const patience = time.Minute

var logStores = []string{raftlog.LogStoreWAL, raftlog.LogStoreBoltDB}

// eachLogStore runs a test with either log store.
func eachLogStore(t *testing.T, test func(t *testing.T, logStore string)) {
	for _, logStore := range logStores {
		t.Run(logStore, func(t *testing.T) { test(t, logStore) })
	}
}

// lone is the configuration of a node without others, in a new directory.
func lone(t testing.TB, logStore string) raftlog.Config {
	return raftlog.Config{
		NodeID:    "n1",
		Dir:       filepath.Join(t.TempDir(), "raft"),
		Bootstrap: true,
		LogStore:  logStore,
		// Small, so that tests see many segments.
		WALSegmentBytes: 64 << 10,
		SnapshotIdle:    -1,
		Logger:          slog.New(slog.DiscardHandler),
	}
}

// open opens a node that is closed with the test.
func open(t testing.TB, cfg raftlog.Config, sm raftlog.StateMachine) *raftlog.Node {
	t.Helper()
	node, err := raftlog.Open(cfg, sm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

// lead opens a node and waits until it leads.
func lead(t testing.TB, cfg raftlog.Config, sm raftlog.StateMachine) *raftlog.Node {
	t.Helper()
	node := open(t, cfg, sm)
	if err := node.AwaitLeadership(deadline(t)); err != nil {
		t.Fatal(err)
	}
	return node
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func propose(t testing.TB, node *raftlog.Node, data string) raftlogtest.Result {
	t.Helper()
	result, err := node.Propose(deadline(t), []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return result.(raftlogtest.Result)
}

func proposeMany(t testing.TB, node *raftlog.Node, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		propose(t, node, numbered(i))
	}
}

func numbered(i int) string { return fmt.Sprintf("proposal %d", i) }

func closeNode(t testing.TB, node *raftlog.Node) {
	t.Helper()
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
}

// wait polls a condition that another goroutine brings about.
func wait(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for ctx := deadline(t); !condition(); {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func texts(proposals [][]byte) []string {
	out := make([]string, len(proposals))
	for i, data := range proposals {
		out[i] = string(data)
	}
	return out
}

func diskBytes(t testing.TB, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has just gone
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		bytes += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// goroutines are the stacks, by their first line without the state, of all that run
// code of ours or of the Raft libraries and are no test's own.
func goroutines() map[string]string {
	found := map[string]string{}
	buf := make([]byte, 1<<20)
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		for _, ours := range []string{"kont/raftlog.", "hashicorp/raft", "bbolt"} {
			if strings.Contains(stack, ours) && !strings.Contains(stack, "testing.") {
				id, _, _ := strings.Cut(stack, " [")
				found[id] = stack
			}
		}
	}
	return found
}

// requireNoGoroutines waits until no goroutine is left but those of before. Those of
// libraries that were told to end need a moment to do so.
func requireNoGoroutines(t testing.TB, before map[string]string) {
	t.Helper()
	var left map[string]string
	defer func() {
		for _, stack := range left {
			t.Log(stack)
		}
	}()
	wait(t, "goroutines to end", func() bool {
		left = goroutines()
		maps.DeleteFunc(left, func(id, _ string) bool { return before[id] != "" })
		return len(left) == 0
	})
}
