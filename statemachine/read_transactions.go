package statemachine

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// ReadCommitted is ReadBatches up to the last stable offset, with the transactions of
// which nothing is to be seen in what it returns: records of such a producer from such
// an offset on, up to its next marker, are to be passed over. Markers are returned, too.
func (s *Store) ReadCommitted(topic string, partition int32, offset int64, bytesMax int) ([]byte, []command.AbortedTransaction, error) {
	var out []byte
	var aborted []command.AbortedTransaction
	err := s.read(func(db *pebble.DB) (err error) {
		number, p, err := s.partition(topic, partition)
		if err != nil {
			return err
		}
		// Batches, and what is filed of their transactions, are deleted together; so they are read of one instant.
		at := db.NewSnapshot()
		defer func() { err = errors.Join(err, at.Close()) }()
		var end int64
		out, end, err = readBatches(at, number, &p, s.mayBeCompacted(topic, &p), topic, partition, offset, p.stable(), bytesMax)
		if err != nil || out == nil {
			return err
		}
		// Whatever lies before the stable offset that we saw has ended, and is filed.
		aborted, err = abortedIn(at, number, partition, offset, end)
		return err
	})
	return out, aborted, err
}

// abortedIn lists the aborted transactions that have records in a range of offsets, by
// their ends.
func abortedIn(db pebble.Reader, topic keys.TopicNumber, partition int32, from, end int64) ([]command.AbortedTransaction, error) {
	var aborted []command.AbortedTransaction
	var k keys.Key
	lower := bytes.Clone(k.InPartition(keys.EndedTransaction, topic, partition, from))
	upper := keys.After(k.PartitionOnly(keys.EndedTransaction, topic, partition))
	err := eachIn(db, lower, upper, func(key, value []byte) (bool, error) {
		marker, err := keys.LastNumber(key)
		if err != nil {
			return false, err
		}
		e, err := decodeEndedTransaction(marker, value)
		if e.isAborted && e.first >= 0 && e.first < end {
			aborted = append(aborted, command.AbortedTransaction{ProducerID: e.producerID, FirstOffset: e.first})
		}
		return e.stable < end, err
	})
	return aborted, err
}

// Transactions lists all transactional ids, sorted.
func (s *Store) Transactions() []command.Transaction {
	var all []command.Transaction
	s.view(func(im *image) {
		all = make([]command.Transaction, 0, len(im.transactions.byID))
		for _, tx := range im.transactions.byID {
			all = append(all, im.describeTransaction(tx))
		}
	})
	slices.SortFunc(all, func(a, b command.Transaction) int { return cmp.Compare(a.TransactionalID, b.TransactionalID) })
	return all
}

// OpenTransactions counts the transactional ids with an open transaction.
func (s *Store) OpenTransactions() (count int) {
	s.view(func(im *image) { count = len(im.transactions.open) })
	return count
}

// Transaction returns a transactional id, false if nobody has it.
func (s *Store) Transaction(id string) (tx command.Transaction, exists bool) {
	s.view(func(im *image) {
		if found := im.transactions.byID[id]; found != nil {
			tx, exists = im.describeTransaction(found), true
		}
	})
	return tx, exists
}

func (im *image) describeTransaction(tx *transaction) command.Transaction {
	d := command.Transaction{
		TransactionalID: tx.id, Producer: tx.producer, Status: tx.status, TimeoutMilli: tx.timeoutMilli,
		StartedUnixMilli: -1, UpdatedUnixMilli: tx.updatedUnixMilli, Groups: tx.groups,
	}
	if tx.isOpen() {
		d.StartedUnixMilli = tx.startedUnixMilli
	}
	for _, p := range tx.partitions {
		if name, exists := im.groupTopic(p.topic); exists {
			d.Partitions = append(d.Partitions, command.TopicPartition{Topic: name, Partition: p.partition})
		}
	}
	slices.SortFunc(d.Partitions, func(a, b command.TopicPartition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return d
}

// TransactionsDueBy lists the transactional ids whose open transactions take too long at
// a time, sorted, at most limit of them.
func (s *Store) TransactionsDueBy(unixMilli int64, limit int) []string {
	var ids []string
	s.view(func(im *image) {
		for id, tx := range im.transactions.open {
			if tx.dueUnixMilli() <= unixMilli {
				ids = append(ids, id)
			}
		}
	})
	slices.Sort(ids)
	return ids[:min(len(ids), limit)]
}

// TransactionsIdleBefore lists the transactional ids without an open transaction that
// were last used before a time, sorted, at most limit of them.
func (s *Store) TransactionsIdleBefore(unixMilli int64, limit int) []string {
	var ids []string
	s.view(func(im *image) {
		for id, tx := range im.transactions.byID {
			if !tx.isOpen() && tx.updatedUnixMilli < unixMilli {
				ids = append(ids, id)
			}
		}
	})
	slices.Sort(ids)
	return ids[:min(len(ids), limit)]
}

// UndecidedOffsets lists the partitions for which open transactions hold offsets of a
// group.
func (s *Store) UndecidedOffsets(group string) ([]command.TopicPartition, error) {
	var ids []string
	s.view(func(im *image) { ids = im.transactions.openWithGroup(group) })
	if len(ids) == 0 {
		return nil, nil
	}
	var undecided []command.TopicPartition
	err := s.read(func(db *pebble.DB) error {
		var k keys.Key
		for _, id := range ids {
			lower := bytes.Clone(k.TransactionGroup(id, group))
			if err := eachIn(db, lower, keys.After(lower), func(key, _ []byte) (bool, error) {
				_, rest, _, err := keys.ParseTransaction(key)
				if err != nil {
					return false, err
				}
				_, number, partition, err := keys.ParseTransactionOffset(rest)
				if err != nil {
					return false, err
				}
				s.view(func(im *image) {
					if name, exists := im.groupTopic(number); exists {
						undecided = append(undecided, command.TopicPartition{Topic: name, Partition: partition})
					}
				})
				return true, nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return undecided, err
}

// Producers lists what a partition knows of idempotent producers, by their ids, or
// ErrUnknownTopic.
func (s *Store) Producers(topic string, partition int32) ([]command.ActiveProducer, error) {
	var producers []command.ActiveProducer
	err := s.read(func(db *pebble.DB) error {
		number, p, err := s.partition(topic, partition)
		if err != nil {
			return err
		}
		var k keys.Key
		lower := bytes.Clone(k.PartitionOnly(keys.Producer, number, partition))
		return eachIn(db, lower, keys.After(lower), func(key, value []byte) (bool, error) {
			id, err := keys.LastNumber(key)
			if err != nil {
				return false, err
			}
			known, err := decodeProducer(value)
			active := command.ActiveProducer{
				ProducerEpoch: command.ProducerEpoch{ProducerID: id, Epoch: known.epoch}, LastSequence: -1,
				LastTimestamp: known.lastTimestamp, CoordinatorEpoch: known.coordinatorEpoch, FirstOffset: p.firstOf(id),
			}
			if n := len(known.batches); n > 0 {
				active.LastSequence = known.batches[n-1].lastSequence()
			}
			producers = append(producers, active)
			return true, err
		})
	})
	return producers, err
}
