// Package command holds the inputs of the replicated state machine, their
// results, and the bytes that they have in the Raft log.
//
// A command is one entry of the log. What it means is written in package
// statemachine, a file per command; here are only the shapes, so that those who
// propose (the Kafka listener, the scheduler, the runner) need not know the
// store. The package refuses to know about disks, sockets and JavaScript.
//
// # Bytes
//
//	| version 1 byte | kind 1 byte | body: CBOR map with integer keys |
//
// A kind's number is never reused and a key's meaning never changes. Whoever
// removes a field leaves its number retired in a comment. Decode refuses an
// unknown version, an unknown kind, and a body with an unknown field or with
// anything left over. Strings are Kafka's bytes and need not be UTF-8.
//
// # What a proposer owes
//
// Time, random numbers and identifiers are put into the command by its proposer:
// Apply reads no clock. Limits are checked before the log by the proposer and
// again in Apply.
package command
