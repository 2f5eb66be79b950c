package command

// CommitOffsets stores offsets of a consumer group. Its result is []error, one
// per offset in order: nil, ErrUnknownTopic or ErrLimit.
type CommitOffsets struct {
	Group        string        `cbor:"1,keyasint"`
	Offsets      []GroupOffset `cbor:"2,keyasint"`
	NowUnixMilli int64         `cbor:"3,keyasint"`
}

// GroupOffset is a committed offset of a consumer group for one partition.
type GroupOffset struct {
	Topic     string `cbor:"1,keyasint"`
	Partition int32  `cbor:"2,keyasint"`
	Offset    int64  `cbor:"3,keyasint"`
	// LeaderEpoch is -1 where the client gave none.
	LeaderEpoch int32  `cbor:"4,keyasint"`
	Metadata    string `cbor:"5,keyasint,omitempty"`
	// TopicID is empty in what is read.
	TopicID TopicID `cbor:"6,keyasint,omitzero"`
}

// DeleteGroups forgets groups and their offsets. Its result is []error, one per
// group in order: nil or ErrUnknownGroup.
type DeleteGroups struct {
	Groups []string `cbor:"1,keyasint"`
}

// KeepOffsets says that groups have members: their offsets are kept as if they had
// been committed now. Its result is nil.
type KeepOffsets struct {
	Groups       []string `cbor:"1,keyasint"`
	NowUnixMilli int64    `cbor:"2,keyasint"`
}

// ExpireOffsets deletes the offsets of groups that were committed, or kept, before a
// time. Its result is the int that were deleted.
type ExpireOffsets struct {
	Groups          []string `cbor:"1,keyasint"`
	BeforeUnixMilli int64    `cbor:"2,keyasint"`
}

func (CommitOffsets) Kind() Kind { return KindCommitOffsets }
func (DeleteGroups) Kind() Kind  { return KindDeleteGroups }
func (KeepOffsets) Kind() Kind   { return KindKeepOffsets }
func (ExpireOffsets) Kind() Kind { return KindExpireOffsets }
