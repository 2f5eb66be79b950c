package raftlog

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/hashicorp/raft"
	"github.com/hashicorp/raft-wal/types"

	"kont/raftlog/link"
)

// The kinds of log store.
const (
	// LogStoreWAL appends to preallocated segment files; the fast one.
	LogStoreWAL = "wal"
	// LogStoreBoltDB keeps the log in a B+tree file.
	LogStoreBoltDB = "boltdb"
)

const (
	// proposalBytesLimit bounds Config.ProposalBytesMax. The wal store refuses to
	// read entries above 64 MiB.
	proposalBytesLimit = 48 << 20

	walSegmentBytesMin = 64 << 10
	walSegmentBytesMax = 1 << 30
)

// Config says how a node is to run. Zero values stand for the defaults in brackets.
type Config struct {
	// NodeID names the node for all time; a directory remembers the one that made it.
	NodeID string
	// Dir holds everything that the node stores; it is made if missing.
	Dir string

	// Port is where the other members reach the node. It is the node's from Open on, which closes it if it
	// fails; it listens in the name of NodeID. nil for a node that is and stays alone until
	// it is opened with one.
	Port *link.Port

	// Bootstrap makes a node with an empty directory one of the first members of a new
	// cluster, which are FirstMembers, or the node alone; on later starts it has no effect.
	// One node of a cluster bootstraps it, and the others get to know from it who they are.
	// A node that is to join a cluster starts without Bootstrap too and is added by AddVoter or AddNonvoter on the leader.
	Bootstrap    bool
	FirstMembers []Member

	// LogStore is LogStoreWAL or LogStoreBoltDB [wal]. A directory keeps its first.
	LogStore string
	// WALSegmentBytes is the size of a segment file, which is allocated ahead and
	// deleted as a whole [8 MiB].
	WALSegmentBytes int

	// SnapshotEntries and SnapshotBytes: a snapshot is taken, and the log trimmed,
	// when it has grown by that much since the last one [20,000 and 16 MiB].
	SnapshotEntries uint64
	SnapshotBytes   uint64
	// SnapshotIdle: one is also taken after so long without writes, if the log has
	// grown by SnapshotIdleBytes, so that the next start replays little [2 s, 1 MiB;
	// negative: never].
	SnapshotIdle      time.Duration
	SnapshotIdleBytes uint64
	// TrailingEntries and TrailingBytes bound what is left of the log below a
	// snapshot for followers that lag; the smaller holds [4096 and 8 MiB]. A node
	// without other members leaves nothing.
	TrailingEntries uint64
	TrailingBytes   uint64

	// BatchBytesMax and BatchProposalsMax bound one log entry [1 MiB, 4096]. A larger
	// proposal is an entry of its own.
	BatchBytesMax     int
	BatchProposalsMax int
	// ProposalBytesMax bounds one proposal [32 MiB, at most 48 MiB].
	ProposalBytesMax int
	// QueueBytesMax and QueueProposalsMax bound all proposals that were taken and are
	// not yet applied [64 MiB, 65,536]. Above, Propose waits.
	QueueBytesMax     int
	QueueProposalsMax int

	// ElectionTimeout and HeartbeatTimeout as in the Raft thesis, section 3.4 [600 ms].
	// The real waits are between one and two times as long.
	ElectionTimeout  time.Duration
	HeartbeatTimeout time.Duration

	// LogStallMax: a leader whose disk takes longer than that for a write of the log leaves leadership, if there is
	// another voter [1.5 s; negative: never].
	LogStallMax time.Duration

	// Logger [slog.Default].
	Logger *slog.Logger

	// WALFiles are the files of the wal [the operating system's]. Tests make disks fail with them.
	WALFiles types.VFS

	// Tests put faults between the node and its disk.
	wrapLogStore    func(raft.LogStore) raft.LogStore
	wrapStableStore func(raft.StableStore) raft.StableStore
	wrapSink        func(raft.SnapshotSink) raft.SnapshotSink
	wrapRequests    func(<-chan raft.RPC) <-chan raft.RPC
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c Config) withDefaults() Config {
	setDefault(&c.LogStore, LogStoreWAL)
	setDefault(&c.WALSegmentBytes, 8<<20)
	setDefault(&c.SnapshotEntries, 20_000)
	setDefault(&c.SnapshotBytes, 16<<20)
	setDefault(&c.SnapshotIdle, 2*time.Second)
	setDefault(&c.SnapshotIdleBytes, 1<<20)
	setDefault(&c.TrailingEntries, 4096)
	setDefault(&c.TrailingBytes, 8<<20)
	setDefault(&c.BatchBytesMax, 1<<20)
	setDefault(&c.BatchProposalsMax, 4096)
	setDefault(&c.ProposalBytesMax, 32<<20)
	setDefault(&c.QueueBytesMax, 64<<20)
	setDefault(&c.QueueProposalsMax, 65_536)
	setDefault(&c.ElectionTimeout, 600*time.Millisecond)
	setDefault(&c.HeartbeatTimeout, min(600*time.Millisecond, c.ElectionTimeout))
	setDefault(&c.LogStallMax, 1500*time.Millisecond)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// validate reports every problem at once.
func (c Config) validate() error {
	var problems []error
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if c.NodeID == "" {
		refuse("node id is empty")
	}
	if c.Dir == "" {
		refuse("directory is empty")
	}
	if c.LogStore != LogStoreWAL && c.LogStore != LogStoreBoltDB {
		refuse("log store %q is neither %q nor %q", c.LogStore, LogStoreWAL, LogStoreBoltDB)
	}
	if c.WALSegmentBytes < walSegmentBytesMin || c.WALSegmentBytes > walSegmentBytesMax {
		refuse("wal segment of %d bytes is not within %d to %d", c.WALSegmentBytes, walSegmentBytesMin, walSegmentBytesMax)
	}
	if c.ProposalBytesMax < 1 || c.ProposalBytesMax > proposalBytesLimit {
		refuse("largest proposal of %d bytes is not within 1 to %d", c.ProposalBytesMax, proposalBytesLimit)
	}
	if c.QueueBytesMax < c.ProposalBytesMax {
		refuse("queue of %d bytes cannot hold the largest proposal of %d", c.QueueBytesMax, c.ProposalBytesMax)
	}
	if c.BatchBytesMax < 1 || c.BatchBytesMax > proposalBytesLimit {
		refuse("batch of %d bytes is not within 1 to %d", c.BatchBytesMax, proposalBytesLimit)
	}
	if c.BatchProposalsMax < 1 || c.QueueProposalsMax < 1 {
		refuse("batch of %d and queue of %d proposals must be positive", c.BatchProposalsMax, c.QueueProposalsMax)
	}
	if c.HeartbeatTimeout < 20*time.Millisecond || c.ElectionTimeout < c.HeartbeatTimeout {
		refuse("heartbeat timeout %v must be 20ms or more and not above the election timeout %v",
			c.HeartbeatTimeout, c.ElectionTimeout)
	}
	if c.Port != nil && c.Port.NodeID() != c.NodeID {
		refuse("the port is that of node %q, not of %q", c.Port.NodeID(), c.NodeID)
	}
	if len(c.FirstMembers) > 0 && !slices.ContainsFunc(c.FirstMembers, func(m Member) bool { return m.ID == c.NodeID && m.Voter }) {
		refuse("node %q is not among the voters of the first members %v", c.NodeID, c.FirstMembers)
	}
	if len(problems) > 0 {
		return fmt.Errorf("raft configuration: %w", errors.Join(problems...))
	}
	return nil
}

// raftConfig is the library's configuration. Snapshots are ours to trigger, see
// trim.go, and ours to restore, see open.go.
func (c Config) raftConfig() *raft.Config {
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(c.NodeID)
	conf.ElectionTimeout = c.ElectionTimeout
	conf.HeartbeatTimeout = c.HeartbeatTimeout
	conf.LeaderLeaseTimeout = c.HeartbeatTimeout / 2
	conf.CommitTimeout = 20 * time.Millisecond
	conf.MaxAppendEntries = 64
	conf.SnapshotInterval = 10_000 * time.Hour
	conf.SnapshotThreshold = 1 << 62
	conf.NoSnapshotRestoreOnStart = true
	// A removed node waits as a follower; the library's own shutdown would drop
	// answers to proposals that are committed and not yet applied.
	conf.ShutdownOnRemove = false
	conf.NoLegacyTelemetry = true
	conf.Logger = newHclog(c.Logger)
	return conf
}
