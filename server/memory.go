package server

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// Go collects garbage when the heap has grown by GOGC percent, 100 by default, of
// what was alive after the last collection. A node with little alive, such as one
// whose threads are all parked on disk, would collect after every few megabytes,
// many times a second under load; a third of its processor time went there. A fixed
// higher percentage is no way out: the same factor that is right for 10 MB alive
// takes half a gigabyte at 100 MB.
//
// What a collection costs is not what is alive, but what of it may hold pointers and
// has to be scanned. Steps of workflows leave objects of JavaScript behind, of which
// a node under load has 5 to 30 MB to scan. One that only serves Kafka clients has
// 1 MB to scan, all the rest of its heap is bytes: records, blocks, memory tables.
// Its collections are nearly free, and memory spent to have fewer of them is wasted.
//
// So the heap may grow by a slack that follows what has to be scanned:
//
//	slack = 16 × scanned, of at least 16 MiB and at most what the node is given,
//	        but no less than what is scanned, nor than an eighth of what is alive
//
// where the last line is for heaps that are large: a collection then costs as much for
// each byte as under Go's own percentage, or less.
//
// The percentage is set anew right after each collection, which is when Go knows
// what is alive, so one that came out too large for a heap that grew meanwhile is
// corrected before the heap can follow it. And a node that falls idle collects once
// more and gives the slack back to the operating system.
//
// Collection belongs to the process. Nodes in one process share one tuner, with the
// slack of the first, and nobody's choice is overridden: where GOGC or GOMEMLIMIT is
// set in the environment, nothing is tuned.

const (
	slackPerScanned = 16
	slackBytesMin   = 16 << 20
	alivePerSlack   = 8
	// gcPercentDefault is Go's, until the first collection has told what is alive.
	gcPercentDefault = 100
	// gcPercentChangeMin is the least change worth setting, in percent of the old
	// value: setting stops all goroutines for some microseconds.
	gcPercentChangeMin = 10
	// aliveBytesMin bounds the percentage where next to nothing is alive. It is the
	// heap at which Go collects first, at 100 %; at a higher percentage that grows
	// in proportion, to no more than the slack thanks to this.
	aliveBytesMin = 4 << 20

	// idleEvery is how often the tuner looks whether the node is idle: it allocated
	// less than idleBytesMax since the last look.
	idleEvery    = 3 * time.Second
	idleBytesMax = 1 << 20
)

// memoryTuner is the process's.
var memoryTuner struct {
	mu    sync.Mutex // guards all below
	nodes int
	stop  chan struct{}
	ended sync.WaitGroup
}

// tuneMemory tunes the garbage collector until release is called; a slack of 0 bytes
// leaves it alone.
func tuneMemory(slackBytes int64) (release func()) {
	if slackBytes <= 0 || os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	t := &memoryTuner
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.nodes++; t.nodes == 1 {
		t.stop = make(chan struct{})
		t.ended.Go(func() { runMemoryTuner(slackBytes, t.stop) })
	}
	return sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.nodes--; t.nodes == 0 {
			close(t.stop)
			t.ended.Wait()
		}
	})
}

func runMemoryTuner(slackBytes int64, stop <-chan struct{}) {
	collected := make(chan struct{}, 1)
	tellCollection(collected, stop)
	percent := gcPercentDefault
	before := debug.SetGCPercent(percent)
	defer func() { debug.SetGCPercent(before) }()

	idle := time.NewTicker(idleEvery)
	defer idle.Stop()
	usage := newHeapUsage()
	hasReleased := false
	for {
		if wanted := gcPercentFor(usage.heap(), slackBytes); isWorthSetting(percent, wanted) {
			percent = wanted
			debug.SetGCPercent(percent)
		}
		select {
		case <-stop:
			return
		case <-collected:
		case <-idle.C:
			isIdle := usage.allocatedBytes() < idleBytesMax
			if isIdle && !hasReleased {
				debug.FreeOSMemory()
			}
			hasReleased = isIdle
		}
	}
}

// tellCollection sends to collected, without blocking, after each garbage
// collection: the cleanup of an object that nobody holds runs then, and makes the
// next one.
func tellCollection(collected chan<- struct{}, stop <-chan struct{}) {
	// Large enough, and with a pointer, so that it shares its memory with nothing.
	sentinel := &struct{ _ [4]*byte }{}
	runtime.AddCleanup(sentinel, func(struct{}) {
		select {
		case <-stop:
			return
		case collected <- struct{}{}:
		default:
		}
		tellCollection(collected, stop)
	}, struct{}{})
}

// heap is what the last collection found: the percentage is of the heap, the stacks
// and the globals together.
type heap struct {
	// scannedBytes are those of aliveBytes that may hold pointers.
	aliveBytes, scannedBytes int64
}

// slackBytes is how much h may grow until the next collection.
func (h heap) slackBytes(slackBytesMax int64) int64 {
	wanted := min(max(slackPerScanned*h.scannedBytes, slackBytesMin), slackBytesMax)
	return max(wanted, h.scannedBytes, h.aliveBytes/alivePerSlack)
}

// gcPercentFor is by how many percent of what is alive the heap may grow.
func gcPercentFor(h heap, slackBytesMax int64) int {
	percent := math.Ceil(100 * float64(h.slackBytes(slackBytesMax)) / float64(max(h.aliveBytes, aliveBytesMin)))
	return int(min(percent, math.MaxInt32))
}

func isWorthSetting(percent, wanted int) bool {
	change := max(wanted-percent, percent-wanted)
	return change*100 > percent*gcPercentChangeMin
}

// heapUsage reads the runtime's counts.
type heapUsage struct {
	samples   []metrics.Sample
	allocated uint64
}

func newHeapUsage() *heapUsage {
	u := &heapUsage{samples: []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/scan/stack:bytes"},
		{Name: "/gc/scan/globals:bytes"},
		{Name: "/gc/scan/total:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
	}}
	u.allocatedBytes()
	return u
}

func (u *heapUsage) heap() heap {
	metrics.Read(u.samples)
	found := heap{scannedBytes: int64(u.samples[3].Value.Uint64())}
	for _, sample := range u.samples[:3] {
		found.aliveBytes += int64(sample.Value.Uint64())
	}
	return found
}

// allocatedBytes is what was allocated since the last call.
func (u *heapUsage) allocatedBytes() uint64 {
	metrics.Read(u.samples)
	before := u.allocated
	u.allocated = u.samples[4].Value.Uint64()
	return u.allocated - before
}
