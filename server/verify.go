package server

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"kont/raftlog"
	"kont/server/peers"
	"kont/statemachine"
)

// Verified is what Verify has found.
type Verified struct {
	NodeID    int32
	ClusterID string
	Log       raftlog.Report
	// State is empty if there is none, and the log has everything of which a start would make it.
	State statemachine.Contents
}

// Verify reads all data of a node that is stopped, and checks it, as a start does and further. It makes nothing that is not there. progress is told
// now and then how many bytes of the state are read.
// Errors: fs.ErrNotExist, raftlog.ErrLocked, and raftlog.ErrCorrupt, statemachine.ErrCorrupt or raftlog.ErrStateLost for what is damaged.
func Verify(c Config, progress func(bytes int64)) (found Verified, err error) {
	path := filepath.Join(c.DataDir, identityFile)
	if err := checkRestored(c.files(), c.DataDir); err != nil {
		return found, err
	}
	id, err := readIdentity(c.files(), path)
	if errors.Is(err, fs.ErrNotExist) {
		return found, fmt.Errorf("%s is no node's data: %w", c.DataDir, err)
	}
	if err != nil {
		return found, err
	}
	if _, err := readScramSecret(c.DataDir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	found.NodeID, found.ClusterID = id.NodeID, id.ClusterID
	if found.Log, err = raftlog.Verify(filepath.Join(c.DataDir, "raft"), peers.NameOf(id.NodeID)); err != nil {
		return found, err
	}
	if found.State, err = verifyState(c, progress); err != nil {
		return found, err
	}
	return found, found.Log.CheckState(raftlog.LogIndex(found.State.AppliedIndex))
}

func verifyState(c Config, progress func(bytes int64)) (found statemachine.Contents, err error) {
	store, err := statemachine.Open(filepath.Join(c.DataDir, "store"), statemachine.Options{
		CacheBytes: c.StoreCacheBytes, FS: c.FS, Logger: c.Logger, ReadOnly: true,
	})
	if errors.Is(err, statemachine.ErrNoStore) {
		return statemachine.Contents{}, nil
	}
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return store.Verify(progress)
}
