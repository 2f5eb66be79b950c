// Package server is the one place where everything meets: it builds the parts of
// a node, starts them in order and stops them in reverse.
//
//	          ┌──────────── kafkacompat ◀── Kafka clients
//	          │                │ reads
//	proposer ─┤ scheduler ─────┤            api ◀── HTTP clients
//	          │                ▼             │
//	          │ runner ──▶ statemachine.Store ◀┘
//	          ▼                ▲
//	       raftlog ── Apply ───┘
//
// What the parts ask for is declared by them; the files here named for two parts
// (store_for_runner.go, store_for_kafka.go…) are the seams between them.
//
// # Life of a node
//
//	starting ──▶ follower ◀──▶ leader
//	    │            │            │      any failure of the disk
//	    └────────────┴────────────┴─────▶ no writes ──▶ closed
//
// Runner, scheduler and retention run on the leader only: they start when raftlog
// says that this node leads and has applied all of the past, after the protocol's
// topics were made, and have stopped before the node acts on the loss of
// leadership. A node whose disk is full or fails takes no writes and says so, in
// its health and to every client, while everything that it has stays readable.
// Only a restart after the cause is gone leads out of that.
//
// # Among other nodes
//
//	no cluster ──▶ member without data ──▶ member that follows ──▶ voter
//	  formation.go                           register               promotion
//
// A node is alone, or one of the first nodes of a cluster, or joins one that is there. Before the first start of its log it
// finds out which cluster it is in (enterCluster). Then it registers: the cluster knows of this start, and it
// of all that was committed before; only now does it answer Kafka clients, which it turned away before if they may ask another node. HTTP clients are told what it waits for. A node that comes without its data is one that has lost its votes: the leader
// removes it, and takes it in as a new one. Two nodes with the same id are noticed by the id of their data directory, or by that of their start,
// and one of them ends.
//
// # What it stores
//
//	DIR/LOCK        held while a node runs
//	DIR/node.json   who the node is: its ids, the cluster's and the directory's (identity.go); written before any of what follows,
//	                which is nobody's without it
//	DIR/raft        raftlog's
//	DIR/store       statemachine's
//
// # Invariants
//
//   - A write is acknowledged only after Propose returned: it is in the log, with
//     fsync, and applied.
//   - When Close returns, all goroutines of the node have ended and another
//     process may open the directory.
package server
