package statemachine

import (
	"encoding/binary"
	"slices"
)

// OffsetRange is the offsets from First to Last, both included.
type OffsetRange struct{ First, Last int64 }

// consumption is which events of a partition are consumed: all below next, and
// those in beyond.
//
// Steps of different threads are committed in any order, so events are consumed
// with holes: one for each thread whose step takes long. Between holes lie long
// runs, hence ranges and not offsets.
//
// Invariant: beyond is sorted, its ranges do not touch each other, and the first
// begins after next.
type consumption struct {
	next   int64
	beyond []OffsetRange
}

// contains says whether the event at offset is consumed.
func (c *consumption) contains(offset int64) bool {
	if offset < c.next {
		return true
	}
	i := c.rangeAfter(offset)
	return i > 0 && offset <= c.beyond[i-1].Last
}

// rangeAfter is the index of the first range that begins after offset.
func (c *consumption) rangeAfter(offset int64) int {
	i, _ := slices.BinarySearchFunc(c.beyond, offset, func(r OffsetRange, offset int64) int {
		if r.First <= offset {
			return -1
		}
		return 1
	})
	return i
}

// add marks an event as consumed that wasn't.
func (c *consumption) add(offset int64) {
	i := c.rangeAfter(offset)
	joinsBefore := i > 0 && c.beyond[i-1].Last == offset-1
	joinsAfter := i < len(c.beyond) && c.beyond[i].First == offset+1
	switch {
	case offset == c.next:
		c.next++
		c.swallow()
	case joinsBefore && joinsAfter:
		c.beyond[i-1].Last = c.beyond[i].Last
		c.beyond = slices.Delete(c.beyond, i, i+1)
	case joinsBefore:
		c.beyond[i-1].Last = offset
	case joinsAfter:
		c.beyond[i].First = offset
	default:
		c.beyond = slices.Insert(c.beyond, i, OffsetRange{offset, offset})
	}
}

// skipTo marks all events below offset as consumed, since they are gone.
func (c *consumption) skipTo(offset int64) {
	c.next = max(c.next, offset)
	c.swallow()
}

// swallow restores the invariant after next has grown.
func (c *consumption) swallow() {
	for len(c.beyond) > 0 && c.beyond[0].First <= c.next {
		c.next = max(c.next, c.beyond[0].Last+1)
		c.beyond = slices.Delete(c.beyond, 0, 1)
	}
}

func (c *consumption) clone() consumption {
	return consumption{next: c.next, beyond: slices.Clone(c.beyond)}
}

// encode writes next, the number of ranges, and for each the hole before it and
// its length, both less one.
func (c *consumption) encode(dst []byte) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendVarint(dst, c.next)
	dst = binary.AppendUvarint(dst, uint64(len(c.beyond)))
	end := c.next
	for _, r := range c.beyond {
		dst = binary.AppendUvarint(dst, uint64(r.First-end-1))
		dst = binary.AppendUvarint(dst, uint64(r.Last-r.First))
		end = r.Last + 1
	}
	return dst
}

func decodeConsumption(value []byte) (consumption, error) {
	r := readValue(value)
	c := consumption{next: r.int()}
	n := r.count()
	end := c.next
	for range n {
		first := end + int64(r.uint()) + 1
		last := first + int64(r.uint())
		if first <= end || last < first {
			r.bad = true
		}
		if r.bad {
			break
		}
		c.beyond = append(c.beyond, OffsetRange{first, last})
		end = last + 1
	}
	return c, r.end("consumed events")
}
