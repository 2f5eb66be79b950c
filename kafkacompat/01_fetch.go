package kafkacompat

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// Fetch returns stored batches of a number of partitions, from an offset each. It
// waits until min_bytes are there, an error is, or max_wait is over, and wakes as
// soon as a record is appended.
//
// Batches go out whole and as they were stored; the first may begin before the
// asked offset, which clients skip. max_bytes bounds the response, and
// partition_max_bytes each partition, but the first batch of the response is
// delivered whatever its size (KIP-74).
//
// Versions: 4 brought batches of format 2 and the last stable offset, 5 the log
// start offset, 7 sessions (KIP-227), 9 leader epochs, 10 zstd, 12 flexible
// encoding, 13 topic ids, 16 the leader's address in errors, 17 and 18 fields of
// replicas.
//
// Consumers that say where they stand read from a node near them; see fetchRole. Committed records (isolation level 1) are read up to the last stable offset, with the
// list of what the client is to pass over; markers go out as they are stored.
func init() {
	register(api{
		key: 1, versionMin: 4, versionMax: 18,
		requestBytesMax: requestBytesLarge,
		isAliasing:      true,
		shape: wire.MustShape(`tag0{ ns }@12+ tag1{ i32 i64 }@15+
			i32@0-14 i32 i32 i32@3+ i8@4+ i32@7+ i32@7+
			[ s@0-12 uuid@13+ [ tag0{ uuid }@17+ tag1{ i64 }@18+ i32 i32@9+ i64 i32@12+ i64@5+ i32 ] ]
			[ s@7-12 uuid@13+ []i32 ]@7+
			s@11+`),
	}, fetch)
}

func fetch(c *call, request *kmsg.FetchRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.FetchResponse](request)
	read, err := c.beginFetch(request)
	if err != nil {
		response.ErrorCode = errorCode(err)
		return response, nil
	}
	bytesMax := c.server.config.FetchBytesMax
	if asked := int(request.MaxBytes); asked < bytesMax {
		bytesMax = max(asked, 0)
	}
	read.isCommitted = request.IsolationLevel == isolationCommitted
	read.rack = request.Rack
	read.poll(c, pollLimits{
		// More than may be sent is not worth waiting for.
		bytesMin: min(int(request.MinBytes), bytesMax),
		bytesMax: bytesMax,
		wait:     time.Duration(request.MaxWaitMillis) * time.Millisecond,
	})
	c.endFetch(read, response)
	read.release()
	return response, nil
}

// endFetch fills the response in and moves the session on.
func (c *call) endFetch(read *fetchRead, response *kmsg.FetchResponse) {
	isLeaderTold := false
	for _, p := range read.partitions {
		if read.isIncremental && !p.isNews() {
			continue
		}
		topic := responseTopic(response, p)
		topic.Partitions = append(topic.Partitions, kmsg.FetchResponseTopicPartition{})
		answer := &topic.Partitions[len(topic.Partitions)-1]
		answer.Default()
		answer.Partition = p.partition
		if p.err != nil {
			answer.ErrorCode = errorCode(p.err)
			answer.HighWatermark, answer.LastStableOffset, answer.LogStartOffset = -1, -1, -1
		} else {
			answer.HighWatermark = p.state.NextOffset
			answer.LastStableOffset = p.state.StableOffset
			if read.isCommitted {
				answer.AbortedTransactions = abortedTransactions(p.aborted)
			}
			answer.LogStartOffset = p.state.StartOffset
			if p.sentTo != 0 {
				answer.PreferredReadReplica = p.sentTo
			}
		}
		// Not null: that is what a broker never sends, and not all clients expect.
		answer.RecordBatches = p.batches
		if answer.RecordBatches == nil {
			answer.RecordBatches = []byte{}
		}
		if p.isZstd && p.err == nil {
			answer.ErrorCode = kerr.UnsupportedCompressionType.Code
			answer.RecordBatches = []byte{}
		}
		// From the version on whose clients know it (KIP-951): a Java client of an older one gives up upon a tag that it doesn't.
		isLeaderWanted := response.Version >= 16
		if isLeaderWanted && (answer.ErrorCode == kerr.NotLeaderForPartition.Code || answer.ErrorCode == kerr.FencedLeaderEpoch.Code) {
			answer.CurrentLeader.LeaderID, answer.CurrentLeader.LeaderEpoch = c.cluster().Leader()
			if broker := c.broker(answer.CurrentLeader.LeaderID); broker.NodeID >= 0 && !isLeaderTold {
				isLeaderTold = true
				known := kmsg.NewFetchResponseBroker()
				known.NodeID, known.Host, known.Port = broker.NodeID, broker.Host, broker.Port
				response.Brokers = append(response.Brokers, known)
			}
		}
	}
	switch {
	case read.session != nil:
		response.SessionID = read.session.id
		read.session.advance(read)
	case read.wantsSession:
		response.SessionID = c.server.fetchSessions.add(read)
	}
}

// isolationCommitted is the isolation level of a client that wants committed records
// only.
const isolationCommitted = 1

// abortedTransactions is not null, which a broker says to those alone who didn't ask.
func abortedTransactions(aborted []command.AbortedTransaction) []kmsg.FetchResponseTopicPartitionAbortedTransaction {
	list := make([]kmsg.FetchResponseTopicPartitionAbortedTransaction, len(aborted))
	for i, a := range aborted {
		list[i].ProducerID, list[i].FirstOffset = a.ProducerID, a.FirstOffset
	}
	return list
}

// responseTopic is the topic of the response that a partition belongs to: the
// last one, or a new one.
func responseTopic(response *kmsg.FetchResponse, p *fetchPartition) *kmsg.FetchResponseTopic {
	if n := len(response.Topics); n > 0 {
		last := &response.Topics[n-1]
		if last.Topic == p.topic && last.TopicID == p.topicID {
			return last
		}
	}
	topic := kmsg.NewFetchResponseTopic()
	topic.Topic, topic.TopicID = p.topic, p.topicID
	response.Topics = append(response.Topics, topic)
	return &response.Topics[len(response.Topics)-1]
}
