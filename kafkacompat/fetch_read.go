package kafkacompat

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// A fetchPartition is one partition of a fetch: what was asked, what was read,
// and, in a session, what the client knows already.
type fetchPartition struct {
	// topic is empty if the client named the topic by id. topicID is zero if it
	// didn't.
	topic     string
	topicID   command.TopicID
	partition int32

	offset      int64
	leaderEpoch int32
	bytesMax    int32

	// name is the topic's name, found anew for each fetch.
	name string
	// isZstd: the topic gives its batches that compression, and the client fetches in a version before 10, which doesn't
	// know it. A batch that a producer compressed so goes to whoever asks, as from a broker: many clients know zstd and
	// fetch in older versions.
	isZstd  bool
	err     error
	state   command.PartitionState
	batches []byte
	// aborted is what a reader of committed records passes over in batches.
	aborted []command.AbortedTransaction
	// sentTo is the node from which the client is to read, 0 for this one.
	sentTo int32
	// isAhead: the node doesn't have what is before the offset.
	isAhead bool

	// cached is the session's own, of which this is a copy for one fetch.
	cached *fetchPartition
	// What the client of a session was told last.
	toldHighWatermark int64
	toldLogStart      int64
}

// isNews says whether an incremental response has to name the partition.
func (p *fetchPartition) isNews() bool {
	return p.err != nil || len(p.batches) > 0 || p.sentTo != 0 ||
		p.state.NextOffset != p.toldHighWatermark || p.state.StartOffset != p.toldLogStart
}

// resolve finds the topic. It forgets what was read before.
func (p *fetchPartition) resolve(c *call, role fetchRole) {
	p.err, p.batches, p.aborted = nil, nil, nil
	p.sentTo, p.isAhead = 0, false
	topic, err := c.topicFor(opRead, p.topic, p.topicID, p.topic == "")
	switch {
	case err != nil:
		p.err = err
	case p.partition < 0 || p.partition >= topic.Partitions:
		p.err = kerr.UnknownTopicOrPartition
	case !role.serves:
		p.err = kerr.NotLeaderForPartition
	default:
		p.name, p.err = topic.Name, checkLeaderEpoch(p.leaderEpoch, role.epoch)
		p.isZstd = c.header.Version < 10 && topicConfigText(topic, configCompressionType) == "zstd"
	}
}

// read takes batches of at most bytesMax; if mustGrow, one batch of any size. It
// returns how many bytes there are.
func (p *fetchPartition) read(log Log, role fetchRole, bytesMax int, mustGrow, isCommitted bool) int {
	state, err := log.Partition(p.name, p.partition)
	p.isAhead = err == nil && p.offset > state.NextOffset
	if err != nil {
		p.err = p.unknown(err)
		return 0
	}
	p.state = state
	if p.isAhead && role.isFollower() {
		return 0 // the leader had the offset, or the client would not be here: it has to wait for it, and not to begin anew (KIP-392)
	}
	if p.offset < state.StartOffset || p.isAhead {
		p.err = kerr.OffsetOutOfRange
		return 0
	}
	if p.sentTo = role.sentTo; p.sentTo != 0 {
		return 0
	}
	bytesMax = min(bytesMax, int(p.bytesMax))
	if p.offset >= p.readableEnd(isCommitted) || bytesMax <= 0 && !mustGrow {
		return 0
	}
	var batches []byte
	var aborted []command.AbortedTransaction
	if isCommitted {
		batches, aborted, err = log.ReadCommitted(p.name, p.partition, p.offset, max(bytesMax, 0))
	} else {
		batches, err = log.ReadBatches(p.name, p.partition, p.offset, max(bytesMax, 0))
	}
	if err != nil {
		p.err = p.unknown(err)
		return 0
	}
	if len(batches) > bytesMax && !mustGrow {
		return 0
	}
	p.batches, p.aborted = batches, aborted
	return len(batches)
}

// isBehindEnd tells whether the offset is behind the end of what this node has by now.
func (p *fetchPartition) isBehindEnd(log Log) bool {
	state, err := log.Partition(p.name, p.partition)
	return err == nil && p.offset > state.NextOffset
}

// readableEnd is the offset before which a client may read.
func (p *fetchPartition) readableEnd(isCommitted bool) int64 {
	if isCommitted {
		return p.state.StableOffset
	}
	return p.state.NextOffset
}

// unknown is err, told in terms of the topic id if the client used one.
func (p *fetchPartition) unknown(err error) error {
	if p.topic == "" && kafkaError(err) == kerr.UnknownTopicOrPartition {
		return kerr.UnknownTopicID
	}
	return err
}

// A fetchRead is one fetch on its way.
type fetchRead struct {
	partitions []*fetchPartition
	// session is nil outside of one.
	session       *fetchSession
	isIncremental bool
	// isCommitted: only committed records are wanted.
	isCommitted bool
	// rack is where the client says that it stands, empty where it doesn't; role is what this node is to it.
	rack string
	role fetchRole
	// wantsSession: a session is to be made of a full fetch, hasIDs of topics named by id.
	wantsSession, hasIDs bool
	// borrowed is what the partitions of an incremental fetch point into.
	borrowed []fetchPartition
}

var borrowedPartitions = sync.Pool{New: func() any { return new([]fetchPartition) }}

// borrow makes room for the partitions of an incremental fetch. Sessions of thousands of
// partitions are read many times a second.
func (r *fetchRead) borrow(count int) {
	memory := borrowedPartitions.Get().(*[]fetchPartition)
	r.borrowed = slices.Grow((*memory)[:0], count)[:count]
	r.partitions = make([]*fetchPartition, count)
}

// release gives back what was borrowed, when the response has all that it needs of it.
func (r *fetchRead) release() {
	if r.borrowed == nil {
		return
	}
	clear(r.borrowed)
	memory := r.borrowed[:0]
	r.borrowed, r.partitions = nil, nil
	borrowedPartitions.Put(&memory)
}

type pollLimits struct {
	bytesMin int
	bytesMax int
	wait     time.Duration
}

// leaderLookedEvery is how often a long poll looks whether the same node leads still, if nothing wakes it.
const leaderLookedEvery = 500 * time.Millisecond

// poll reads until there is enough, waiting for appends if it must.
func (r *fetchRead) poll(c *call, limits pollLimits) {
	defer r.refuseAhead(c)
	r.resolve(c)
	if r.isEnough(r.read(c, limits.bytesMax), limits) {
		return
	}

	// The watch comes first and the second look after it, so that what is
	// appended in between is not missed.
	cancel := c.log().Watch(r.watched(), c.wake)
	defer cancel()
	bytes := r.read(c, limits.bytesMax)
	if r.isEnough(bytes, limits) {
		return
	}
	deadline := time.Now().Add(limits.wait)
	timer := time.NewTimer(min(limits.wait, leaderLookedEvery))
	defer timer.Stop()
	isScarce := c.server.requestMemory.isScarce(&c.current.memory)
	for {
		isOver := false
		select {
		case <-c.wake:
		case <-timer.C:
			left := time.Until(deadline)
			isOver = left <= 0
			timer.Reset(min(max(left, 0), leaderLookedEvery))
		case <-isScarce:
			isOver = true
		case <-c.ctx.Done():
			return
		}
		// What a node that was deposed has is not all that there is, nor will be.
		if c.fetchRole(r.rack) != r.role {
			r.resolve(c)
			isOver = true
		}
		// Reading again at every append would cost the square of what a
		// client with a large min_bytes waits for.
		if !isOver && bytes+r.growth(c.log()) < limits.bytesMin {
			continue
		}
		if bytes = r.read(c, limits.bytesMax); isOver || r.isEnough(bytes, limits) {
			return
		}
	}
}

// resolve finds out what this node is to the client, and finds the topics.
func (r *fetchRead) resolve(c *call) {
	r.role = c.fetchRole(r.rack)
	for _, p := range r.partitions {
		p.resolve(c, r.role)
	}
}

// refuseAhead answers for offsets behind the end. A client that hears OFFSET_OUT_OF_RANGE begins anew, so that is only said when this node leads
// beyond doubt: what the client has read may be of the next leader.
func (r *fetchRead) refuseAhead(c *call) {
	isAsked, isConfirmed := false, false
	for _, p := range r.partitions {
		switch {
		case !p.isAhead:
		case r.role.isFollower():
			p.err = kerr.OffsetNotAvailable // it hasn't come here while the client waited
		default:
			if !isAsked {
				isAsked, isConfirmed = true, c.isConfirmedLeader()
			}
			if !isConfirmed || !p.isBehindEnd(c.log()) {
				p.err = kerr.NotLeaderForPartition
			}
		}
	}
}

// read reads all partitions in order and returns the bytes, or -1 if one of them
// has an error, or is to be read elsewhere. What was read before is dropped.
func (r *fetchRead) read(c *call, bytesMax int) int {
	for _, p := range r.partitions {
		p.batches, p.aborted = nil, nil
	}
	bytesMax = c.reserve(bytesMax)
	bytes, failed := 0, false
	for _, p := range r.partitions {
		if p.err == nil {
			bytes += p.read(c.log(), r.role, bytesMax-bytes, bytes == 0, r.isCommitted)
		}
		failed = failed || p.err != nil || p.sentTo != 0
	}
	c.keepReserved(bytes)
	if failed {
		return -1
	}
	return bytes
}

func (r *fetchRead) isEnough(bytes int, limits pollLimits) bool {
	return bytes < 0 || bytes >= limits.bytesMin || limits.wait <= 0 || len(r.partitions) == 0
}

// growth is by how many bytes the partitions have grown since they were read. A
// partition that can't be read counts as grown, so that the error gets out.
func (r *fetchRead) growth(log Log) int {
	var grown int64
	for _, p := range r.partitions {
		state, err := log.Partition(p.name, p.partition)
		switch {
		case err != nil || p.offset < state.StartOffset:
			return math.MaxInt / 2
		case r.isCommitted && state.StableOffset > p.state.StableOffset:
			// What was decided may have been there for long: so many bytes as records of
			// the partition have in the mean.
			grown += max((state.StableOffset-p.state.StableOffset)*state.Bytes/max(state.NextOffset-state.StartOffset, 1), 1)
		case !r.isCommitted && state.NextOffset > p.state.NextOffset:
			grown += max(state.Bytes-p.state.Bytes, 1)
		}
	}
	return int(grown)
}

func (r *fetchRead) watched() []command.TopicPartition {
	partitions := make([]command.TopicPartition, len(r.partitions))
	for i, p := range r.partitions {
		partitions[i] = command.TopicPartition{Topic: p.name, Partition: p.partition}
	}
	return partitions
}
