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

// DeleteGroups forgets groups: their offsets, and what StoreGroup kept of them. Its result is []error, one per
// group in order: nil or ErrUnknownGroup.
type DeleteGroups struct {
	Groups []string `cbor:"1,keyasint"`
}

// KeepOffsets says that groups have members: their offsets are kept as if they had
// been committed now. Its result is nil. It is proposed no more, see RenewOffsets.
type KeepOffsets struct {
	Groups       []string `cbor:"1,keyasint"`
	NowUnixMilli int64    `cbor:"2,keyasint"`
}

// RenewOffsets says that members of groups read topics: the offsets of these groups for
// these topics are kept as if they had been committed now. Its result is nil.
type RenewOffsets struct {
	Of           []GroupTopic `cbor:"1,keyasint"`
	NowUnixMilli int64        `cbor:"2,keyasint"`
}

// GroupTopic names a group and a topic.
type GroupTopic struct {
	Group string `cbor:"1,keyasint"`
	Topic string `cbor:"2,keyasint"`
}

// ExpireOffsets deletes the offsets of groups that were committed, or kept, before a
// time. Its result is the int that were deleted.
type ExpireOffsets struct {
	Groups          []string `cbor:"1,keyasint"`
	BeforeUnixMilli int64    `cbor:"2,keyasint"`
}

// StoreGroup keeps what the coordinator of a group has to know after a restart: its
// members, and who has what. The parts are the coordinator's own: it names and
// encodes them, and nobody else looks inside. Its result is nil or ErrLimit, and then
// nothing of it is done.
type StoreGroup struct {
	Group string `cbor:"1,keyasint"`
	// IsWhole says that these are all parts of the group: others that are there are
	// deleted. With no parts, the group is forgotten, but for its offsets.
	IsWhole bool        `cbor:"2,keyasint,omitempty"`
	Parts   []GroupPart `cbor:"3,keyasint,omitempty"`
}

// GroupPart is a part of what is kept of a group.
type GroupPart struct {
	Name string `cbor:"1,keyasint"`
	// Value is null where the part is to be deleted.
	Value []byte `cbor:"2,keyasint"`
}

// StoredGroup is what StoreGroup has kept of a group: its parts by name.
type StoredGroup struct {
	Group string
	Parts []GroupPart
}

// DeleteOffsets forgets offsets of a group. Its result is []error, one per offset
// in order: nil, also where there was none, or ErrUnknownTopic.
type DeleteOffsets struct {
	Group   string           `cbor:"1,keyasint"`
	Offsets []TopicPartition `cbor:"2,keyasint"`
}

func (CommitOffsets) Kind() Kind { return KindCommitOffsets }
func (DeleteGroups) Kind() Kind  { return KindDeleteGroups }
func (KeepOffsets) Kind() Kind   { return KindKeepOffsets }
func (RenewOffsets) Kind() Kind  { return KindRenewOffsets }
func (ExpireOffsets) Kind() Kind { return KindExpireOffsets }
func (StoreGroup) Kind() Kind    { return KindStoreGroup }
func (DeleteOffsets) Kind() Kind { return KindDeleteOffsets }
