package statemachine

import (
	"github.com/cockroachdb/pebble/v2"
)

const (
	// memTablesMax and sublevelsMax are how far Pebble may be behind with its flushes
	// and its compactions.
	memTablesMax = 4
	sublevelsMax = 24
	// stopWritesNever are thresholds of Pebble's own that are never reached.
	stopWritesNever = 1 << 20
)

// room is where Apply waits while Pebble is behind. Pebble would make a writer wait
// too, but in the middle of Commit and with its locks held, and would not let it go
// when the work that it waits for has failed: on a full disk Apply, Flush and Close
// would never return.
type room struct {
	// unseen is how much was committed since the last look, guarded by applyMu.
	unseen uint64
	// graves is how many bytes of batches were deleted since the last flush for them,
	// guarded by applyMu.
	graves uint64
	// freed has a token after Pebble has caught up with something.
	freed chan struct{}
}

func newRoom() room { return room{freed: make(chan struct{}, 1)} }

// free is called at the end of each flush and compaction.
func (r *room) free() {
	select {
	case r.freed <- struct{}{}:
	default:
	}
}

// waitForRoom returns once Pebble may take a batch of any size, or the store has
// failed. To look costs more than a small batch, so a memory table full is let pass
// between two looks.
func (s *Store) waitForRoom() error {
	if s.room.unseen < s.options.MemTableBytes {
		return nil
	}
	for isFirst := true; ; isFirst = false {
		metrics := s.db.Metrics()
		reason := ""
		switch {
		case metrics.MemTable.Size >= memTablesMax*s.options.MemTableBytes:
			reason = "memory tables wait for a flush"
		case metrics.Levels[0].Sublevels >= sublevelsMax:
			reason = "level 0 waits for a compaction"
		default:
			s.room.unseen = 0
			return nil
		}
		if isFirst {
			s.options.Logger.Warn("writes wait for the disk", "reason", reason)
		}
		select {
		case <-s.room.freed:
		case <-s.failure.failed:
			return s.failure.get()
		case <-s.closing:
			return pebble.ErrClosed
		}
	}
}

// gravesBytesMax is how many bytes of batches may have been deleted before a flush is
// begun for it.
const gravesBytesMax = 16 << 20

// flushGraves begins a flush after many records were deleted. Pebble gives back the
// disk of what was deleted once the deletion is in a file itself, and on a node that
// writes little that would be much later. What is still in level 0, some memory
// tables, stays until it is compacted: to force that would read all that is deleted.
func (s *Store) flushGraves(bytes uint64) {
	s.room.graves += bytes
	if s.room.graves < gravesBytesMax {
		return
	}
	s.room.graves = 0
	if _, err := s.db.AsyncFlush(); err != nil {
		s.failed("flush", err)
	}
}
