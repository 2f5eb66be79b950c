package kafkacompat

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// storeTimeout bounds one write of a group. After it the write may still happen; the
// next one contains it.
const storeTimeout = 30 * time.Second

// A groupWriter is the way into the log of all groups that a coordinator makes in one leadership. In a later one they have no way any more: another
// node may have led in between, and what they would write is older than what it has written.
type groupWriter struct {
	log     Log
	cluster Cluster
	// epoch is the leader epoch of that leadership.
	epoch  int32
	logger *slog.Logger
	ctx    context.Context
	cancel context.CancelCauseFunc
	// running counts the goroutines that write, in earlier leaderships, too.
	running *sync.WaitGroup
}

func newGroupWriter(log Log, cluster Cluster, epoch int32, logger *slog.Logger) *groupWriter {
	w := &groupWriter{log: log, cluster: cluster, epoch: epoch, logger: logger, running: new(sync.WaitGroup)}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	return w
}

// next ends all writes, and is the writer of the next leadership.
func (w *groupWriter) next(epoch int32) *groupWriter {
	w.cancel(kerr.NotCoordinator)
	later := newGroupWriter(w.log, w.cluster, epoch, w.logger)
	later.running = w.running
	return later
}

// close ends all writes, and returns after the last.
func (w *groupWriter) close() {
	w.cancel(kerr.NotCoordinator)
	w.running.Wait()
}

// write refuses what is of another leadership than the present one. Timers of groups run on until somebody asks this node about a group and they are
// forgotten, and the log takes whatever the node that leads proposes.
func (w *groupWriter) write(c command.StoreGroup) error {
	if leader, epoch := w.cluster.Leader(); leader != w.cluster.NodeID() || epoch != w.epoch {
		return kerr.NotCoordinator
	}
	ctx, cancel := context.WithTimeout(w.ctx, storeTimeout)
	defer cancel()
	_, err := w.log.Propose(ctx, c)
	return err
}

// A groupStore keeps one group in the log. A group has one write on its way at a
// time; what is to be kept meanwhile goes with the next one, so that a group in which
// thousands move costs few writes, and a later state never overtakes an earlier one.
//
// What could not be written stays to be written: the next write has it, too.
type groupStore struct {
	writer *groupWriter
	group  string
	// lock is the group's; it guards the fields below.
	lock sync.Locker

	// isKept says that the log may have parts of the group.
	isKept    bool
	isWriting bool
	waiting   pendingParts
	// isEnded: another group, of another leader or of another type, keeps what there
	// is to keep under the name from now on, and nothing may overwrite that.
	isEnded bool
	// isTooLarge: the last write was refused for its size. The group goes on in
	// memory alone.
	isTooLarge bool
}

// pendingParts is a write to come.
type pendingParts struct {
	isWhole bool
	// parts has a nil value for what is to be deleted.
	parts map[string][]byte
	// done are called with the group's lock held.
	done []func(error)
}

func (p *pendingParts) isEmpty() bool { return !p.isWhole && len(p.parts) == 0 && len(p.done) == 0 }

// add makes later happen after p.
func (p *pendingParts) add(later pendingParts) {
	if later.isWhole {
		p.isWhole, p.parts = true, nil
	}
	if p.parts == nil {
		p.parts = make(map[string][]byte, len(later.parts))
	}
	maps.Copy(p.parts, later.parts)
	p.done = append(p.done, later.done...)
}

// keep has parts written, a nil value deleting one; isWhole says that these are all
// that there are. done is called when they are in the log, or can't be, with the
// group's lock held and never before keep returns. The caller holds the lock.
func (s *groupStore) keep(isWhole bool, parts map[string][]byte, done func(error)) {
	later := pendingParts{isWhole: isWhole, parts: parts}
	if done != nil {
		later.done = []func(error){done}
	}
	s.waiting.add(later)
	s.isKept = true
	if !s.isWriting {
		s.isWriting = true
		s.writer.running.Go(s.run)
	}
}

// hasUnwritten says whether a write failed and none has come since.
func (s *groupStore) hasUnwritten() bool { return !s.isWriting && !s.waiting.isEmpty() }

// run writes until there is nothing more to write, or a write fails.
func (s *groupStore) run() {
	s.lock.Lock()
	defer s.lock.Unlock()
	for !s.waiting.isEmpty() {
		now := s.waiting
		s.waiting = pendingParts{}
		isEnded := s.isEnded
		s.lock.Unlock()
		var err error
		if isEnded {
			err = kerr.NotCoordinator
		} else if now.isWhole || len(now.parts) > 0 && !s.isTooLarge { // else somebody waits for what was before
			err = s.write(now)
		}
		s.lock.Lock()
		tooLarge := errors.Is(err, command.ErrLimit) || s.isTooLarge && !now.isWhole
		if tooLarge && !s.isTooLarge {
			s.writer.logger.Warn("consumer group is too large to be kept; its members will have to join again after a restart",
				"group", s.group, "error", err)
		}
		if s.isTooLarge = tooLarge; tooLarge {
			err = nil // nobody has to wait for what will never be
		}
		failed := err != nil && s.writer.ctx.Err() == nil && !s.isEnded
		if failed {
			s.writer.logger.Warn("keep consumer group", "group", s.group, "error", err)
			again := pendingParts{isWhole: now.isWhole, parts: now.parts}
			again.add(s.waiting)
			s.waiting = again
		}
		for _, done := range now.done {
			done(err)
		}
		if err != nil {
			// Those who came meanwhile are told as well, rather than tried one
			// after the other on a node that takes no writes.
			late := s.waiting.done
			s.waiting.done = nil
			for _, done := range late {
				done(err)
			}
			break
		}
	}
	s.isWriting = false
}

func (s *groupStore) write(p pendingParts) error {
	c := command.StoreGroup{Group: s.group, IsWhole: p.isWhole}
	for _, name := range slices.Sorted(maps.Keys(p.parts)) {
		if value := p.parts[name]; value != nil || !p.isWhole {
			c.Parts = append(c.Parts, command.GroupPart{Name: name, Value: value})
		}
	}
	err := s.writer.write(c)
	if errors.Is(err, command.ErrLimit) {
		// What is there of an earlier time would be wrong after a restart.
		if err := s.writer.write(command.StoreGroup{Group: s.group, IsWhole: true}); err != nil && !errors.Is(err, command.ErrLimit) {
			return err
		}
	}
	return err
}
