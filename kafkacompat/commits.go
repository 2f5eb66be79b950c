package kafkacompat

import (
	"context"
	"fmt"
	"sync"

	"kont/statemachine/command"
)

// commits are the commits of offsets that are on their way, by group.
//
// Whether a member may commit is asked of its group, and what it commits goes into the log after that. In between the member may
// lose its partitions, and another one ask where to go on: it has to wait for the commit, or it would do again what comes with that,
// and the commit would set the group back later. A Kafka broker does both under the lock of the group. Here that would hold up all
// members for as long as the log takes.
//
// A commit that the log has not answered in the time of a request is on its way all the same, until the log tells what became of it, which it does when
// this node leads no more at the latest.
type commits struct {
	mu sync.Mutex
	// underWay are those of each group.
	underWay map[string]map[*commit]struct{}
	// overdue counts the proposals that are awaited by no request any more.
	overdue int
}

// overdueMax bounds what is kept of clients that come again and again while the log stands still.
const overdueMax = 256

// commit is one that is under way while somebody holds it.
type commit struct {
	of    *commits
	group string
	// holders are its request and its proposals; guarded by of.mu.
	holders int
	// ended is closed at its end.
	ended chan struct{}
}

// begin is called before the group is asked. The request holds what it returns.
func (c *commits) begin(group string) *commit {
	began := &commit{of: c, group: group, holders: 1, ended: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.underWay == nil {
		c.underWay = make(map[string]map[*commit]struct{})
	}
	of := c.underWay[group]
	if of == nil {
		of = make(map[*commit]struct{})
		c.underWay[group] = of
	}
	of[began] = struct{}{}
	return began
}

// hold is for a proposal. It is refused while too many are overdue.
func (m *commit) hold() (isHeld bool) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	if m.of.overdue >= overdueMax {
		return false
	}
	m.holders++
	return true
}

// addOverdue is 1 for a proposal whose request has gone, and -1 when the log has answered that.
func (m *commit) addOverdue(n int) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	m.of.overdue += n
}

func (m *commit) release() {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	if m.holders--; m.holders > 0 {
		return
	}
	of := m.of.underWay[m.group]
	if delete(of, m); len(of) == 0 {
		delete(m.of.underWay, m.group)
	}
	close(m.ended)
}

// commitLog is the log of a request that commits offsets.
type commitLog struct {
	Log
	commit *commit
}

// Propose returns with ctx, and the commit is under way until the log has answered.
func (l commitLog) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	type outcome struct {
		result command.Result
		err    error
	}
	known := make(chan outcome, 1)
	if !l.commit.hold() {
		return nil, fmt.Errorf("the log stands still, and many commits wait for it: %w", command.ErrUnavailable)
	}
	go func() {
		defer l.commit.release()
		result, err := l.Log.Propose(context.WithoutCancel(ctx), c)
		known <- outcome{result, err}
	}()
	select {
	case o := <-known:
		return o.result, o.err
	case <-ctx.Done():
		l.commit.addOverdue(1)
		go func() {
			<-known
			l.commit.addOverdue(-1)
		}()
		return nil, context.Cause(ctx)
	}
}

// wait returns when the commits of a group that are on their way have ended, or ctx has, and whether there were any.
func (c *commits) wait(ctx context.Context, group string) (hasWaited bool) {
	c.mu.Lock()
	var waited []*commit
	for m := range c.underWay[group] {
		waited = append(waited, m)
	}
	c.mu.Unlock()
	for _, m := range waited {
		select {
		case <-m.ended:
		case <-ctx.Done():
			return true
		}
	}
	return len(waited) > 0
}
