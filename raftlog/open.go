package raftlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// open makes the node from its directory. What it opened before an error is in n.files.
func (n *Node) open(sm StateMachine) error {
	cfg := n.cfg
	logger := newHclog(cfg.Logger)
	stable, err := n.openFiles(logger)
	if err != nil {
		return err
	}
	n.fsm = newFSM(sm, n.fault, n.stats)
	n.snapshots.fsm = n.fsm
	if err := n.checkState(sm, stable); err != nil {
		return err
	}
	n.fsm.restored = func() {
		if _, ok := sm.(Flusher); ok {
			n.dropData.Store(true)
			n.noteGrowth()
		}
	}
	n.log.onStored = n.noteGrowth

	if cfg.Port != nil {
		n.streams = newStreams(cfg.Port, &n.idOf)
	}
	n.transport = n.openTransport(logger)
	n.log.leadsOthers, n.log.tail = n.leadsOthers, startLogTail(n.log.write)
	if err := n.startRaft(stable); err != nil {
		n.log.tail.end()
		if closer, ok := n.transport.(io.Closer); ok {
			err = errors.Join(err, closer.Close())
		}
		return err
	}
	return nil
}

// openFiles locks the directory and opens what is in it. What it opened before an error is in n.files.
func (n *Node) openFiles(logger hclog.Logger) (raft.StableStore, error) {
	if err := os.MkdirAll(n.cfg.Dir, 0o755); err != nil {
		return nil, err
	}
	lock, err := lockDir(filepath.Join(n.cfg.Dir, lockFile))
	if err != nil {
		return nil, err
	}
	n.files = append(n.files, lock)
	if err := checkIdentity(n.cfg); err != nil {
		return nil, err
	}
	stable, err := n.openStores(logger)
	if err != nil {
		return nil, err
	}
	if n.snapshots, err = openSnapshots(n.cfg.Dir, logger); err != nil {
		return nil, err
	}
	n.snapshots.wrapSink = n.cfg.wrapSink
	// The libraries sync what is in the files that they make, and not all of their names.
	return stable, errors.Join(syncDir(n.cfg.Dir), syncDir(filepath.Dir(n.cfg.Dir)))
}

func (n *Node) openStores(logger hclog.Logger) (raft.StableStore, error) {
	cfg := n.cfg
	stablePath := filepath.Join(cfg.Dir, stableFile)
	bolt, err := openBolt(stablePath, bbolt.Options{})
	if err != nil {
		return nil, err
	}
	n.files = append(n.files, bolt)

	var inner raft.LogStore
	var whereIs func(uint64) string
	var closer io.Closer
	if cfg.LogStore == LogStoreBoltDB {
		inner, whereIs, closer, err = openBoltLog(cfg.Dir)
	} else {
		inner, whereIs, closer, err = openWAL(cfg.Dir, cfg, logger)
	}
	if err != nil {
		return nil, err
	}
	n.files = append(n.files, closer)
	mark, err := openWrittenMark(filepath.Join(cfg.Dir, writtenMarkFile))
	if err != nil {
		return nil, err
	}
	n.files = append(n.files, mark.file)

	var stable raft.StableStore = bolt
	if cfg.wrapLogStore != nil {
		inner = cfg.wrapLogStore(inner)
	}
	if cfg.wrapStableStore != nil {
		stable = cfg.wrapStableStore(stable)
	}
	n.log = &logStore{
		inner: inner, whereIs: whereIs, mark: mark, fault: n.fault, stats: n.stats,
		stored: make(chan struct{}, 1), onStored: func() {}, watch: writeWatch{made: time.Now()},
	}
	return &stableStore{StableStore: stable, path: stablePath, fault: n.fault}, nil
}

// checkState compares log, newest snapshot and state machine, and restores the
// snapshot if the state machine is behind it.
func (n *Node) checkState(sm StateMachine, stable raft.StableStore) error {
	meta, header, last, _, err := n.checkFiles(stable)
	if err != nil {
		return err
	}
	if err := n.log.dropPassed(); err != nil {
		return err
	}
	applied := n.fsm.appliedIndex()
	if err := checkFit(applied, LogIndex(last), header); err != nil {
		return err
	}
	if applied >= header.stateIndex {
		_, flushes := sm.(Flusher)
		n.dropData.Store(header.hasData && flushes)
		return nil
	}
	_, r, err := n.snapshots.Open(meta.ID)
	if err != nil {
		return err
	}
	return n.fsm.Restore(r)
}

// checkFit refuses a state machine that has what is not in the log, or lacks what the log has no more. last is the log's last entry, header
// that of the newest snapshot, which makes up for what a state machine lacks if it has data.
func checkFit(applied, last LogIndex, header snapshotHeader) error {
	// A snapshot with data came from a leader that may have known of less that was committed than the one before, see fsm.Restore.
	if end := max(last, header.stateIndex); applied > end && !header.hasData {
		return fmt.Errorf("%w: the state machine is at log entry %d, but the log ends at %d", ErrStateLost, applied, end)
	}
	if applied < header.stateIndex && !header.hasData {
		return fmt.Errorf("%w: the state machine is at log entry %d, but the log begins after %d", ErrStateLost, applied, header.stateIndex)
	}
	return nil
}

// checkFiles reads log and newest snapshot as a whole, and compares them with each other. There is always a meta; that of no snapshot
// is empty.
func (n *Node) checkFiles(stable raft.StableStore) (meta *raft.SnapshotMeta, header snapshotHeader, last, term uint64, err error) {
	if meta, header, err = n.snapshots.newestHeader(); err != nil {
		return nil, header, 0, 0, err
	}
	if meta == nil {
		meta = &raft.SnapshotMeta{}
	}
	if last, term, err = n.log.verify(meta.Index, meta.Term); err != nil {
		return nil, header, 0, 0, err
	}
	current, err := stableUint64(stable, keyCurrentTerm)
	if err != nil {
		return nil, header, 0, 0, err
	}
	if term = max(term, meta.Term); current < term {
		return nil, header, 0, 0, fmt.Errorf("%w: %s knows of term %d, but the log is from term %d",
			ErrCorrupt, filepath.Join(n.cfg.Dir, stableFile), current, term)
	}
	return meta, header, last, current, nil
}

// startRaft bootstraps if asked to, starts raft and, if this node is the only voter,
// its election.
func (n *Node) startRaft(stable raft.StableStore) error {
	if n.cfg.Bootstrap {
		if err := n.bootstrap(stable); err != nil {
			return fmt.Errorf("bootstrap: %w", err)
		}
	}
	var err error
	n.raft, err = raft.NewRaft(n.cfg.raftConfig(), n.fsm, n.log, stable, n.snapshots, n.transport)
	if err != nil {
		return err
	}
	n.running.Store(n.raft)
	idOf := n.memberAt
	n.idOf.Store(&idOf)
	if n.streams != nil {
		stalled := n.snapshotStalled
		n.snapshots.stalled.Store(&stalled)
	}
	configuration, err := n.configuration()
	if err != nil {
		return err
	}
	if soleVoter(configuration) == raft.ServerID(n.cfg.NodeID) {
		// There is nobody whose heartbeat could come. Raft reacts to a shorter timeout by
		// checking at once for one that is overdue.
		if err := n.reload(func(c *raft.ReloadableConfig) { c.HeartbeatTimeout -= time.Millisecond }); err != nil {
			return errors.Join(err, n.raft.Shutdown().Error())
		}
	}
	return nil
}

// stableUint64 reads a number, 0 if it was never written.
func stableUint64(stable raft.StableStore, key string) (uint64, error) {
	value, err := stable.GetUint64([]byte(key))
	if errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return 0, nil
	}
	return value, err
}

// soleVoter is the ID of the only voter, or "".
func soleVoter(configuration raft.Configuration) raft.ServerID {
	var id raft.ServerID
	for _, server := range configuration.Servers {
		if server.Suffrage != raft.Voter {
			continue
		}
		if id != "" {
			return ""
		}
		id = server.ID
	}
	return id
}

// bootstrap writes the first log entry, which says who the members are. It does
// nothing unless log and snapshots are empty and the node never voted; a term of 1 may
// be left of an attempt that was interrupted, which the library's own function would
// take for an existing cluster.
func (n *Node) bootstrap(stable raft.StableStore) error {
	last, err := n.log.LastIndex()
	if err != nil || last > 0 || n.snapshots.newestIndex() > 0 {
		return err
	}
	for key, most := range map[string]uint64{keyCurrentTerm: 1, "LastVoteTerm": 0} {
		value, err := stableUint64(stable, key)
		if err != nil {
			return err
		}
		if value > most {
			return nil
		}
	}
	if err := stable.SetUint64([]byte(keyCurrentTerm), 1); err != nil {
		return err
	}
	first := n.cfg.FirstMembers
	if len(first) == 0 {
		first = []Member{{ID: n.cfg.NodeID, Address: string(n.transport.LocalAddr()), Voter: true}}
	}
	var configuration raft.Configuration
	for _, member := range first {
		configuration.Servers = append(configuration.Servers, member.server())
	}
	entry := &raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(configuration)}
	if err := n.log.StoreLog(entry); err != nil {
		return err
	}
	// The term's failure is only recorded by the store.
	return n.fault.get()
}

// withAdvice adds what to do about errors of the disk.
func withAdvice(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; give this user write access to the directory or choose another one", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w; free some space on that disk or choose another directory", err)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w; a file is in the way, choose another directory", err)
	}
	return err
}
