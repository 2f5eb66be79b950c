// Package testhost runs tests of workflows: `kont test` and what tests import as `kont/test`.
//
// A test file is a module of its own, on the engine's plain language, in a VM of its own (script). It opens hosts: each is a world with one workflow, or several, its
// topics in memory, its timers and a clock that stands still until the test lets time pass (host). A host follows the rules of the workflow
// protocol as a server does; it has one event at a time: an event's step runs, then its records take effect in the order written, and
// what they cause is queued behind what waits already. So several threads that exchange records do the same in every run.
//
// By default a thread is written to bytes before every promise job and goes on from them in another VM (jsvm.RestoreJobs): a test of a
// workflow is also one of its surviving a crash at every await.
//
// It refuses host access to tests as jsvm does to workflows, and it opens no sockets. It reads the files that are named and what they import, and
// writes one thing: the snapshots of a test file, beside it, as FILE.snap.
//
// docs/testing-workflows.md is for authors.
//
// The caller owes it file names. What it gives back are results (Result), and reporters that print them.
//
// # Invariants
//
//   - A host is used by the goroutine of its test only. The steps of all hosts run on pools of jsvm, which is where goroutines end.
//   - The same seed, files and tests give the same results: time and chance of workflows and tests come from the seed, and order from
//     queues. A limit of wall time that is hit is the exception.
//   - A pool serves one host at a time, and another one afterwards only if no step of it failed, and if its VMs hold nothing of the first
//     one's time and chance.
package testhost
