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

// ErrNoNode: the directory, if it is one, is not that of a node.
var ErrNoNode = errors.New("no node's data")

// IsInUse tells whether an error of Verify is that a node runs on the data.
func IsInUse(err error) bool { return errors.Is(err, raftlog.ErrLocked) }

// IsDamaged tells whether an error of Verify is that something has gone, or is not what was written.
func IsDamaged(err error) bool {
	return errors.Is(err, raftlog.ErrCorrupt) || errors.Is(err, statemachine.ErrCorrupt) || errors.Is(err, raftlog.ErrStateLost)
}

// Verify reads all data of a node that is stopped, and checks it, as a start does and further. It makes nothing that is not there. progress is told
// now and then how many bytes of the state are read.
// Errors: ErrNoNode; those of IsInUse and IsDamaged.
func Verify(c Config, progress func(bytes int64)) (found Verified, err error) {
	files, dir := c.files(), c.DataDir
	info, err := files.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found, fmt.Errorf("%w: %w", ErrNoNode, err)
	case err != nil:
		return found, err
	case !info.IsDir():
		return found, fmt.Errorf("%w: it is a file", ErrNoNode)
	}
	if err := checkRestored(files, dir); err != nil {
		return found, err
	}
	id, err := readIdentity(files, filepath.Join(dir, identityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return found, fmt.Errorf("%w: %w", ErrNoNode, err)
	}
	if err != nil {
		return found, err
	}
	if _, err := readScramSecret(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	found.NodeID, found.ClusterID = id.NodeID, id.ClusterID
	found.Log, err = raftlog.Verify(filepath.Join(dir, "raft"), peers.NameOf(id.NodeID))
	if errors.Is(err, fs.ErrNotExist) {
		return found, fmt.Errorf("%w: the log is gone, or was never begun: %w", raftlog.ErrStateLost, err)
	}
	if err != nil {
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
