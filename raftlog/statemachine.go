package raftlog

import "io"

// LogIndex is a place in the Raft log. The first entry has 1; 0 is before all.
type LogIndex uint64

// Entry is one log entry as the state machine sees it: proposals that were written
// by one fsync.
type Entry struct {
	Index LogIndex
	// Proposals are in the order in which they take effect. There is at least one.
	// They may be kept, and must not be changed.
	Proposals [][]byte
}

// StateMachine is what raftlog drives. Apply, Snapshot and Restore never overlap,
// and entries come in log order.
type StateMachine interface {
	// Apply applies the proposals of the entries in order and returns one result for
	// each proposal, flattened in the same order. Every node gets the same entries
	// and must come to the same results; entries may be cut into batches in another
	// way on another node, and again on replay.
	//
	// A state machine that cannot go on (its disk is full, an entry does not decode)
	// returns nil. The node then applies nothing more and takes no more proposals;
	// reads of the state machine stay possible. If it has a method Err() error, that
	// error is given as the reason.
	Apply(batch []Entry) []any

	// AppliedIndex is the index of the last entry applied, 0 for none. After a
	// restart it is the index that the state on disk includes: later entries are
	// applied again, earlier ones are not.
	AppliedIndex() LogIndex

	// Snapshot captures the state as of the last Apply. It should be quick, because
	// nothing is applied meanwhile; the writing is done by Persist.
	Snapshot() (Snapshot, error)

	// Restore replaces the state by one that Persist wrote, AppliedIndex included.
	// When it returns nil, the new state survives a power cut; when it fails or the
	// process dies, AppliedIndex must be what it was before, or 0.
	Restore(r io.Reader) error
}

// Snapshot is a captured state.
type Snapshot interface {
	// Size is how many bytes Persist writes.
	Size() (int64, error)
	// Persist writes the state, while later entries are being applied.
	Persist(w io.Writer) error
	// Release is called once, after the last Persist, if any.
	Release()
}

// Flusher is implemented by a StateMachine that keeps its state on its own disk. Its
// node then takes snapshots that hold no data: they say that the state on disk
// includes an index, and the log below it is trimmed. See the package comment.
type Flusher interface {
	// Flush returns nil once everything applied before the call survives a power
	// cut. It runs beside Apply.
	Flush() error
}
