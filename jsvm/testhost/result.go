package testhost

import (
	"time"
)

// The states of a test.
const (
	Passed  = "passed"
	Failed  = "failed"
	Skipped = "skipped"
)

// FileResult is what became of a test file.
type FileResult struct {
	File    string        // as it was named
	Failure *Failure      // of the file as a whole: it does not compile, or has no tests
	Tests   []Result      // in the order of the file
	Wall    time.Duration // of all
	Console []string      // what a file that failed as a whole wrote to its console
	// Inputs are all files that were read: the test, what it imports, and the workflows with what they import. HasMore says that not all are
	// known: the test or a workflow did not compile.
	Inputs  []Input
	HasMore bool
	// Snapshots that were written.
	SnapshotsAdded, SnapshotsUpdated, SnapshotsRemoved int
}

// Result is what became of a test.
type Result struct {
	Name    string
	Status  string
	Wall    time.Duration
	Failure *Failure // of a failed one
	Console []string // what the test wrote to its console
	Logs    []Log    // what workflows wrote to theirs
}

// Failure says what is wrong, and where.
type Failure struct {
	Message string
	Diff    string
	At      Position // of the innermost call in a source; no Line: not known
	Source  string   // the line there
	Stack   []Frame  // calls in sources, innermost first
	Notes   []string
}

// Position is a place in a source, counted from 1.
type Position struct {
	File   string
	Line   int
	Column int
}

// Frame is a call in a stack.
type Frame struct {
	Function string // "" for one without a name
	At       Position
}

// Counts of results.
type Counts struct{ Passed, Failed, Skipped int }

// CountsOf counts tests; a file that failed as a whole counts as a failed test.
func CountsOf(results []FileResult) (c Counts) {
	for _, file := range results {
		if file.Failure != nil {
			c.Failed++
		}
		for _, r := range file.Tests {
			switch r.Status {
			case Passed:
				c.Passed++
			case Failed:
				c.Failed++
			case Skipped:
				c.Skipped++
			}
		}
	}
	return c
}
