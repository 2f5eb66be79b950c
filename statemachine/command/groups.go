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
}

// DeleteGroups forgets groups and their offsets. Its result is []error, one per
// group in order: nil or ErrUnknownGroup.
type DeleteGroups struct {
	Groups []string `cbor:"1,keyasint"`
}

func (CommitOffsets) Kind() Kind { return KindCommitOffsets }
func (DeleteGroups) Kind() Kind  { return KindDeleteGroups }
