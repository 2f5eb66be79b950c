package statemachine

import (
	"fmt"
	"slices"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// How far a partition is compacted only grows, up to what may be compacted; the same place
// again brings another horizon. A command that comes late changes nothing.
func TestCompactionIsCompleteUpToWhatItMayReach(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact")
	for range 3 {
		h.send("t", 0, record(1, "k", "v"), record(1, "l", "v"))
	}
	for _, step := range []struct {
		cleanTo, horizon         int64
		wantCleanTo, wantHorizon int64
	}{
		{0, 900, 0, 0}, // not the end of a pass
		{6, 900, 0, 0}, // the last batch stays
		{4, 800, 4, 800},
		{2, 700, 4, 800},
		{0, 700, 4, 800},
		{4, 0, 4, 0},
		{5, 600, 5, 600},
		{7, 500, 5, 600},
	} {
		h.apply(command.CompactRecords{Topic: "t", CleanTo: step.cleanTo, HorizonUnixMilli: step.horizon})
		_, p, err := h.store.partition("t", 0)
		if err != nil || p.compacted.cleanTo != step.wantCleanTo || p.compacted.horizonUnixMilli != step.wantHorizon {
			t.Errorf("%+v: %+v, %v", step, p.compacted, err)
		}
		h.requireConsistent()
	}
}

// The size of a partition is that of its batches, wherever in a compacted batch, or behind
// it, it comes to begin.
func TestSizeIsRightWhereverACompactedPartitionBegins(t *testing.T) {
	for start := int64(1); start <= 8; start++ {
		for changed := int64(1); changed < 7; changed += 2 {
			h := newHarness(t)
			h.create("t", 1, "cleanup.policy", "compact,delete")
			for range 4 {
				h.send("t", 0, record(1, "k", "value"), record(1, "l", "another value"))
			}
			old := h.storedBatches("t", 0)[changed]
			header, err := recordbatch.ParseHeader(old)
			if err != nil {
				t.Fatal(err)
			}
			smaller, err := recordbatch.Compact(old, 0, func(r recordbatch.Record) bool { return string(r.Key) == "l" })
			if err != nil {
				t.Fatal(err)
			}
			result := h.apply(command.CompactRecords{Topic: "t", Changes: []command.BatchChange{{LastOffset: changed, CRC: header.CRC, Batch: smaller.Batch}}})
			requireEqual(t, "result", result, any(command.CompactResult{Changed: 1}))
			h.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: start}}})
			size := int64(0)
			for _, batch := range h.storedBatches("t", 0) {
				size += int64(len(batch))
			}
			if state, err := h.store.Partition("t", 0); err != nil || state.Bytes != size {
				t.Errorf("batch up to %d compacted, begins at %d: %d bytes, %v, the batches have %d", changed, start, state.Bytes, err, size)
			}
			h.requireConsistent()
		}
	}
}

// A pass that was broken off is due again, however little is dirty.
func TestBrokenOffPassIsDueAgain(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact")
	for range 4 {
		h.send("t", 0, record(1, "k", "v"))
	}
	if stats := h.compactOnce(1000, 100, 1); stats == nil || stats.RecordsDropped == 0 {
		t.Fatalf("%+v", stats)
	}
	h.must(command.AlterTopicConfigs{Topic: "t", Configs: map[string]*string{"min.cleanable.dirty.ratio": ptr("1")}})
	if h.compactOnce(1000, 100, 100) == nil {
		t.Error("not due")
	}
	if h.compactOnce(1000, 100, 100) != nil {
		t.Error("due when it is complete")
	}
}

// And nothing is due by its age where nobody said how old it may become, not even what is
// of 1970.
func TestDirtiestPartitionIsFirst(t *testing.T) {
	h := newHarness(t)
	h.create("a", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0.1")
	for i := range 4 {
		h.send("a", 0, record(1, fmt.Sprint(i), "v"))
	}
	h.compactOnce(1000, 100, 100)
	h.create("b", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0.1")
	h.create("c", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "1")
	for _, topic := range []string{"a", "b", "c"} {
		h.send(topic, 0, record(0, "k", "v"))
		h.send(topic, 0, record(0, "k", "v"))
	}
	due, err := h.store.CompactionsDue(2000)
	var topics []string
	for _, one := range due {
		topics = append(topics, one.Topic)
	}
	if err != nil || !slices.Equal(topics, []string{"b", "a"}) {
		t.Errorf("%+v, %v", due, err)
	}
}
