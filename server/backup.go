package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/raftlog"
	"kont/server/api"
	"kont/server/peers"
	"kont/statemachine"
	"kont/statemachine/command"
)

// A backup is a snapshot of the state, as package statemachine streams it: all topics, threads, timers, groups, users and
// deployments as of one index of the log, with checksums.

// Backup writes one of this node's state, which goes on meanwhile. begin is told its log index before the first byte. It waits until the
// node has all that was acknowledged before, of which one that follows does not hear at once, and one that is cut off never;
// ofItself, it takes what there is.
func (n *Node) Backup(ctx context.Context, w io.Writer, ofItself bool, begin func(index uint64)) error {
	if !ofItself {
		if err := n.awaitAcknowledged(ctx); err != nil {
			return err
		}
	}
	snapshot, err := n.store.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Release()
	begin(snapshot.Index())
	return snapshot.Persist(w)
}

// awaitAcknowledged returns when this node has everything that was acknowledged before the call.
func (n *Node) awaitAcknowledged(ctx context.Context) error {
	index, err := n.acknowledged(ctx)
	if err != nil {
		return &api.Error{
			Status: http.StatusServiceUnavailable, Code: "not_leader", Message: fmt.Sprintf("back up what was acknowledged: no leader tells how much that is: %v", err),
			Hint: "a majority of the nodes must reach each other; what this node has can be had by `kont backup --of-node`",
		}
	}
	for n.store.AppliedIndex() < index {
		select {
		case <-time.After(readyAgainAfter):
		case <-n.raft.Stopped():
			return errors.Join(n.raft.Err(), n.store.Err())
		case <-ctx.Done():
			return fmt.Errorf("the node is at log index %d, and waits for %d: %w", n.store.AppliedIndex(), index, context.Cause(ctx))
		}
	}
	return nil
}

// acknowledged is the log index of which the leader says so. An election may be under way.
func (n *Node) acknowledged(ctx context.Context) (index uint64, err error) {
	ctx, cancel := n.asking(ctx)
	defer cancel()
	for {
		if index, err = n.askAcknowledged(ctx); err == nil || n.failure() != nil {
			return index, err
		}
		select {
		case <-time.After(askAgainAfter):
		case <-ctx.Done():
			return 0, err
		}
	}
}

func (n *Node) askAcknowledged(ctx context.Context) (index uint64, err error) {
	if n.raft.IsLeader() || n.port == nil {
		return n.members.Committed(ctx)
	}
	problems := []error{command.ErrNotLeader}
	for _, address := range n.members.addresses() {
		if index, err = n.calls.Committed(ctx, address); err == nil {
			return index, nil
		}
		problems = append(problems, fmt.Errorf("node at %s: %w", address, err))
	}
	return 0, errors.Join(problems...)
}

// CheckBackup reads a backup to its end, checks that it is whole, and returns its log index.
func CheckBackup(r io.Reader) (index uint64, err error) { return statemachine.CheckSnapshot(r) }

// Restore makes a data directory from a backup, for a node that is a cluster of its own with a new id; others can join it. dir must
// not be there or be empty, or have what is left of a Restore that did not return. Until it returns, a node does not start on the
// directory. It returns the log index of the backup. The node goes on after a few entries more, in which the nodes of the other cluster are forgotten.
func Restore(c Config, r io.Reader) (index uint64, err error) {
	files, dir := c.files(), c.DataDir
	defer func() {
		if err != nil {
			err = fmt.Errorf("restore to %s: %w", dir, err)
		}
	}()
	if err := makeDir(files, dir); err != nil {
		return 0, err
	}
	lock, err := lockDir(files, dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := beginRestore(files, dir); err != nil {
		return 0, err
	}
	if index, err = restoreTo(c, r); err != nil {
		return 0, errors.Join(err, clearRestore(files, dir))
	}
	return index, endRestore(files, dir)
}

// restoringFile is in a directory from before anything else is until all of it is there.
const restoringFile = "restoring"

// checkRestored refuses what a Restore left that did not end: a node would begin with less than the backup has, or with nothing.
func checkRestored(files vfs.FS, dir string) error {
	_, err := files.Stat(filepath.Join(dir, restoringFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%s has what is left of a restore that did not end; run `kont restore` again", dir)
}

// beginRestore makes a directory that is empty, or has half a restore, one that is being restored.
func beginRestore(files vfs.FS, dir string) error {
	names, err := files.List(dir)
	if err != nil {
		return err
	}
	if slices.Contains(names, restoringFile) {
		return clearDir(files, dir)
	}
	if slices.ContainsFunc(names, func(name string) bool { return name != lockFile && name != restoringFile+".tmp" }) {
		return fmt.Errorf("%w: the directory is not empty; name another one, or move away what is in it", fs.ErrExist)
	}
	return writeFile(files, filepath.Join(dir, restoringFile), nil)
}

// clearDir leaves nothing in a directory that is being restored but the word that it is.
func clearDir(files vfs.FS, dir string) error {
	names, err := files.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != lockFile && name != restoringFile {
			if err := files.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return syncDir(files, dir)
}

func endRestore(files vfs.FS, dir string) error {
	if err := files.Remove(filepath.Join(dir, restoringFile)); err != nil {
		return err
	}
	return syncDir(files, dir)
}

// clearRestore leaves an empty directory of a restore that went wrong.
func clearRestore(files vfs.FS, dir string) error {
	if err := clearDir(files, dir); err != nil {
		return err
	}
	return endRestore(files, dir)
}

func restoreTo(c Config, r io.Reader) (index uint64, err error) {
	dir := c.DataDir
	store, err := statemachine.Open(filepath.Join(dir, "store"), statemachine.Options{CacheBytes: c.StoreCacheBytes, FS: c.FS, Logger: c.Logger})
	if err != nil {
		return 0, err
	}
	index, last, err := restoreState(store, r)
	if err != nil {
		return 0, errors.Join(err, store.Close())
	}
	if err := store.Close(); err != nil {
		return 0, err
	}
	log := raftlog.Config{NodeID: peers.NameOf(c.Cluster.NodeID), Dir: filepath.Join(dir, "raft"), LogStore: c.RaftLogStore, Logger: c.Logger}
	if err := raftlog.Begin(log, raftlog.LogIndex(last)); err != nil {
		return 0, err
	}
	id := identity{Version: identityVersion, NodeID: c.Cluster.NodeID, DirectoryID: randomID()}
	id.found()
	return index, id.save(c.files(), dir)
}

// restoreState takes the state of a backup, in which the nodes of the cluster that it comes from are forgotten: index is that of the
// backup, and last that of what was done to the state then.
func restoreState(store *statemachine.Store, r io.Reader) (index, last uint64, err error) {
	if err := store.Restore(r); err != nil {
		return 0, 0, err
	}
	index = store.AppliedIndex()
	last = index
	// The one that knows most goes first: without those that know less, the level of commands would be raised.
	nodes := slices.SortedFunc(slices.Values(store.Nodes().ByID), func(a, b command.Node) int { return cmp.Compare(b.Level, a.Level) })
	for _, node := range nodes {
		data, err := command.Encode(command.ForgetNode{NodeID: node.ID})
		if err != nil {
			return 0, 0, err
		}
		last++
		store.Apply([]statemachine.Entry{{Index: last, Proposals: [][]byte{data}}})
	}
	return index, last, errors.Join(store.Err(), store.Flush())
}
