package kafkacompat

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// InitProducerID gives an idempotent producer an id that nobody had before.
//
// Ids are taken from the log in blocks, so that a thousand producers that start
// cost one proposal. What is left of a block when the server ends is never used.
//
// A producer that has an id and an epoch, and asks again (KIP-360), gets a new
// id: for a producer without transactions that is as good as the next epoch, and
// nothing has to be fenced.
//
// Versions: 2 brought flexible encoding, 3 the id to go on with, 4 and 5 errors
// of transactions.
//
// Left out: transactional ids, refused as not authorised, which every client
// takes for final.
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

func initProducerID(c *call, request *kmsg.InitProducerIDRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.InitProducerIDResponse](request)
	response.ProducerID, response.ProducerEpoch = -1, -1
	if request.TransactionalID != nil {
		response.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
		if *request.TransactionalID == "" {
			response.ErrorCode = kerr.InvalidRequest.Code
		}
		return response, nil
	}
	if !c.isLeader() {
		response.ErrorCode = kerr.CoordinatorNotAvailable.Code
		return response, nil
	}
	ctx, cancel := context.WithTimeout(c.server.ctx, adminTimeoutMin)
	defer cancel()
	id, err := c.server.producerIDs.take(ctx, c.log())
	if err != nil {
		c.logger.Warn("kafka producer id", "error", err)
		// The errors of a node that lost its place would end a producer; these
		// it tries again with.
		response.ErrorCode = kerr.CoordinatorNotAvailable.Code
		return response, nil
	}
	response.ProducerID, response.ProducerEpoch = id, 0
	return response, nil
}
