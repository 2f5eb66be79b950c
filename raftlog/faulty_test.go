package raftlog_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/raft"
)

// gate is a log store whose writes can be held up.
type gate struct {
	raft.LogStore
	mu      sync.RWMutex
	blocked atomic.Int32
}

func newGate() *gate { return &gate{} }

func (g *gate) wrap(inner raft.LogStore) raft.LogStore {
	g.LogStore = inner
	return g
}

func (g *gate) IsMonotonic() bool { return true }

func (g *gate) StoreLogs(logs []*raft.Log) error {
	g.blocked.Add(1)
	g.mu.RLock()
	defer g.mu.RUnlock()
	g.blocked.Add(-1)
	return g.LogStore.StoreLogs(logs)
}

// shut holds up writes until the returned function is called.
func (g *gate) shut() (open func()) {
	g.mu.Lock()
	return g.mu.Unlock
}

func (g *gate) awaitBlocked(t testing.TB) {
	wait(t, "a write to be held up", func() bool { return g.blocked.Load() > 0 })
}

// faultyLog fails the nth write and what comes after, having done it or not.
type faultyLog struct {
	raft.LogStore
	left  atomic.Int64
	err   error
	after bool
}

func (f *faultyLog) wrap(inner raft.LogStore) raft.LogStore {
	f.LogStore = inner
	return f
}

func (f *faultyLog) IsMonotonic() bool { return true }

func (f *faultyLog) do(op func() error) error {
	if f.left.Add(-1) >= 0 {
		return op()
	}
	if f.after {
		op()
	}
	return f.err
}

func (f *faultyLog) StoreLog(l *raft.Log) error { return f.StoreLogs([]*raft.Log{l}) }
func (f *faultyLog) StoreLogs(logs []*raft.Log) error {
	return f.do(func() error { return f.LogStore.StoreLogs(logs) })
}
func (f *faultyLog) DeleteRange(min, max uint64) error {
	return f.do(func() error { return f.LogStore.DeleteRange(min, max) })
}

// faultyStable fails the nth write of term or vote and all that follow.
type faultyStable struct {
	raft.StableStore
	left atomic.Int64
	err  error
}

func (f *faultyStable) wrap(inner raft.StableStore) raft.StableStore {
	f.StableStore = inner
	return f
}

func (f *faultyStable) Set(key, value []byte) error {
	if f.left.Add(-1) < 0 {
		return f.err
	}
	return f.StableStore.Set(key, value)
}

func (f *faultyStable) SetUint64(key []byte, value uint64) error {
	if f.left.Add(-1) < 0 {
		return f.err
	}
	return f.StableStore.SetUint64(key, value)
}
