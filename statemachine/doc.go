// Package statemachine is the replicated state: topics and their records,
// threads, timers, deployments and consumer groups, and the commands that change
// them.
//
// It refuses to know of Raft, wires and JavaScript: entries come in as bytes, a
// continuation is opaque. It has no clock, no randomness and starts no goroutine
// of its own; Pebble has some for its files.
//
// # What the caller owes
//
// Entries come in the order of the log, by one goroutine at a time, and again from
// AppliedIndex on after a restart: the Raft log is the write-ahead log, and the
// store writes its files without one. The log may be trimmed up to what Flush or a
// snapshot has made durable. When Apply returns nil the node has to stop taking
// writes and give up leadership; Err tells why, and reads go on.
//
// # What is stored
//
// A Pebble store in a directory that a marker names, so that Restore can put
// another in its place at once:
//
//	DIR/LOCK
//	DIR/marker.state.000001.state-1   the current state is in state-1
//	DIR/state-1/…                     Pebble's files
//	DIR/checkpoint-1/…                a snapshot while it is sent
//
// Package keys draws the keys; docs/formats.md has every byte of the values. All
// values begin with a version byte, except record batches, which are kept as the
// client sent them, base offset patched, and have their own.
//
// What there is little of (topics, ends of partitions, consumed offsets,
// deployments, counters) is held in memory too, in an image. A parked thread is on
// disk only.
//
// # Invariants
//
//   - Every call of Apply is one Pebble batch, or several if it is large, each with the applied
//     index: a crash leaves the state as of some entry, never of half of one.
//   - The state depends on the entries alone: not on how they were cut into calls,
//     on the time of day, or on the order of a map.
//   - Readers see only what is committed, and see each entry as a whole in every
//     single read.
//   - A record batch is filed under its last offset for ever. Compaction leaves records out
//     of it, never moves any, and never touches an event that is not consumed.
//   - An event is consumed once. Its effects (thread, history, outputs, timers) are
//     in the same Pebble batch as the mark that it is consumed.
package statemachine
