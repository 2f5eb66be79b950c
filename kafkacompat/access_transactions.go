package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The accesses of requests about producers and transactions.

var codeTransaction = kerr.TransactionalIDAuthorizationFailed.Code

func mayInitProducerID(c *call, request kmsg.Request) *kerr.Error {
	if id := request.(*kmsg.InitProducerIDRequest).TransactionalID; id != nil {
		if c.mayTransaction(opWrite, *id) {
			return nil
		}
		return kerr.TransactionalIDAuthorizationFailed
	}
	// Whoever may write to a topic may do so idempotently (KIP-679).
	if c.mayCluster(kmsg.ACLOperationIdempotentWrite) || c.mayAny(opWrite, kmsg.ACLResourceTypeTopic) {
		return nil
	}
	return kerr.ClusterAuthorizationFailed
}

func mayAddOffsetsToTxn(c *call, request kmsg.Request) *kerr.Error {
	asked := request.(*kmsg.AddOffsetsToTxnRequest)
	switch {
	case !c.mayTransaction(opWrite, asked.TransactionalID):
		return kerr.TransactionalIDAuthorizationFailed
	case !c.mayGroup(opRead, asked.Group):
		return kerr.GroupAuthorizationFailed
	default:
		return nil
	}
}

func mayEndTxn(c *call, request kmsg.Request) *kerr.Error {
	if c.mayTransaction(opWrite, request.(*kmsg.EndTxnRequest).TransactionalID) {
		return nil
	}
	return kerr.TransactionalIDAuthorizationFailed
}

// filterAddPartitionsToTxn refuses all partitions if one is refused: the rest is not
// attempted, and said to be so.
func filterAddPartitionsToTxn(c *call, request *kmsg.AddPartitionsToTxnRequest) (func(*kmsg.AddPartitionsToTxnResponse), bool) {
	codes, isRefused := c.codesToAdd(request.TransactionalID, request.Topics)
	if !isRefused {
		return nil, false
	}
	return func(response *kmsg.AddPartitionsToTxnResponse) {
		for i, topic := range request.Topics {
			answer := kmsg.NewAddPartitionsToTxnResponseTopic()
			answer.Topic = topic.Topic
			for _, number := range topic.Partitions {
				partition := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
				partition.Partition, partition.ErrorCode = number, codes[i]
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
	}, true
}

// codesToAdd are the errors of topics that are to be part of a transaction, if one of
// them has one.
func (c *call) codesToAdd(id string, topics []kmsg.AddPartitionsToTxnRequestTopic) (codes []int16, isRefused bool) {
	codes = make([]int16, len(topics))
	mayID := c.mayTransaction(opWrite, id)
	for i := range codes {
		switch {
		case !mayID:
			codes[i], isRefused = codeTransaction, true
		case !c.mayTopic(opWrite, topics[i].Topic):
			codes[i], isRefused = codeTopic, true
		default:
			codes[i] = kerr.OperationNotAttempted.Code
		}
	}
	return codes, isRefused
}

func filterTxnOffsetCommit(c *call, request *kmsg.TxnOffsetCommitRequest) (func(*kmsg.TxnOffsetCommitResponse), bool) {
	code, isRefused := codeTopic, true
	kept, rest := split(request.Topics, func(t *kmsg.TxnOffsetCommitRequestTopic) bool { return c.mayNamed(opRead, t.Topic, t.TopicID) })
	switch {
	case !c.mayTransaction(opWrite, request.TransactionalID):
		code, rest = codeTransaction, request.Topics
	case !c.mayGroup(opRead, request.Group):
		code, rest = codeGroup, request.Topics
	default:
		request.Topics, isRefused = kept, false
	}
	return func(response *kmsg.TxnOffsetCommitResponse) {
		for _, topic := range rest {
			answer := kmsg.NewTxnOffsetCommitResponseTopic()
			answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
			for _, asked := range topic.Partitions {
				partition := kmsg.NewTxnOffsetCommitResponseTopicPartition()
				partition.Partition, partition.ErrorCode = asked.Partition, code
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
	}, isRefused
}

func filterDescribeTransactions(c *call, request *kmsg.DescribeTransactionsRequest) (func(*kmsg.DescribeTransactionsResponse), bool) {
	kept, rest := split(request.TransactionalIDs, func(id *string) bool { return c.mayTransaction(opDescribe, *id) })
	request.TransactionalIDs = kept
	return func(response *kmsg.DescribeTransactionsResponse) {
		for i := range response.TransactionStates {
			state := &response.TransactionStates[i]
			state.Topics, _ = split(state.Topics, func(t *kmsg.DescribeTransactionsResponseTransactionStateTopic) bool {
				return c.mayTopic(opDescribe, t.Topic)
			})
		}
		for _, id := range rest {
			answer := kmsg.NewDescribeTransactionsResponseTransactionState()
			answer.TransactionalID, answer.ErrorCode = id, codeTransaction
			response.TransactionStates = append(response.TransactionStates, answer)
		}
	}, false
}

func filterListTransactions(c *call, _ *kmsg.ListTransactionsRequest) (func(*kmsg.ListTransactionsResponse), bool) {
	return func(response *kmsg.ListTransactionsResponse) {
		response.TransactionStates, _ = split(response.TransactionStates, func(s *kmsg.ListTransactionsResponseTransactionState) bool {
			return c.mayTransaction(opDescribe, s.TransactionalID)
		})
	}, false
}
