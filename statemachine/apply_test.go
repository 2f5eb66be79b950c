package statemachine

import (
	"bytes"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// Raft gives many entries at a time to a node that catches up, and each may be large. They are
// not all gathered in memory before the first is written; what comes of them is the same.
func TestLargeEntriesAreNotAppliedAllAtOnce(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	batch := recordbatch.Append(nil, []recordbatch.Record{record(1, "k", string(bytes.Repeat([]byte("x"), 8<<20)))}, recordbatch.Options{})
	var entries []Entry
	for i := range 7 {
		data := encode(t, command.AppendRecords{Appends: []command.Append{{Topic: "t", Batch: batch}}})
		entries = append(entries, Entry{Index: uint64(len(h.log) + 1 + i), Proposals: [][]byte{data}})
	}
	twin := newHarness(t)
	twin.create("t", 1)
	for _, entry := range entries {
		twin.store.Apply([]Entry{entry})
	}
	// The first ones, as Apply would.
	some, n, err := h.store.apply(entries)
	if err != nil || n != 4 || len(some) != n {
		t.Fatalf("%d entries with %d results in one batch, %v", n, len(some), err)
	}
	results := h.store.Apply(entries)
	if len(results) != len(entries) || results[0] != nil || results[6].([]command.AppendResult)[0].BaseOffset != 6 {
		t.Errorf("results %v", results)
	}
	h.requireConsistent()
	if h.hash() != twin.hash() {
		t.Error("one by one they come to something else")
	}
	if results := h.store.Apply(nil); results == nil || len(results) != 0 {
		t.Errorf("of no entries: %v", results)
	}
}
