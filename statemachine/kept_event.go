package statemachine

import (
	"encoding/binary"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// keptEvent is an event that waits for the retry of a faulted thread.
type keptEvent struct {
	// partition is where it came from, and where a retry puts it again: clients
	// with another partitioner than ours choose partitions that we would not.
	partition int32
	// isNull says that the value is null rather than empty.
	isNull bool
	value  []byte
}

func (e *keptEvent) encode(dst []byte) []byte {
	null := byte(0)
	if e.isNull {
		null = 1
	}
	dst = append(dst, valueVersion, null)
	dst = binary.AppendUvarint(dst, uint64(e.partition))
	return append(dst, e.value...)
}

func decodeKeptEvent(value []byte) (keptEvent, error) {
	r := readValue(value)
	e := keptEvent{isNull: r.byte() == 1, partition: int32(r.uint())}
	if rest := r.rest(); !e.isNull {
		e.value = append([]byte{}, rest...)
	}
	return e, r.end("kept event")
}

func (c *change) keepEvent(t *topic, step *command.Step, th *thread) {
	e := keptEvent{partition: step.Partition, isNull: step.Event == nil, value: step.Event}
	c.value = e.encode(c.value[:0])
	c.set(c.key.Numbered(keys.KeptEvent, t.number, step.Thread, th.kept), c.value)
	th.kept++
	th.keptBytes += uint64(len(step.Event))
}

// deleteKept drops the kept events of a thread, which may have none.
func (c *change) deleteKept(t *topic, key string, th *thread) {
	for n := range th.kept {
		c.delete(c.key.Numbered(keys.KeptEvent, t.number, key, n))
	}
}
