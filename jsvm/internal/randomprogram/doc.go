// Package randomprogram writes random programs to compare ways of running JavaScript with. Only tests use it.
//
// A program is made of what the continuation compiler takes apart: loops, try statements, closures that share
// variables, generators, classes, destructuring, with awaits in all of them. It ends, and its log is all that it shows.
package randomprogram
