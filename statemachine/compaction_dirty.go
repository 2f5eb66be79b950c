package statemachine

import (
	"bytes"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// endedReadMax is how many ended transactions are read at a time, with the store held.
const endedReadMax = 10_000

// noteAborted notes the aborted transactions that may have records in the dirty part, from
// an offset on. They are filed by their ends, which may lie behind what is compacted: the
// last batch of a partition is often a marker. What has not ended is not dirty yet, see
// compactableTo.
func (p *CompactionPass) noteAborted(number keys.TopicNumber, from int64, readMax int) error {
	for isDone := false; !isDone; {
		read := 0
		if err := p.store.read(func(db *pebble.DB) error {
			var k keys.Key
			lower := bytes.Clone(k.InPartition(keys.EndedTransaction, number, p.due.Partition, from))
			upper := keys.After(k.PartitionOnly(keys.EndedTransaction, number, p.due.Partition))
			isDone = true
			return eachIn(db, lower, upper, func(key, value []byte) (bool, error) {
				marker, err := keys.LastNumber(key)
				if err != nil {
					return false, err
				}
				e, err := decodeEndedTransaction(marker, value)
				if err == nil && e.isAborted && e.first >= 0 && e.first < p.due.end {
					p.aborted[e.producerID] = append(p.aborted[e.producerID], OffsetRange{First: e.first, Last: marker})
				}
				if read++; read == readMax {
					from, isDone = marker+1, false
				}
				return e.stable < p.due.end && isDone, err
			})
		}); err != nil {
			return err
		}
	}
	return nil
}

// isAborted says whether a batch belongs to a transaction that was aborted. Those of a
// producer are in the order of their offsets, and none begins before the one before it has
// ended.
func (p *CompactionPass) isAborted(h recordbatch.Header) bool {
	if !h.IsTransactional() {
		return false
	}
	of := p.aborted[h.ProducerID]
	i := sort.Search(len(of), func(i int) bool { return of[i].Last >= h.LastOffset() })
	return i < len(of) && of[i].First <= h.BaseOffset
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
