package kafkacompat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// Produce appends one record batch to each of a number of partitions.
//
// acks=1 and acks=all are the same here: the answer comes after the batch is
// committed. acks=0 gets no answer; if anything is wrong, the connection is
// closed, which is Kafka's way to make such a producer ask for metadata.
//
// A batch is checked (format, lengths, CRC, every record's place, time and, where the
// topic is compacted, key) and then stored as it was sent, compressed or not; only a max
// timestamp that is not that of its records is put right. Where the topic says so, the
// batch gets another compression, or the time of its append. Each partition may have one
// batch in a request, as Kafka demands since version 3.
//
// Versions: 3 brought record batches of format 2, 5 the log start offset, 7 zstd,
// 8 an error message, 9 flexible encoding, 10 the leader's address in errors, 13
// topic ids. Versions 0 to 2 carry formats that Kafka has given up; they are
// advertised nevertheless and then closed upon, as by Kafka 4: librdkafka takes
// their absence for a broker that can't do compression (KAFKA-18659).
//
// A batch of a transaction is appended if it is part of the open one of its producer.
// Version 11 brought the error by which an application aborts where it is not, and with
// version 12 the batch itself makes its partition part of the transaction (KIP-890).
func init() {
	registerAPI(api{
		key: keyProduce, versionMin: 3, versionMax: 13,
		isAdvertisedFromZero: true,
		isAliasing:           true,
		shape:                wire.MustShape("ns@3+ i16 i32 [ s@0-12 uuid@13+ [ i32 nb ] ]"),
	})
}

const keyProduce = 0

const (
	// produceProposalBytesMax bounds one AppendRecords command, but for its first
	// batch.
	produceProposalBytesMax = 4 << 20
	// produceTimeoutMin is given even to a client that wants an answer at once.
	produceTimeoutMin = time.Second
)

// A produceRun is a number of requests on their way to one proposal.
type produceRun struct {
	call      *call
	responses []*kmsg.ProduceResponse
	// appends are the batches that passed the checks; partitions are where
	// their results go.
	appends    []command.Append
	partitions []*kmsg.ProduceResponseTopicPartition
	// versions are those of the requests that the appends are of.
	versions []int16
	now      time.Time
}

// produce appends the batches of the requests, in order, and appends the answers
// to c.out. The client has to wait for the throttle time after them. An error closes the
// connection, after the answers that are there were written.
func (c *conn) produce(requests []*request) (throttle time.Duration, err error) {
	run := produceRun{
		call:      &call{conn: c, header: requests[0].header},
		responses: make([]*kmsg.ProduceResponse, 0, len(requests)),
		now:       time.Now(),
	}
	timeout := produceTimeoutMin
	for _, r := range requests {
		body := r.body.(*kmsg.ProduceRequest)
		timeout = max(timeout, time.Duration(body.TimeoutMillis)*time.Millisecond)
		run.add(body)
	}
	run.propose(timeout)
	for i, r := range requests {
		response := run.responses[i]
		if response.Version < 10 {
			forgetLeader(response)
		}
		charged := &call{conn: c, header: r.header}
		charged.charge(quotaProducerBytes, float64(r.bytes))
		charged.tellThrottle(response)
		throttle = max(throttle, charged.throttle)
		if r.body.(*kmsg.ProduceRequest).Acks != 0 {
			c.append(r, response)
		} else if err := firstProduceError(response); err != nil {
			return throttle, fmt.Errorf("produce with acks=0: %w: %w", err, errCloseConn)
		}
	}
	return throttle, nil
}

// add checks a request and makes its response, in which the results of batches
// that passed are still open.
func (run *produceRun) add(body *kmsg.ProduceRequest) {
	response := responseTo[*kmsg.ProduceResponse](body)
	run.responses = append(run.responses, response)

	var refusal error
	switch {
	case body.Acks < -1 || body.Acks > 1:
		refusal = kerr.InvalidRequiredAcks
	case body.TransactionID != nil && !run.call.mayTransaction(opWrite, *body.TransactionID):
		refusal = kerr.TransactionalIDAuthorizationFailed
	case !run.call.isLeader():
		refusal = kerr.NotLeaderForPartition
		run.addLeader(response)
	}
	transactionalID := ""
	if body.TransactionID != nil {
		transactionalID = strings.Clone(*body.TransactionID) // the request aliases its frame
	}
	response.Topics = make([]kmsg.ProduceResponseTopic, len(body.Topics))
	for i := range body.Topics {
		asked, answer := &body.Topics[i], &response.Topics[i]
		answer.Default()
		answer.Topic, answer.TopicID = asked.Topic, asked.TopicID
		topic, topicErr := run.call.topicFor(opWrite, asked.Topic, asked.TopicID, body.Version >= 13)
		answer.Partitions = make([]kmsg.ProduceResponseTopicPartition, len(asked.Partitions))
		for j := range asked.Partitions {
			partition := &answer.Partitions[j]
			partition.Default()
			partition.Partition = asked.Partitions[j].Partition
			err := refusal
			if err == nil {
				err = topicErr
			}
			batch := asked.Partitions[j].Records
			if err == nil {
				batch, err = run.check(topic, asked.Partitions[j], body.Version, transactionalID != "")
			}
			if err != nil {
				run.fail(partition, topic.Name, err)
				continue
			}
			run.appends = append(run.appends, command.Append{
				Topic:     topic.Name,
				TopicID:   asked.TopicID,
				Partition: partition.Partition,
				Batch:     batch,

				TransactionalID: transactionalID,
				AddsPartition:   transactionalID != "" && body.Version >= 12,
			})
			run.versions = append(run.versions, body.Version)
			run.partitions = append(run.partitions, partition)
		}
	}
}

// topic finds a topic by id or by name.
func (c *call) topic(name string, id [16]byte, isByID bool) (command.Topic, error) {
	if isByID {
		if topic, ok := c.log().TopicByID(id); ok {
			return topic, nil
		}
		return command.Topic{}, kerr.UnknownTopicID
	}
	if topic, ok := c.log().Topic(name); ok {
		return topic, nil
	}
	return command.Topic{}, kerr.UnknownTopicOrPartition
}

// topicFor is topic for those that the client may do something with. What it may not
// write to or read is refused by name whether it is there or not.
func (c *call) topicFor(operation kmsg.ACLOperation, name string, id [16]byte, isByID bool) (command.Topic, error) {
	if !isByID && !c.mayTopic(operation, name) {
		return command.Topic{}, kerr.TopicAuthorizationFailed
	}
	topic, err := c.topic(name, id, isByID)
	if err == nil && isByID && !c.mayTopic(operation, topic.Name) {
		return command.Topic{}, kerr.TopicAuthorizationFailed
	}
	return topic, err
}

// check is everything that can be said about a batch before the log. It returns the
// batch that is to be stored.
func (run *produceRun) check(topic command.Topic, asked kmsg.ProduceRequestTopicPartition, version int16, isTransaction bool) ([]byte, error) {
	if err := checkNotInternal(topic.Name); err != nil {
		return nil, err
	}
	if asked.Partition < 0 || asked.Partition >= topic.Partitions {
		return nil, kerr.UnknownTopicOrPartition
	}
	if len(asked.Records) == 0 {
		return nil, fmt.Errorf("no record batch: %w", recordbatch.ErrLength)
	}
	batch, rest, err := recordbatch.Split(asked.Records)
	if err != nil {
		return nil, err
	}
	settings := produceSettingsOf(topic)
	if err := settings.checkSize(topic, batch); err != nil {
		return nil, err
	}
	header, survey, err := run.call.server.admit(batch)
	switch {
	case err != nil:
		return nil, err
	case header.BaseOffset != 0:
		return nil, fmt.Errorf("record batch begins with offset %d: %w", header.BaseOffset, kerr.InvalidRecord)
	case holdsBatch(rest):
		return nil, fmt.Errorf("more than one record batch for a partition: %w", recordbatch.ErrLength)
	case header.IsControl():
		return nil, fmt.Errorf("control records are the broker's: %w", kerr.InvalidRecord)
	case header.IsTransactional() && !isTransaction:
		return nil, kerr.TransactionalIDAuthorizationFailed
	case header.IsTransactional() && header.ProducerID < 0:
		return nil, fmt.Errorf("record batch of a transaction has no producer: %w", kerr.InvalidRecord)
	case header.Codec() == recordbatch.CodecZstd && version < 7:
		return nil, kerr.UnsupportedCompressionType
	}
	if err := settings.checkRecords(batch, survey, run.now.UnixMilli()); err != nil {
		return nil, err
	}
	if settings.keepsCodec || settings.codec == header.Codec() {
		return batch, nil
	}
	if batch, err = run.call.server.recompress(batch, settings); err != nil {
		return nil, err
	}
	return batch, settings.checkSize(topic, batch)
}

// holdsBatch says whether there is a whole batch in what follows another. Bytes that are none are passed over, as by a
// broker.
func holdsBatch(rest []byte) bool {
	_, _, err := recordbatch.Split(rest)
	return len(rest) > 0 && err == nil
}

// admit checks a batch. Of compressed ones it checks as many at a time as there are
// cores: 64 KiB on the wire may be 64 MiB in memory, and a thousand connections may
// send them at once.
func (s *Server) admit(batch []byte) (recordbatch.Header, recordbatch.Survey, error) {
	header, err := recordbatch.ParseHeader(batch)
	if err != nil {
		return header, recordbatch.Survey{}, err
	}
	if header.Codec() != recordbatch.CodecNone {
		s.decompressing <- struct{}{}
		defer func() { <-s.decompressing }()
	}
	return recordbatch.Admit(batch)
}

// recompress gives a batch the topic's compression, as many at a time as admit.
func (s *Server) recompress(batch []byte, settings *produceSettings) ([]byte, error) {
	s.decompressing <- struct{}{}
	defer func() { <-s.decompressing }()
	return recordbatch.Recompress(batch, settings.codec, settings.level)
}

// propose appends the batches and fills their results in.
func (run *produceRun) propose(timeout time.Duration) {
	if len(run.appends) == 0 {
		return
	}
	// Not the connection's context: a producer may send with acks=0 and go.
	ctx, cancel := context.WithTimeout(run.call.server.ctx, timeout)
	defer cancel()
	for start := 0; start < len(run.appends); {
		end, bytes := start+1, len(run.appends[start].Batch)
		for end < len(run.appends) && bytes+len(run.appends[end].Batch) <= produceProposalBytesMax {
			bytes += len(run.appends[end].Batch)
			end++
		}
		run.proposeSome(ctx, start, end)
		start = end
	}
}

func (run *produceRun) proposeSome(ctx context.Context, start, end int) {
	results, err := proposeFor[[]command.AppendResult](ctx, run.call.log(), command.AppendRecords{
		Appends:      run.appends[start:end:end],
		NowUnixMilli: run.now.UnixMilli(),
	})
	if err == nil && len(results) != end-start {
		err = fmt.Errorf("append of %d batches has %d results", end-start, len(results))
	}
	for i, partition := range run.partitions[start:end] {
		switch {
		case err == nil && errors.Is(results[i].Err, command.ErrTransactionState):
			run.fail(partition, run.appends[start+i].Topic, results[i].Err)
			partition.ErrorCode = transactionStateCode(run.versions[start+i] >= 11)
		case err != nil:
			run.fail(partition, run.appends[start+i].Topic, err)
		case results[i].Err != nil:
			run.fail(partition, run.appends[start+i].Topic, results[i].Err)
		default:
			partition.BaseOffset = results[i].BaseOffset
			partition.LogStartOffset = results[i].LogStartOffset
			partition.LogAppendTime = results[i].LogAppendUnixMilli
		}
	}
}

// proposeFor proposes a command and expects a result of type R.
func proposeFor[R any](ctx context.Context, log Log, c command.Command) (R, error) {
	var zero R
	result, err := log.Propose(ctx, c)
	if err != nil {
		return zero, err
	}
	switch result := result.(type) {
	case R:
		return result, nil
	case error:
		return zero, result
	default:
		return zero, fmt.Errorf("%T has result %T, want %T", c, result, zero)
	}
}

var produceErrorsWithoutStart = []*kerr.Error{
	kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.TopicAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
	kerr.NotLeaderForPartition, kerr.MessageTooLarge, kerr.CorruptMessage, kerr.KafkaStorageError, kerr.InvalidRequiredAcks,
	kerr.UnsupportedCompressionType, kerr.RequestTimedOut, kerr.InvalidTopicException,
	kerr.InvalidTxnState, kerr.TransactionAbortable,
}

// fail writes an error into the result of a batch. As a broker does, it tells where the partition starts if what is wrong
// is about the records, and not about the partition or about what can't be read at all.
func (run *produceRun) fail(partition *kmsg.ProduceResponseTopicPartition, topic string, err error) {
	partition.ErrorCode = errorCode(err)
	partition.ErrorMessage = errorMessage(err)
	partition.BaseOffset = -1
	partition.LogStartOffset = -1
	isUnread := errors.Is(err, recordbatch.ErrLength) || errors.Is(err, recordbatch.ErrMagic)
	if !isUnread && !slices.Contains(produceErrorsWithoutStart, kafkaError(err)) {
		if state, err := run.call.log().Partition(topic, partition.Partition); err == nil {
			partition.LogStartOffset = state.StartOffset
		}
	}
	var records *recordsError
	if errors.As(err, &records) {
		partition.ErrorRecords = records.records
	}
	if errors.Is(err, kerr.NotLeaderForPartition) || errors.Is(err, command.ErrNotLeader) {
		partition.CurrentLeader.LeaderID, partition.CurrentLeader.LeaderEpoch = run.call.cluster().Leader()
	}
	if partition.ErrorCode == kerr.UnknownServerError.Code {
		run.call.logger.Error("kafka produce", "partition", partition.Partition, "error", err)
	}
}

// addLeader tells a producer where to go (KIP-951).
func (run *produceRun) addLeader(response *kmsg.ProduceResponse) {
	leader, _ := run.call.cluster().Leader()
	if broker := run.call.broker(leader); broker.NodeID >= 0 {
		known := kmsg.NewProduceResponseBroker()
		known.NodeID, known.Host, known.Port = broker.NodeID, broker.Host, broker.Port
		response.Brokers = append(response.Brokers, known)
	}
}

// forgetLeader takes the leader out of an answer in a version that doesn't know it: kmsg would write the tags all the
// same, and a client may give up upon a tag that isn't of its version.
func forgetLeader(response *kmsg.ProduceResponse) {
	response.Brokers = nil
	for i := range response.Topics {
		for j := range response.Topics[i].Partitions {
			response.Topics[i].Partitions[j].CurrentLeader.Default()
		}
	}
}

func firstProduceError(response *kmsg.ProduceResponse) error {
	for i := range response.Topics {
		for j := range response.Topics[i].Partitions {
			if err := kerr.ErrorForCode(response.Topics[i].Partitions[j].ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}
