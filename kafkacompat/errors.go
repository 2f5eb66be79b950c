package kafkacompat

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// kafkaErrors turns our errors into Kafka's. The first row that matches counts.
var kafkaErrors = []struct {
	ours   error
	kafkas *kerr.Error
}{
	{command.ErrUnknownTopic, kerr.UnknownTopicOrPartition},
	{command.ErrTopicExists, kerr.TopicAlreadyExists},
	{command.ErrInvalidTopic, kerr.InvalidTopicException},
	{command.ErrInvalidPartitions, kerr.InvalidPartitions},
	{command.ErrOutOfOrderSequence, kerr.OutOfOrderSequenceNumber},
	{command.ErrInvalidProducerEpoch, kerr.InvalidProducerEpoch},
	{command.ErrProducerFenced, kerr.ProducerFenced},
	{command.ErrProducerIDMapping, kerr.InvalidProducerIDMapping},
	{command.ErrTransactionState, kerr.InvalidTxnState},
	{command.ErrInvalidBatch, kerr.InvalidRecord},
	{command.ErrOffsetOutOfRange, kerr.OffsetOutOfRange},
	{command.ErrUnknownGroup, kerr.GroupIDNotFound},
	{command.ErrLimit, kerr.PolicyViolation},
	{command.ErrNotLeader, kerr.NotLeaderForPartition},
	// A storage error makes clients refresh metadata and try again, which is
	// right for a full disk that somebody empties, and for a node that closes.
	{command.ErrUnavailable, kerr.KafkaStorageError},
	{command.ErrInvalidACL, kerr.InvalidRequest},
	{command.ErrUnknownACL, kerr.InvalidRequest},
	{command.ErrInvalidCredential, kerr.UnacceptableCredential},
	{command.ErrUnknownCredential, kerr.ResourceNotFound},
	// Threads are no business of Kafka's clients; no request reaches these.
	{command.ErrUnknownThread, kerr.InvalidRequest},
	{command.ErrNotFaulted, kerr.InvalidRequest},
	{command.ErrStaleStep, kerr.InvalidRequest},
	// Nor are nodes.
	{command.ErrNodeIDTaken, kerr.InvalidRequest},
	{command.ErrNodeTooOld, kerr.InvalidRequest},

	// As a broker does. CORRUPT_MESSAGE would have it sent again.
	{recordbatch.ErrLength, kerr.InvalidRecord},
	// As Kafka 4 does, where no request may carry formats 0 and 1 any more.
	{recordbatch.ErrMagic, kerr.InvalidRecord},
	{recordbatch.ErrCRC, kerr.CorruptMessage},
	{recordbatch.ErrOffsets, kerr.InvalidRecord},
	{recordbatch.ErrRecord, kerr.InvalidRecord},
	{recordbatch.ErrCodec, kerr.UnsupportedCompressionType},
	// Not CORRUPT_MESSAGE: the checksum was right, so sending it again won't help.
	{recordbatch.ErrCompressed, kerr.InvalidRecord},
	{recordbatch.ErrTooLarge, kerr.MessageTooLarge},

	{context.DeadlineExceeded, kerr.RequestTimedOut},
	{context.Canceled, kerr.RequestTimedOut},
}

// kafkaError is Kafka's error for one of ours, UNKNOWN_SERVER_ERROR for one that
// nobody thought of, and nil for nil.
func kafkaError(err error) *kerr.Error {
	if err == nil {
		return nil
	}
	var already *kerr.Error
	if errors.As(err, &already) {
		return already
	}
	for _, row := range kafkaErrors {
		if errors.Is(err, row.ours) {
			return row.kafkas
		}
	}
	return kerr.UnknownServerError
}

// errorCode is the code of kafkaError, 0 for nil.
func errorCode(err error) int16 {
	if e := kafkaError(err); e != nil {
		return e.Code
	}
	return 0
}

// errorMessage is what a person should read, nil for nil.
func errorMessage(err error) *string {
	if err == nil {
		return nil
	}
	text := err.Error()
	// Clients tell the code's own words by themselves, and some are misleading beside ours: INVALID_REQUEST speaks of a malformed request.
	if code := (*kerr.Error)(nil); errors.As(err, &code) {
		if text == code.Error() {
			text = code.Description
		}
		text = strings.TrimSuffix(text, ": "+code.Error())
	}
	return &text
}

// errGroupNotFound names a group that isn't there, or is not of the type that was asked for.
func errGroupNotFound(id string) error {
	//lint:ignore ST1005 a broker writes it so
	return fmt.Errorf("Group %s not found.: %w", id, kerr.GroupIDNotFound)
}
