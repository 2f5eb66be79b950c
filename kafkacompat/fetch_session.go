package kafkacompat

import (
	"math"
	"math/rand/v2"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
)

// sessionPartitionsMax bounds a session. A client that fetches more has none, and
// names its partitions each time.
const sessionPartitionsMax = 10_000

// A fetchSession remembers what a client fetches, so that requests and responses
// hold only what changed (KIP-227).
//
// A session belongs to its connection and there is at most one: clients fetch
// from a broker over one connection, in turn. So a session costs no cache, no
// eviction and no lock. A client that comes back on another connection is told
// FETCH_SESSION_ID_NOT_FOUND and makes a new one, as it would after an eviction.
//
//	request  id 0, epoch -1   no session
//	         id 0, epoch 0    a full fetch that makes a session
//	         id n, epoch 0    the same, in place of session n
//	         id n, epoch e    an incremental fetch, e counting from 1
//	         id n, epoch -1   a full fetch that ends session n
type fetchSession struct {
	id int32
	// epoch is the one that the next request must have.
	epoch int32
	// order is the order in which partitions are read. Those that had records
	// move to the end, so that none starves behind a busy one.
	order []*fetchPartition
	byKey map[fetchKey]*fetchPartition
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
	switch {
	case request.Version < 7:
		return &fetchRead{partitions: requestedPartitions(request)}, nil
	case request.SessionEpoch == epochFinal || request.SessionEpoch == epochInitial:
		if c.session != nil && (c.session.id == request.SessionID || request.SessionEpoch == epochInitial) {
			c.session = nil
		}
		read := &fetchRead{partitions: requestedPartitions(request)}
		if request.SessionEpoch == epochInitial {
			c.session = newFetchSession(read.partitions)
			read.session = c.session
		}
		return read, nil
	case c.session == nil || c.session.id != request.SessionID:
		return nil, kerr.FetchSessionIDNotFound
	case c.session.epoch != request.SessionEpoch:
		return nil, kerr.InvalidFetchSessionEpoch
	}
	c.session.update(request)
	return &fetchRead{partitions: c.session.order, session: c.session, isIncremental: true}, nil
}

// newFetchSession is nil if there are too many partitions.
func newFetchSession(partitions []*fetchPartition) *fetchSession {
	if len(partitions) == 0 || len(partitions) > sessionPartitionsMax {
		return nil
	}
	s := &fetchSession{
		id:    1 + rand.Int32N(math.MaxInt32-1),
		epoch: 1,
		order: partitions,
		byKey: make(map[fetchKey]*fetchPartition, len(partitions)),
	}
	for _, p := range partitions {
		s.byKey[p.key()] = p
	}
	return s
}

// update takes the changes of an incremental request: partitions that are new or
// have moved, and those to forget.
func (s *fetchSession) update(request *kmsg.FetchRequest) {
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
		kept := make([]*fetchPartition, 0, len(s.order))
		for _, p := range s.order {
			if !isForgotten[p] {
				kept = append(kept, p)
			}
		}
		s.order = kept
	}
	for _, asked := range requestedPartitions(request) {
		if p := s.byKey[asked.key()]; p != nil {
			p.offset, p.leaderEpoch, p.bytesMax = asked.offset, asked.leaderEpoch, asked.bytesMax
		} else if len(s.order) < sessionPartitionsMax {
			s.order = append(s.order, asked)
			s.byKey[asked.key()] = asked
		}
	}
}

// advance remembers what the client is told and puts the partitions with records
// last.
func (s *fetchSession) advance(read *fetchRead) {
	s.epoch++
	if s.epoch <= 0 {
		s.epoch = 1
	}
	var quiet, busy []*fetchPartition
	for _, p := range read.partitions {
		// After an error, the state is news when it is over.
		p.toldHighWatermark, p.toldLogStart = -1, -1
		if p.err == nil {
			p.toldHighWatermark, p.toldLogStart = p.state.NextOffset, p.state.StartOffset
		}
		if len(p.batches) > 0 {
			busy = append(busy, p)
		} else {
			quiet = append(quiet, p)
		}
		// The response holds the bytes; the session needs them no longer.
		p.batches = nil
	}
	if read.isIncremental && len(busy) > 0 && len(quiet) > 0 {
		s.order = append(quiet, busy...)
	}
	if !read.isIncremental {
		s.epoch = 1
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
