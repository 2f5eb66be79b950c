package statemachine

import (
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// txnPlace is where a producer counts its records.
type txnPlace struct {
	producer  command.ProducerEpoch
	topic     string
	partition int32
}

// transact makes a command of a transactional producer: one that fits mostly, from what
// readers see of it.
func (w *workload) transact() {
	id := fmt.Sprintf("tx-%d", w.random.IntN(4))
	known, exists := w.store.Transaction(id)
	if !exists || w.random.IntN(12) == 0 {
		com := command.InitProducer{TransactionalID: id, TimeoutMilli: 1 + w.random.Int32N(30_000), Expected: nobody, CoordinatorEpoch: 1, NowUnixMilli: w.now}
		if exists && w.random.IntN(2) == 0 {
			com.Expected = known.Producer
			com.Expected.Epoch -= int16(w.random.IntN(2))
		}
		w.apply(com)
		return
	}
	producer := known.Producer
	if w.random.IntN(15) == 0 {
		producer.Epoch-- // one that is fenced
	}
	topics := []string{"out", "other", "table", command.TopicResume, command.TopicScheduler}
	topic := topics[w.random.IntN(len(topics))]
	switch n := w.random.IntN(20); {
	case n < 9:
		w.appendIn(id, producer, topic)
	case n < 11:
		w.apply(command.AddToTransaction{TransactionalID: id, Producer: producer, NowUnixMilli: w.now,
			Partitions: []command.TopicPartition{{Topic: topic, Partition: w.random.Int32N(3)}, {Topic: "out", Partition: 1}}, Groups: []string{"gthread-1"}})
	case n < 14:
		w.apply(command.CommitTransactionOffsets{TransactionalID: id, Producer: producer, Group: "gthread-" + fmt.Sprint(w.random.IntN(3)),
			Offsets:   []command.GroupOffset{{Topic: topic, Partition: w.random.Int32N(3), Offset: w.random.Int64N(100), LeaderEpoch: -1}},
			AddsGroup: w.random.IntN(2) == 0, NowUnixMilli: w.now})
	case n < 18:
		w.apply(command.EndTransaction{TransactionalID: id, Producer: producer, Commit: w.random.IntN(3) > 0, BumpsEpoch: w.random.IntN(2) == 0,
			CoordinatorEpoch: 1, NowUnixMilli: w.now})
	case n < 19:
		w.apply(command.AbortTransactions{TransactionalIDs: []string{id}, CoordinatorEpoch: 1, NowUnixMilli: w.now})
	default:
		w.apply(command.ForgetTransactions{TransactionalIDs: []string{id, "tx-0"}, BeforeUnixMilli: w.now - 20_000})
	}
}

func (w *workload) appendIn(id string, producer command.ProducerEpoch, topic string) {
	place := txnPlace{producer, topic, w.random.Int32N(2)}
	var records []recordbatch.Record
	for range 1 + w.random.IntN(3) {
		r := record(w.now, w.key(), "in a transaction")
		if topic == command.TopicScheduler {
			r = record(w.now, w.key()+"|event", fmt.Sprint(w.random.IntN(5000)))
		}
		records = append(records, r)
	}
	batch := recordbatch.Append(nil, records, recordbatch.Options{
		Transactional: true, Codec: recordbatch.Codec(w.random.IntN(5)),
		Producer: &recordbatch.Producer{ID: producer.ProducerID, Epoch: producer.Epoch, BaseSequence: w.sequences[place]},
	})
	results := w.apply(command.AppendRecords{NowUnixMilli: w.now, Appends: []command.Append{
		{Topic: topic, Partition: place.partition, Batch: batch, TransactionalID: id, AddsPartition: w.random.IntN(4) > 0}}}).([]command.AppendResult)
	if results[0].Err == nil && w.random.IntN(10) > 0 { // sometimes it is sent again
		w.sequences[place] += int32(len(records))
	}
}
