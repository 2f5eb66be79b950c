package runner

import (
	"fmt"
	"testing"

	"kont/statemachine/command"
)

func TestThreadCacheForgetsTheLeastUsedAboveItsBytes(t *testing.T) {
	c := newThreadCache(4 * (cacheEntryBytes + 2 + 100))
	suspended := func(stepID uint64) state {
		return state{status: command.ThreadSuspended, stepID: stepID, continuation: make([]byte, 100)}
	}
	for i := range 4 {
		c.put(named(fmt.Sprint("t", i)), suspended(uint64(i)))
	}
	c.get(named("t0"))
	c.put(named("t4"), suspended(4))
	for key, want := range map[string]bool{"t0": true, "t1": false, "t2": true, "t3": true, "t4": true} {
		if _, exists := c.get(named(key)); exists != want {
			t.Errorf("%s is there: %v", key, exists)
		}
	}
	c.put(named("t0"), state{})
	c.put(named("t2"), suspended(9))
	c.put(named("big"), state{status: command.ThreadSuspended, continuation: make([]byte, 10_000)})
	if s, exists := c.get(named("t2")); !exists || s.stepID != 9 {
		t.Errorf("t2 is %+v, %v", s, exists)
	}
	for _, key := range []string{"t2", "t3", "t4"} {
		c.forget(named(key))
	}
	if c.bytes != 0 || len(c.entries) != 0 || c.order.Len() != 0 {
		t.Errorf("%d bytes, %d entries, %d in order are left", c.bytes, len(c.entries), c.order.Len())
	}
}
