package keys

import "encoding/binary"

// The letters that keys begin with.
const (
	Meta             = 'm'
	Topic            = 't'
	Partition        = 'p'
	Batch            = 'r'
	BatchIndex       = 'i'
	Producer         = 'd'
	ProducerExpiry   = 'D'
	Consumption      = 'c'
	Tally            = 'x'
	Thread           = 'k'
	Continuation     = 'l'
	Faulted          = 'f'
	Ended            = 'e'
	EndedByTime      = 'E'
	History          = 'h'
	KeptEvent        = 'v'
	Timer            = 's'
	TimerByDue       = 'S'
	GroupOffset      = 'g'
	Bundle           = 'b'
	BundleHash       = 'B'
	Deployment       = 'y'
	Unmatched        = 'u'
	UnmatchedEnds    = 'U'
	Quota            = 'Q'
	GroupConfig      = 'J'
	Node             = 'N'
	Transaction      = 'n'
	OpenTransaction  = 'o'
	EndedTransaction = 'a'
	GroupPart        = 'G'
	ACL              = 'A'
	Credential       = 'C'
	Compaction       = 'z'
)

// OfTopic are the letters whose keys go on with the topic's number: to drop a
// topic, drop their ranges.
var OfTopic = []byte{Partition, Batch, BatchIndex, Producer, Consumption, Tally, Thread, Continuation,
	Faulted, Ended, EndedByTime, History, KeptEvent, Timer, OpenTransaction, EndedTransaction, Compaction}

// TopicNumber names a topic in keys. 0 is no topic.
type TopicNumber uint32

// BundleNumber names a bundle in keys and threads. 0 is no bundle.
type BundleNumber uint32

// Key makes keys in one buffer: a key that it returned is valid until the next
// one is made. The zero value is ready.
type Key struct{ buffer []byte }

func (k *Key) begin(letter byte) *Key {
	k.buffer = append(k.buffer[:0], letter)
	return k
}

func (k *Key) number4(n uint32) *Key {
	k.buffer = binary.BigEndian.AppendUint32(k.buffer, n)
	return k
}

func (k *Key) number8(n uint64) *Key {
	k.buffer = binary.BigEndian.AppendUint64(k.buffer, n)
	return k
}

func (k *Key) name(name string) []byte {
	k.buffer = append(k.buffer, name...)
	return k.buffer
}

func (k *Key) escaped(name string) *Key {
	k.buffer = appendEscaped(k.buffer, name)
	return k
}

// Letter is the beginning of all keys of a kind, and the whole key of Meta,
// UnmatchedEnds and ClusterLevel.
func (k *Key) Letter(letter byte) []byte { return k.begin(letter).buffer }

// TopicByName is for Topic and Deployment.
func (k *Key) TopicByName(letter byte, name string) []byte { return k.begin(letter).name(name) }

// TopicOnly is for Tally, and the beginning of all keys of OfTopic.
func (k *Key) TopicOnly(letter byte, topic TopicNumber) []byte {
	return k.begin(letter).number4(uint32(topic)).buffer
}

// PartitionOnly is for Partition, Consumption and Compaction, and the beginning of Batch,
// BatchIndex and Producer.
func (k *Key) PartitionOnly(letter byte, topic TopicNumber, partition int32) []byte {
	return k.begin(letter).number4(uint32(topic)).number4(uint32(partition)).buffer
}

// InPartition is for Batch and BatchIndex (a last offset), EndedTransaction (that of
// its marker), Producer and OpenTransaction (an id).
func (k *Key) InPartition(letter byte, topic TopicNumber, partition int32, n int64) []byte {
	return k.begin(letter).number4(uint32(topic)).number4(uint32(partition)).number8(uint64(n)).buffer
}

// ProducerExpiryAt is for ProducerExpiry.
func (k *Key) ProducerExpiryAt(hour uint32, topic TopicNumber, partition int32, producer int64) []byte {
	return k.begin(ProducerExpiry).number4(hour).number4(uint32(topic)).number4(uint32(partition)).number8(uint64(producer)).buffer
}

// Name is for Thread, Continuation, Faulted, Ended and Timer.
func (k *Key) Name(letter byte, topic TopicNumber, name string) []byte {
	return k.begin(letter).number4(uint32(topic)).name(name)
}

// EndedAt is for EndedByTime.
func (k *Key) EndedAt(topic TopicNumber, unixMilli int64, thread string) []byte {
	return k.begin(EndedByTime).number4(uint32(topic)).number8(uint64(unixMilli)).name(thread)
}

// Numbered is for History and KeptEvent.
func (k *Key) Numbered(letter byte, topic TopicNumber, thread string, n uint32) []byte {
	return k.begin(letter).number4(uint32(topic)).escaped(thread).number4(n).buffer
}

// NumberedPrefix is the beginning of all keys that Numbered makes of a thread.
func (k *Key) NumberedPrefix(letter byte, topic TopicNumber, thread string) []byte {
	return k.begin(letter).number4(uint32(topic)).escaped(thread).buffer
}

// TimerDue is for TimerByDue.
func (k *Key) TimerDue(dueUnixMilli int64, topic TopicNumber, timer string) []byte {
	return k.begin(TimerByDue).number8(uint64(dueUnixMilli)).number4(uint32(topic)).name(timer)
}

// Group is the beginning of all GroupOffset keys of a group.
func (k *Key) Group(group string) []byte { return k.begin(GroupOffset).escaped(group).buffer }

// GroupPartition is for GroupOffset.
func (k *Key) GroupPartition(group string, topic TopicNumber, partition int32) []byte {
	return k.begin(GroupOffset).escaped(group).number4(uint32(topic)).number4(uint32(partition)).buffer
}

// TransactionOnly is for Transaction, and the beginning of all that it holds.
func (k *Key) TransactionOnly(id string) []byte { return k.begin(Transaction).escaped(id).buffer }

// TransactionGroup is the beginning of the keys of the offsets that a transaction holds
// for a group.
func (k *Key) TransactionGroup(id, group string) []byte {
	return k.begin(Transaction).escaped(id).escaped(group).buffer
}

// TransactionOffset is for an offset that a transaction holds for a group.
func (k *Key) TransactionOffset(id, group string, topic TopicNumber, partition int32) []byte {
	return k.begin(Transaction).escaped(id).escaped(group).number4(uint32(topic)).number4(uint32(partition)).buffer
}

// GroupParts is the beginning of all GroupPart keys of a group.
func (k *Key) GroupParts(group string) []byte { return k.begin(GroupPart).escaped(group).buffer }

// GroupPartNamed is for GroupPart.
func (k *Key) GroupPartNamed(group, part string) []byte {
	return k.begin(GroupPart).escaped(group).name(part)
}

// BundleOnly is for Bundle and BundleHash.
func (k *Key) BundleOnly(letter byte, bundle BundleNumber) []byte {
	return k.begin(letter).number4(uint32(bundle)).buffer
}

// UnmatchedAt is for Unmatched.
func (k *Key) UnmatchedAt(n uint64) []byte { return k.begin(Unmatched).number8(n).buffer }

// QuotaPart is a part of the entity that quotas are for: how it is given, and a name.
type QuotaPart struct {
	Kind uint8
	Name string
}

// QuotaOf is for Quota: a user, a client id and an address.
func (k *Key) QuotaOf(user, clientID, ip QuotaPart) []byte {
	k.begin(Quota)
	for _, part := range []QuotaPart{user, clientID, ip} {
		k.buffer = append(k.buffer, part.Kind)
		k.escaped(part.Name)
	}
	return k.buffer
}

// GroupConfigOf is for GroupConfig: a group.
func (k *Key) GroupConfigOf(group string) []byte { return k.begin(GroupConfig).name(group) }

// NodeOf is for Node: its number.
func (k *Key) NodeOf(id int32) []byte { return k.begin(Node).number4(uint32(id)).buffer }

// ClusterLevel is the key among those of Node that no node has.
func (k *Key) ClusterLevel() []byte { return k.Letter(Node) }

// ACLOf is for ACL. The numbers stand before the names, so that one loop reads them.
func (k *Key) ACLOf(resourceType, pattern, operation, permission int8, name, principal, host string) []byte {
	k.begin(ACL)
	k.buffer = append(k.buffer, byte(resourceType), byte(pattern), byte(operation), byte(permission))
	return k.escaped(name).escaped(principal).name(host)
}

// CredentialOf is for Credential.
func (k *Key) CredentialOf(user string, mechanism int8) []byte {
	k.begin(Credential).escaped(user)
	k.buffer = append(k.buffer, byte(mechanism))
	return k.buffer
}

// After returns the first key after all those that begin with prefix, in memory of
// its own. A prefix begins with a letter, so there is one.
func After(prefix []byte) []byte {
	after := append([]byte(nil), prefix...)
	for i := len(after) - 1; i >= 0; i-- {
		if after[i]++; after[i] != 0 {
			return after[:i+1]
		}
	}
	panic("keys: nothing comes after ff…")
}

func appendEscaped(dst []byte, name string) []byte {
	for i := range len(name) {
		dst = append(dst, name[i])
		if name[i] == 0 {
			dst = append(dst, 0xff)
		}
	}
	return append(dst, 0, 1)
}
