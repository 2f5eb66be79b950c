package server

import (
	"slices"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// abortedRecords tells, batch by batch in the order of offsets, what a reader of
// committed records passes over, as KIP-98 has it for consumers.
type abortedRecords struct {
	// ahead are the aborted transactions that have not ended in what was read, in the
	// order of their ends.
	ahead []command.AbortedTransaction
}

// isHidden says whether the records of a batch are nobody's: they were aborted, or it is
// a control batch.
func (a *abortedRecords) isHidden(h recordbatch.Header) bool {
	// One that has an end ahead: of a producer's transactions the first one in the list is
	// the first to end.
	of := slices.IndexFunc(a.ahead, func(t command.AbortedTransaction) bool {
		return t.ProducerID == h.ProducerID && t.FirstOffset <= h.BaseOffset
	})
	if h.IsControl() {
		// Of a transaction that is in the list, it can only be the marker of its abort.
		if of >= 0 {
			a.ahead = slices.Delete(a.ahead, of, of+1)
		}
		return true
	}
	return of >= 0 && h.IsTransactional()
}
