package server

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

func TestHeapMayGrowByWhatScanningIsWorth(t *testing.T) {
	const mebibyte = 1 << 20
	for _, c := range []struct {
		name                  string
		alive, scanned, slack int64
		percent               int
	}{
		{"nothing alive", 0, 0, 64 * mebibyte, 400},
		{"bytes of records", 32 * mebibyte, mebibyte, 64 * mebibyte, 50},
		{"many bytes of records", 1024 * mebibyte, mebibyte, 64 * mebibyte, 13},
		{"few objects", 32 * mebibyte, 2 * mebibyte, 64 * mebibyte, 100},
		{"objects", 16 * mebibyte, 5 * mebibyte, 64 * mebibyte, 400},
		{"as many objects as slack", 64 * mebibyte, 64 * mebibyte, 64 * mebibyte, 100},
		{"many objects", 1024 * mebibyte, 1000 * mebibyte, 64 * mebibyte, 98},
		{"less slack than one would take", 32 * mebibyte, mebibyte, 8 * mebibyte, 25},
		{"slack without bound", 1 << 40, 1 << 39, 1 << 62, 800},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := gcPercentFor(heap{aliveBytes: c.alive, scannedBytes: c.scanned}, c.slack); got != c.percent {
				t.Errorf("%d bytes alive, %d scanned, %d slack: %d %%, want %d %%", c.alive, c.scanned, c.slack, got, c.percent)
			}
		})
	}
}

// The tuner follows the heap in both directions, and leaves Go's setting behind as
// it found it.
func TestTunerFollowsWhatIsAlive(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	before := gcPercent()
	release := tuneMemory(64 << 20)
	second := tuneMemory(1)

	bytes := make([]byte, 256<<20)
	awaitPercent(t, "many bytes are alive", func(percent int) bool { return percent < 50 })
	runtime.KeepAlive(bytes)
	bytes = nil
	awaitPercent(t, "little is alive", func(percent int) bool { return percent > 200 })
	pointers := make([]*byte, 8<<20)
	awaitPercent(t, "much is to be scanned", func(percent int) bool { return percent > 60 && percent < 140 })
	runtime.KeepAlive(pointers)

	second()
	release()
	release() // does nothing more
	if after := gcPercent(); after != before {
		t.Errorf("after the last node: %d %%, want %d %%", after, before)
	}
}

func TestTunerLeavesTheOperatorsChoiceAlone(t *testing.T) {
	before := gcPercent()
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", "")
			t.Setenv("GOMEMLIMIT", "")
			t.Setenv(name, "100")
			defer tuneMemory(64 << 20)()
			runtime.GC()
			if now := gcPercent(); now != before {
				t.Errorf("%d %%, want %d %%", now, before)
			}
		})
	}
}

// awaitPercent collects garbage until the percentage is as wanted; each collection
// wakes the tuner.
func awaitPercent(t *testing.T, when string, isWanted func(int) bool) {
	t.Helper()
	for range 1000 {
		runtime.GC()
		runtime.Gosched()
		if isWanted(gcPercent()) {
			return
		}
	}
	t.Fatalf("%s: still %d %%", when, gcPercent())
}

// gcPercent is what is set.
func gcPercent() int {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}
