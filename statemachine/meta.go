package statemachine

import (
	"encoding/binary"

	"kont/statemachine/keys"
)

// meta is what is true of the store as a whole.
type meta struct {
	// appliedIndex is the log index of the last entry applied.
	appliedIndex uint64
	// timeUnixMilli is the latest time that a command brought.
	timeUnixMilli int64
	lastStepID    uint64
	// nextProducerID, nextTopic and nextBundle were never given.
	nextProducerID int64
	nextTopic      keys.TopicNumber
	nextBundle     keys.BundleNumber
	// producerHour is the hour up to which idle producers were looked for.
	producerHour uint32
}

func (m *meta) encode(dst []byte) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendUvarint(dst, m.appliedIndex)
	dst = binary.AppendVarint(dst, m.timeUnixMilli)
	dst = binary.AppendUvarint(dst, m.lastStepID)
	dst = binary.AppendVarint(dst, m.nextProducerID)
	dst = binary.AppendUvarint(dst, uint64(m.nextTopic))
	dst = binary.AppendUvarint(dst, uint64(m.nextBundle))
	return binary.AppendUvarint(dst, uint64(m.producerHour))
}

func decodeMeta(value []byte) (meta, error) {
	r := readValue(value)
	m := meta{
		appliedIndex:   r.uint(),
		timeUnixMilli:  r.int(),
		lastStepID:     r.uint(),
		nextProducerID: r.int(),
		nextTopic:      keys.TopicNumber(r.uint()),
		nextBundle:     keys.BundleNumber(r.uint()),
		producerHour:   uint32(r.uint()),
	}
	return m, r.end("store")
}
