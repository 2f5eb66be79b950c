package server

import (
	"crypto/sha256"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/kafkacompat"
	"kont/server/peers"
)

// Quorum is the nodes of the cluster. How far the others are is known to the leader, of those that answer it.
func (c *cluster) Quorum() kafkacompat.Quorum {
	stats := c.node.raft.Stats()
	quorum := kafkacompat.Quorum{CommittedIndex: int64(stats.AppliedIndex)}
	members, err := c.node.raft.Members()
	if err != nil {
		return quorum
	}
	nodes := c.node.store.Nodes()
	for _, raftMember := range members {
		node, _ := nodes.Of(peers.NodeIDOf(raftMember.ID))
		member := kafkacompat.QuorumMember{
			NodeID: peers.NodeIDOf(raftMember.ID), DirectoryID: node.DirectoryID, EndIndex: -1, LastFetchUnixMilli: -1, LastCaughtUpUnixMilli: -1,
		}
		if known, _ := c.node.replicas.of(member.NodeID, time.Now()); !known.heard.IsZero() {
			member.EndIndex, member.LastFetchUnixMilli = int64(known.appliedIndex)+1, known.heard.UnixMilli()
			if !known.caughtUp.IsZero() {
				member.LastCaughtUpUnixMilli = known.caughtUp.UnixMilli()
			}
		}
		if member.NodeID == c.NodeID() {
			now := time.Now().UnixMilli()
			member.DirectoryID = c.node.identity.DirectoryID
			member.EndIndex = int64(max(stats.LastIndex, stats.AppliedIndex)) + 1
			member.LastFetchUnixMilli, member.LastCaughtUpUnixMilli = now, now
		}
		if raftMember.Voter {
			quorum.Voters = append(quorum.Voters, member)
		} else {
			quorum.Observers = append(quorum.Observers, member)
		}
	}
	return quorum
}

// derivedDirectoryID names the data of a node whose directory has no id of its own: the same after every start.
func derivedDirectoryID(clusterID string, node int32) (id [16]byte) {
	sum := sha256.Sum256(append([]byte("directory of a node\x00"+clusterID), byte(node>>24), byte(node>>16), byte(node>>8), byte(node)))
	copy(id[:], sum[:])
	return id
}

// LogDir is the data directory.
func (c *cluster) LogDir() (kafkacompat.LogDir, error) {
	dir := kafkacompat.LogDir{Path: c.node.config.DataDir, DiskBytes: -1, FreeBytes: -1}
	usage, err := vfs.Default.GetDiskUsage(c.node.config.DataDir)
	if err != nil {
		return dir, err
	}
	dir.DiskBytes, dir.FreeBytes = int64(usage.TotalBytes), int64(usage.AvailBytes)
	return dir, nil
}
