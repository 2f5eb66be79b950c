package command

// CompactRecords puts compacted batches in the place of those that are stored, or removes
// them. The leader works out what is to be changed, in many commands for one pass over a
// partition; each of them leaves the partition whole. Its result is a CompactResult or an
// error: ErrUnknownTopic, or ErrLimit.
//
// A change is made if the batch under its last offset still has the CRC that the leader
// saw, and else passed over, as is every change of a topic without the cleanup policy
// compact, of the partition's last batch, of events that are not consumed, and of what is
// no batch in the place of the old one.
type CompactRecords struct {
	Topic     string        `cbor:"1,keyasint"`
	Partition int32         `cbor:"2,keyasint"`
	TopicID   TopicID       `cbor:"3,keyasint,omitzero"`
	Changes   []BatchChange `cbor:"4,keyasint,omitempty"`
	// CleanTo is the offset below which the pass that ends here has compacted; 0 if it
	// goes on.
	CleanTo int64 `cbor:"5,keyasint,omitempty"`
	// HorizonUnixMilli is when the first tombstone or marker below CleanTo may go, 0 if
	// there is none. It counts with CleanTo.
	HorizonUnixMilli int64 `cbor:"6,keyasint,omitempty"`
}

// BatchChange is what becomes of one batch.
type BatchChange struct {
	// LastOffset and CRC name the batch.
	LastOffset int64  `cbor:"1,keyasint"`
	CRC        uint32 `cbor:"2,keyasint"`
	// Batch is what is stored in its place; null removes it. A marker that is removed takes
	// along what is filed of its transaction.
	Batch []byte `cbor:"3,keyasint"`
}

// CompactResult is the outcome of a CompactRecords.
type CompactResult struct {
	// Changed and PassedOver count batches.
	Changed    int
	PassedOver int
}

func (CompactRecords) Kind() Kind { return KindCompactRecords }
