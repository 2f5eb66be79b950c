package raftlog

import (
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

// WithRequests lets a test stand between a node and what others ask of it; heartbeats don't come that way.
func (c Config) WithRequests(wrap func(<-chan raft.RPC) <-chan raft.RPC) Config {
	c.wrapRequests = wrap
	return c
}

// WithWALFiles gives the wal other files.
func (c Config) WithWALFiles(files types.VFS) Config {
	c.WALFiles = files
	return c
}

// IsReluctant tells whether the node lets others lead if they can.
func (n *Node) IsReluctant() bool { return n.stalls.patience.Load() > 0 }

// BeReluctant lets it never ask for votes, BeEager as others do.
func (n *Node) BeReluctant() { n.stalls.patience.Store(1 << 30) }
func (n *Node) BeEager()     { n.stalls.patience.Store(0) }

// LagBehind is as if the node had not heard yet that it lost a term's leadership, and a member had answered a request that was let go before and sent now.
func (n *Node) LagBehind(term uint64, member string) {
	n.leadership.gain(term)
	n.answers.add(term, raft.ServerID(member), answered{number: 1 << 62})
}

// Nominate tells another node to stand for election.
func (n *Node) Nominate() { n.nominate() }

// HandOver gives raft a batch, as gather does.
func (n *Node) HandOver(text string) error {
	return n.raft.ApplyLog(raft.Log{Data: encodeFrame([]*proposal{{data: []byte(text)}})}, 0).Error()
}

// LeadsForRaft tells whether raft takes this node for the leader, whether or not it can commit anything.
func (n *Node) LeadsForRaft() bool { return n.raft.State() == raft.Leader }
