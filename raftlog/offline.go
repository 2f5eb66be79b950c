package raftlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"
	"github.com/hashicorp/raft-wal/metadb"
)

// Begin makes the directory of a new node whose state machine has a state already, which
// includes everything up to an index: the log goes on after it, and the node is the
// only member. cfg.Dir must not be there or be empty. Open it then with a state machine that is
// a Flusher and has that state.
func Begin(cfg Config, index LogIndex) (err error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("begin raft log in %s after entry %d: %w", cfg.Dir, index, withAdvice(err))
		}
	}()
	if entries, err := os.ReadDir(cfg.Dir); len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	n, stable, err := openStopped(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.closeFiles()) }()
	if err := stable.SetUint64([]byte(keyCurrentTerm), beginTerm); err != nil {
		return err
	}
	transport := n.openTransport(newHclog(cfg.Logger))
	self := raft.Configuration{Servers: []raft.Server{Member{ID: cfg.NodeID, Address: string(transport.LocalAddr()), Voter: true}.server()}}
	sink, err := n.snapshots.Create(raft.SnapshotVersionMax, uint64(index), beginTerm, self, uint64(index), transport)
	if err != nil {
		return err
	}
	if _, err := sink.Write(snapshotHeader{stateIndex: index}.bytes()); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return errors.Join(sink.Close(), n.fault.get())
}

// beginTerm is the term of what comes before a log that begins.
const beginTerm = 1

// openStopped opens the files of a node that does not run. Close them.
func openStopped(cfg Config) (*Node, raft.StableStore, error) {
	n := &Node{cfg: cfg, stats: &counters{}, fault: newFault()}
	stable, err := n.openFiles(newHclog(cfg.Logger))
	if err != nil {
		return nil, nil, errors.Join(err, n.closeFiles())
	}
	return n, stable, nil
}

// Report is what Verify found.
type Report struct {
	// LogStore is LogStoreWAL or LogStoreBoltDB.
	LogStore string
	// LastIndex is the last entry of the log, or of the newest snapshot where that goes further; Entries are in the log.
	LastIndex LogIndex
	Entries   uint64
	// Term is the current one.
	Term uint64

	last   LogIndex
	header snapshotHeader
}

// CheckState refuses a state machine with an applied index with which Open would refuse the directory: ErrStateLost.
func (r Report) CheckState(applied LogIndex) error { return checkFit(applied, r.last, r.header) }

// Verify reads everything in the directory of the node of an id, which is stopped, and checks it, as Open does. What
// a crash left half written at the end of the log is cut off, as by Open; but nothing is begun that is not there. Errors: ErrLocked,
// ErrCorrupt, ErrStateLost, fs.ErrNotExist for a directory that is no node's.
func Verify(dir, nodeID string) (report Report, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("verify raft log in %s: %w", dir, err)
		}
	}()
	data, err := os.ReadFile(filepath.Join(dir, identityFile))
	if err != nil {
		return Report{}, err
	}
	var id identity
	if err := json.Unmarshal(data, &id); err != nil {
		return Report{}, fmt.Errorf("%w: %s: %w", ErrCorrupt, filepath.Join(dir, identityFile), err)
	}
	cfg := Config{NodeID: nodeID, Dir: dir, LogStore: id.LogStore}.withDefaults()
	if err := cfg.validate(); err != nil {
		return Report{}, err
	}
	if err := checkAllThere(cfg); err != nil {
		return Report{}, err
	}
	n, stable, err := openStopped(cfg)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, n.closeFiles()) }()
	meta, header, last, term, err := n.checkFiles(stable)
	if err != nil {
		return Report{}, err
	}
	entries, _ := n.log.above(0)
	return Report{
		LogStore: id.LogStore, LastIndex: max(LogIndex(last), LogIndex(meta.Index), header.stateIndex), Entries: entries, Term: term,
		last: LogIndex(last), header: header,
	}, nil
}

// checkAllThere refuses a directory in which something is missing that Open makes at the first start, and would make anew, empty.
func checkAllThere(cfg Config) error {
	log := filepath.Join(walDir, metadb.FileName)
	if cfg.LogStore == LogStoreBoltDB {
		log = boltLogFile
	}
	for _, name := range []string{stableFile, log, writtenMarkFile, snapshotsDir} {
		path := filepath.Join(cfg.Dir, name)
		switch _, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%w: %s is gone", ErrCorrupt, path)
		case err != nil:
			return err
		}
	}
	return nil
}
