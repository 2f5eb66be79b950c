package server

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// leading runs what only the leader runs, as long as this node leads.
type leading struct {
	logger *slog.Logger
	// changes tells whether the node leads; see raftlog.Node.Leadership.
	changes <-chan bool
	// prepare is called on a new leader before its parts start.
	prepare func(context.Context) error
	// parts are started in order and stopped in reverse.
	parts []leaderPart

	// isReady: this node leads, and its parts run.
	isReady atomic.Bool
	// ready has a token after isReady has become true.
	ready chan struct{}

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// leaderPart runs between Start and Stop, and has ended when Stop returns.
type leaderPart interface {
	Start()
	Stop()
}

func newLeading(logger *slog.Logger, changes <-chan bool, prepare func(context.Context) error, parts ...leaderPart) *leading {
	l := &leading{logger: logger, changes: changes, prepare: prepare, parts: parts, ready: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

func (l *leading) start() { l.running.Go(l.follow) }

// close returns when all parts have stopped.
func (l *leading) close() error {
	l.cancel()
	l.running.Wait()
	return nil
}

// follow acts on each change of leadership until the channel or l is closed.
func (l *leading) follow() {
	defer l.down()
	leads, isOpen := false, true
	for isOpen {
		// A true after a true was another term in between: stop in any case.
		l.down()
		var retry <-chan time.Time
		if leads {
			if err := l.prepare(l.ctx); err != nil {
				l.logger.Warn("become leader", "error", err)
				retry = time.After(prepareAgainAfter)
			} else {
				l.up()
			}
		}
		select {
		case <-l.ctx.Done():
			return
		case <-retry:
		case leads, isOpen = <-l.changes:
		}
	}
}

// prepareAgainAfter is the pause after a failed preparation.
const prepareAgainAfter = 100 * time.Millisecond

func (l *leading) up() {
	for _, part := range l.parts {
		part.Start()
	}
	l.isReady.Store(true)
	l.logger.Info("node leads")
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

func (l *leading) down() {
	if !l.isReady.Swap(false) {
		return
	}
	for i := len(l.parts) - 1; i >= 0; i-- {
		l.parts[i].Stop()
	}
	l.logger.Info("node leads no more")
}
