// Package raftlogtest holds state machines for tests of code that uses raftlog: SM
// keeps all proposals in memory, Durable also pretends to have a disk. They refuse to be
// misused: calls that overlap or entries out of order panic, since raftlog promises
// neither happens. They store nothing, and need nothing of the caller.
package raftlogtest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"kont/raftlog"
)

// Result is the default result of a proposal.
type Result struct {
	// Index is that of the proposal's log entry.
	Index raftlog.LogIndex
	// Ordinal counts the proposals ever applied; the first has 1.
	Ordinal int
	// Data is the proposal.
	Data []byte
}

// SM is a raftlog.StateMachine that remembers every proposal. It has no disk: after a
// restart a new one begins with nothing and is restored from a snapshot and the log.
type SM struct {
	// OnApply, if set before use, gives the result in place of a Result.
	OnApply func(Result) any
	// Batches gets the number of entries of every Apply, if set before use.
	Batches func(entries int)

	busy atomic.Bool

	mu    sync.Mutex
	state state // guarded by mu
	fault error // guarded by mu
}

type state struct {
	applied   raftlog.LogIndex
	proposals [][]byte
}

var _ raftlog.StateMachine = (*SM)(nil)

// New returns an empty state machine.
func New() *SM { return &SM{} }

// enter panics if calls overlap.
func (s *SM) enter(what string) func() {
	if !s.busy.CompareAndSwap(false, true) {
		panic("raftlogtest: " + what + " overlaps with another call")
	}
	return func() { s.busy.Store(false) }
}

// Apply implements raftlog.StateMachine.
func (s *SM) Apply(batch []raftlog.Entry) []any {
	defer s.enter("Apply")()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return nil
	}
	if s.Batches != nil {
		s.Batches(len(batch))
	}
	var results []any
	for _, entry := range batch {
		if entry.Index <= s.state.applied {
			panic(fmt.Sprintf("raftlogtest: entry %d after %d", entry.Index, s.state.applied))
		}
		if len(entry.Proposals) == 0 {
			panic(fmt.Sprintf("raftlogtest: entry %d is empty", entry.Index))
		}
		for _, data := range entry.Proposals {
			s.state.proposals = append(s.state.proposals, data)
			result := Result{Index: entry.Index, Ordinal: len(s.state.proposals), Data: data}
			if s.OnApply != nil {
				results = append(results, s.OnApply(result))
			} else {
				results = append(results, result)
			}
		}
		s.state.applied = entry.Index
	}
	return results
}

// Fail lets every later Apply fail with err.
func (s *SM) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

// Err is what Fail was given.
func (s *SM) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// AppliedIndex implements raftlog.StateMachine.
func (s *SM) AppliedIndex() raftlog.LogIndex {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.applied
}

// Proposals are all that were applied, in order.
func (s *SM) Proposals() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state.proposals)
}

// Snapshot implements raftlog.StateMachine.
func (s *SM) Snapshot() (raftlog.Snapshot, error) {
	defer s.enter("Snapshot")()
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshot{state{s.state.applied, slices.Clone(s.state.proposals)}}, nil
}

// Restore implements raftlog.StateMachine.
func (s *SM) Restore(r io.Reader) error {
	defer s.enter("Restore")()
	restored, err := readState(bufio.NewReader(r))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = restored
	return nil
}

type snapshot struct{ state state }

// encode has the applied index, the count and every proposal with its length, all as varints.
func (s snapshot) encode() []byte {
	b := binary.AppendUvarint(nil, uint64(s.state.applied))
	b = binary.AppendUvarint(b, uint64(len(s.state.proposals)))
	for _, data := range s.state.proposals {
		b = append(binary.AppendUvarint(b, uint64(len(data))), data...)
	}
	return b
}

func (s snapshot) Size() (int64, error) { return int64(len(s.encode())), nil }

func (s snapshot) Persist(w io.Writer) error {
	_, err := w.Write(s.encode())
	return err
}

func (s snapshot) Release() {}

func readState(r *bufio.Reader) (state, error) {
	applied, err := binary.ReadUvarint(r)
	if err != nil {
		return state{}, err
	}
	count, err := binary.ReadUvarint(r)
	if err != nil {
		return state{}, err
	}
	restored := state{applied: raftlog.LogIndex(applied)}
	for range count {
		size, err := binary.ReadUvarint(r)
		if err != nil {
			return state{}, err
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(r, data); err != nil {
			return state{}, err
		}
		restored.proposals = append(restored.proposals, data)
	}
	return restored, nil
}

// Durable is an SM with a disk of its own, so its node's snapshots hold no data.
type Durable struct {
	*SM
	// OnRestore, if set before use, is asked before and after a state is restored; an error ends Restore.
	OnRestore func(what string) error

	mu        sync.Mutex
	onDisk    state // guarded by mu
	flushFail error // guarded by mu
}

var _ raftlog.Flusher = (*Durable)(nil)

// NewDurable returns an empty state machine with an empty disk.
func NewDurable() *Durable { return &Durable{SM: New()} }

// Flush implements raftlog.Flusher.
func (d *Durable) Flush() error {
	d.SM.mu.Lock()
	flushed := state{d.state.applied, slices.Clone(d.state.proposals)}
	d.SM.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flushFail != nil {
		return d.flushFail
	}
	d.onDisk = flushed
	return nil
}

// FailFlush lets every later Flush fail with err.
func (d *Durable) FailFlush(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flushFail = err
}

// Restore implements raftlog.StateMachine; the restored state is on disk.
func (d *Durable) Restore(r io.Reader) error {
	if d.OnRestore != nil {
		if err := d.OnRestore("before the restore"); err != nil {
			return err
		}
	}
	if err := d.SM.Restore(r); err != nil {
		return err
	}
	if err := d.Flush(); err != nil {
		return err
	}
	if d.OnRestore != nil {
		return d.OnRestore("after the restore")
	}
	return nil
}

// Reboot returns what a new process finds after a power cut: the state as of the last
// Flush. It may be called while a node uses d.
func (d *Durable) Reboot() *Durable {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := state{d.onDisk.applied, slices.Clone(d.onDisk.proposals)}
	return &Durable{SM: &SM{state: found}, onDisk: found}
}
