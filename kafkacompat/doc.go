// Package kafkacompat is the Kafka listener: it answers Kafka clients over TCP,
// from the records and topics of the state machine, and coordinates consumer
// groups.
//
// It refuses to store anything. Records, topics, configurations, producers, transactions,
// committed offsets and the members of groups are in the log, which it reaches
// through the interface Log; what it holds itself (connections, fetch sessions,
// rebalances under way) may be lost at any moment, and clients make it anew. It knows nothing of workflows:
// workflow-resume is a topic to it. It refuses record formats 0 and 1.
//
// # What the caller owes
//
// New takes a Log and a Cluster, each safe for many goroutines. Serve runs a
// listener until Close, which returns after the last goroutine has ended. Close
// the Server before the Log.
//
// # How a request is answered
//
//	bytes ─▶ wire.ReadFrame ─▶ wire.Shape.Check ─▶ kmsg ─▶ queue ─▶ access ─▶ NN_name.go ─▶ bytes
//	         └──────── reading goroutine ────────────────┘         └── answering goroutine ───────┘
//
// Before that, a client says who it is, on one goroutine, see identify. What it may
// then do is said by a row of accesses for each API, around the handlers: handlers know
// nothing of it, but for Produce and Fetch.
//
// A file NN_name.go answers the requests with API key NN. It registers the
// versions that it serves and the Shape of the request; ApiVersions is made of
// the registrations, and docs/kafka.md is compared with them.
//
// # Who waits for what
//
// Each connection has a bounded queue; all connections share a bound for the bytes
// of requests that are read and not answered, which counts bytes that have arrived
// rather than sizes. When either is full, the reader stops, TCP fills up, and the
// client waits. Fetch responses that wait to be taken share a bound, too; where it
// is reached, responses become small. A client that doesn't take its
// answers is disconnected after a time. A request is begun when the one before it
// is answered, but Produce requests that stand in a row become one command.
//
// # Bytes
//
// The package stores none, but gives the log parts of groups to keep, which are in
// the layouts of group_encoding.go. On the wire it speaks Kafka's protocol as kmsg has it;
// record batches pass through as they came, but for a wrong max timestamp, see
// package recordbatch.
//
// # Invariants
//
//   - What a client has been told is stored was committed before.
//   - Answers on a connection are in the order of the requests.
//   - Nothing is answered, but what it takes to log in, to a client that has to and
//     hasn't; no secret is in a log, an error or an answer.
//   - An API without a row in accesses is closed as soon as anything is authorised.
//   - Malformed bytes end their own connection and nothing else; so does a panic.
//   - No length that a client sent is believed before as many bytes have arrived.
package kafkacompat
