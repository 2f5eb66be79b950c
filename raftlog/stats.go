package raftlog

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Stats are counters since Open, and the present state. They are read one by one, so
// they need not agree with each other to the last proposal.
type Stats struct {
	// Proposals were taken into the queue, ProposalBytes is their size.
	Proposals, ProposalBytes uint64
	// ProposalsFailed got an error for an outcome.
	ProposalsFailed uint64
	// Batches is how many log entries the proposals were packed into.
	Batches uint64
	// ProposalsQueued were taken and have no outcome yet.
	ProposalsQueued int64
	// LogBytesWritten is the size of entry data that was appended to the log.
	LogBytesWritten uint64
	// LogStalls are writes of the log that took longer than Config.LogStallMax, LogWriteAge is how long the present one has taken, 0 if there is
	// none. LeadershipsLeft is how often the node has left leadership because of one.
	LogStalls, LeadershipsLeft uint64
	LogWriteAge                time.Duration
	// Snapshots taken, and those that failed.
	Snapshots, SnapshotsFailed uint64
	// SnapshotsReceived are those from which the state machine was restored.
	SnapshotsReceived uint64

	// FirstIndex and LastIndex bound the log, which holds LogEntries and about
	// LogBytes. Both are 0 for an empty log.
	FirstIndex, LastIndex LogIndex
	LogEntries, LogBytes  uint64
	// AppliedIndex is what the state machine includes, SnapshotIndex the end of the
	// newest snapshot.
	AppliedIndex, SnapshotIndex LogIndex
	// Term is Raft's current term.
	Term uint64

	// LogWrites times appends with their fsync, Applies the state machine's batches,
	// Commits the way of a batch from being cut to its outcome.
	LogWrites, Applies, Commits Histogram
}

// Term is Raft's current term, as in Stats.
func (n *Node) Term() uint64 { return n.raft.CurrentTerm() }

// LogWriteAge is how long the log's present write has taken, as in Stats.
func (n *Node) LogWriteAge() time.Duration {
	age, _ := n.log.watch.age()
	return age
}

// Histogram counts durations.
type Histogram struct {
	Count uint64
	Sum   time.Duration
	// Buckets[i] counts durations below HistogramBound(i) that are not below the
	// bound before; the last bucket has no bound.
	Buckets [HistogramBuckets]uint64
}

// HistogramBuckets is the number of buckets of a Histogram.
const HistogramBuckets = 24

// HistogramBound is the exclusive upper bound of bucket i: 1 µs, 2 µs, 4 µs, …
func HistogramBound(i int) time.Duration { return time.Microsecond << i }

type histogram struct {
	count, sumNano atomic.Uint64
	buckets        [HistogramBuckets]atomic.Uint64
}

func (h *histogram) observe(d time.Duration) {
	h.count.Add(1)
	h.sumNano.Add(uint64(d))
	h.buckets[min(bits.Len64(uint64(d/time.Microsecond)), HistogramBuckets-1)].Add(1)
}

func (h *histogram) read() Histogram {
	out := Histogram{Count: h.count.Load(), Sum: time.Duration(h.sumNano.Load())}
	for i := range h.buckets {
		out.Buckets[i] = h.buckets[i].Load()
	}
	return out
}

type counters struct {
	proposals, proposalBytes, proposalsFailed, batches atomic.Uint64
	proposalsQueued                                    atomic.Int64
	logBytesWritten, snapshots, snapshotsFailed        atomic.Uint64
	logStalls, leadershipsLeft, snapshotsReceived      atomic.Uint64
	logWrites, applies, commits                        histogram
}

// Stats reads the counters; it is cheap enough for every scrape.
func (n *Node) Stats() Stats {
	c := n.stats
	first, _ := n.log.FirstIndex()
	last, _ := n.log.LastIndex()
	entries, bytes := n.log.above(0)
	return Stats{
		Proposals:       c.proposals.Load(),
		ProposalBytes:   c.proposalBytes.Load(),
		ProposalsFailed: c.proposalsFailed.Load(),
		Batches:         c.batches.Load(),
		ProposalsQueued: c.proposalsQueued.Load(),
		LogBytesWritten: c.logBytesWritten.Load(),
		LogStalls:       c.logStalls.Load(),
		LeadershipsLeft: c.leadershipsLeft.Load(),
		LogWriteAge:     n.LogWriteAge(),
		Snapshots:       c.snapshots.Load(),
		SnapshotsFailed: c.snapshotsFailed.Load(),
		FirstIndex:      LogIndex(first),

		SnapshotsReceived: c.snapshotsReceived.Load(),
		LastIndex:         LogIndex(last),
		LogEntries:        entries,
		LogBytes:          bytes,
		AppliedIndex:      n.fsm.appliedIndex(),
		SnapshotIndex:     n.snapshots.newestIndex(),
		Term:              n.raft.CurrentTerm(),
		LogWrites:         c.logWrites.read(),
		Applies:           c.applies.read(),
		Commits:           c.commits.read(),
	}
}
