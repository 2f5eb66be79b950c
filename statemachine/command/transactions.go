package command

// A transaction (KIP-98) is what one producer, known by its transactional id, writes
// between two ends: records of any number of partitions, and offsets of groups. Each
// change of it is a command; that of its end writes all markers, the offsets and the
// new state at once, so that there is never half a transaction.
//
// Whoever changes a transaction names the producer id and epoch that it was given.
// ErrProducerIDMapping: the transactional id has another producer id, or none.
// ErrProducerFenced: the epoch is not the current one.

// NoProducerID and NoProducerEpoch are those of nobody.
const (
	NoProducerID    int64 = -1
	NoProducerEpoch int16 = -1
)

// ProducerEpoch is who writes: a producer id, and which of those that had it.
type ProducerEpoch struct {
	ProducerID int64 `cbor:"1,keyasint"`
	Epoch      int16 `cbor:"2,keyasint"`
}

// InitProducer gives a transactional id to a new producer, and fences the one that had
// it. A transaction that is open is aborted. Its result is the ProducerEpoch that the
// producer has from now on, or ErrProducerFenced or ErrLimit.
//
// A producer that goes on after an error names who it is in Expected (KIP-360) and is
// fenced if somebody came after it; if it is told twice, the second time changes
// nothing. Expected of NoProducerID is a producer that has just started.
type InitProducer struct {
	TransactionalID string        `cbor:"1,keyasint"`
	TimeoutMilli    int32         `cbor:"2,keyasint"`
	Expected        ProducerEpoch `cbor:"3,keyasint"`
	// CoordinatorEpoch is the leader's, for the markers.
	CoordinatorEpoch int32 `cbor:"4,keyasint"`
	NowUnixMilli     int64 `cbor:"5,keyasint"`
}

// AddToTransaction adds partitions and groups to a transaction, and begins one if none
// is open. Its result is []error, one per partition: nil or ErrUnknownTopic. If there is
// one that is not nil, nothing was added. Or ErrProducerIDMapping, ErrProducerFenced or
// ErrLimit for all.
type AddToTransaction struct {
	TransactionalID string           `cbor:"1,keyasint"`
	Producer        ProducerEpoch    `cbor:"2,keyasint"`
	Partitions      []TopicPartition `cbor:"3,keyasint,omitempty"`
	Groups          []string         `cbor:"4,keyasint,omitempty"`
	NowUnixMilli    int64            `cbor:"5,keyasint"`
}

// CommitTransactionOffsets keeps offsets of a group until the transaction ends: they are
// the group's when it is committed, and forgotten when it is aborted. Its result is
// []error, one per offset in order: nil, ErrUnknownTopic or ErrLimit; or
// ErrProducerIDMapping, ErrProducerFenced, ErrLimit, or ErrTransactionState if the group
// was not added.
type CommitTransactionOffsets struct {
	TransactionalID string        `cbor:"1,keyasint"`
	Producer        ProducerEpoch `cbor:"2,keyasint"`
	Group           string        `cbor:"3,keyasint"`
	Offsets         []GroupOffset `cbor:"4,keyasint"`
	// AddsGroup adds the group if need be (KIP-890, part 2).
	AddsGroup    bool  `cbor:"5,keyasint,omitempty"`
	NowUnixMilli int64 `cbor:"6,keyasint"`
}

// EndTransaction commits or aborts. Its result is the ProducerEpoch to go on with, or
// ErrProducerIDMapping, ErrProducerFenced, or ErrTransactionState: there is nothing that
// could be ended that way. An end that is told again changes nothing.
type EndTransaction struct {
	TransactionalID string        `cbor:"1,keyasint"`
	Producer        ProducerEpoch `cbor:"2,keyasint"`
	Commit          bool          `cbor:"3,keyasint,omitempty"`
	// BumpsEpoch gives the producer another epoch for its next transaction (KIP-890,
	// part 2), so that what is late from this one can't get into that.
	BumpsEpoch       bool  `cbor:"4,keyasint,omitempty"`
	CoordinatorEpoch int32 `cbor:"5,keyasint"`
	NowUnixMilli     int64 `cbor:"6,keyasint"`
}

// AbortTransactions aborts those of the transactions that are open for longer than their
// producers wished, and fences these. Its result is the int that were aborted.
type AbortTransactions struct {
	TransactionalIDs []string `cbor:"1,keyasint"`
	CoordinatorEpoch int32    `cbor:"2,keyasint"`
	NowUnixMilli     int64    `cbor:"3,keyasint"`
}

// ForgetTransactions forgets transactional ids that have no open transaction and were
// last used before a time. Its result is the int that were forgotten.
type ForgetTransactions struct {
	TransactionalIDs []string `cbor:"1,keyasint"`
	BeforeUnixMilli  int64    `cbor:"2,keyasint"`
}

func (InitProducer) Kind() Kind             { return KindInitProducer }
func (AddToTransaction) Kind() Kind         { return KindAddToTransaction }
func (CommitTransactionOffsets) Kind() Kind { return KindCommitTransactionOffsets }
func (EndTransaction) Kind() Kind           { return KindEndTransaction }
func (AbortTransactions) Kind() Kind        { return KindAbortTransactions }
func (ForgetTransactions) Kind() Kind       { return KindForgetTransactions }

// TransactionStatus is where a transactional id is in its life. The numbers are
// Kafka's, and are stored. Kafka's states between Ongoing and the two that follow it do
// not exist here: a transaction ends at once.
type TransactionStatus uint8

// The states.
const (
	TransactionEmpty          TransactionStatus = 0
	TransactionOngoing        TransactionStatus = 1
	TransactionCompleteCommit TransactionStatus = 4
	TransactionCompleteAbort  TransactionStatus = 5
)

// String is Kafka's name of the state.
func (s TransactionStatus) String() string {
	switch s {
	case TransactionEmpty:
		return "Empty"
	case TransactionOngoing:
		return "Ongoing"
	case TransactionCompleteCommit:
		return "CompleteCommit"
	case TransactionCompleteAbort:
		return "CompleteAbort"
	}
	return "Unknown"
}

// Transaction is a transactional id as readers see it.
type Transaction struct {
	TransactionalID string
	Producer        ProducerEpoch
	Status          TransactionStatus
	TimeoutMilli    int32
	// StartedUnixMilli is -1 if none is open.
	StartedUnixMilli int64
	UpdatedUnixMilli int64
	// Partitions, by topic and partition, and Groups are those of an open one.
	Partitions []TopicPartition
	Groups     []string
}

// AbortedTransaction is a transaction of which nothing is to be seen: the records of a
// producer from an offset on, up to its next marker.
type AbortedTransaction struct {
	ProducerID  int64
	FirstOffset int64
}

// ActiveProducer is what a partition knows of an idempotent producer.
type ActiveProducer struct {
	ProducerEpoch
	// LastSequence is that of its last record, -1 for none.
	LastSequence int32
	// LastTimestamp is that of its last batch; CoordinatorEpoch that of its last marker.
	// -1 where nobody knows.
	LastTimestamp    int64
	CoordinatorEpoch int32
	// FirstOffset is where its open transaction begins, -1 for none.
	FirstOffset int64
}
