package kafkacompat

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// appendFetch encodes a Fetch response as kmsg would, but without copying its
// record batches, which are nearly all of it. A test compares the two on every
// version.
//
// Fields that the listener never fills are left out: the diverging epoch and
// snapshot id of replicas.
func (o *outgoing) appendFetch(response *kmsg.FetchResponse) {
	version, isFlexible := response.Version, response.IsFlexible()
	b := binary.BigEndian
	o.buffer = b.AppendUint32(o.buffer, uint32(response.ThrottleMillis))
	if version >= 7 {
		o.buffer = b.AppendUint16(o.buffer, uint16(response.ErrorCode))
		o.buffer = b.AppendUint32(o.buffer, uint32(response.SessionID))
	}
	o.appendLength(len(response.Topics), isFlexible)
	for i := range response.Topics {
		topic := &response.Topics[i]
		switch {
		case version >= 13:
			o.buffer = append(o.buffer, topic.TopicID[:]...)
		case isFlexible:
			o.appendLength(len(topic.Topic), true)
			o.buffer = append(o.buffer, topic.Topic...)
		default:
			o.buffer = b.AppendUint16(o.buffer, uint16(len(topic.Topic)))
			o.buffer = append(o.buffer, topic.Topic...)
		}
		o.appendLength(len(topic.Partitions), isFlexible)
		for j := range topic.Partitions {
			o.appendFetchPartition(&topic.Partitions[j], version, isFlexible)
		}
		if isFlexible {
			o.buffer = append(o.buffer, 0)
		}
	}
	if !isFlexible {
		return
	}
	if len(response.Brokers) == 0 {
		o.buffer = append(o.buffer, 0)
		return
	}
	// The addresses of leaders are rare. kmsg writes them, in a response that has
	// nothing else, behind a throttle time, an error, a session and no topics.
	rest := kmsg.FetchResponse{Version: version, Brokers: response.Brokers}
	const before = 4 + 2 + 4 + 1
	o.buffer = append(o.buffer, rest.AppendTo(nil)[before:]...)
}

func (o *outgoing) appendFetchPartition(p *kmsg.FetchResponseTopicPartition, version int16, isFlexible bool) {
	b := binary.BigEndian
	o.buffer = b.AppendUint32(o.buffer, uint32(p.Partition))
	o.buffer = b.AppendUint16(o.buffer, uint16(p.ErrorCode))
	o.buffer = b.AppendUint64(o.buffer, uint64(p.HighWatermark))
	o.buffer = b.AppendUint64(o.buffer, uint64(p.LastStableOffset))
	if version >= 5 {
		o.buffer = b.AppendUint64(o.buffer, uint64(p.LogStartOffset))
	}
	if p.AbortedTransactions == nil {
		o.appendLength(-1, isFlexible)
	} else {
		o.appendLength(len(p.AbortedTransactions), isFlexible)
	}
	for i := range p.AbortedTransactions {
		o.buffer = b.AppendUint64(o.buffer, uint64(p.AbortedTransactions[i].ProducerID))
		o.buffer = b.AppendUint64(o.buffer, uint64(p.AbortedTransactions[i].FirstOffset))
		if isFlexible {
			o.buffer = append(o.buffer, 0)
		}
	}
	if version >= 11 {
		o.buffer = b.AppendUint32(o.buffer, uint32(p.PreferredReadReplica))
	}
	o.appendLength(len(p.RecordBatches), isFlexible)
	o.share(p.RecordBatches)
	if !isFlexible {
		return
	}
	if p.CurrentLeader.LeaderID < 0 {
		o.buffer = append(o.buffer, 0)
		return
	}
	const tag, bytes = 1, 4 + 4 + 1
	o.buffer = append(o.buffer, 1, tag, bytes)
	o.buffer = b.AppendUint32(o.buffer, uint32(p.CurrentLeader.LeaderID))
	o.buffer = b.AppendUint32(o.buffer, uint32(p.CurrentLeader.LeaderEpoch))
	o.buffer = append(o.buffer, 0)
}

// appendLength writes the length of an array or of bytes; -1 is null.
func (o *outgoing) appendLength(length int, isFlexible bool) {
	if isFlexible {
		o.buffer = binary.AppendUvarint(o.buffer, uint64(length+1))
	} else {
		o.buffer = binary.BigEndian.AppendUint32(o.buffer, uint32(length))
	}
}
