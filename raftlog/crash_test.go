package raftlog_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

// crashImage is a directory as a crash left it.
type crashImage struct {
	at, dir string
	sm      *raftlogtest.Durable
	// acknowledged proposals must be there, more than started must not.
	acknowledged, started int64
}

// crashes collects images while a node works.
type crashes struct {
	t                     *testing.T
	dir                   string
	sm                    *raftlogtest.Durable
	acknowledged, started atomic.Int64
	images                []crashImage
}

// image copies the directory. The state machine's disk is looked at afterwards: the log
// is trimmed only when that has what is trimmed.
func (c *crashes) image(at string) crashImage {
	image := crashImage{at: fmt.Sprintf("crash %d, %s", len(c.images), at), acknowledged: c.acknowledged.Load()}
	image.dir = filepath.Join(c.t.TempDir(), "clone")
	for {
		err := os.CopyFS(image.dir, os.DirFS(c.dir))
		if err == nil {
			break
		}
		// A snapshot was put in its place meanwhile.
		if !errors.Is(err, fs.ErrNotExist) {
			c.t.Error(err)
			break
		}
		if err := os.RemoveAll(image.dir); err != nil {
			c.t.Error(err)
			break
		}
	}
	image.sm = c.sm.Reboot()
	image.started = c.started.Load()
	c.images = append(c.images, image)
	return image
}

func (c *crashes) work(node *raftlog.Node, proposals int) {
	filler := strings.Repeat(".", 16<<10) // a segment holds 4
	for i := range proposals {
		c.started.Add(1)
		propose(c.t, node, numbered(i)+filler)
		c.acknowledged.Add(1)
		if i%6 == 5 {
			if err := node.Snapshot(deadline(c.t)); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// check opens every image and looks for what must be there.
func (c *crashes) check(cfg raftlog.Config) {
	c.t.Logf("%d crashes", len(c.images))
	for _, image := range c.images {
		cfg.Dir = image.dir
		node, err := raftlog.Open(cfg, image.sm)
		if err != nil {
			c.t.Fatalf("%s: %v", image.at, err)
		}
		if err := node.AwaitLeadership(deadline(c.t)); err != nil {
			c.t.Fatalf("%s: %v", image.at, err)
		}
		propose(c.t, node, "after the crash")
		got := image.sm.Proposals()
		found := int64(len(got) - 1)
		if found < image.acknowledged || found > image.started || string(got[found]) != "after the crash" {
			c.t.Fatalf("%s: found %d proposals of %d acknowledged and %d started", image.at, found, image.acknowledged, image.started)
		}
		for i, data := range got[:found] {
			if text, _, _ := strings.Cut(string(data), "."); text != numbered(i) {
				c.t.Fatalf("%s: found %q in place %d", image.at, text, i)
			}
		}
		closeNode(c.t, node)
	}
}

// The machine stops at each operation on the wal's files, in three ways: everything
// written before is on disk; part of the current write is too; all that was not synced is
// lost. The work is long enough for segments to be begun and deleted.
func TestCrashAtEveryFileOperationOfTheWAL(t *testing.T) {
	t.Parallel()
	cfg := lone(t, raftlog.LogStoreWAL)
	sm := raftlogtest.NewDurable()
	c := &crashes{t: t, dir: cfg.Dir, sm: sm}
	kinds := map[string]int{}
	var files *testFiles
	files = newTestFiles(func(op fileOp) error {
		kinds[op.kind]++
		c.image("before " + op.kind)
		if err := files.loseUnsynced(cfg.Dir, c.image("without what is not synced at "+op.kind).dir); err != nil {
			t.Error(err)
		}
		if op.kind == "write" {
			// The last 8 bytes commit the write.
			for _, n := range []int{op.bytes / 2, op.bytes - 8, op.bytes} {
				if err := op.write(n); err != nil {
					t.Error(err)
				}
				c.image(fmt.Sprintf("after %d of %d bytes", n, op.bytes))
			}
		}
		return nil
	})
	node := lead(t, cfg.WithWALFiles(files), sm)
	c.work(node, 16)
	closeNode(t, node)
	t.Log(kinds)
	for _, kind := range []string{"create", "delete", "write", "sync"} {
		if kinds[kind] < 2 {
			t.Errorf("only %d times %s; the work is too short", kinds[kind], kind)
		}
	}
	c.check(cfg)
}

// The same with boltdb, around each of its transactions.
func TestCrashAroundEveryWriteOfTheBoltDBLog(t *testing.T) {
	t.Parallel()
	cfg := lone(t, raftlog.LogStoreBoltDB)
	sm := raftlogtest.NewDurable()
	c := &crashes{t: t, dir: cfg.Dir, sm: sm}
	watched := &watchedLog{before: func() { c.image("before") }, after: func() { c.image("after") }}
	node := lead(t, cfg.WithLogStore(watched.wrap), sm)
	c.work(node, 16)
	closeNode(t, node)
	c.check(cfg)
}

type watchedLog struct {
	raft.LogStore
	before, after func()
}

func (w *watchedLog) wrap(inner raft.LogStore) raft.LogStore {
	w.LogStore = inner
	return w
}

func (w *watchedLog) do(op func() error) error {
	w.before()
	defer w.after()
	return op()
}

func (w *watchedLog) StoreLogs(logs []*raft.Log) error {
	return w.do(func() error { return w.LogStore.StoreLogs(logs) })
}

func (w *watchedLog) DeleteRange(min, max uint64) error {
	return w.do(func() error { return w.LogStore.DeleteRange(min, max) })
}

// Each operation on the wal's files fails once, and all after it; a write leaves some
// of its bytes. Whatever the library makes of it, the cause reaches the proposer, and
// nothing acknowledged is lost.
func TestEveryFailedFileOperationOfTheWAL(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]func(bytes int) int{
		"half written":       func(bytes int) int { return bytes / 2 },
		"all but the commit": func(bytes int) int { return bytes - 8 },
		"all written":        func(bytes int) int { return bytes },
	} {
		t.Run(name, func(t *testing.T) { failEveryFileOperation(t, written) })
	}
}

func failEveryFileOperation(t *testing.T, written func(bytes int) int) {
	for n := int64(0); ; n++ {
		cfg := lone(t, raftlog.LogStoreWAL)
		var left atomic.Int64
		left.Store(n)
		files := newTestFiles(func(op fileOp) error {
			if left.Add(-1) >= 0 {
				return nil
			}
			if op.kind == "write" {
				if err := op.write(written(op.bytes)); err != nil {
					return err
				}
			}
			return fmt.Errorf("%s %s: %w", op.kind, op.path, syscall.ENOSPC)
		})
		sm := raftlogtest.NewDurable()
		var acknowledged []string
		node, fault := raftlog.Open(cfg.WithWALFiles(files), sm)
		if fault == nil {
			if fault = node.AwaitLeadership(deadline(t)); fault == nil {
				acknowledged, fault = proposeSome(t, node, 12)
			}
			closeNode(t, node)
		}
		if fault != nil && !errors.Is(fault, syscall.ENOSPC) {
			t.Fatalf("fault %d: %v", n, fault)
		}
		if fault == nil && left.Load() >= 0 {
			t.Logf("%d faults", n)
			return
		}
		sm = sm.Reboot()
		node = lead(t, cfg, sm)
		got := texts(sm.Proposals())
		if len(got) > len(acknowledged)+1 || !slices.Equal(got[:len(acknowledged)], acknowledged) {
			t.Fatalf("fault %d: found %d proposals, acknowledged %d", n, len(got), len(acknowledged))
		}
		closeNode(t, node)
	}
}

// proposeSome proposes until a fault, with a snapshot now and then.
func proposeSome(t *testing.T, node *raftlog.Node, most int) (acknowledged []string, fault error) {
	filler := strings.Repeat(".", 16<<10) // a segment holds 4
	for i := range most {
		if _, err := node.Propose(deadline(t), []byte(numbered(i)+filler)); err != nil {
			return acknowledged, err
		}
		acknowledged = append(acknowledged, numbered(i)+filler)
		if i == 8 {
			if err := node.Snapshot(deadline(t)); err != nil {
				return acknowledged, err
			}
		}
	}
	return acknowledged, nil
}
