package raftlog

import (
	"time"

	"github.com/hashicorp/raft"
	"github.com/hashicorp/raft-wal/types"
)

// WithLogStore lets a test stand between a node and its log store.
func (c Config) WithLogStore(wrap func(raft.LogStore) raft.LogStore) Config {
	c.wrapLogStore = wrap
	return c
}

// WithStableStore does the same for term and vote.
func (c Config) WithStableStore(wrap func(raft.StableStore) raft.StableStore) Config {
	c.wrapStableStore = wrap
	return c
}

// WithSink lets a test stand between a node and the files of snapshots that it writes.
func (c Config) WithSink(wrap func(raft.SnapshotSink) raft.SnapshotSink) Config {
	c.wrapSink = wrap
	return c
}

// WithWALFiles gives the wal other files.
func (c Config) WithWALFiles(files types.VFS) Config {
	c.WALFiles = files
	return c
}

// HeartbeatTimeout is how long the node waits for heartbeats now.
func (n *Node) HeartbeatTimeout() time.Duration { return n.raft.ReloadableConfig().HeartbeatTimeout }
