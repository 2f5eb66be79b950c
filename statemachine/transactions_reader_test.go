package statemachine

import (
	"slices"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// committed is the values that a reader of committed records sees.
func (h *harness) committed(topic string, partition int32) []string {
	h.Helper()
	var values []string
	for _, r := range h.committedRecords(topic, partition, 0) {
		values = append(values, string(r.Value))
	}
	return values
}

// committedRecords is what a reader of committed records sees from an offset on. It
// passes over the aborted ones as clients do: from the first offset of one on all of its
// producer, until there is an abort marker in the same answer.
func (h *harness) committedRecords(topic string, partition int32, from int64) []recordbatch.Record {
	h.Helper()
	state, err := h.store.Partition(topic, partition)
	if err != nil {
		h.Fatal(err)
	}
	var records []recordbatch.Record
	for offset := max(from, state.StartOffset); offset < state.StableOffset; {
		data, aborted, err := h.store.ReadCommitted(topic, partition, offset, 200) // few batches at a time
		if err != nil {
			h.Fatal(err)
		}
		if len(data) == 0 {
			h.Fatalf("nothing at %d, stable is %d", offset, state.StableOffset)
		}
		isAborting := map[int64]bool{}
		for batch := range batches(h.T, data) {
			header, err := recordbatch.ValidateCompacted(batch)
			if err != nil {
				h.Fatal(err)
			}
			aborted = slices.DeleteFunc(aborted, func(a command.AbortedTransaction) bool {
				hasBegun := a.FirstOffset <= header.LastOffset()
				isAborting[a.ProducerID] = isAborting[a.ProducerID] || hasBegun
				return hasBegun
			})
			first := offset
			offset = header.NextOffset()
			if header.IsControl() {
				if kind, err := recordbatch.Control(batch); err != nil || kind == recordbatch.ControlAbort {
					isAborting[header.ProducerID] = false
				}
				continue
			}
			if header.IsTransactional() && isAborting[header.ProducerID] {
				continue
			}
			for r, err := range recordbatch.Records(batch) {
				if err != nil {
					h.Fatal(err)
				}
				if r.Offset >= first {
					records = append(records, r)
				}
			}
		}
	}
	return records
}

func batches(t *testing.T, data []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(data) > 0 {
			batch, rest, err := recordbatch.Split(data)
			if err != nil {
				t.Fatal(err)
			}
			if data = rest; !yield(batch) {
				return
			}
		}
	}
}
