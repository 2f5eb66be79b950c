package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kont/raftlog"
	"kont/server/peers"
	"kont/statemachine"
	"kont/statemachine/command"
)

// A backup is a snapshot of the state, as package statemachine streams it: all topics, threads, timers, groups, users and
// deployments as of one index of the log, with checksums.

// Backup writes one of this node's state, which goes on meanwhile. begin is told its log index before the first byte.
func (n *Node) Backup(_ context.Context, w io.Writer, begin func(index uint64)) error {
	snapshot, err := n.store.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Release()
	begin(snapshot.Index())
	return snapshot.Persist(w)
}

// CheckBackup reads a backup to its end, checks that it is whole, and returns its log index.
func CheckBackup(r io.Reader) (index uint64, err error) { return statemachine.CheckSnapshot(r) }

// Restore makes a data directory from a backup, for a node that is a cluster of its own with a new id; others can join it. dir must
// not be there or be empty. Until it returns, a node does not start on the directory. It returns the log index that the node
// goes on after.
func Restore(c Config, r io.Reader) (index uint64, err error) {
	dir := c.DataDir
	defer func() {
		if err != nil {
			err = fmt.Errorf("restore to %s: %w", dir, err)
		}
	}()
	if entries, err := os.ReadDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	} else if len(entries) > 0 {
		return 0, fmt.Errorf("%w: the directory is not empty; name another one, or move away what is in it", fs.ErrExist)
	}
	store, err := statemachine.Open(filepath.Join(dir, "store"), statemachine.Options{CacheBytes: c.StoreCacheBytes, FS: c.FS, Logger: c.Logger})
	if err != nil {
		return 0, err
	}
	if index, err = restoreState(store, r); err != nil {
		return 0, errors.Join(err, store.Close())
	}
	if err := store.Close(); err != nil {
		return 0, err
	}
	log := raftlog.Config{NodeID: peers.NameOf(c.Cluster.NodeID), Dir: filepath.Join(dir, "raft"), LogStore: c.RaftLogStore, Logger: c.Logger}
	if err := raftlog.Begin(log, raftlog.LogIndex(index)); err != nil {
		return 0, err
	}
	id := identity{Version: identityVersion, NodeID: c.Cluster.NodeID, DirectoryID: randomID()}
	id.found()
	return index, id.save(dir)
}

// restoreState takes the state of a backup, in which the nodes of the cluster that it comes from are forgotten.
func restoreState(store *statemachine.Store, r io.Reader) (index uint64, err error) {
	if err := store.Restore(r); err != nil {
		return 0, err
	}
	index = store.AppliedIndex()
	for _, node := range store.Nodes().ByID {
		data, err := command.Encode(command.ForgetNode{NodeID: node.ID})
		if err != nil {
			return 0, err
		}
		index++
		store.Apply([]statemachine.Entry{{Index: index, Proposals: [][]byte{data}}})
	}
	return index, errors.Join(store.Err(), store.Flush())
}

// Verified is what Verify has found.
type Verified struct {
	NodeID    int32
	ClusterID string
	Log       raftlog.Report
	State     statemachine.Contents
}

// Verify reads all data of a node that is stopped, and checks it. progress is told now and then how many bytes of the state are read.
// Errors: fs.ErrNotExist, raftlog.ErrLocked, and raftlog.ErrCorrupt, statemachine.ErrCorrupt or raftlog.ErrStateLost for what is damaged.
func Verify(c Config, progress func(bytes int64)) (found Verified, err error) {
	path := filepath.Join(c.DataDir, identityFile)
	if _, err := os.Stat(path); err != nil {
		return found, fmt.Errorf("%s is no node's data: %w", c.DataDir, err)
	}
	id, err := readIdentity(path)
	if err != nil {
		return found, err
	}
	found.NodeID, found.ClusterID = id.NodeID, id.ClusterID
	if found.Log, err = raftlog.Verify(filepath.Join(c.DataDir, "raft")); err != nil {
		return found, err
	}
	store, err := statemachine.Open(filepath.Join(c.DataDir, "store"), statemachine.Options{CacheBytes: c.StoreCacheBytes, FS: c.FS, Logger: c.Logger})
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if found.State, err = store.Verify(progress); err != nil {
		return found, err
	}
	if end := uint64(found.Log.LastIndex); found.State.AppliedIndex > end {
		return found, fmt.Errorf("%w: the state is at log entry %d, but the log ends at %d", raftlog.ErrStateLost, found.State.AppliedIndex, end)
	}
	return found, nil
}
