package raftlog

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// fsm drives the state machine for raft.
type fsm struct {
	fault *fault
	stats *counters

	// mu serialises Apply, Snapshot and Restore of sm: raft calls from its own
	// goroutine, the snapshot store from those that bring followers up to date.
	mu sync.Mutex
	sm StateMachine
	// applied is sm.AppliedIndex(), written under mu.
	applied atomic.Uint64
	// halted is why nothing is applied any more; guarded by mu. A failed log write is
	// no reason: what is committed already is applied.
	halted error

	// persistError is why the latest snapshot could not be written.
	persistError atomic.Pointer[error]

	// restored, if set, is called after Restore succeeded.
	restored func()
}

var _ raft.BatchingFSM = (*fsm)(nil)

func newFSM(sm StateMachine, fault *fault, stats *counters) *fsm {
	f := &fsm{sm: sm, fault: fault, stats: stats}
	f.applied.Store(uint64(sm.AppliedIndex()))
	return f
}

func (f *fsm) appliedIndex() LogIndex { return LogIndex(f.applied.Load()) }

// errAppliedBefore answers a proposal whose entry the state machine has already. That
// takes an entry that was committed before this node proposed it.
var errAppliedBefore = fmt.Errorf("%w: its log entry was applied before", ErrOutcomeUnknown)

func (f *fsm) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch answers each entry that carries proposals with their results, []any, or
// with an error.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	f.mu.Lock()
	defer f.mu.Unlock()

	responses := make([]any, len(logs))
	var entries []Entry
	var places []int // of entries in responses
	applied := f.appliedIndex()
	for i, l := range logs {
		index := LogIndex(l.Index)
		switch {
		case l.Type != raft.LogCommand:
			continue // membership is raft's own business
		case index <= applied:
			responses[i] = errAppliedBefore
			continue
		}
		proposals, err := decodeFrame(l.Data)
		if err != nil {
			// To pass over it would let this node differ from the others.
			f.halt(fmt.Errorf("apply log entry %d: %w", index, err))
			break
		}
		entries = append(entries, Entry{Index: index, Proposals: proposals})
		places = append(places, i)
	}
	if len(entries) > 0 && f.halted == nil {
		f.applyLocked(entries, places, responses)
	}
	for i, l := range logs {
		if responses[i] == nil && l.Type == raft.LogCommand {
			responses[i] = fmt.Errorf("%w: %w: %w", ErrOutcomeUnknown, ErrStopped, f.halted)
		}
	}
	return responses
}

func (f *fsm) halt(err error) {
	f.halted = err
	f.fault.set(err)
}

func (f *fsm) applyLocked(entries []Entry, places []int, responses []any) {
	want := 0
	for _, entry := range entries {
		want += len(entry.Proposals)
	}
	start := time.Now()
	results := f.sm.Apply(entries)
	f.stats.applies.observe(time.Since(start))
	first, last := entries[0].Index, entries[len(entries)-1].Index
	if len(results) != want {
		err := fmt.Errorf("%d results for %d proposals", len(results), want)
		if sm, ok := f.sm.(interface{ Err() error }); ok && sm.Err() != nil {
			err = sm.Err()
		}
		f.halt(fmt.Errorf("apply log entries %d to %d: %w", first, last, err))
		return
	}
	f.applied.Store(uint64(last))
	for i, entry := range entries {
		n := len(entry.Proposals)
		responses[places[i]] = results[:n:n]
		results = results[n:]
	}
}

// Snapshot is raft's request for one, between two batches.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.halted != nil {
		return nil, f.halted
	}
	if flusher, ok := f.sm.(Flusher); ok {
		return &referenceSnapshot{flusher: flusher, stateIndex: f.appliedIndex(), failed: &f.persistError}, nil
	}
	snapshot, err := f.captureLocked()
	if err != nil {
		f.persistError.Store(&err)
		return nil, err
	}
	return snapshot, nil
}

// capture takes a snapshot with data.
func (f *fsm) capture() (*dataSnapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.captureLocked()
}

func (f *fsm) captureLocked() (*dataSnapshot, error) {
	snapshot, err := f.sm.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("capture state at log entry %d: %w", f.appliedIndex(), err)
	}
	return &dataSnapshot{Snapshot: snapshot, stateIndex: f.appliedIndex(), failed: &f.persistError}, nil
}

// Restore reads what a snapshot store holds, at the start or on a follower that lags.
func (f *fsm) Restore(r io.ReadCloser) error {
	defer r.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	header, err := readSnapshotHeader(r)
	if err != nil {
		return err
	}
	if !header.hasData {
		return errors.New("restore: the snapshot holds no data")
	}
	// The leader before may have sent a newer state than this one knows to be committed. That stays, and what comes after the snapshot is passed over up to there.
	if header.stateIndex > f.appliedIndex() {
		if err := f.replace(r, header.stateIndex); err != nil {
			return err
		}
	}
	f.stats.snapshotsReceived.Add(1)
	if f.restored != nil {
		f.restored()
	}
	return nil
}

// replace has the state machine take another state.
func (f *fsm) replace(r io.Reader, index LogIndex) error {
	if err := f.sm.Restore(r); err != nil {
		err = fmt.Errorf("restore state at log entry %d: %w", index, err)
		if f.sm.AppliedIndex() != f.appliedIndex() {
			// It has lost its state, and raft would go on after that. The next start restores what is on disk.
			f.halt(err)
		}
		return err
	}
	f.applied.Store(uint64(f.sm.AppliedIndex()))
	if got := f.appliedIndex(); got != index {
		return fmt.Errorf("restore state at log entry %d: it came out at %d", index, got)
	}
	return nil
}
