package bench

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// latencies collects durations from many goroutines. It keeps all of them, four
// bytes each: a run that is long enough to matter for memory is longer than any
// that makes sense here.
type latencies struct {
	mu     sync.Mutex // guards micros
	micros []uint32
}

func (l *latencies) add(d time.Duration) {
	micros := uint32(min(max(d.Microseconds(), 0), 1<<32-1))
	l.mu.Lock()
	l.micros = append(l.micros, micros)
	l.mu.Unlock()
}

func (l *latencies) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.micros)
}

// summary gives the 50th and 99th percentile and the greatest, in milliseconds.
func (l *latencies) summary() (p50, p99, greatest float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.micros) == 0 {
		return 0, 0, 0
	}
	slices.Sort(l.micros)
	return l.quantileLocked(0.50), l.quantileLocked(0.99), l.quantileLocked(1)
}

// quantileLocked is the nearest-rank quantile of the sorted durations.
func (l *latencies) quantileLocked(q float64) float64 {
	rank := int(q*float64(len(l.micros))+0.999999) - 1
	return float64(l.micros[min(max(rank, 0), len(l.micros)-1)]) / 1000
}

// window is the time in which operations count.
type window struct {
	openUnixNano, closeUnixNano atomic.Int64
}

func (w *window) open(from time.Time, length time.Duration) {
	w.openUnixNano.Store(from.UnixNano())
	w.closeUnixNano.Store(from.Add(length).UnixNano())
}

func (w *window) holds(at time.Time) bool {
	nano := at.UnixNano()
	return nano >= w.openUnixNano.Load() && nano < w.closeUnixNano.Load()
}
