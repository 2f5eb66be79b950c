package kafkacompat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"kont/statemachine/command"
)

// What is kept of a group (command.StoreGroup) is a part with the empty name for the
// group, and a part named "m" and its id for each member. Every part begins with its
// version and the type of the group. u is an unsigned varint, i a zigzag varint, text
// a length u and as many bytes, text? a length plus one, 0 for null; a list has its
// count u before it.
//
//	group, classic    1 | 1 | generation i | protocol type text | protocol text | leader text
//	member, classic   1 | 1 | order u | instance text? | client id text | client host text |
//	                  session ms u | rebalance ms u | {protocol text, metadata text} list | assignment text
//	group, consumer   1 | 2 | group epoch i | assignment epoch i | hash of the topics u
//	member, consumer  1 | 2 | instance text? | rack text? | client id text | client host text | rebalance ms u |
//	                  topics text list | regex text | assignor text | epoch i | previous epoch i | state u |
//	                  assigned, being revoked, target: each a list of {topic id 16 bytes, partitions u list}
//	member, classic   1 | 3 | as 2, and: version of its subscription u | session ms u | {protocol text, metadata text} list
//	of a consumer group
//
// Bytes of every layout are in testdata/groups; they are added to and never
// regenerated.
const (
	partVersion      = 1
	partTypeClassic  = 1
	partTypeConsumer = 2
	partTypeMixed    = 3

	partGroup        = ""
	partMemberPrefix = "m"
)

// errPart: a part that no release wrote, or one from the future. The group is not
// taken over; its members join again.
var errPart = errors.New("malformed part of a group")

func appendText[S string | []byte](dst []byte, s S) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendNullable(dst []byte, s *string) []byte {
	if s == nil {
		return append(dst, 0)
	}
	return append(binary.AppendUvarint(dst, uint64(len(*s))+1), *s...)
}

// A partReader reads a part. After the first field that isn't there it is bad and
// gives zeros.
type partReader struct {
	data []byte
	bad  bool
}

// readPart begins to read and checks version and type.
func readPart(data []byte, kind byte) *partReader {
	r := &partReader{data: data}
	if r.uint() != partVersion || r.uint() != uint64(kind) {
		r.bad = true
	}
	return r
}

func (r *partReader) uint() uint64 {
	v, n := binary.Uvarint(r.data)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *partReader) int32() int32 {
	v, n := binary.Varint(r.data)
	if r.bad || n <= 0 || v != int64(int32(v)) {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return int32(v)
}

// take is the next n bytes, in memory of their own.
func (r *partReader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.data)) {
		r.bad = true
		return nil
	}
	taken := append([]byte{}, r.data[:n]...)
	r.data = r.data[n:]
	return taken
}

func (r *partReader) bytes() []byte { return r.take(r.uint()) }
func (r *partReader) text() string  { return string(r.bytes()) }

func (r *partReader) nullable() *string {
	n := r.uint()
	if n == 0 {
		return nil
	}
	s := string(r.take(n - 1))
	return &s
}

func (r *partReader) milli() time.Duration {
	n := r.uint()
	if n > uint64(1<<40) {
		r.bad = true
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

// count reads a number of things that take at least bytes each.
func (r *partReader) count(bytes int) int {
	n := r.uint()
	if n > uint64(len(r.data)/bytes) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *partReader) end(what string) error {
	if r.bad || len(r.data) > 0 {
		return fmt.Errorf("%s: %w", what, errPart)
	}
	return nil
}

// partType is the type of the group that a part is of, 0 if it is of none that this
// release knows.
func partType(data []byte) byte {
	if len(data) < 2 || data[0] != partVersion {
		return 0
	}
	return data[1]
}

func encodeClassicGroup(g *group) []byte {
	dst := []byte{partVersion, partTypeClassic}
	dst = binary.AppendVarint(dst, int64(g.generation))
	dst = appendText(dst, g.protocolType)
	dst = appendText(dst, g.protocol)
	return appendText(dst, g.leader)
}

// decodeClassicGroup reads into a new group.
func decodeClassicGroup(g *group, data []byte) error {
	r := readPart(data, partTypeClassic)
	g.generation = r.int32()
	g.protocolType, g.protocol, g.leader = r.text(), r.text(), r.text()
	return r.end("classic group")
}

func encodeClassicMember(m *member) []byte {
	dst := []byte{partVersion, partTypeClassic}
	dst = binary.AppendUvarint(dst, m.order)
	dst = appendNullable(dst, m.instanceID)
	dst = appendText(appendText(dst, m.clientID), m.clientHost)
	dst = binary.AppendUvarint(dst, uint64(m.sessionTimeout.Milliseconds()))
	dst = binary.AppendUvarint(dst, uint64(m.rebalanceTimeout.Milliseconds()))
	return appendText(appendProtocols(dst, m.protocols), m.assignment)
}

func appendProtocols(dst []byte, protocols []groupProtocol) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(protocols)))
	for _, p := range protocols {
		dst = appendText(appendText(dst, p.name), p.metadata)
	}
	return dst
}

func (r *partReader) protocols() (protocols []groupProtocol) {
	for range r.count(2) {
		protocols = append(protocols, groupProtocol{name: r.text(), metadata: r.bytes()})
	}
	return protocols
}

func decodeClassicMember(id string, data []byte) (*member, error) {
	r := readPart(data, partTypeClassic)
	m := &member{id: id, order: r.uint(), instanceID: r.nullable(), clientID: r.text(), clientHost: r.text()}
	m.sessionTimeout, m.rebalanceTimeout = r.milli(), r.milli()
	m.protocols = r.protocols()
	m.assignment = r.bytes()
	m.told, m.hasSynced = m.assignment, true
	return m, r.end("classic member")
}

func encodeConsumerGroup(g *consumerGroup) []byte {
	dst := []byte{partVersion, partTypeConsumer}
	dst = binary.AppendVarint(dst, int64(g.epoch))
	dst = binary.AppendVarint(dst, int64(g.targetEpoch))
	return binary.AppendUvarint(dst, g.topicsHash)
}

// decodeConsumerGroup reads into a new group.
func decodeConsumerGroup(g *consumerGroup, data []byte) error {
	r := readPart(data, partTypeConsumer)
	g.epoch, g.targetEpoch, g.topicsHash = r.int32(), r.int32(), r.uint()
	if g.targetEpoch > g.epoch || g.targetEpoch < 0 {
		r.bad = true
	}
	return r.end("consumer group")
}

func encodeConsumer(m *consumer) []byte {
	dst := []byte{partVersion, partTypeConsumer}
	if m.classic != nil {
		dst[1] = partTypeMixed
	}
	dst = appendNullable(appendNullable(dst, m.instanceID), m.rackID)
	dst = appendText(appendText(dst, m.clientID), m.clientHost)
	dst = binary.AppendUvarint(dst, uint64(m.rebalanceTimeout.Milliseconds()))
	dst = binary.AppendUvarint(dst, uint64(len(m.topics)))
	for _, topic := range m.topics {
		dst = appendText(dst, topic)
	}
	dst = appendText(appendText(dst, m.pattern), m.assignor)
	dst = binary.AppendVarint(binary.AppendVarint(dst, int64(m.epoch)), int64(m.previousEpoch))
	dst = binary.AppendUvarint(dst, uint64(m.state))
	for _, a := range []assignment{m.assigned, m.revoking, m.target} {
		dst = appendAssignment(dst, a)
	}
	if m.classic != nil {
		dst = binary.AppendUvarint(dst, uint64(m.classic.version))
		dst = binary.AppendUvarint(dst, uint64(m.classic.sessionTimeout.Milliseconds()))
		dst = appendProtocols(dst, m.classic.protocols)
	}
	return dst
}

func decodeConsumer(id string, data []byte) (*consumer, error) {
	kind := partType(data)
	if kind != partTypeMixed {
		kind = partTypeConsumer
	}
	r := readPart(data, kind)
	m := &consumer{id: id, instanceID: r.nullable(), rackID: r.nullable(), clientID: r.text(), clientHost: r.text(), rebalanceTimeout: r.milli()}
	for range r.count(1) {
		m.topics = append(m.topics, r.text())
	}
	m.pattern, m.assignor = r.text(), r.text()
	m.epoch, m.previousEpoch = r.int32(), r.int32()
	if state := r.uint(); state > uint64(consumerWaiting) {
		r.bad = true
	} else {
		m.state = consumerState(state)
	}
	m.assigned, m.revoking, m.target = r.assignment(), r.assignment(), r.assignment()
	if kind == partTypeMixed {
		m.classic = &classicSide{version: int16(r.uint()), sessionTimeout: r.milli(), protocols: r.protocols()}
		if len(m.classic.protocols) == 0 {
			r.bad = true
		}
	}
	return m, r.end("consumer")
}

// appendAssignment writes the same bytes for the same assignment.
func appendAssignment(dst []byte, a assignment) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(a)))
	for _, id := range a.topics() {
		dst = append(dst, id[:]...)
		dst = binary.AppendUvarint(dst, uint64(len(a[id])))
		for _, p := range a[id] {
			dst = binary.AppendUvarint(dst, uint64(p))
		}
	}
	return dst
}

func (r *partReader) assignment() assignment {
	a := make(assignment)
	for range r.count(17) {
		var id command.TopicID
		copy(id[:], r.take(uint64(len(id))))
		var partitions []int32
		for range r.count(1) {
			p := r.uint()
			if p > math.MaxInt32 || len(partitions) > 0 && int32(p) <= partitions[len(partitions)-1] {
				r.bad = true
			}
			partitions = append(partitions, int32(p))
		}
		if _, isRepeated := a[id]; isRepeated || len(partitions) == 0 {
			r.bad = true
		}
		a[id] = partitions
	}
	return a
}
