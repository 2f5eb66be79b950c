package command

import "strings"

// UnmatchedClass is why an event matched no thread, in a word: a metric's label. A
// step's reason says the same with names and numbers.
type UnmatchedClass string

// The classes. Append only: dashboards name them.
const (
	// UnmatchedBatch: the batch that holds the record can't be read, or was deleted.
	UnmatchedBatch UnmatchedClass = "unreadable_batch"
	// UnmatchedKey: the record's key can name no thread.
	UnmatchedKey UnmatchedClass = "invalid_key"
	// UnmatchedValue: no value, one that is too large, or no UTF-8.
	UnmatchedValue UnmatchedClass = "invalid_value"
	// UnmatchedJSON: the event, or a start's argument, is no JSON.
	UnmatchedJSON UnmatchedClass = "invalid_json"
	// UnmatchedNoRef: JSON that names no ref, and no start.
	UnmatchedNoRef UnmatchedClass = "no_ref"
	// UnmatchedUnknownRef: the thread has no such ref, or it is settled.
	UnmatchedUnknownRef UnmatchedClass = "ref_not_pending"
	// UnmatchedNoThread: the key has no thread.
	UnmatchedNoThread UnmatchedClass = "no_thread"
	// UnmatchedHasState: an init: for a key that has a thread.
	UnmatchedHasState UnmatchedClass = "thread_exists"
	// UnmatchedNoDeployment: a start where nothing is deployed.
	UnmatchedNoDeployment UnmatchedClass = "no_deployment"
	// UnmatchedKeptFull: one event too many behind a fault.
	UnmatchedKeptFull UnmatchedClass = "too_many_kept"
	// UnmatchedByEngine: the engine would not take it, such as JSON that is nested
	// too deep.
	UnmatchedByEngine UnmatchedClass = "engine"
	// UnmatchedOther: none of these.
	UnmatchedOther UnmatchedClass = "other"
)

// UnmatchedClasses are all classes.
var UnmatchedClasses = []UnmatchedClass{
	UnmatchedBatch, UnmatchedKey, UnmatchedValue, UnmatchedJSON, UnmatchedNoRef, UnmatchedUnknownRef, UnmatchedNoThread,
	UnmatchedHasState, UnmatchedNoDeployment, UnmatchedKeptFull, UnmatchedByEngine, UnmatchedOther,
}

// unmatchedReasons are how reasons begin, the first that fits counts. They are
// written without digits and quoted names, which the counters of the store have
// lost.
var unmatchedReasons = []struct {
	prefix string
	class  UnmatchedClass
}{
	{"record has no key", UnmatchedKey},
	{"record has an empty key", UnmatchedKey},
	{"key of ", UnmatchedKey},
	{"key is not UTF-", UnmatchedKey},
	{"record has no value", UnmatchedValue},
	{"value of ", UnmatchedValue},
	{"value is not UTF-", UnmatchedValue},
	{"invalid JSON", UnmatchedJSON},
	{"value is neither", UnmatchedNoRef},
	{"object has no ref", UnmatchedNoRef},
	{"ref is no string", UnmatchedNoRef},
	{"ref ", UnmatchedUnknownRef},
	{"no such thread", UnmatchedNoThread},
	{"thread exists already", UnmatchedHasState},
	{"nothing is deployed", UnmatchedNoDeployment},
	{"limit exceeded", UnmatchedKeptFull},
	{"unmatched event", UnmatchedByEngine},
	{"record was deleted", UnmatchedBatch},
	{"control batch", UnmatchedBatch},
	// Package recordbatch's.
	{"batch ", UnmatchedBatch},
	{"unsupported batch", UnmatchedBatch},
	{"malformed ", UnmatchedBatch},
	{"unknown compression", UnmatchedBatch},
	{"decompressed records", UnmatchedBatch},
}

// UnmatchedClassOf is the class of a reason.
func UnmatchedClassOf(reason string) UnmatchedClass {
	for _, r := range unmatchedReasons {
		if strings.HasPrefix(reason, r.prefix) {
			return r.class
		}
	}
	return UnmatchedOther
}
