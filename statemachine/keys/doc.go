// Package keys makes and reads the keys of the state machine's store.
//
// Every key begins with a letter that tells what it holds. Topics are named in
// keys by a number that is never given twice, so a topic that is deleted and made
// again finds nothing of the first one, and everything of a topic is one range
// for each letter. The package knows no values and no disk; what is stored under
// a key is in docs/formats.md.
//
// # Bytes
//
// Numbers are big-endian and sort as they count. "name" is raw bytes to the end of
// the key; "name!" is escaped, so that something may follow it: 00 becomes 00 ff,
// and 00 01 ends it, which keeps the order of the names.
//
//	m                                         what is true of the whole store
//	t | topic name                            a topic
//	p | topic 4 | partition 4                 a partition
//	r | topic 4 | partition 4 | last offset 8 a record batch
//	i | topic 4 | partition 4 | last offset 8 an entry of the batch index
//	d | topic 4 | partition 4 | producer 8    an idempotent producer
//	D | hour 4 | topic 4 | partition 4 | producer 8   when to look at it again
//	c | topic 4 | partition 4                 consumed events
//	x | topic 4                               counters
//	k | topic 4 | thread                      a thread that runs
//	l | topic 4 | thread                      its continuation, if large
//	f | topic 4 | thread                      it is faulted
//	e | topic 4 | thread                      a thread of which history is left
//	E | topic 4 | milliseconds 8 | thread     by the time it ended
//	h | topic 4 | thread! | number 4          an entry of its history
//	v | topic 4 | thread! | number 4          an event that is kept
//	s | topic 4 | timer                       a timer
//	S | milliseconds 8 | topic 4 | timer      by the time it is due
//	g | group! | topic 4 | partition 4        a committed offset
//	b | bundle 4                              a bundle's bytes
//	B | bundle 4                              its hash
//	y | topic name                            a deployment
//	u | number 8                              an unmatched event
//	U                                         the ends of their list
//	n | transactional id!                     a transaction
//	n | transactional id! | group! | topic 4 | partition 4   an offset that it holds
//	o | topic 4 | partition 4 | producer 8    an open transaction's part of a partition
//	a | topic 4 | partition 4 | offset 8      a transaction that ended there
//	A | type 1 | pattern 1 | operation 1 | permission 1 | name! | principal! | host   an ACL
//	C | user! | mechanism 1                   what is kept of a password
//
// A batch is filed under its last offset, so the batch that holds an offset is the
// first one at or after it.
//
// # Invariants
//
// Append only: a letter's meaning and layout never change; a new layout is a new
// letter.
package keys
