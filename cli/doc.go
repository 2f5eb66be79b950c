// Package cli is the command line: one file a command.
//
// A command talks to a server as any stranger would, by Kafka for records and by
// HTTP for the rest; it has no way in that others lack. Commands that are given
// sources compile them here, which needs no server. Only serve and dev start a node in
// this process; demo and bench start one in a process of its own, package child, which
// can be killed.
//
// # What every command keeps to
//
//   - What was asked for goes to standard output, everything else (progress,
//     hints, logs) to standard error. -o json makes the output one JSON document,
//     or one a line where it is a stream.
//   - An error is one line, `kont: what failed; what to do next`, on standard
//     error; with -o json an object with "error" and "hint".
//   - The exit code is 0, 1 for a failure, 2 for a wrong use.
//   - Flags and arguments may be mixed: `kont start order-1 '{}' -o json`. After
//     "--" everything is an argument.
//   - An interrupt ends it, and it leaves nothing running that it started.
//
// The package stores nothing.
package cli
