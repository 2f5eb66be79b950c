package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// DescribeTransactions tells the state of transactional ids (KIP-664).
//
// Left out: the partitions of Kafka's own topic of offsets, which a transaction has there
// once it commits offsets. There is no such topic.
func init() {
	register(api{
		key: 65, versionMin: 0, versionMax: 0,
		requestBytesMax: requestBytesSmall,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[]s"),
	}, describeTransactions)
}

func describeTransactions(c *call, request *kmsg.DescribeTransactionsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DescribeTransactionsResponse](request)
	isLeader := c.isConfirmedLeader()
	once, _ := countNames(request.TransactionalIDs, func(id string) string { return id })
	for _, id := range once {
		answer := kmsg.NewDescribeTransactionsResponseTransactionState()
		answer.TransactionalID = id
		tx, exists := c.log().Transaction(id)
		var err error
		switch {
		case id == "":
			err = kerr.InvalidRequest
		case !isLeader:
			err = kerr.NotCoordinator
		case !exists:
			err = kerr.TransactionalIDNotFound
		}
		if answer.ErrorCode = errorCode(err); err != nil {
			response.TransactionStates = append(response.TransactionStates, answer)
			continue
		}
		answer.State = tx.Status.String()
		answer.TimeoutMillis, answer.StartTimestamp = tx.TimeoutMilli, tx.StartedUnixMilli
		answer.ProducerID, answer.ProducerEpoch = tx.Producer.ProducerID, tx.Producer.Epoch
		for _, p := range tx.Partitions {
			if n := len(answer.Topics); n == 0 || answer.Topics[n-1].Topic != p.Topic {
				topic := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
				topic.Topic = p.Topic
				answer.Topics = append(answer.Topics, topic)
			}
			last := &answer.Topics[len(answer.Topics)-1]
			last.Partitions = append(last.Partitions, p.Partition)
		}
		response.TransactionStates = append(response.TransactionStates, answer)
	}
	return response, nil
}
