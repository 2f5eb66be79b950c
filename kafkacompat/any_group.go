package kafkacompat

import "sync"

// A groupType is by which protocol the members of a group speak. The texts are
// Kafka's.
type groupType string

const (
	groupTypeClassic  groupType = "classic"
	groupTypeConsumer groupType = "consumer"
)

// protocolTypeConsumer is the classic protocol type of consumers, and of all groups
// of the new protocol.
const protocolTypeConsumer = "consumer"

// An anyGroup is a group of either type, in the hands of the coordinator. But for
// name, keeper, groupType, end and the lock itself, methods need the lock.
type anyGroup interface {
	sync.Locker
	name() string
	groupType() groupType
	keeper() *groupStore
	// isForgettable says whether the group holds nothing that anybody needs.
	isForgettable() bool
	isDeadNow() bool
	// setDead takes a group out of use, and into it again: a dead one takes no members.
	setDead(bool)
	// lastEpoch is the generation or the group epoch.
	lastEpoch() int32
	startEmptyTimer()
	stopTimers()
	// end makes the group dead, answers all who wait, and keeps no more of it.
	end()
	endLocked()
	summary() groupSummary
	// headline is summary without the members.
	headline() groupSummary
	// heartbeat is that of the classic protocol.
	heartbeat(id string, instanceID *string, generation int32) error
	leave(id string, instanceID *string) error
	checkCommit(commitIdentity) error
	checkFetch(memberID *string, epoch int32) error
	// subscribed is whether a member reads a topic. The function needs no lock.
	subscribed() func(topic string) bool
}

var (
	_ anyGroup = (*group)(nil)
	_ anyGroup = (*consumerGroup)(nil)
)
