// Package ir is the form that a function with suspensions has between lowering
// and emission: basic blocks of ordinary statements, joined by explicit jumps.
//
// Statements without a suspension stay structured JavaScript inside a block,
// loops and all. Where such a statement leaves the block sideways (a `break` out
// of a lowered loop) it holds a placeholder: an empty BlockStatement that is a
// key of Block.Exits, which emission fills with the jump.
//
// # Liveness
//
// Liveness computes, for each suspension, which slots are read again afterwards.
// Only those are saved. That is needed for correctness and not only for size: a
// dead temporary may hold something that no continuation can keep.
//
// # What the caller owes
//
// Handler is fixed when a block is made. A block that starts a handler reads the
// exception from the identifier Exception in its first statement and nowhere
// else. A Suspend's Resume block has no other way in.
package ir
