package statemachine

import (
	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// scannedTransaction is what a pass has met of a transaction before its marker.
type scannedTransaction struct {
	// hasBatch: there was a batch of it. isLeft: one that the pass doesn't remove.
	hasBatch, isLeft bool
}

// noteTransaction notes a batch of records.
func (p *CompactionPass) noteTransaction(h recordbatch.Header, stays bool) {
	if h.IsTransactional() {
		isLeft := stays || p.scanned[h.ProducerID].isLeft
		p.scanned[h.ProducerID] = scannedTransaction{hasBatch: true, isLeft: isLeft}
	}
}

// changeMarker is what becomes of the marker of a transaction; nil if it stays as it is.
//
// A marker of whose transaction no record is left gets a delete horizon, as a tombstone
// does (KIP-534), and goes when that is over. It never goes in the pass that removes the
// last of the records: what a pass proposes may be passed over, and an aborted record of
// whose end nothing is known is a committed one to readers. What once is gone doesn't come
// back, so what a pass reads is enough to tell.
//
// A pass meets all batches from the partition's start on, in order, so that what it met
// since a producer's marker before is all that there is of the transaction.
func (p *CompactionPass) changeMarker(h recordbatch.Header, batch []byte) *command.BatchChange {
	if _, isMarker, err := recordbatch.ParseMarker(batch); err != nil || !isMarker {
		return nil
	}
	transaction := p.scanned[h.ProducerID]
	delete(p.scanned, h.ProducerID)
	if transaction.isLeft {
		return nil
	}
	change := &command.BatchChange{LastOffset: h.LastOffset(), CRC: h.CRC}
	horizon, hasHorizon := h.DeleteHorizon()
	switch {
	case hasHorizon && horizon <= p.now && !transaction.hasBatch:
		p.stats.BytesFreed += int64(len(batch))
		return change
	case hasHorizon:
		p.noteHorizon(horizon)
		return nil
	}
	var err error
	if change.Batch, err = recordbatch.WithDeleteHorizon(batch, p.newHorizon()); err != nil {
		return nil
	}
	p.noteHorizon(p.newHorizon())
	return change
}
