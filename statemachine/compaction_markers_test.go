package statemachine

import (
	"errors"
	"slices"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// markersHarness has a topic "t" that is compacted and keeps markers for 5 s.
func markersHarness(t *testing.T) *harness {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0", "delete.retention.ms", "5000")
	return h
}

func (h *harness) mustCompact(nowUnixMilli int64) {
	h.Helper()
	if h.compactOnce(nowUnixMilli, 100, 100) == nil {
		h.Fatalf("nothing is due at %d", nowUnixMilli)
	}
}

// A marker stays as long as a record of its transaction, and delete.retention.ms longer,
// whether the transaction was committed or aborted, and whether it wrote anything. It goes
// though nothing new came.
func TestMarkerGoesWhenNothingOfItsTransactionIsLeft(t *testing.T) {
	h := markersHarness(t)
	w, x, y, z := h.producer("w"), h.producer("x"), h.producer("y"), h.producer("z")
	w.put("a", "committed, superseded")      // 0
	w.mustEnd(true)                          // 1
	x.put("b", "aborted")                    // 2
	x.mustEnd(false)                         // 3
	y.add("t", 0)                            // nothing
	y.mustEnd(true)                          // 4
	z.put("c", "committed")                  // 5
	z.put("a", "committed, superseded")      // 6
	z.mustEnd(true)                          // 7
	x.put("d", "committed after an abort")   // 8
	x.mustEnd(true)                          // 9
	h.send("t", 0, record(1, "a", "latest")) // 10
	h.send("t", 0, record(1, "z", "last"))   // 11
	before := h.storedBatches("t", 0)[3]
	h.mustCompact(10_000)
	requireEqual(t, "left at first", h.offsets("t"), []int64{1, 3, 4, 5, 7, 8, 9, 10, 11})
	for last, batch := range h.storedBatches("t", 0) {
		header, err := recordbatch.ParseHeader(batch)
		if err != nil {
			t.Fatal(err)
		}
		horizon, has := header.DeleteHorizon()
		if isDoomed := last == 1 || last == 3 || last == 4; has != isDoomed || has && horizon != 15_000 {
			t.Errorf("batch %d may go at %d, %v", last, horizon, has)
		}
	}
	// But for the time at which it may go, the marker is what it was.
	old, _, err := recordbatch.ParseMarker(before)
	now, isMarker, err2 := recordbatch.ParseMarker(h.storedBatches("t", 0)[3])
	if errors.Join(err, err2) != nil || !isMarker || now != old {
		t.Errorf("marker %+v, was %+v, %v %v", now, old, err, err2)
	}
	if stats := h.compactOnce(14_999, 100, 100); stats != nil {
		t.Errorf("due before its time: %+v", stats)
	}
	h.mustCompact(15_000)
	requireEqual(t, "left", h.offsets("t"), []int64{5, 7, 8, 9, 10, 11})
	committed := []int64{5, 8, 10, 11}
	for from := range int64(12) {
		var got []int64
		for _, r := range h.committedRecords("t", 0, from) {
			got = append(got, r.Offset)
		}
		requireEqual(t, "committed", got, slices.DeleteFunc(slices.Clone(committed), func(offset int64) bool { return offset < from }))
	}
	_, aborted, err := h.store.ReadCommitted("t", 0, 0, 1000)
	if err != nil || len(aborted) > 0 {
		t.Errorf("aborted transactions %+v, %v: nothing of them is left", aborted, err)
	}
	if stats := h.compactOnce(1_000_000, 100, 100); stats != nil {
		t.Errorf("due, with nothing to do: %+v", stats)
	}
	h.requireConsistent()
}

// A pass of which a part was passed over: the records of an aborted transaction are still
// there when its marker may go.
func TestMarkerStaysWhileRecordsWerePassedOver(t *testing.T) {
	h := markersHarness(t)
	x := h.producer("x")
	x.put("a", "aborted")                  // 0
	x.mustEnd(false)                       // 1
	x.put("a", "committed")                // 2
	x.mustEnd(true)                        // 3
	h.send("t", 0, record(1, "z", "last")) // 4
	due, err := h.store.CompactionsDue(10_000)
	if err != nil || len(due) != 1 {
		t.Fatalf("%+v, %v", due, err)
	}
	com := h.firstCommand(due[0], 10_000)
	if len(com.Changes) != 2 || com.Changes[0].LastOffset != 0 || com.Changes[1].LastOffset != 1 {
		t.Fatalf("%+v", com)
	}
	com.Changes[0].CRC++
	requireEqual(t, "result", h.apply(com), any(command.CompactResult{Changed: 1, PassedOver: 1}))
	for pass, want := range [][]int64{{0, 1, 2, 3, 4}, {1, 2, 3, 4}, {2, 3, 4}} {
		requireEqual(t, "left", h.offsets("t"), want)
		requireEqual(t, "committed", h.committed("t", 0)[0], "committed")
		if pass < 2 {
			h.mustCompact(20_000)
		}
	}
}

// Who sends again what compaction took away, with all that tells of its transaction, is
// told where it was.
func TestRetryIsKnownWhenItsTransactionIsCompactedAway(t *testing.T) {
	h := markersHarness(t)
	x := h.producer("x")
	x.put("a", "superseded") // 0
	x.put("a", "superseded") // 1
	x.mustEnd(true)          // 2
	h.send("t", 0, record(1, "a", "latest"))
	h.send("t", 0, record(1, "z", "last"))
	h.mustCompact(10_000)
	h.mustCompact(20_000)
	requireEqual(t, "left", h.offsets("t"), []int64{3, 4})
	x.add("t", 0)
	result := h.must(command.AppendRecords{NowUnixMilli: 20_000, Appends: []command.Append{{Topic: "t", TransactionalID: "x",
		Batch: recordbatch.Append(nil, []recordbatch.Record{record(1, "a", "superseded")}, recordbatch.Options{Transactional: true,
			Producer: &recordbatch.Producer{ID: x.producer.ProducerID, Epoch: x.producer.Epoch, BaseSequence: 1}})}}}).([]command.AppendResult)[0]
	if result.Err != nil || result.BaseOffset != 1 {
		t.Errorf("%+v, it was at 1", result)
	}
	requireEqual(t, "left after the retry", h.offsets("t"), []int64{3, 4})
	x.put("b", "the next one")
	x.mustEnd(true)
	requireEqual(t, "committed", h.committed("t", 0), []string{"latest", "last", "the next one"})
}

// A topic gets a deployment when markers, and what is filed of them, are gone: what is
// left are events, and consumption gets past the holes.
func TestMarkersThatAreGoneAreNoEvents(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0", "delete.retention.ms", "0")
	x := h.producer("x")
	h.send("t", 0, record(1, "a", "superseded")) // 0
	x.put("b", "aborted")                        // 1
	x.mustEnd(false)                             // 2
	x.put("c", "committed")                      // 3
	x.mustEnd(true)                              // 4
	x.put("a", "aborted")                        // 5
	x.mustEnd(false)                             // 6
	h.send("t", 0, record(1, "a", "latest"))     // 7
	h.send("t", 0, record(1, "z", "last"))       // 8
	for h.compactOnce(10_000, 100, 100) != nil {
	}
	requireEqual(t, "left", h.offsets("t"), []int64{3, 4, 7, 8})
	h.deploy("t", "bundle")
	for _, offset := range []int64{8, 3, 7} {
		h.commitOK(command.Step{ResumeTopic: "t", Offset: offset, Thread: "a", Outcome: command.OutcomeUnmatched, Reason: "x"})
		h.requireConsistent()
	}
	next, beyond, err := h.store.Consumption("t", 0)
	if err != nil || next != 9 || len(beyond) > 0 {
		t.Errorf("consumed below %d and %v, %v; want 9", next, beyond, err)
	}
}

// Changes never come in one command with how far the pass came: the leader learns first
// whether they were passed over, and breaks the pass off then.
func TestPassIsCompleteOnlyWhenItsLastChangesAreKnown(t *testing.T) {
	h := markersHarness(t)
	for range 3 {
		h.send("t", 0, record(1, "a", "x"))
	}
	due, err := h.store.CompactionsDue(10_000)
	if err != nil || len(due) != 1 {
		t.Fatalf("%+v, %v", due, err)
	}
	com := h.firstCommand(due[0], 10_000)
	if len(com.Changes) != 1 || com.CleanTo != 0 {
		t.Errorf("%+v", com)
	}
}
