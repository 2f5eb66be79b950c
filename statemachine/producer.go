package statemachine

import (
	"encoding/binary"
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// producer is what a partition knows of an idempotent producer (KIP-98, "Broker:
// producer state"): its epoch and its last batches, so that a batch that is sent
// again is not appended again.
type producer struct {
	epoch int16
	// hour is when it was last heard of, in hours since 1970.
	hour uint32
	// batches are the last ones, oldest first, of this epoch only.
	batches []producerBatch
}

type producerBatch struct {
	baseSequence int32
	// last is the number of records less one.
	last       int32
	baseOffset int64
}

func (b producerBatch) lastSequence() int32 { return (b.baseSequence + b.last) & 0x7fffffff }

func (p *producer) encode(dst []byte) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendVarint(dst, int64(p.epoch))
	dst = binary.AppendUvarint(dst, uint64(p.hour))
	dst = binary.AppendUvarint(dst, uint64(len(p.batches)))
	for _, b := range p.batches {
		dst = binary.AppendUvarint(dst, uint64(b.baseSequence))
		dst = binary.AppendUvarint(dst, uint64(b.last))
		dst = binary.AppendUvarint(dst, uint64(b.baseOffset))
	}
	return dst
}

func decodeProducer(value []byte) (producer, error) {
	r := readValue(value)
	p := producer{epoch: int16(r.int()), hour: uint32(r.uint())}
	n := r.count()
	if n > producerBatches {
		r.bad = true
	}
	for i := 0; i < n && !r.bad; i++ {
		p.batches = append(p.batches, producerBatch{
			baseSequence: int32(r.uint()), last: int32(r.uint()), baseOffset: int64(r.uint())})
	}
	return p, r.end("producer")
}

// check says what becomes of a batch: appended, a repeat of the one returned, or
// refused. The rules are those of Kafka's ProducerAppendInfo:
//
//   - an epoch before the current one is fenced;
//   - a new epoch begins with sequence 0;
//   - a batch with the sequences of one that is remembered is a repeat;
//   - else the sequence must follow the last one; after 2^31-1 comes 0.
//
// A producer that is not known, because it is new or was idle for too long, may
// begin with any sequence.
func (p *producer) check(h recordbatch.Header) (repeat *producerBatch, err error) {
	if h.ProducerEpoch < p.epoch {
		return nil, fmt.Errorf("%w: producer %d: epoch %d, the current one is %d",
			command.ErrInvalidProducerEpoch, h.ProducerID, h.ProducerEpoch, p.epoch)
	}
	if h.ProducerEpoch > p.epoch {
		if h.BaseSequence != 0 {
			return nil, fmt.Errorf("%w: producer %d: epoch %d begins with sequence %d",
				command.ErrOutOfOrderSequence, h.ProducerID, h.ProducerEpoch, h.BaseSequence)
		}
		return nil, nil
	}
	for i := range p.batches {
		if p.batches[i].baseSequence == h.BaseSequence && p.batches[i].last == h.LastOffsetDelta {
			return &p.batches[i], nil
		}
	}
	if n := len(p.batches); n > 0 {
		if next := (p.batches[n-1].lastSequence() + 1) & 0x7fffffff; h.BaseSequence != next {
			return nil, fmt.Errorf("%w: producer %d: sequence %d, the next one is %d",
				command.ErrOutOfOrderSequence, h.ProducerID, h.BaseSequence, next)
		}
	}
	return nil, nil
}

// add remembers a batch that is appended at baseOffset.
func (p *producer) add(h recordbatch.Header, baseOffset int64) {
	if h.ProducerEpoch != p.epoch {
		p.epoch = h.ProducerEpoch
		p.batches = p.batches[:0]
	}
	if len(p.batches) == producerBatches {
		p.batches = append(p.batches[:0], p.batches[1:]...)
	}
	p.batches = append(p.batches, producerBatch{h.BaseSequence, h.LastOffsetDelta, baseOffset})
}

// checkProducer checks a batch against what its partition knows of its producer,
// and remembers it if it is neither refused nor a repeat: it will be appended at
// the partition's end.
func (c *change) checkProducer(t *topic, partition int32, h recordbatch.Header) (baseOffset int64, isRepeat bool, err error) {
	key := c.key.InPartition(keys.Producer, t.number, partition, h.ProducerID)
	p := producer{epoch: h.ProducerEpoch}
	isKnown := false
	if value := c.get(key); value != nil {
		isKnown = true
		var damaged error
		if p, damaged = decodeProducer(value); damaged != nil {
			c.fail(damaged)
			return 0, false, damaged
		}
	}
	repeat, err := p.check(h)
	if err != nil {
		return 0, false, err
	}
	if repeat != nil {
		return repeat.baseOffset, true, nil
	}
	p.add(h, t.partitions[partition].next)
	hour := c.hour()
	isFirstOfHour := !isKnown || p.hour != hour
	p.hour = hour
	c.value = p.encode(c.value[:0])
	c.set(key, c.value)
	if isFirstOfHour {
		c.set(c.key.ProducerExpiryAt(hour, t.number, partition, h.ProducerID), []byte{valueVersion})
	}
	return 0, false, nil
}

// hour is the time of the command in hours since 1970.
func (c *change) hour() uint32 { return uint32(max(c.now, 0) / 3_600_000) }

// producersForgottenMax bounds the work of one command; the next one goes on.
const producersForgottenMax = 1000

// forgetIdleProducers drops producers that were last heard of more than
// producerRetentionHours ago. A producer has an entry for each hour in which it
// wrote; of those only the last one is about to find it idle.
func (c *change) forgetIdleProducers() {
	hour := c.hour()
	if c.work.meta.producerHour >= hour || hour <= producerRetentionHours {
		return
	}
	before := hour - producerRetentionHours
	lower := append([]byte(nil), c.key.Letter(keys.ProducerExpiry)...)
	upper := append([]byte(nil), c.key.ProducerExpiryAt(before, 0, 0, 0)...)
	n := 0
	c.eachFrom(lower, upper, func(key, _ []byte) (bool, error) {
		if n++; n > producersForgottenMax {
			return false, nil
		}
		_, topic, partition, id, err := keys.ParseProducerExpiry(key)
		if err != nil {
			return false, err
		}
		c.delete(key)
		producerKey := c.other.InPartition(keys.Producer, topic, partition, id)
		value := c.get(producerKey)
		if value == nil {
			return true, nil // its topic was deleted
		}
		p, err := decodeProducer(value)
		if err == nil && p.hour < before {
			c.delete(producerKey)
		}
		return true, err
	})
	if n <= producersForgottenMax {
		c.work.meta.producerHour = hour
		c.isMetaDirty = true
	}
}
