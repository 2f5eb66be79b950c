package statemachine

import (
	"fmt"

	"kont/statemachine/command"
)

// What users can make grow, and how far. Proposers check the same numbers before
// the log; Apply checks them again.
//
// They are part of what a command means: nodes with different limits would come to
// different states. To change one takes a feature level, like a new command.
const (
	// TopicsMax and PartitionsMax bound the topics of a node and the partitions of
	// one topic: both are kept in memory. PartitionsInAllMax bounds those of all topics
	// together, from LevelPartitionsInAll on: each takes some 300 bytes.
	TopicsMax          = 10_000
	PartitionsMax      = 10_000
	PartitionsInAllMax = 200_000
	// topicNameBytesMax is Kafka's (org.apache.kafka.common.internals.Topic).
	topicNameBytesMax = 249
	// TopicConfigsMax bounds the explicit configurations of a topic, and
	// TopicConfigBytesMax each of their values.
	TopicConfigsMax     = 100
	TopicConfigBytesMax = 4096

	// BatchBytesMax bounds one stored record batch.
	BatchBytesMax = 16 << 20
	// CompactChangesMax bounds the batches that one command compacts.
	CompactChangesMax = 1000
	// outputBatchBytes is where the outputs of a command to one partition are cut
	// into another batch, so that consumers with small fetches can take them.
	outputBatchBytes = 512 << 10

	// NodesMax bounds the nodes that register, NodeBytesMax and ListenersMax what each says of itself.
	NodesMax     = 1000
	NodeBytesMax = 8192
	ListenersMax = 100

	// ThreadKeyBytesMax bounds a thread's key.
	ThreadKeyBytesMax = 4096
	// ContinuationBytesMax bounds a continuation, whatever the runner's own limit.
	ContinuationBytesMax = 32 << 20
	// RefsMax bounds the pending refs of a thread, RefBytesMax the id of each.
	RefsMax     = 100_000
	RefBytesMax = 4096
	// OutputsMax and OutputBytesMax bound the output records of one step.
	OutputsMax     = 100_000
	OutputBytesMax = 32 << 20
	// FaultBytesMax cuts the text of a fault.
	FaultBytesMax = 16 << 10
	// KeptEventsMax and KeptEventBytesMax bound what is kept behind a faulted
	// thread. An event beyond that is unmatched; it stays in its topic. The first
	// one, which faulted the thread, is kept whatever its size.
	KeptEventsMax     = 1000
	KeptEventBytesMax = 8 << 20

	// retryBytesMax bounds the batches that a retry looks through for events that are
	// not consumed yet, and the bytes of those that it finds.
	retryBytesMax = 64 << 20

	// HistoryEntriesMax bounds a thread's history; the oldest go.
	HistoryEntriesMax = 100
	// historyReasonBytesMax and historyEventBytesMax cut the texts of an entry.
	historyReasonBytesMax = 512
	historyEventBytesMax  = 256
	// EndedThreadsMax is the number of ended threads of one resume topic whose
	// history is kept, EndedRetentionMilli how long at most.
	EndedThreadsMax     = 100_000
	EndedRetentionMilli = 7 * 24 * 3600 * 1000

	// UnmatchedReasonsMax bounds the counters of a topic; what comes after is
	// counted as "other".
	UnmatchedReasonsMax = 32

	// UnmatchedEventsMax and UnmatchedBytesMax bound the list of unmatched events,
	// which is one for all topics; the oldest go.
	UnmatchedEventsMax = 10_000
	UnmatchedBytesMax  = 8 << 20

	// TimerKeyBytesMax bounds a scheduler record's key.
	TimerKeyBytesMax = 8192
	// timerDelayMilliMax is a delay of a bit more than 3000 years, which keeps sums
	// of times far from overflowing.
	timerDelayMilliMax = 1e14

	// producerBatches is how many batches of a producer are remembered for each
	// partition: as many as a client may have on the way (KIP-98).
	producerBatches = 5
	// producerRetentionHours is how long an idle producer is remembered, as Kafka's
	// producer.id.expiration.ms.
	producerRetentionHours = 24

	// GroupNameBytesMax and OffsetMetadataBytesMax are Kafka's defaults.
	GroupNameBytesMax      = 249
	OffsetMetadataBytesMax = 4096

	// QuotaEntitiesMax bounds the entities that have quotas, QuotaEntityBytesMax the names of each of them together, QuotasOfEntityMax its quotas.
	QuotaEntitiesMax    = 10_000
	QuotaEntityBytesMax = 1024
	QuotasOfEntityMax   = 16
	// GroupsWithConfigsMax bounds the groups of which something is set, ConfigsOfGroupMax what is set of each.
	GroupsWithConfigsMax = 1000
	ConfigsOfGroupMax    = 16
	// TransactionsMax bounds the transactional ids, which are kept in memory, and
	// TransactionalIDBytesMax each of them.
	TransactionsMax         = 100_000
	TransactionalIDBytesMax = 1024
	// TransactionPartitionsMax and TransactionGroupsMax bound what is written at the end
	// of a transaction.
	TransactionPartitionsMax = 10_000
	TransactionGroupsMax     = 100
	// GroupPartsMax and GroupBytesMax bound what one command keeps of a group, names
	// included. How many members a group has is bounded by its coordinator.
	GroupPartsMax = 100_000
	GroupBytesMax = 16 << 20
	// ACLsMax and CredentialsMax bound what is kept in memory to say who may do what.
	ACLsMax        = 50_000
	CredentialsMax = 100_000
	// ACLTextBytesMax bounds each text of an ACL; distinguished names of certificates
	// are long.
	ACLTextBytesMax = 2048
	// UserNameBytesMax and SaltBytesMax bound a SCRAM credential, ScramIterationsMax is
	// Kafka's.
	UserNameBytesMax   = 1024
	SaltBytesMax       = 256
	ScramIterationsMax = 16_384

	// BundleBytesMax bounds a bundle.
	BundleBytesMax = 64 << 20
)

// limitError says what is too large, with both numbers.
func limitError(what string, n, limit int) error {
	return fmt.Errorf("%w: %s: %d, at most %d", command.ErrLimit, what, n, limit)
}
