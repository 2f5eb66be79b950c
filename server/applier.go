package server

import (
	"kont/raftlog"
	"kont/statemachine"
)

// applier is the state machine as raftlog drives it.
type applier struct{ *statemachine.Store }

var _ interface {
	raftlog.StateMachine
	raftlog.Flusher
} = applier{}

func (a applier) Apply(batch []raftlog.Entry) []any {
	entries := make([]statemachine.Entry, len(batch))
	for i, entry := range batch {
		entries[i] = statemachine.Entry{Index: uint64(entry.Index), Proposals: entry.Proposals}
	}
	return a.Store.Apply(entries)
}

func (a applier) AppliedIndex() raftlog.LogIndex { return raftlog.LogIndex(a.Store.AppliedIndex()) }

func (a applier) Snapshot() (raftlog.Snapshot, error) {
	snapshot, err := a.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	return snapshot, nil
}
