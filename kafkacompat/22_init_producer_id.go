package kafkacompat

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// InitProducerId gives a producer an id. A transactional one gets that of its
// transactional id, with an epoch that fences whoever had it before; a transaction that
// is open is aborted. An idempotent producer gets one that nobody had before.
//
// Ids are taken from the log in blocks, so that a thousand producers that start
// cost one proposal. What is left of a block when the server ends is never used.
//
// A producer that has an id and an epoch, and asks again (KIP-360), gets the next epoch
// of its transactional id, unless somebody came in between. One without transactions
// gets a new id, as from Kafka.
//
// Versions: 2 brought flexible encoding, 3 the id to go on with, 4 PRODUCER_FENCED, 5
// the errors of KIP-890.
func init() {
	register(api{
		key: 22, versionMin: 0, versionMax: 5,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("ns i32 i64@3+ i16@3+"),
	}, initProducerID)
}

// producerIDBlock is how many ids are taken from the log at once.
const producerIDBlock = 1000

// producerIDs hands out the ids of a block.
type producerIDs struct {
	// mu guards the block: ids from next to end-1 are left. It is held over the
	// proposal of the next block, for which all have to wait anyway.
	mu        sync.Mutex
	next, end int64
}

func (p *producerIDs) take(ctx context.Context, log Log) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == p.end {
		first, err := proposeFor[int64](ctx, log, command.AllocateProducerIDs{Count: producerIDBlock})
		if err != nil {
			return -1, err
		}
		p.next, p.end = first, first+producerIDBlock
	}
	p.next++
	return p.next - 1, nil
}

// errProducerIDLater makes a producer without transactions try again. Errors of a node that has lost its place would end it; and with those
// that a coordinator has for that, the Java client looks for the coordinator of a transactional id that there is none of.
var errProducerIDLater = kerr.CoordinatorLoadInProgress

func initProducerID(c *call, request *kmsg.InitProducerIDRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.InitProducerIDResponse](request)
	response.ProducerID, response.ProducerEpoch = -1, -1
	if request.TransactionalID != nil {
		producer, err := c.initTransactional(request)
		if response.ErrorCode = fencedCode(err, request.Version >= 4); err == nil {
			response.ProducerID, response.ProducerEpoch = producer.ProducerID, producer.Epoch
		}
		return response, nil
	}
	if !c.isLeader() {
		response.ErrorCode = errProducerIDLater.Code
		return response, nil
	}
	ctx, cancel := context.WithTimeout(c.server.ctx, adminTimeoutMin)
	defer cancel()
	id, err := c.server.producerIDs.take(ctx, c.log())
	if err != nil {
		c.logger.Warn("kafka producer id", "error", err)
		response.ErrorCode = errProducerIDLater.Code
		return response, nil
	}
	response.ProducerID, response.ProducerEpoch = id, 0
	return response, nil
}

func (c *call) initTransactional(request *kmsg.InitProducerIDRequest) (command.ProducerEpoch, error) {
	expected := command.ProducerEpoch{ProducerID: command.NoProducerID, Epoch: command.NoProducerEpoch}
	if request.Version >= 3 {
		expected.ProducerID, expected.Epoch = request.ProducerID, request.ProducerEpoch
	}
	timeout := time.Duration(request.TransactionTimeoutMillis) * time.Millisecond
	err := c.checkTransactions(*request.TransactionalID)
	switch {
	case err != nil:
		return expected, err
	case timeout <= 0 || timeout > c.server.config.TransactionTimeoutMax:
		return expected, kerr.InvalidTransactionTimeout
	case (expected.ProducerID == command.NoProducerID) != (expected.Epoch == command.NoProducerEpoch):
		return expected, kerr.InvalidRequest
	}
	return proposeTxn[command.ProducerEpoch](c, command.InitProducer{
		TransactionalID:  *request.TransactionalID,
		TimeoutMilli:     request.TransactionTimeoutMillis,
		Expected:         expected,
		CoordinatorEpoch: c.coordinatorEpoch(),
		NowUnixMilli:     time.Now().UnixMilli(),
	})
}
