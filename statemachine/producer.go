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
	// lastTimestamp is the max timestamp of its last batch, coordinatorEpoch that of its
	// last marker. -1 where there is none, or was none when it was stored.
	lastTimestamp    int64
	coordinatorEpoch int32
}

// producerVersion is the version of a stored producer. Version 1 had neither
// timestamps nor coordinator epochs.
const producerVersion = 2

type producerBatch struct {
	baseSequence int32
	// last is the number of records less one.
	last       int32
	baseOffset int64
}

func (b producerBatch) lastSequence() int32 { return (b.baseSequence + b.last) & 0x7fffffff }

func (p *producer) encode(dst []byte) []byte {
	dst = append(dst, producerVersion)
	dst = binary.AppendVarint(dst, int64(p.epoch))
	dst = binary.AppendUvarint(dst, uint64(p.hour))
	dst = binary.AppendUvarint(dst, uint64(len(p.batches)))
	for _, b := range p.batches {
		dst = binary.AppendUvarint(dst, uint64(b.baseSequence))
		dst = binary.AppendUvarint(dst, uint64(b.last))
		dst = binary.AppendUvarint(dst, uint64(b.baseOffset))
	}
	dst = binary.AppendVarint(dst, p.lastTimestamp)
	return binary.AppendVarint(dst, int64(p.coordinatorEpoch))
}

func decodeProducer(value []byte) (producer, error) {
	r, version := readVersions(value, producerVersion)
	p := producer{epoch: int16(r.int()), hour: uint32(r.uint()), lastTimestamp: -1, coordinatorEpoch: -1}
	n := r.count()
	if n > producerBatches {
		r.bad = true
	}
	for i := 0; i < n && !r.bad; i++ {
		p.batches = append(p.batches, producerBatch{
			baseSequence: int32(r.uint()), last: int32(r.uint()), baseOffset: int64(r.uint())})
	}
	if version >= 2 {
		p.lastTimestamp = r.int()
		p.coordinatorEpoch = int32(r.int())
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
func (p *producer) check(h recordbatch.Header, isKnown bool) (repeat *producerBatch, err error) {
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
	next := int32(0) // of an epoch that a marker brought
	if n := len(p.batches); n > 0 {
		next = (p.batches[n-1].lastSequence() + 1) & 0x7fffffff
	}
	if isKnown && h.BaseSequence != next {
		return nil, fmt.Errorf("%w: producer %d: sequence %d, the next one is %d",
			command.ErrOutOfOrderSequence, h.ProducerID, h.BaseSequence, next)
	}
	return nil, nil
}

// add remembers a batch that is appended at baseOffset.
func (p *producer) add(h recordbatch.Header, baseOffset int64) {
	if h.ProducerEpoch != p.epoch {
		p.epoch = h.ProducerEpoch
		p.batches = p.batches[:0]
	}
	p.lastTimestamp = h.MaxTimestamp
	if len(p.batches) == producerBatches {
		p.batches = append(p.batches[:0], p.batches[1:]...)
	}
	p.batches = append(p.batches, producerBatch{h.BaseSequence, h.LastOffsetDelta, baseOffset})
}

// loadProducer reads what a partition knows of a producer.
func (c *change) loadProducer(t *topic, partition int32, id int64) (p producer, isKnown bool) {
	value := c.get(c.key.InPartition(keys.Producer, t.number, partition, id))
	if value == nil {
		return producer{lastTimestamp: -1, coordinatorEpoch: -1}, false
	}
	p, err := decodeProducer(value)
	c.fail(err)
	return p, err == nil
}

// storeProducer writes that the producer was heard of now.
func (c *change) storeProducer(t *topic, partition int32, id int64, p *producer, isKnown bool) {
	hour := c.hour()
	isFirstOfHour := !isKnown || p.hour != hour
	p.hour = hour
	c.value = p.encode(c.value[:0])
	c.set(c.key.InPartition(keys.Producer, t.number, partition, id), c.value)
	if isFirstOfHour {
		c.set(c.key.ProducerExpiryAt(hour, t.number, partition, id), []byte{valueVersion})
	}
}

// checkProducer checks a batch against what its partition knows of its producer, and
// against the producer's transaction, and remembers it if it is neither refused nor a
// repeat: it will be appended at the partition's end.
func (c *change) checkProducer(t *topic, a *command.Append, h recordbatch.Header) (baseOffset int64, isRepeat bool, err error) {
	p, isKnown := c.loadProducer(t, a.Partition, h.ProducerID)
	if !isKnown {
		p.epoch = h.ProducerEpoch
	}
	repeat, err := p.check(h, isKnown)
	if err != nil {
		return 0, false, err
	}
	if repeat != nil {
		// Whatever has become of its transaction.
		return repeat.baseOffset, true, nil
	}
	if err := c.checkTransaction(t, a, h); err != nil {
		return 0, false, err
	}
	p.add(h, t.partitions[a.Partition].next)
	c.storeProducer(t, a.Partition, h.ProducerID, &p, isKnown)
	return 0, false, nil
}

// checkTransaction refuses a batch that is not of the open transaction of its producer.
// Kafka's partitions ask the coordinator for that (KIP-890, part 1); here both are in
// one place. A batch that is not refused is part of the transaction from now on.
func (c *change) checkTransaction(t *topic, a *command.Append, h recordbatch.Header) error {
	if !h.IsTransactional() {
		if t.partitions[a.Partition].firstOf(h.ProducerID) >= 0 {
			return fmt.Errorf("%w: producer %d has a transaction open on %q partition %d, and the batch is not of it",
				command.ErrTransactionState, h.ProducerID, a.Topic, a.Partition)
		}
		return nil
	}
	tx := c.work.transactions.byProducer[h.ProducerID]
	if tx == nil || tx.id != a.TransactionalID {
		return fmt.Errorf("%w: transactional id %q, producer %d", command.ErrProducerIDMapping, a.TransactionalID, h.ProducerID)
	}
	if h.ProducerEpoch != tx.producer.Epoch || h.ProducerEpoch > epochMax {
		return fmt.Errorf("%w: transactional id %q: epoch %d, the current one is %d",
			command.ErrInvalidProducerEpoch, tx.id, h.ProducerEpoch, tx.producer.Epoch)
	}
	place := transactionPartition{t.number, a.Partition}
	if !tx.isOpen() || !tx.hasPartition(place) {
		if !a.AddsPartition {
			return fmt.Errorf("%w: transactional id %q has not added %q partition %d", command.ErrTransactionState, tx.id, a.Topic, a.Partition)
		}
		if err := c.addPartition(tx, place); err != nil {
			return err
		}
	}
	c.openAt(t, a.Partition, h.ProducerID)
	return nil
}

// markProducer notes the marker of a transaction. One of a later epoch fences the
// producer that had the epoch before.
func (c *change) markProducer(t *topic, partition int32, id int64, e ending) {
	p, isKnown := c.loadProducer(t, partition, id)
	if !isKnown {
		return // it wrote nothing here, or was forgotten
	}
	if e.markerEpoch > p.epoch {
		p.epoch = e.markerEpoch
		p.batches = nil
	}
	p.lastTimestamp, p.coordinatorEpoch = c.now, e.coordinatorEpoch
	c.storeProducer(t, partition, id, &p, true)
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
