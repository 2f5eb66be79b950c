package kafkacompat

import (
	"context"

	"kont/statemachine/command"
)

// Log is what the listener needs of the state machine and of the way into it.
//
// Reads see committed records only. They are called by many goroutines at once
// and must not block on a proposal. On a node that is not the leader they may be
// behind; the listener asks Cluster first.
type Log interface {
	// Propose returns after the command was applied. A refusal of the command as
	// a whole, or a failure of the node, is the error; refusals of its parts are
	// in the result. When ctx ends first, the command may still be applied.
	//
	// Propose may keep the command's bytes, also after it returned; the listener
	// never writes into them.
	Propose(ctx context.Context, c command.Command) (command.Result, error)

	// Topics is sorted by name. Neither the slice nor what it holds may be
	// changed by anyone.
	Topics() []command.Topic
	Topic(name string) (command.Topic, bool)
	TopicByID(id command.TopicID) (command.Topic, bool)
	// TopicChanges is another number after a topic was made, has grown or was
	// deleted.
	TopicChanges() uint64

	// Partition is command.ErrUnknownTopic for a topic or partition that does
	// not exist.
	Partition(topic string, partition int32) (command.PartitionState, error)
	// ReadBatches returns whole v2 batches one after the other. The first
	// contains offset; it is returned whatever its size, others only while the
	// sum is at most bytesMax. It returns nothing at the end of the partition,
	// and command.ErrOffsetOutOfRange below its start or above its end. Nobody
	// writes into the bytes.
	ReadBatches(topic string, partition int32, offset int64, bytesMax int) ([]byte, error)
	// ReadCommitted is ReadBatches up to the partition's StableOffset, with the aborted
	// transactions that have records in what it returns, in the order of their ends.
	ReadCommitted(topic string, partition int32, offset int64, bytesMax int) ([]byte, []command.AbortedTransaction, error)
	// OffsetForTimestamp finds the first record whose timestamp is at least
	// unixMilli. Both results are -1 where there is none.
	OffsetForTimestamp(topic string, partition int32, unixMilli int64) (offset, timestampUnixMilli int64, err error)
	// MaxTimestamp is the greatest timestamp of the records, and the last offset
	// of the batch that has it. Both are -1 where no record has one.
	MaxTimestamp(topic string, partition int32) (offset, timestampUnixMilli int64, err error)
	// Watch sends to wake, without blocking, after each append to one of the
	// partitions and after each of them is deleted, until cancel is called. A
	// partition that does not exist is passed over. A wake with room for one
	// signal misses nothing.
	Watch(partitions []command.TopicPartition, wake chan<- struct{}) (cancel func())

	// ClientQuotas are all quotas. Where one is altered the pointer is another; nobody changes what it leads to.
	ClientQuotas() *command.ClientQuotas
	// GroupConfigs is what is set of groups; the pointer as with ClientQuotas.
	GroupConfigs() *command.GroupConfigs
	// ScramCredential is what is kept of a user's password, ScramCredentials all of
	// them, by user and mechanism.
	ScramCredential(user command.ScramUser) (credential command.ScramCredential, exists bool)
	ScramCredentials() []command.ScramCredential
	// ACLs are all ACLs. As long as none changes it is the same pointer.
	ACLs() *command.ACLs

	// CommittedOffsets returns the offsets of a consumer group, sorted by topic
	// and partition; none for an unknown group.
	CommittedOffsets(group string) ([]command.GroupOffset, error)
	// Groups returns the consumer groups that have committed offsets, sorted.
	Groups() ([]string, error)

	// Transactions is sorted by transactional id.
	Transactions() []command.Transaction
	Transaction(id string) (command.Transaction, bool)
	// UndecidedOffsets are the partitions for which open transactions hold offsets of a
	// group.
	UndecidedOffsets(group string) ([]command.TopicPartition, error)
	// Producers is what a partition knows of idempotent producers, sorted by id, or
	// command.ErrUnknownTopic.
	Producers(topic string, partition int32) ([]command.ActiveProducer, error)
	// StoredGroups returns what command.StoreGroup has kept of all groups, sorted
	// by group.
	StoredGroups() ([]command.StoredGroup, error)
}

// Cluster is who is there, as clients see it.
type Cluster interface {
	// ID names the cluster over its whole life.
	ID() string
	NodeID() int32
	// Leader is the node that serves all partitions, all groups and all admin
	// requests, -1 while nobody knows it. The epoch grows with each change of
	// leader (a Raft term).
	Leader() (nodeID, epoch int32)
	// ConfirmLeader returns without an error if this node leads and did so after the call began: then its Log has all that was
	// acknowledged before the call, by whichever node. A leader that was deposed may not know it yet.
	ConfirmLeader(ctx context.Context) error
	// Brokers are the nodes that have a listener of that name, sorted by node
	// id, this one included.
	Brokers(listener string) []Broker
	// ReadReplicas are the other nodes of a rack that have all that this one had a short time ago. Only the leader knows of any.
	ReadReplicas(rack string) []int32
	// Quorum is the Raft group as this node sees it; only the leader's view is whole.
	Quorum() Quorum
	// LogDir is where this node keeps everything. It may have an error and be known in part.
	LogDir() (LogDir, error)
}

// Broker is the address at which clients reach a node by one of its listeners.
type Broker struct {
	NodeID int32
	Host   string
	Port   int32
	// Rack is empty where nobody set it.
	Rack string
	// IsFenced: the leader has not heard of it for a while, so that clients are not sent to it. The leader is not.
	IsFenced bool
}
