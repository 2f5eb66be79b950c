// Package syntax holds what every pass of the compiler needs to handle goja's
// syntax tree: a walk over a node's children, constructors for new nodes, and
// the names that the compiler makes up.
//
// It knows JavaScript's shape and nothing of its meaning: scopes are package
// scope's, rewriting is package lower's.
//
// # Names
//
// An identifier in goja's tree need not be valid JavaScript, so every name that
// the compiler makes up starts with '%': user code cannot spell it, and no
// renaming is ever needed to keep the two apart. The printer writes '%' as '$'.
//
// # What the caller owes
//
// A node made here takes the position of the source that it stands for, so that
// stack traces show the author's line. Position 0 is allowed and means none.
package syntax
