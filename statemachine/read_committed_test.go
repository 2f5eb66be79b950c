package statemachine

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"kont/statemachine/command"
)

// A reader of committed records is told of all that was aborted in what it gets, also when it is deleted meanwhile:
// the records and what is filed of their transactions are of one instant.
func TestCommittedRecordsAreOfOneInstant(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	x := h.producer("x")
	var reading sync.WaitGroup
	var isDone atomic.Bool
	for range 2 {
		reading.Go(func() {
			for !isDone.Load() {
				state, err := h.store.Partition("t", 0)
				if err != nil {
					t.Error(err)
					return
				}
				data, aborted, err := h.store.ReadCommitted("t", 0, state.StartOffset, 1<<20)
				if errors.Is(err, command.ErrOffsetOutOfRange) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				count := 0
				for range batches(t, data) {
					count++
				}
				// Each transaction has a batch and a marker.
				if len(aborted) != (count+1)/2 {
					t.Errorf("%d aborted transactions for %d batches", len(aborted), count)
					return
				}
			}
		})
	}
	for range 15 {
		for range 20 {
			x.add("t", 0)
			x.mustSend("t", 0, "never")
			x.mustEnd(false)
		}
		state, err := h.store.Partition("t", 0)
		if err != nil {
			t.Fatal(err)
		}
		for offset := state.StartOffset + 2; offset < state.NextOffset; offset += 2 {
			h.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: offset}}})
		}
	}
	isDone.Store(true)
	reading.Wait()
}
