package statemachine

import (
	"encoding/binary"
	"slices"

	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// openTransaction is what a partition knows of an open transaction that has written to
// it. Those of a partition are in memory, in the order of their first offsets.
type openTransaction struct {
	producerID int64
	first      int64
}

func encodeOpenTransaction(dst []byte, first int64) []byte {
	dst = append(dst, valueVersion)
	return binary.AppendVarint(dst, first)
}

func decodeOpenTransaction(value []byte) (first int64, err error) {
	r := readValue(value)
	first = r.int()
	return first, r.end("open transaction")
}

// stable is the last stable offset: what lies before it is decided. Records that were
// deleted are.
func (p *partition) stable() int64 {
	if len(p.open) == 0 {
		return p.next
	}
	return max(p.open[0].first, p.start)
}

// firstOf is where the open transaction of a producer begins, -1 if it has none here.
func (p *partition) firstOf(producerID int64) int64 {
	for i := range p.open {
		if p.open[i].producerID == producerID {
			return p.open[i].first
		}
	}
	return -1
}

// isUndecided says whether a batch belongs to a transaction that is open.
func (p *partition) isUndecided(h recordbatch.Header) bool {
	if !h.IsTransactional() || h.IsControl() {
		return false
	}
	first := p.firstOf(h.ProducerID)
	return first >= 0 && h.BaseOffset >= first
}

// openAt notes that a producer's transaction begins at the end of a partition, unless it
// has begun already. Slices are copied, since readers have them, too.
func (c *change) openAt(t *topic, partition int32, producerID int64) {
	p := &t.partitions[partition]
	if p.firstOf(producerID) >= 0 {
		return
	}
	p.open = append(slices.Clone(p.open), openTransaction{producerID, p.next})
	c.value = encodeOpenTransaction(c.value[:0], p.next)
	c.set(c.key.InPartition(keys.OpenTransaction, t.number, partition, producerID), c.value)
	c.touchPartition(t, partition)
}

// closeAt forgets that a producer's transaction is open in a partition, and tells where
// it began, -1 if it was not.
func (c *change) closeAt(t *topic, partition int32, producerID int64) (first int64) {
	p := &t.partitions[partition]
	if first = p.firstOf(producerID); first < 0 {
		return -1
	}
	p.open = slices.DeleteFunc(slices.Clone(p.open), func(o openTransaction) bool { return o.producerID == producerID })
	c.delete(c.key.InPartition(keys.OpenTransaction, t.number, partition, producerID))
	c.touchPartition(t, partition)
	return first
}

func (im *image) loadOpenTransaction(key, value []byte) error {
	id, err := keys.LastNumber(key)
	if err != nil {
		return err
	}
	t, partition, err := im.partitionOf(key[:len(key)-8])
	if err != nil {
		return err
	}
	first, err := decodeOpenTransaction(value)
	p := &t.partitions[partition]
	i, _ := slices.BinarySearchFunc(p.open, first, func(o openTransaction, first int64) int { return int(o.first - first) })
	p.open = slices.Insert(p.open, i, openTransaction{id, first})
	return err
}

// endedTransaction is a transaction that has ended in a partition, filed under the
// offset of its marker: readers of committed records have to know which were aborted,
// and a topic that becomes a resume topic which offsets are no events.
type endedTransaction struct {
	marker     int64
	isAborted  bool
	producerID int64
	// first is -1 if it wrote nothing.
	first int64
	// stable is the last stable offset after it. It never decreases from one to the
	// next, and those that end later begin there or after.
	stable int64
}

func (e *endedTransaction) encode(dst []byte) []byte {
	flags := byte(0)
	if e.isAborted {
		flags = 1
	}
	dst = append(dst, valueVersion, flags)
	dst = binary.AppendVarint(dst, e.producerID)
	dst = binary.AppendVarint(dst, e.first)
	return binary.AppendVarint(dst, e.stable)
}

func decodeEndedTransaction(marker int64, value []byte) (endedTransaction, error) {
	r := readValue(value)
	flags := r.byte()
	e := endedTransaction{marker: marker, isAborted: flags&1 != 0, producerID: r.int(), first: r.int(), stable: r.int()}
	if flags > 1 {
		r.bad = true
	}
	return e, r.end("ended transaction")
}
