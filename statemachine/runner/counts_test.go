package runner

import (
	"sync"
	"testing"
	"time"

	"kont/statemachine/command"
)

// counts is what the runner tells its observer.
type counts struct {
	mutex     sync.Mutex
	outcomes  map[command.Outcome]int
	unmatched map[command.UnmatchedClass]int
	dropped   int
	events    int
	bytes     int64
}

func (c *counts) ObserveStep(outcome command.Outcome, _ time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.outcomes[outcome]++
}

func (c *counts) ObserveUnmatched(reason command.UnmatchedClass) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.unmatched[reason]++
}

func (c *counts) ObserveRefusedStep() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.dropped++
}

func (c *counts) ObserveQueue(events int, bytes int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.events, c.bytes = events, bytes
}

// waitCounted waits for what the runner says of its steps, which it does after their events are consumed; stopped in between, it says nothing.
func (f *fixture) waitCounted(t *testing.T, isThere func(*counts) bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		f.counts.mutex.Lock()
		isIt := isThere(f.counts)
		f.counts.mutex.Unlock()
		if isIt {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %+v", f.counts)
		}
	}
}

func (c *counts) steps() (sum int) {
	for _, n := range c.outcomes {
		sum += n
	}
	return sum
}
