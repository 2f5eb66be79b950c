package statemachine

import (
	"bytes"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// lastIndexEntryBefore finds the last entry of the batch index whose batches lie
// wholly before offset, nil if there is none.
func lastIndexEntryBefore(db pebble.Reader, topic keys.TopicNumber, partition int32, offset int64) (*indexEntry, error) {
	var k keys.Key
	lower := bytes.Clone(k.PartitionOnly(keys.BatchIndex, topic, partition))
	upper := bytes.Clone(k.InPartition(keys.BatchIndex, topic, partition, offset))
	return edgeIndexEntry(db, lower, upper, (*pebble.Iterator).Last)
}

// firstIndexEntryFrom finds the first entry at or after offset, nil if there is
// none.
func firstIndexEntryFrom(db pebble.Reader, topic keys.TopicNumber, partition int32, offset int64) (*indexEntry, error) {
	var k keys.Key
	upper := keys.After(k.PartitionOnly(keys.BatchIndex, topic, partition))
	lower := bytes.Clone(k.InPartition(keys.BatchIndex, topic, partition, offset))
	return edgeIndexEntry(db, lower, upper, (*pebble.Iterator).First)
}

func edgeIndexEntry(db pebble.Reader, lower, upper []byte, move func(*pebble.Iterator) bool) (entry *indexEntry, err error) {
	if bytes.Compare(lower, upper) >= 0 {
		return nil, nil
	}
	iterator, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	if move(iterator) {
		entry, err = readIndexEntry(iterator)
	}
	return entry, errors.Join(err, iterator.Close())
}

func readIndexEntry(iterator *pebble.Iterator) (*indexEntry, error) {
	lastOffset, err := keys.LastNumber(iterator.Key())
	if err != nil {
		return nil, err
	}
	value, err := iterator.ValueAndErr()
	if err != nil {
		return nil, err
	}
	entry, err := decodeIndexEntry(lastOffset, value)
	return &entry, err
}

// indexEntryOrEnd is the first entry of the batch index at or after an offset, or what one at
// the end of the partition would be.
func indexEntryOrEnd(db pebble.Reader, topic keys.TopicNumber, partition int32, p *partition, offset int64) (indexEntry, error) {
	entry, err := firstIndexEntryFrom(db, topic, partition, offset)
	if entry == nil || err != nil {
		return indexEntry{lastOffset: p.next - 1, maxTimestamp: p.maxTimestamp, appended: p.appended, appendedUnixMilli: p.appendedUnixMilli}, err
	}
	return *entry, nil
}

// appendedBefore is what had been appended to a partition, since it was made, before the
// batch that holds offset, counted back from the entry of the batch index behind it.
// Nothing from offset on may be compacted.
func appendedBefore(db pebble.Reader, topic keys.TopicNumber, partition int32, p *partition, offset int64) (uint64, error) {
	entry, err := indexEntryOrEnd(db, topic, partition, p, offset)
	if err != nil {
		return 0, err
	}
	appended := entry.appended
	err = eachBatch(db, topic, partition, offset, entry.lastOffset+1, func(h recordbatch.Header, _ []byte) (bool, error) {
		appended -= uint64(h.Bytes())
		return true, nil
	})
	return appended, err
}

// searchIndex finds the last entry of a partition for which isBefore holds, nil if
// it holds for none. isBefore must hold for all entries up to some place and for
// none after it. Halving the range of offsets takes a seek for each bit of it.
func searchIndex(db pebble.Reader, topic keys.TopicNumber, partition int32, start, next int64, isBefore func(indexEntry) bool) (*indexEntry, error) {
	var found *indexEntry
	low, high := start, next // entries below low are before; at or above high none is
	for low < high {
		middle := low + (high-low)/2
		entry, err := firstIndexEntryFrom(db, topic, partition, middle)
		if err != nil {
			return nil, err
		}
		if entry == nil || entry.lastOffset >= high || !isBefore(*entry) {
			high = middle
			continue
		}
		found = entry
		low = entry.lastOffset + 1
	}
	return found, nil
}
