package command

import "errors"

// Refusals: the caller's mistakes, the same on every node. They come back as
// results, wrapped with what was attempted where that helps; compare with
// errors.Is.
var (
	// ErrUnknownTopic: the topic or the partition does not exist. Refresh
	// metadata, or make the topic.
	ErrUnknownTopic = errors.New("unknown topic or partition")
	// ErrTopicExists: use it, or choose another name.
	ErrTopicExists = errors.New("topic exists already")
	// ErrInvalidTopic: the name breaks Kafka's rules (1 to 249 of a-z A-Z 0-9 . _ -).
	ErrInvalidTopic = errors.New("invalid topic name")
	// ErrInvalidPartitions: fewer than one or more than the limit.
	ErrInvalidPartitions = errors.New("invalid number of partitions")
	// ErrOutOfOrderSequence: a batch before this one is missing; the producer
	// sends again from there.
	ErrOutOfOrderSequence = errors.New("out of order sequence number")
	// ErrInvalidProducerEpoch: a newer producer with the same id took over.
	ErrInvalidProducerEpoch = errors.New("producer epoch is older than the current one")
	// ErrProducerFenced: the transactional id has a newer producer, or the transaction
	// took too long; a new producer has to be made.
	ErrProducerFenced = errors.New("producer is fenced by a newer one of its transactional id")
	// ErrProducerIDMapping: the transactional id is not known, or has another producer
	// id.
	ErrProducerIDMapping = errors.New("producer id is not that of the transactional id")
	// ErrTransactionState: no transaction is open, or the partition or group is not part
	// of it. The producer aborts.
	ErrTransactionState = errors.New("not possible in the state of the transaction")
	// ErrInvalidBatch: not one well-formed v2 record batch.
	ErrInvalidBatch = errors.New("invalid record batch")
	// ErrOffsetOutOfRange: below the partition's start or above its end.
	ErrOffsetOutOfRange = errors.New("offset out of range")
	// ErrUnknownGroup: no offsets and no members.
	ErrUnknownGroup = errors.New("unknown consumer group")
	// ErrUnknownThread: no state for that key.
	ErrUnknownThread = errors.New("unknown thread")
	// ErrNotFaulted: there is nothing to retry.
	ErrNotFaulted = errors.New("thread is not faulted")
	// ErrStaleStep: the event was consumed by another step, or the thread has
	// moved on. Drop the step's effects and read the thread again.
	ErrStaleStep = errors.New("step does not continue from the thread's last one")
	// ErrInvalidACL: no such kind of resource, pattern, operation or permission, or
	// a name that is empty.
	ErrInvalidACL = errors.New("invalid ACL")
	// ErrUnknownACL: deleted already.
	ErrUnknownACL = errors.New("unknown ACL")
	// ErrInvalidCredential: an unknown mechanism, or keys and iterations that are
	// none of its.
	ErrInvalidCredential = errors.New("invalid credential")
	// ErrUnknownCredential: the user has none for that mechanism.
	ErrUnknownCredential = errors.New("unknown credential")
	// ErrNodeIDTaken: another node has that id, or the same one before it lost its data.
	// Give the node an id of its own, or let it join again after the one before is removed.
	ErrNodeIDTaken = errors.New("node id is taken")
	// ErrNodeTooOld: the cluster has commands in its log that the node's release does not
	// know. Start a newer release.
	ErrNodeTooOld = errors.New("release is too old for the cluster")
	// ErrLimit: something is larger than its limit; the message has both
	// numbers.
	ErrLimit = errors.New("limit exceeded")
)

// Failures of the node rather than of the command. A proposer gets them in place
// of a result.
var (
	// ErrNotLeader: propose to the leader, which metadata names.
	ErrNotLeader = errors.New("this node is not the leader")
	// ErrUnavailable: the node has stopped taking writes (disk full, closing);
	// data stays readable.
	ErrUnavailable = errors.New("this node takes no writes")
)
