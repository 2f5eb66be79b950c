package raftlog_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kont/raftlog"
)

// counting is a state machine that costs nothing.
type counting struct{ applied atomic.Uint64 }

func (c *counting) Apply(batch []raftlog.Entry) []any {
	n := 0
	for _, entry := range batch {
		n += len(entry.Proposals)
	}
	c.applied.Store(uint64(batch[len(batch)-1].Index))
	return make([]any, n)
}
func (c *counting) AppliedIndex() raftlog.LogIndex { return raftlog.LogIndex(c.applied.Load()) }
func (c *counting) Flush() error                   { return nil }
func (c *counting) Snapshot() (raftlog.Snapshot, error) {
	return nil, fmt.Errorf("a lone node with a Flusher sends no snapshots")
}

// BenchmarkPropose sketches one fsync a batch; a batch holds what arrived during the
// one before, about half of the writers.
func BenchmarkPropose(b *testing.B) {
	for _, logStore := range logStores {
		for _, writers := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("store=%s/writers=%d/bytes=1024", logStore, writers), func(b *testing.B) {
				cfg := lone(b, logStore)
				cfg.WALSegmentBytes = 0 // as in production
				node := lead(b, cfg, restoreNever{&counting{}})
				data := make([]byte, 1024)
				var left atomic.Int64
				left.Store(int64(b.N))
				var group sync.WaitGroup
				b.ResetTimer()
				start := time.Now()
				for range writers {
					group.Go(func() {
						for left.Add(-1) >= 0 {
							if _, err := node.Propose(context.Background(), data); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				group.Wait()
				b.StopTimer()
				stats := node.Stats()
				b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "proposals/s")
				b.ReportMetric(float64(stats.Proposals)/float64(stats.Batches), "proposals/batch")
				b.ReportMetric(float64(stats.LogWrites.Sum.Microseconds())/float64(stats.LogWrites.Count), "µs/write")
			})
		}
	}
}

type restoreNever struct{ *counting }

func (restoreNever) Restore(io.Reader) error { return fmt.Errorf("not expected") }

// BenchmarkOpen is the time from Open to leadership, with nothing to replay and with a
// log as long as it gets between two snapshots.
func BenchmarkOpen(b *testing.B) {
	for _, logStore := range logStores {
		for _, logBytes := range []int{0, 16 << 20} {
			b.Run(fmt.Sprintf("store=%s/log=%d", logStore, logBytes), func(b *testing.B) {
				cfg := lone(b, logStore)
				cfg.WALSegmentBytes = 0
				cfg.SnapshotBytes = 1 << 40
				sm := restoreNever{&counting{}}
				node := lead(b, cfg, sm)
				data := make([]byte, 8192)
				for range logBytes / len(data) {
					if _, err := node.ProposeAsync(context.Background(), data); err != nil {
						b.Fatal(err)
					}
				}
				closeNode(b, node)
				for b.Loop() {
					node := lead(b, cfg, restoreNever{&counting{}})
					b.StopTimer()
					closeNode(b, node)
					b.StartTimer()
				}
			})
		}
	}
}
