package server

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

func TestHeapMayGrowBySlackOrDouble(t *testing.T) {
	const mebibyte = 1 << 20
	for _, c := range []struct {
		name         string
		alive, slack int64
		percent      int
	}{
		{"nothing alive", 0, 64 * mebibyte, 1600},
		{"little alive", 16 * mebibyte, 64 * mebibyte, 400},
		{"as much alive as slack", 64 * mebibyte, 64 * mebibyte, 100},
		{"much alive", 1024 * mebibyte, 64 * mebibyte, 100},
		{"slack without bound", 0, 1 << 62, 1<<31 - 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := gcPercentFor(c.alive, c.slack); got != c.percent {
				t.Errorf("%d bytes alive, %d slack: %d %%, want %d %%", c.alive, c.slack, got, c.percent)
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

	large := make([]byte, 256<<20)
	awaitPercent(t, "much is alive", func(percent int) bool { return percent == gcPercentMin })
	runtime.KeepAlive(large)
	large = nil
	awaitPercent(t, "little is alive", func(percent int) bool { return percent > 2*gcPercentMin })

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
