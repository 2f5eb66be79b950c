package server

import (
	"crypto/sha256"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/kafkacompat"
)

// Quorum is the one node that there is.
func (c *cluster) Quorum() kafkacompat.Quorum {
	stats := c.node.raft.Stats()
	now := time.Now().UnixMilli()
	return kafkacompat.Quorum{
		CommittedIndex: int64(stats.AppliedIndex),
		Voters: []kafkacompat.QuorumMember{{
			NodeID: nodeID, DirectoryID: directoryID(c.node.identity.ClusterID, nodeID), EndIndex: int64(max(stats.LastIndex, stats.AppliedIndex)) + 1,
			LastFetchUnixMilli: now, LastCaughtUpUnixMilli: now,
		}},
	}
}

// directoryID names the data of a node: the same after every start.
func directoryID(clusterID string, node int32) (id [16]byte) {
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
