package command

// Kind is the number of a command in the log. Numbers are never reused.
type Kind uint8

// The kinds of command. Append only.
const (
	KindCreateTopics        Kind = 1
	KindDeleteTopics        Kind = 2
	KindAlterTopicConfigs   Kind = 3
	KindAppendRecords       Kind = 4
	KindDeleteRecords       Kind = 5
	KindAllocateProducerIDs Kind = 6
	KindCommitOffsets       Kind = 7
	KindDeleteGroups        Kind = 8
	KindDeploy              Kind = 9
	KindCommitSteps         Kind = 10
	KindFireTimers          Kind = 11
	KindRetryThread         Kind = 12
	KindDeleteThread        Kind = 13
	KindKeepOffsets         Kind = 14
	KindExpireOffsets       Kind = 15
	KindAlterClientQuotas   Kind = 32
	KindAlterGroupConfigs   Kind = 33
	KindRenewOffsets        Kind = 34
	KindRegisterNode        Kind = 35
	KindForgetNode          Kind = 36

	// The kinds of transactions.
	KindInitProducer             Kind = 16
	KindAddToTransaction         Kind = 17
	KindCommitTransactionOffsets Kind = 18
	KindEndTransaction           Kind = 19
	KindAbortTransactions        Kind = 20
	KindForgetTransactions       Kind = 21
	KindStoreGroup               Kind = 22
	KindDeleteOffsets            Kind = 23

	KindCreateACLs            Kind = 27
	KindDeleteACLs            Kind = 28
	KindAlterScramCredentials Kind = 29
	KindCompactRecords        Kind = 24
	KindCreatePartitions      Kind = 25
)

// kindNames are the kinds in words, as docs/formats.md and metrics have them.
var kindNames = map[Kind]string{
	KindCreateTopics:        "CreateTopics",
	KindDeleteTopics:        "DeleteTopics",
	KindAlterTopicConfigs:   "AlterTopicConfigs",
	KindAppendRecords:       "AppendRecords",
	KindDeleteRecords:       "DeleteRecords",
	KindAllocateProducerIDs: "AllocateProducerIDs",
	KindCommitOffsets:       "CommitOffsets",
	KindDeleteGroups:        "DeleteGroups",
	KindDeploy:              "Deploy",
	KindCommitSteps:         "CommitSteps",
	KindFireTimers:          "FireTimers",
	KindRetryThread:         "RetryThread",
	KindDeleteThread:        "DeleteThread",
	KindKeepOffsets:         "KeepOffsets",
	KindExpireOffsets:       "ExpireOffsets",
	KindAlterClientQuotas:   "AlterClientQuotas",
	KindAlterGroupConfigs:   "AlterGroupConfigs",
	KindRenewOffsets:        "RenewOffsets",
	KindRegisterNode:        "RegisterNode",
	KindForgetNode:          "ForgetNode",

	KindInitProducer:             "InitProducer",
	KindAddToTransaction:         "AddToTransaction",
	KindCommitTransactionOffsets: "CommitTransactionOffsets",
	KindEndTransaction:           "EndTransaction",
	KindAbortTransactions:        "AbortTransactions",
	KindForgetTransactions:       "ForgetTransactions",
	KindStoreGroup:               "StoreGroup",
	KindDeleteOffsets:            "DeleteOffsets",

	KindCreateACLs:            "CreateACLs",
	KindDeleteACLs:            "DeleteACLs",
	KindAlterScramCredentials: "AlterScramCredentials",
	KindCompactRecords:        "CompactRecords",
	KindCreatePartitions:      "CreatePartitions",
}

// String is the kind's name.
func (k Kind) String() string {
	if name := kindNames[k]; name != "" {
		return name
	}
	return "unknown"
}

// Command is one input of the state machine.
type Command interface {
	Kind() Kind
}

// Result is what Apply returns to the proposer of a command: the type that the
// command's doc comment names, or an error of this package for a command that
// was refused as a whole. It lives in memory only.
type Result any

// TopicPartition names one partition of a topic.
type TopicPartition struct {
	Topic     string `cbor:"1,keyasint"`
	Partition int32  `cbor:"2,keyasint"`
}

// TopicID is a topic's identity over its whole life (KIP-516): a topic that is
// deleted and made again has another.
//
// A part of a command that names a topic may have the identity that it was made for.
// If the topic has another by the time that the command is applied, or is gone, the
// part is refused with ErrUnknownTopic. Zero is any identity.
type TopicID [16]byte
