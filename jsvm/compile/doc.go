// Package compile turns the script that the bundler made into a program whose
// suspended calls can be stored: goja's parser, then the passes scope, lower, ir
// and emit, then goja's compiler.
//
// It refuses, at a position of the author's source and with a way out, whatever
// the passes can't rewrite; nothing is left to goja's own async functions, which
// keep their state where nobody can read it. A fault of the compiler itself is a
// refusal too, never a panic. Names that a module outside the script does not export
// are refused where they are imported.
//
// For refusals that others make, it knows the places: Exports finds what turned out
// wrong only as the script ran.
//
// # What the caller owes
//
// The script is ASCII and the only one in its VM. The runtime library of package
// jsvm/runtime is loaded first; the program's function gets its object. Async
// generators, `for await` and private names have been lowered by the bundler.
//
// # What it stores
//
// Nothing. The Manifest, which gives functions, resume points and variables the
// names that continuations are written with, comes out of each compilation
// anew, and is the same for the same script. Changing how those names are made
// is a change of the continuation format: docs/continuation-abi.md.
//
// # Invariants
//
// No await, yield, async function or generator is left in Program.AST. Every
// function of the script has an id, its index in Manifest.Functions, which goja
// hands out as the function's source text behind a NUL byte.
package compile
