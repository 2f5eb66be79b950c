package command

// Append is one record batch for one partition.
type Append struct {
	Topic     string `cbor:"1,keyasint"`
	Partition int32  `cbor:"2,keyasint"`
	// Batch is exactly one Kafka v2 record batch with a valid CRC, compressed
	// as the client sent it. Apply patches its base offset (which the CRC does
	// not cover) and nothing else.
	Batch   []byte  `cbor:"3,keyasint"`
	TopicID TopicID `cbor:"4,keyasint,omitzero"`
	// TransactionalID is that of the request, and empty outside of transactions.
	TransactionalID string `cbor:"5,keyasint,omitempty"`
	// AddsPartition adds the partition to the transaction if need be (KIP-890, part 2).
	AddsPartition bool `cbor:"6,keyasint,omitempty"`
}

// AppendRecords appends batches in order. Its result is []AppendResult, one per
// batch in order.
//
// A batch with a producer id is checked against the producer's last five batches
// on the partition (KIP-98): a repeat is answered with its first offset and not
// appended, a gap with ErrOutOfOrderSequence, an old epoch with
// ErrInvalidProducerEpoch. A batch of a transaction must be of the open one of its
// producer, and of a partition that was added to it.
type AppendRecords struct {
	Appends      []Append `cbor:"1,keyasint"`
	NowUnixMilli int64    `cbor:"2,keyasint"`
}

// AppendResult is the outcome for one batch.
type AppendResult struct {
	// Err is nil, ErrUnknownTopic, ErrOutOfOrderSequence,
	// ErrInvalidProducerEpoch, ErrProducerIDMapping, ErrTransactionState,
	// ErrInvalidBatch or ErrLimit.
	Err error
	// BaseOffset is the offset of the batch's first record; of the first
	// appearance, for a repeat.
	BaseOffset int64
	// LogStartOffset is the partition's first readable offset.
	LogStartOffset int64
	// LogAppendUnixMilli is the time that the batch got on a topic of log append
	// time, else -1.
	LogAppendUnixMilli int64
}

// DeleteRecords moves the starts of partitions up; retention and the Kafka
// request of the same name propose it. Its result is []error, one per entry:
// nil, ErrUnknownTopic, or ErrOffsetOutOfRange beyond the end. A start that is above the
// offset already stays.
type DeleteRecords struct {
	Trims []Trim `cbor:"1,keyasint"`
}

// Trim makes all records of a partition before Offset unreadable.
type Trim struct {
	Topic     string  `cbor:"1,keyasint"`
	Partition int32   `cbor:"2,keyasint"`
	Offset    int64   `cbor:"3,keyasint"`
	TopicID   TopicID `cbor:"4,keyasint,omitzero"`
}

// AllocateProducerIDs takes Count fresh producer ids. Its result is the int64
// that is the first of them.
type AllocateProducerIDs struct {
	Count int64 `cbor:"1,keyasint"`
}

func (AppendRecords) Kind() Kind       { return KindAppendRecords }
func (DeleteRecords) Kind() Kind       { return KindDeleteRecords }
func (AllocateProducerIDs) Kind() Kind { return KindAllocateProducerIDs }

// PartitionState is a partition as readers see it.
//
// Invariant: 0 <= StartOffset <= StableOffset <= NextOffset.
type PartitionState struct {
	// StartOffset is the first readable offset.
	StartOffset int64
	// NextOffset is one past the last record; being applied is being
	// committed, so it is the high watermark too.
	NextOffset int64
	// StableOffset is the last stable offset: no transaction is open that wrote before
	// it.
	StableOffset int64
	// Bytes is the size of the partition's batches.
	Bytes int64
}
