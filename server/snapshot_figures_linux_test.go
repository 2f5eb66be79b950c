package server

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var snapshotMiBFlag = flag.Int("snapshot-mib", 0, "measure what a snapshot of so much state costs the leader that sends it, and the follower")

// largestPause is the longest time between a record and its acknowledgement, of a client that sends one after the other.
type largestPause struct{ nanos, records atomic.Int64 }

func (l *largestPause) take() (pause time.Duration, records int64) {
	return time.Duration(l.nanos.Swap(0)), l.records.Swap(0)
}

func (l *largestPause) produce(ctx context.Context, t *testing.T, client *kgo.Client) {
	for ctx.Err() == nil {
		began := time.Now()
		if err := client.ProduceSync(ctx, &kgo.Record{Topic: "orders", Key: []byte("k"), Value: make([]byte, 1000)}).FirstErr(); err != nil {
			if ctx.Err() == nil {
				t.Error(err)
			}
			return
		}
		l.records.Add(1)
		if took := int64(time.Since(began)); took > l.nanos.Load() {
			l.nanos.Store(took)
		}
	}
}

// diskBytes is what a directory takes on disk, each file once however many names it has.
func diskBytes(dir string) (bytes int64) {
	seen := map[uint64]bool{}
	filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error { //nolint:errcheck // files come and go
		if err != nil {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && !seen[stat.Ino] {
			seen[stat.Ino] = true
			bytes += stat.Blocks * 512
		}
		return nil
	})
	return bytes
}

// A node that needs more than the log keeps gets the state while the leader serves. This measures; docs/performance.md has the figures.
func TestFigureOfASnapshotThatIsSent(t *testing.T) {
	if *snapshotMiBFlag == 0 {
		t.Skip("-snapshot-mib is 0")
	}
	c := newTestCluster(t, 3)
	behind := c.follower().identity.NodeID
	client := c.client(kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(64))
	produce(t, client, "orders", "k", "first")
	c.stop(behind)
	began := time.Now()
	var failed atomic.Pointer[error]
	for range *snapshotMiBFlag * 4 {
		value := make([]byte, 256<<10)
		rand.Read(value)
		client.Produce(context.Background(), &kgo.Record{Topic: "orders", Key: value[:8], Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	if err := client.Flush(context.Background()); err != nil || failed.Load() != nil {
		t.Fatal(err, failed.Load())
	}
	leader := c.leader()
	t.Logf("%d MiB in %v, the log begins at %d, and the state at %d", *snapshotMiBFlag, time.Since(began).Round(time.Second), leader.raft.Stats().FirstIndex, leader.store.AppliedIndex())

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var producing sync.WaitGroup
	pauses := &largestPause{}
	producing.Go(func() { pauses.produce(ctx, t, c.client()) })
	phase := func(what string, until func() bool) {
		pauses.take()
		began := time.Now()
		dirs := map[string]string{"leader": leader.config.DataDir, "follower": c.configs[behind].DataDir}
		before, most := map[string]int64{}, map[string]int64{}
		for name, dir := range dirs {
			before[name] = diskBytes(dir)
		}
		for !until() {
			for name, dir := range dirs {
				most[name] = max(most[name], diskBytes(dir))
			}
			time.Sleep(20 * time.Millisecond) // between two measurements
		}
		took := time.Since(began)
		pause, records := pauses.take()
		t.Logf("%s: %v, longest wait for an acknowledgement %v of %d records; disk of the leader %d MiB, at most %d; of the follower %d MiB, at most %d, then %d", what, took.Round(10*time.Millisecond),
			pause.Round(time.Millisecond), records, before["leader"]>>20, most["leader"]>>20, before["follower"]>>20, most["follower"]>>20, diskBytes(dirs["follower"])>>20)
	}
	settled := time.Now().Add(10 * time.Second)
	phase("without the follower", func() bool { return time.Now().After(settled) })
	local := make(chan error, 1)
	go func() { local <- leader.raft.Snapshot(ctx) }()
	phase("a snapshot is taken", func() bool {
		select {
		case err := <-local:
			if err != nil {
				t.Error(err)
			}
			return true
		default:
			return false
		}
	})
	started := make(chan error, 1)
	go func() {
		settings := c.configs[behind]
		startCtx, cancel := context.WithTimeout(ctx, 20*time.Minute)
		defer cancel()
		node, err := Start(startCtx, settings)
		if err == nil {
			c.nodes[behind] = node
			t.Cleanup(func() { node.Close() }) //nolint:errcheck // it was measured
		}
		started <- err
	}()
	phase("it comes back", func() bool {
		select {
		case err := <-started:
			if err != nil {
				t.Error(err)
			}
			return true
		default:
			return false
		}
	})
	dropped := time.Now().Add(10 * time.Second)
	phase("afterwards", func() bool { return time.Now().After(dropped) })
	if now := c.leader(); now != leader {
		t.Errorf("node %d leads, and it was node %d", now.identity.NodeID, leader.identity.NodeID)
	}
	cancel()
	producing.Wait()
	if err := ctx.Err(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
