package kafkacompat

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// TxnOffsetCommit commits offsets of a group as part of a transaction: nobody sees them
// before it commits. The group decides whether the member may, the transaction whether
// the producer may.
//
// Versions: 2 brought leader epochs, 3 the member and flexible encoding (KIP-447), 4 the
// errors of KIP-890, 5 adds the group to the transaction (KIP-890, part 2).
//
// Left out: version 6, topic ids.
func init() {
	register(api{
		key: 28, versionMin: 0, versionMax: 5,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("s s i64 i16 i32@3+ s@3+ ns@3+ [ s [ i32 i64 i32@2+ ns ] ]"),
	}, txnOffsetCommit)
}

func txnOffsetCommit(c *call, request *kmsg.TxnOffsetCommitRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.TxnOffsetCommitResponse](request)
	c.commit = c.server.coordinator.commits.begin(request.Group)
	defer c.commit.release()
	refusal := c.checkTxnCommit(request)

	var offsets []command.GroupOffset
	var places []*kmsg.TxnOffsetCommitResponseTopicPartition
	response.Topics = make([]kmsg.TxnOffsetCommitResponseTopic, len(request.Topics))
	for i, asked := range request.Topics {
		answer := &response.Topics[i]
		answer.Topic = asked.Topic
		answer.Partitions = make([]kmsg.TxnOffsetCommitResponseTopicPartition, len(asked.Partitions))
		topic, topicErr := c.topic(asked.Topic, asked.TopicID, false)
		for j, p := range asked.Partitions {
			place := &answer.Partitions[j]
			place.Partition = p.Partition
			metadata := ""
			if p.Metadata != nil {
				metadata = *p.Metadata
			}
			switch {
			case refusal != nil:
				place.ErrorCode = errorCode(refusal)
			case topicErr != nil:
				place.ErrorCode = errorCode(topicErr)
			case p.Partition < 0 || p.Partition >= topic.Partitions:
				place.ErrorCode = kerr.UnknownTopicOrPartition.Code
			case len(metadata) > offsetMetadataBytesMax:
				place.ErrorCode = kerr.OffsetMetadataTooLarge.Code
			default:
				offsets = append(offsets, command.GroupOffset{
					Topic: topic.Name, TopicID: topic.ID, Partition: p.Partition,
					Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: metadata,
				})
				places = append(places, place)
			}
		}
	}
	if len(offsets) == 0 {
		return response, nil
	}
	errs, err := proposeTxn[[]error](c, command.CommitTransactionOffsets{
		TransactionalID: request.TransactionalID,
		Producer:        command.ProducerEpoch{ProducerID: request.ProducerID, Epoch: request.ProducerEpoch},
		Group:           request.Group, Offsets: offsets,
		AddsGroup:    request.Version >= 5,
		NowUnixMilli: time.Now().UnixMilli(),
	})
	for i, place := range places {
		switch {
		case err == nil:
			place.ErrorCode = errorCode(errs[i])
		case errors.Is(err, command.ErrTransactionState):
			place.ErrorCode = transactionStateCode(request.Version >= 4)
		default:
			// The coordinator of groups knows of epochs, not of fencing.
			place.ErrorCode = fencedCode(err, false)
		}
	}
	return response, nil
}

// transactionStateCode is the code of ErrTransactionState for a client that knows the
// error by which its application aborts (KIP-890), or an older one.
func transactionStateCode(isNew bool) int16 {
	if isNew {
		return kerr.TransactionAbortable.Code
	}
	return kerr.InvalidTxnState.Code
}

// checkTxnCommit says whether offsets may be committed in the name of a member. Clients
// before version 3, and those that assign partitions to themselves, name none, and their
// transaction has to be enough.
func (c *call) checkTxnCommit(request *kmsg.TxnOffsetCommitRequest) error {
	if err := c.checkTransactions(request.TransactionalID); err != nil {
		return err
	}
	if request.Group == "" {
		return kerr.InvalidGroupID
	}
	return c.server.coordinator.checkCommit(commitIdentity{
		group: request.Group, memberID: request.MemberID, instanceID: request.InstanceID, generation: request.Generation,
		isTransactional: true,
	})
}
