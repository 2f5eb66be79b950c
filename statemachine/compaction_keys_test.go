package statemachine

import (
	"errors"
	"fmt"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// A record may have the key that the control record of a marker has, and the one has
// nothing to do with the other.
func TestMarkerIsNoRecordOfItsKey(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
	x := h.producer("x")
	h.send("t", 0, record(1, "\x00\x00\x00\x01", "of a user"))
	h.send("t", 0, record(1, "\x00\x00\x00\x00", "of a user"))
	for _, isCommit := range []bool{true, false} {
		x.put("a", "value")
		x.mustEnd(isCommit)
	}
	h.send("t", 0, record(1, "b", "last"))
	h.mustCompact(1000)
	requireEqual(t, "left", h.offsets("t"), []int64{0, 1, 2, 3, 5, 6})
}

// Records without a key, from before the topic was compacted, go. They take none with them
// that has an empty one.
func TestNoKeyIsNotAnEmptyOne(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	h.send("t", 0, record(1, "", "empty"))
	h.send("t", 0, recordbatch.Record{TimestampUnixMilli: 1, Value: []byte("none")})
	h.send("t", 0, record(1, "b", "last"))
	h.must(command.AlterTopicConfigs{Topic: "t", Configs: map[string]*string{"cleanup.policy": ptr("compact"), "min.cleanable.dirty.ratio": ptr("0")}})
	h.mustCompact(1000)
	requireEqual(t, "left", h.offsets("t"), []int64{0, 2})
}

// A batch with more keys than a pass may know doesn't stop it.
func TestBatchWithMoreKeysThanAPassKnowsIsCompacted(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
	for range 3 {
		h.send("t", 0, record(1, "a", "v"), record(1, "b", "v"), record(1, "c", "v"))
	}
	h.send("t", 0, record(1, "d", "last"))
	for passes := 0; h.compactOnce(1000, 1, 100) != nil; passes++ {
		if passes == 10 {
			t.Fatal("due for ever")
		}
	}
	requireEqual(t, "left", h.offsets("t"), []int64{6, 7, 8, 9})
}

// Transactions whose markers follow each other are known, wherever reading pauses.
func TestNoEndedTransactionIsPassedOver(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
	var producers []*txn
	for i := range 6 {
		producers = append(producers, h.producer(fmt.Sprint(i)))
	}
	for _, x := range producers {
		x.put("a", "aborted")
	}
	for _, x := range producers {
		x.mustEnd(false)
	}
	h.send("t", 0, record(1, "z", "last"))
	due, err := h.store.CompactionsDue(1000)
	if err != nil || len(due) != 1 {
		t.Fatalf("%+v, %v", due, err)
	}
	for readMax := 1; readMax < 8; readMax++ {
		pass := CompactionPass{store: h.store, due: due[0], aborted: map[int64][]OffsetRange{}}
		number, _, err := h.store.partition("t", 0)
		if err := errors.Join(err, pass.noteAborted(number, 0, readMax)); err != nil || len(pass.aborted) != len(producers) {
			t.Errorf("%d at a time: %d aborted, %v, want %d", readMax, len(pass.aborted), err, len(producers))
		}
	}
}
