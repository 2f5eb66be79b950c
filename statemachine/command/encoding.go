package command

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// encodingVersion is the first byte of every command in the log. History: 1.
const encodingVersion = 1

// What Decode refuses. A node that meets one of them in its log must stop: to
// pass over the command would fork the state.
var (
	// ErrUnknownVersion: written by a later release.
	ErrUnknownVersion = errors.New("unknown command version")
	// ErrUnknownKind: written by a later release.
	ErrUnknownKind = errors.New("unknown command kind")
	// ErrMalformed: cut short, or a body that is not the kind's.
	ErrMalformed = errors.New("malformed command")
)

// Strings hold Kafka's bytes, which need not be UTF-8, so both sides leave them
// alone.
var (
	encoding = must(cbor.EncOptions{
		Sort:        cbor.SortBytewiseLexical,
		IndefLength: cbor.IndefLengthForbidden,
		TagsMd:      cbor.TagsForbidden,
	}.UserBufferEncMode())
	decoding = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		UTF8:              cbor.UTF8DecodeInvalid,
		MaxArrayElements:  1 << 20,
		MaxMapPairs:       1 << 16,
		MaxNestedLevels:   8,
	}.DecMode())
)

// kinds makes an empty command of each kind to decode into.
var kinds = map[Kind]func() Command{
	KindCreateTopics:        func() Command { return new(CreateTopics) },
	KindDeleteTopics:        func() Command { return new(DeleteTopics) },
	KindAlterTopicConfigs:   func() Command { return new(AlterTopicConfigs) },
	KindAppendRecords:       func() Command { return new(AppendRecords) },
	KindDeleteRecords:       func() Command { return new(DeleteRecords) },
	KindAllocateProducerIDs: func() Command { return new(AllocateProducerIDs) },
	KindCommitOffsets:       func() Command { return new(CommitOffsets) },
	KindDeleteGroups:        func() Command { return new(DeleteGroups) },
	KindDeploy:              func() Command { return new(Deploy) },
	KindCommitSteps:         func() Command { return new(CommitSteps) },
	KindFireTimers:          func() Command { return new(FireTimers) },
	KindRetryThread:         func() Command { return new(RetryThread) },
	KindDeleteThread:        func() Command { return new(DeleteThread) },
	KindKeepOffsets:         func() Command { return new(KeepOffsets) },
	KindExpireOffsets:       func() Command { return new(ExpireOffsets) },
	KindAlterClientQuotas:   func() Command { return new(AlterClientQuotas) },
	KindAlterGroupConfigs:   func() Command { return new(AlterGroupConfigs) },
	KindRenewOffsets:        func() Command { return new(RenewOffsets) },
	KindRegisterNode:        func() Command { return new(RegisterNode) },
	KindForgetNode:          func() Command { return new(ForgetNode) },

	KindInitProducer:             func() Command { return new(InitProducer) },
	KindAddToTransaction:         func() Command { return new(AddToTransaction) },
	KindCommitTransactionOffsets: func() Command { return new(CommitTransactionOffsets) },
	KindEndTransaction:           func() Command { return new(EndTransaction) },
	KindAbortTransactions:        func() Command { return new(AbortTransactions) },
	KindForgetTransactions:       func() Command { return new(ForgetTransactions) },
	KindStoreGroup:               func() Command { return new(StoreGroup) },
	KindDeleteOffsets:            func() Command { return new(DeleteOffsets) },

	KindCreateACLs:            func() Command { return new(CreateACLs) },
	KindDeleteACLs:            func() Command { return new(DeleteACLs) },
	KindAlterScramCredentials: func() Command { return new(AlterScramCredentials) },
	KindCompactRecords:        func() Command { return new(CompactRecords) },
	KindCreatePartitions:      func() Command { return new(CreatePartitions) },
}

// Encode gives the bytes that a command has in the log. Equal commands have equal
// bytes. It takes the types of this package, or pointers to them.
func Encode(c Command) ([]byte, error) {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	buffer.Write([]byte{encodingVersion, byte(c.Kind())})
	if err := encoding.MarshalToBuffer(c, buffer); err != nil {
		return nil, fmt.Errorf("encode command of kind %d: %w", c.Kind(), err)
	}
	// Of its own size, as the log holds on to it for a while.
	return bytes.Clone(buffer.Bytes()), nil
}

// buffers are where commands are put together. The library has such a pool too; its
// result would have to be copied once more to get the two bytes in front of it.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Decode reads a command and returns a pointer to it, such as *CommitSteps. The
// command shares no memory with data. Errors: ErrUnknownVersion, ErrUnknownKind,
// ErrMalformed.
func Decode(data []byte) (Command, error) {
	if len(data) < 2 {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(data))
	}
	if data[0] != encodingVersion {
		return nil, fmt.Errorf("%w: %d, newest known is %d", ErrUnknownVersion, data[0], encodingVersion)
	}
	kind := Kind(data[1])
	empty, isKnown := kinds[kind]
	if !isKnown {
		return nil, fmt.Errorf("%w: %d", ErrUnknownKind, kind)
	}
	c := empty()
	if err := decoding.Unmarshal(data[2:], c); err != nil {
		return nil, fmt.Errorf("%w: kind %d: %w", ErrMalformed, kind, err)
	}
	return c, nil
}

func must[M any](mode M, err error) M {
	if err != nil {
		panic(err) // constant options
	}
	return mode
}
