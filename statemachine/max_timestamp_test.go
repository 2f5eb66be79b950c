package statemachine

import (
	"math/rand/v2"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// Random batches, some without timestamps, and random deletions against a look at
// every record that is left.
func TestMaxTimestampIsThatOfTheRecordsThatAreLeft(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	for range 30 {
		h := newHarness(t)
		h.create("t", 1)
		for range 40 {
			state, err := h.store.Partition("t", 0)
			if err != nil {
				t.Fatal(err)
			}
			if left := state.NextOffset - state.StartOffset; random.IntN(3) == 0 && left > 0 {
				h.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: state.StartOffset + 1 + random.Int64N(left)}}})
			} else {
				records := make([]recordbatch.Record, 1+random.IntN(4))
				isDated := random.IntN(4) > 0
				for i := range records {
					records[i].TimestampUnixMilli = -1
					if isDated {
						records[i].TimestampUnixMilli = random.Int64N(1000)
					}
				}
				h.must(command.AppendRecords{NowUnixMilli: random.Int64N(2000), Appends: []command.Append{
					{Topic: "t", Batch: recordbatch.Append(nil, records, recordbatch.Options{Codec: recordbatch.Codec(random.IntN(5))})}}})
			}
			want := int64(-1)
			for _, r := range h.records("t", 0) {
				want = max(want, r.TimestampUnixMilli)
			}
			offset, got, found, err := h.store.MaxTimestamp("t", 0)
			if err != nil || found != (want >= 0) || found && got != want {
				t.Fatalf("got %d, %v, %v, want %d", got, found, err, want)
			}
			if !found {
				continue
			}
			// Nobody has a greater one, so the first record at least as late has it, in
			// that batch or before.
			if at, timestamp, exists, err := h.store.OffsetForTimestamp("t", 0, got); err != nil || !exists || timestamp != got || at > offset {
				t.Fatalf("timestamp %d at the end of batch %d: found %d at %d, %v, %v", got, offset, timestamp, at, exists, err)
			}
		}
	}
}
