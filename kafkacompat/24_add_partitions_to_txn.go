package kafkacompat

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// AddPartitionsToTxn makes partitions part of a transaction, before a producer writes to
// them, and begins one if none is open. All of them are added, or none.
//
// Versions: 2 brought PRODUCER_FENCED, 3 flexible encoding.
//
// Left out: versions 4 and 5, by which brokers ask for many producers at once. Clients of
// KIP-890 part 2 don't ask at all, their batches do.
func init() {
	register(api{
		key: 24, versionMin: 0, versionMax: 3,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("s i64 i16 [ s []i32 ]"),
	}, addPartitionsToTxn)
}

func addPartitionsToTxn(c *call, request *kmsg.AddPartitionsToTxnRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.AddPartitionsToTxnResponse](request)
	var partitions []command.TopicPartition
	for _, topic := range request.Topics {
		for _, partition := range topic.Partitions {
			partitions = append(partitions, command.TopicPartition{Topic: topic.Topic, Partition: partition})
		}
	}
	var errs []error
	err := c.checkTransactions(request.TransactionalID)
	if err == nil {
		errs, err = proposeTxn[[]error](c, command.AddToTransaction{
			TransactionalID: request.TransactionalID,
			Producer:        command.ProducerEpoch{ProducerID: request.ProducerID, Epoch: request.ProducerEpoch},
			Partitions:      partitions,
			NowUnixMilli:    time.Now().UnixMilli(),
		})
	}
	isRefused := firstError(errs) != nil
	i := 0
	for _, topic := range request.Topics {
		answer := kmsg.NewAddPartitionsToTxnResponseTopic()
		answer.Topic = topic.Topic
		for _, asked := range topic.Partitions {
			partition := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
			partition.Partition = asked
			switch {
			case err != nil:
				partition.ErrorCode = fencedCode(err, request.Version >= 2)
			case errs[i] != nil:
				partition.ErrorCode = errorCode(errs[i])
			case isRefused:
				partition.ErrorCode = kerr.OperationNotAttempted.Code
			}
			i++
			answer.Partitions = append(answer.Partitions, partition)
		}
		response.Topics = append(response.Topics, answer)
	}
	return response, nil
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
