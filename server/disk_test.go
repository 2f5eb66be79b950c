package server

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/server/api"
	"kont/statemachine/command"
)

// fullDisk is a file system that has no space left once isFull is set.
type fullDisk struct {
	vfs.FS
	isFull atomic.Bool
}

func (d *fullDisk) err() error {
	if d.isFull.Load() {
		return syscall.ENOSPC
	}
	return nil
}

func (d *fullDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.err(); err != nil {
		return nil, err
	}
	file, err := d.FS.Create(name, category)
	return fullFile{file, d}, err
}

func (d *fullDisk) OpenReadWrite(name string, category vfs.DiskWriteCategory, options ...vfs.OpenOption) (vfs.File, error) {
	file, err := d.FS.OpenReadWrite(name, category, options...)
	return fullFile{file, d}, err
}

type fullFile struct {
	vfs.File
	disk *fullDisk
}

func (f fullFile) Write(p []byte) (int, error) {
	if err := f.disk.err(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f fullFile) Sync() error {
	if err := f.disk.err(); err != nil {
		return err
	}
	return f.File.Sync()
}

// The disk fills up under a running node: writes are refused with a clear error,
// what was acknowledged stays readable, and a restart with space goes on.
func TestFullDiskStopsWritesAndKeepsReads(t *testing.T) {
	dir := t.TempDir()
	disk := &fullDisk{FS: vfs.Default}
	c := testConfig(dir)
	c.FS = disk
	n := startNode(t, c)
	deployPuppet(t, n)
	client := newClient(t, n)
	produce(t, client, command.TopicResume, "a", `new:"begin"`)
	produce(t, client, command.TopicResult, "other", "kept")
	waitFor(t, "the thread", func() bool { return n.Status(t.Context()).Stats.ThreadsSuspended == 1 })

	disk.isFull.Store(true)
	if err := n.store.Flush(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("flush on a full disk: %v", err)
	}
	waitFor(t, "the node to say so", func() bool { return !n.Health(t.Context()).Ready })
	if health := n.Health(t.Context()); !strings.Contains(health.Reason, "no space left") || !strings.Contains(health.Reason, "takes no writes") {
		t.Errorf("health %+v", health)
	}
	select {
	case <-n.Done():
		t.Error("the node is done, but what it has should stay readable")
	default:
	}
	record := &kgo.Record{Topic: command.TopicResume, Key: []byte("a"), Value: []byte(`{"ref":"r"}`)}
	once := newClient(t, n, kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.RequestRetries(0))
	if err := once.ProduceSync(testContext(t), record).FirstErr(); err == nil {
		t.Error("a write was acknowledged on a full disk")
	}
	if _, err := n.Deploy(t.Context(), api.DeployRequest{App: "x", ResumeTopic: command.TopicResume, Bundle: []byte("x")}); err == nil {
		t.Error("a deployment was acknowledged on a full disk")
	}
	if err := n.DeleteThread(t.Context(), command.TopicResume, "a"); !errors.Is(err, command.ErrUnavailable) {
		t.Errorf("delete on a full disk: %v", err)
	}
	if records := consume(t, n, command.TopicResult, 1); string(records[0].Value) != "kept" {
		t.Errorf("read %q", records[0].Value)
	}
	if thread, err := n.Thread(t.Context(), command.TopicResume, "a"); err != nil || thread.Status != api.StatusSuspended {
		t.Errorf("thread %+v, %v", thread, err)
	}
	if err := n.Close(); err != nil {
		t.Errorf("close: %v", err)
	}

	disk.isFull.Store(false)
	n = startNode(t, c)
	produce(t, newClient(t, n), command.TopicResume, "a", `{"ref":"r","value":"end"}`)
	waitFor(t, "the thread's end", func() bool { return recordCount(t, n, command.TopicResult) == 2 })
}
