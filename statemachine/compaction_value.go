package statemachine

import "encoding/binary"

// compaction is how far a partition is compacted, and what that did to it.
//
// Batches keep their place, their last offset, when records are left out of them, so that
// what is filed by offset stays where it is: the batch index, repeats of idempotent
// producers, offsets of groups. Their sizes change: what the batch index says about bytes
// does not hold below rewritten.
type compaction struct {
	// cleanTo is the offset below which a pass was completed: of the records there each
	// key has one. Above it, the partition is dirty.
	cleanTo int64
	// rewritten is the offset below which batches may be smaller than they were, or
	// missing. It is above cleanTo while a pass is on its way.
	rewritten int64
	// cleaned is how many bytes compaction has taken away between the partition's start
	// and rewritten.
	cleaned int64
	// horizonUnixMilli is when the first tombstone or marker below cleanTo may go, 0 if
	// there is none.
	horizonUnixMilli int64
}

func (c *compaction) encode(dst []byte) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendVarint(dst, c.cleanTo)
	dst = binary.AppendVarint(dst, c.rewritten)
	dst = binary.AppendVarint(dst, c.cleaned)
	return binary.AppendVarint(dst, c.horizonUnixMilli)
}

func decodeCompaction(value []byte) (compaction, error) {
	r := readValue(value)
	c := compaction{cleanTo: r.int(), rewritten: r.int(), cleaned: r.int(), horizonUnixMilli: r.int()}
	return c, r.end("compaction")
}
