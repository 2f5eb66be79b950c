package statemachine

import (
	"math"

	"kont/statemachine/recordbatch"
)

// transactionScan finds out how the transactions of the dirty part ended.
type transactionScan struct {
	pass *CompactionPass
	// open are the transactions whose end was not met yet, by producer: their first and
	// last offsets.
	open map[int64]OffsetRange
}

func (t *transactionScan) add(h recordbatch.Header, batch []byte) (goOn bool, err error) {
	if !h.IsTransactional() {
		return true, nil
	}
	transaction, isOpen := t.open[h.ProducerID]
	if !h.IsControl() {
		if !isOpen {
			transaction.First = h.BaseOffset
		}
		transaction.Last = h.LastOffset()
		t.open[h.ProducerID] = transaction
		return true, nil
	}
	ended, err := recordbatch.Control(batch)
	if err != nil || !isOpen {
		return err == nil, err
	}
	delete(t.open, h.ProducerID)
	if ended != recordbatch.ControlCommit {
		t.pass.aborted[h.ProducerID] = append(t.pass.aborted[h.ProducerID], transaction)
	}
	return true, nil
}

// firstOpen is the first offset of those that are open, a great one if none is.
func (t *transactionScan) firstOpen() int64 {
	first := int64(math.MaxInt64)
	for _, transaction := range t.open {
		first = min(first, transaction.First)
	}
	return first
}

// keyScan notes the last offset of every key of the dirty part.
type keyScan struct {
	pass    *CompactionPass
	keysMax int
	// isFull says that there are too many keys from end on.
	isFull bool
	end    int64
}

func (k *keyScan) add(h recordbatch.Header, batch []byte) (goOn bool, err error) {
	latest := k.pass.latest
	// One batch is always taken, however many keys it has.
	if len(latest) > 0 && len(latest)+int(h.Count) > k.keysMax {
		k.isFull, k.end = true, h.BaseOffset
		return false, nil
	}
	if h.IsControl() || k.pass.isAborted(h) {
		return true, nil
	}
	for record, err := range recordbatch.Records(batch) {
		if err != nil {
			break // what can't be read stays as it is; see CompactionPass.change
		}
		if record.Key != nil {
			latest[hashKey(record.Key)] = record.Offset
		}
	}
	return true, nil
}
