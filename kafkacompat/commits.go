package kafkacompat

import (
	"context"
	"sync"
)

// commits are the commits of offsets that are on their way, by group.
//
// Whether a member may commit is asked of its group, and what it commits goes into the log after that. In between the member may
// lose its partitions, and another one ask where to go on: it has to wait for the commit, or it would do again what comes with that,
// and the commit would set the group back later. A Kafka broker does both under the lock of the group. Here that would hold up all
// members for as long as the log takes.
type commits struct {
	mu sync.Mutex
	// underWay has a channel for each commit, that is closed at its end.
	underWay map[string]map[chan struct{}]struct{}
}

// begin is called before the group is asked, and end when the offsets are in the log, or can't be.
func (c *commits) begin(group string) (end func()) {
	done := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.underWay == nil {
		c.underWay = make(map[string]map[chan struct{}]struct{})
	}
	of := c.underWay[group]
	if of == nil {
		of = make(map[chan struct{}]struct{})
		c.underWay[group] = of
	}
	of[done] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if delete(of, done); len(of) == 0 {
			delete(c.underWay, group)
		}
		close(done)
	}
}

// wait returns when the commits of a group that are on their way have ended, or ctx has.
func (c *commits) wait(ctx context.Context, group string) {
	c.mu.Lock()
	var waited []chan struct{}
	for done := range c.underWay[group] {
		waited = append(waited, done)
	}
	c.mu.Unlock()
	for _, done := range waited {
		select {
		case <-done:
		case <-ctx.Done():
			return
		}
	}
}
