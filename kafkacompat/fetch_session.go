package kafkacompat

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
)

// sessionPartitionsMax bounds a session. A client that fetches more has none, and
// names its partitions each time. So does one that names what can't be a topic: sessions are bounded by how many
// partitions they have, and a name may have 32 KiB in a request.
const sessionPartitionsMax = 10_000

func isTooLongForSession(topic string) bool { return len(topic) > topicNameBytesMax }

// A fetchSession remembers what a client fetches, so that requests and responses
// hold only what changed (KIP-227).
//
// It is the node's, as on a broker: a client may go on with it on another connection.
// The epoch keeps two requests from being the same one; a request whose epoch is not the
// next is refused, so that what one response told is known when the next is made. See
// fetchSessions for how many there are.
//
//	request  id 0, epoch -1   no session
//	         id 0, epoch 0    a full fetch that makes a session
//	         id n, epoch 0    the same, in place of session n
//	         id n, epoch e    an incremental fetch, e counting from 1
//	         id n, epoch -1   a full fetch that ends session n
type fetchSession struct {
	id int32
	// hasIDs: its topics are named by id (KIP-516).
	hasIDs bool

	// mu guards the fields below. It is not held while a fetch waits.
	mu sync.Mutex
	// epoch is the one that the next request must have.
	epoch int32
	// order is the order in which partitions are read. Those that had records
	// move to the end, so that none starves behind a busy one.
	order []*fetchPartition
	byKey map[fetchKey]*fetchPartition

	// The cache's, and guarded by its mutex: when the session was made and last used, and
	// how many partitions it was counted with.
	made, used time.Time
	partitions int
}

// A fetchKey names a partition as the client does: by the topic's name or id.
type fetchKey struct {
	topic     string
	topicID   command.TopicID
	partition int32
}

// beginFetch finds what a request asks for, with the session's help. The error is
// one of the session.
func (c *call) beginFetch(request *kmsg.FetchRequest) (*fetchRead, error) {
	const epochFinal, epochInitial = -1, 0
	sessions := &c.server.fetchSessions
	if request.Version < 7 {
		return &fetchRead{partitions: requestedPartitions(request)}, nil
	}
	if request.SessionEpoch == epochFinal || request.SessionEpoch == epochInitial {
		if request.SessionID != 0 {
			sessions.remove(request.SessionID)
		}
		return &fetchRead{
			partitions:   requestedPartitions(request),
			wantsSession: request.SessionEpoch == epochInitial,
			hasIDs:       request.Version >= 13,
		}, nil
	}
	session := sessions.find(request.SessionID)
	if session == nil {
		return nil, kerr.FetchSessionIDNotFound
	}
	if slices.ContainsFunc(request.Topics, func(t kmsg.FetchRequestTopic) bool { return isTooLongForSession(t.Topic) }) {
		sessions.remove(request.SessionID)
		return nil, kerr.FetchSessionIDNotFound
	}
	read, err := session.begin(request)
	if err != nil {
		return nil, err
	}
	if !sessions.count(session, len(read.partitions)) {
		// It has become too large. The client begins anew, as after an eviction.
		read.release()
		return nil, kerr.FetchSessionIDNotFound
	}
	return read, nil
}

// newFetchSession makes a session of what a full fetch has read.
func newFetchSession(read *fetchRead) *fetchSession {
	s := &fetchSession{
		hasIDs: read.hasIDs,
		epoch:  1,
		order:  make([]*fetchPartition, 0, len(read.partitions)),
		byKey:  make(map[fetchKey]*fetchPartition, len(read.partitions)),
	}
	for _, p := range read.partitions {
		if s.byKey[p.key()] == nil {
			kept := s.keep(p)
			kept.remember(p)
		}
	}
	return s
}

// keep adds a partition to the session: a copy, since those of a request are one piece of memory, all of which would stay
// for as long as the client keeps one of them.
func (s *fetchSession) keep(p *fetchPartition) *fetchPartition {
	kept := &fetchPartition{topic: p.topic, topicID: p.topicID, partition: p.partition, offset: p.offset, leaderEpoch: p.leaderEpoch,
		bytesMax: p.bytesMax, toldHighWatermark: p.toldHighWatermark, toldLogStart: p.toldLogStart}
	s.order = append(s.order, kept)
	s.byKey[kept.key()] = kept
	return kept
}

// begin takes an incremental request and returns what it is to read. The partitions of the
// read are copies: the session may be used again while it waits.
func (s *fetchSession) begin(request *kmsg.FetchRequest) (*fetchRead, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.epoch != request.SessionEpoch:
		return nil, kerr.InvalidFetchSessionEpoch
	case s.hasIDs != (request.Version >= 13):
		return nil, kerr.FetchSessionTopicIDError
	}
	s.updateLocked(request)
	if s.epoch++; s.epoch <= 0 {
		s.epoch = 1
	}
	read := &fetchRead{session: s, isIncremental: true}
	read.borrow(len(s.order))
	for i, p := range s.order {
		read.borrowed[i] = *p
		read.borrowed[i].cached = p
		read.partitions[i] = &read.borrowed[i]
	}
	return read, nil
}

// updateLocked takes the changes of an incremental request: partitions that are new or
// have moved, and those to forget.
func (s *fetchSession) updateLocked(request *kmsg.FetchRequest) {
	isForgotten := make(map[*fetchPartition]bool)
	for _, topic := range request.ForgottenTopics {
		for _, partition := range topic.Partitions {
			key := fetchKey{topic.Topic, topic.TopicID, partition}
			if p := s.byKey[key]; p != nil {
				isForgotten[p] = true
				delete(s.byKey, key)
			}
		}
	}
	if len(isForgotten) > 0 {
		s.order = slices.DeleteFunc(s.order, func(p *fetchPartition) bool { return isForgotten[p] })
	}
	for _, asked := range requestedPartitions(request) {
		if p := s.byKey[asked.key()]; p != nil {
			p.offset, p.leaderEpoch, p.bytesMax = asked.offset, asked.leaderEpoch, asked.bytesMax
		} else {
			s.keep(asked)
		}
	}
}

// advance remembers what the client is told and puts the partitions with records
// last.
func (s *fetchSession) advance(read *fetchRead) {
	s.mu.Lock()
	defer s.mu.Unlock()
	isBusy := make(map[*fetchPartition]bool)
	for _, p := range read.partitions {
		p.cached.remember(p)
		if len(p.batches) > 0 {
			isBusy[p.cached] = true
		}
	}
	if len(isBusy) == 0 || len(isBusy) == len(s.order) {
		return
	}
	slices.SortStableFunc(s.order, func(a, b *fetchPartition) int {
		switch {
		case isBusy[a] == isBusy[b]:
			return 0
		case isBusy[b]:
			return -1
		default:
			return 1
		}
	})
}

// remember keeps what the client is told of a partition. After an error, the state is news when it is over.
func (p *fetchPartition) remember(told *fetchPartition) {
	p.toldHighWatermark, p.toldLogStart = -1, -1
	if told.err == nil {
		p.toldHighWatermark, p.toldLogStart = told.state.NextOffset, told.state.StartOffset
	}
}

func (p *fetchPartition) key() fetchKey {
	return fetchKey{p.topic, p.topicID, p.partition}
}

// requestedPartitions are the partitions that a request names.
func requestedPartitions(request *kmsg.FetchRequest) []*fetchPartition {
	count := 0
	for i := range request.Topics {
		count += len(request.Topics[i].Partitions)
	}
	// One piece of memory for all of them.
	memory := make([]fetchPartition, 0, count)
	partitions := make([]*fetchPartition, 0, count)
	for i := range request.Topics {
		topic := &request.Topics[i]
		name := strings.Clone(topic.Topic) // the request's bytes won't stay
		for _, asked := range topic.Partitions {
			memory = append(memory, fetchPartition{
				topic:             name,
				topicID:           topic.TopicID,
				partition:         asked.Partition,
				offset:            asked.FetchOffset,
				leaderEpoch:       asked.CurrentLeaderEpoch,
				bytesMax:          asked.PartitionMaxBytes,
				toldHighWatermark: -1,
				toldLogStart:      -1,
			})
			partitions = append(partitions, &memory[len(memory)-1])
		}
	}
	return partitions
}
