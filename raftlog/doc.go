// Package raftlog makes many machines agree on one sequence of byte strings.
//
// A Node is one member of a Raft group, on top of hashicorp/raft. Proposals go in at
// the leader, and every member's StateMachine gets them in the same order, once they
// are on the disks of a majority. One node alone is a group of one; it grows by AddVoter,
// and nothing here changes for its caller.
//
// # What it refuses
//
// It has never heard of workflows, topics or timers: proposals are opaque. It does not
// forward proposals to the leader (the caller knows Leader), and does not serve reads (the
// caller reads its state machine, after ConfirmLeadership if it has to be current). It starts
// on no file that it cannot trust, and after the first failed write it writes nothing
// more: the node stops, leaves leadership and says why in Err, while the state machine can
// still be read. Opening it anew is the only way on. A leader whose disk takes too long for a write leaves leadership
// before it comes back (stall.go), and is a follower then.
//
// # What the caller owes it
//
//   - A StateMachine that gives the same results for the same entries everywhere, and that
//     knows the index that its state includes.
//   - Close, before it closes the state machine.
//   - One directory for each node, on a disk whose fsync means it.
//   - With several members: clocks may differ, but the port must be reachable for the others
//     only, or TLS be mutual. Whoever can speak to it is believed, see package link.
//
// # The way of a proposal
//
//	Propose ─▶ queue ─▶ gather: cut a batch ─▶ raft ─▶ log store (one fsync) ─▶ majority
//	   ▲                  ▲                               │                        │
//	   │                  └─ the next may be cut ─────────┘                        ▼
//	   └───────────────── settle: one result each ◀─────────────── StateMachine.Apply
//
// While one batch is being written, the next gathers, so a lone proposal waits for no
// timer and many share an fsync. Earlier batches commit and apply meanwhile. The queue
// bounds, in bytes and count, all proposals without an outcome; beyond it Propose waits.
// A leader sends an entry to the others while it writes it, so that their fsync and its own pass at the same time (log_tail.go).
// Entries that are committed together reach Apply together.
//
// A proposal is queued, then handed to the log or withdrawn. Once handed over it ends in a
// result, or, if leadership or the disk is lost, in ErrOutcomeUnknown.
//
// # What is stored
//
// In Config.Dir, all integers little endian unless named varint:
//
//	LOCK             locked while a node is open; the process id, for people
//	node.json        {"version":1,"node_id":…,"log_store":…}, written once
//	stable.db        raft-boltdb: term and vote
//	wal/             raft-wal: segment files and the BoltDB that lists them; or
//	log.db           raft-boltdb, with LogStore boltdb
//	written          index of the last entry written, see written_mark.go
//	snapshots/ID/    meta.json and state.bin of the library, meta.sum of ours
//
// The data of a log entry that carries proposals (frame.go):
//
//	 0         1            5
//	+---------+------------+-------+--------+------+--------+------+---
//	| version | CRC-32C of | count | length | data | length | data | …
//	|  = 1    | the rest   | varint| varint |      | varint |      |
//	+---------+------------+-------+--------+------+--------+------+---
//
// It says what the proposer meant, on every node. Beside each entry of any kind a node
// keeps a seal of its own (seal.go), which says that index, term, type and data are what
// it wrote. Open checks every seal, and that the log is as long as the written mark says:
// neither log store can tell damage at its end from a write that a power cut tore.
//
// # Snapshots
//
// Raft trims its log below a snapshot. For a StateMachine that is a Flusher, with its
// state on the same machine's disk, a snapshot with data would be that state a second
// time. So its snapshots are references, a header of 18 bytes (snapshots.go): Flush has
// returned, and the state on disk includes at least this index. They cost one flush, and
// the log may go. This is what follows:
//
//   - Raft directory and state machine belong together. Open compares them and refuses a
//     pair that misses entries (ErrStateLost). A backup holds both.
//   - The state machine is never restored on its own node's start; it goes on from its own
//     index.
//   - A follower that needs trimmed entries gets data after all: the leader captures its
//     present state and sends that as it reads it. It may be newer than the reference. That is
//     sound, since all of it is committed, and entries that a state includes are passed
//     over. Nothing of it is written on the leader, so that to begin again, after the connection broke, costs
//     no more than the first time. The follower writes what comes, restores it when all is there, and
//     replaces it by a reference of its own. Then it has the state twice for a while, beside the one it had.
//   - A follower may have had more entries than the snapshot includes, which never counted. They go, and raft has to be told (install.go).
//   - While it receives, a follower does nothing else, so it gives up a leader that falls silent, see
//     snapshotStalled; and no other side holds up a node that stops.
//
// Other state machines get snapshots with data, and are restored from them.
//
// A snapshot is taken when the log has grown by SnapshotBytes or SnapshotEntries, and
// when it is idle. Of the log, TrailingBytes or TrailingEntries, whichever is less, are
// left for followers that lag, and nothing on a node that has none.
//
// # Invariants
//
//   - first log index <= snapshot index + 1: no entry between snapshot and log is missing.
//   - applied index <= commit index <= last log index, or <= the state index of the
//     newest snapshot where that is greater.
//   - The log is trimmed to an index only after the state on disk, or the data of a
//     snapshot, includes it.
//   - Apply, Snapshot and Restore never overlap; no entry is applied twice by one process,
//     nor on a restart if the state on disk includes it.
//   - written mark <= last index ever synced.
//   - a node whose leadership is confirmed has applied what was acknowledged before it was asked.
//   - commit index <= what this node has written, while it leads. An answer of a follower counts only then.
//   - No goroutine and no file outlives Close.
package raftlog
