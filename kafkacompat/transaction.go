package kafkacompat

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"kont/statemachine/command"
)

// A transaction coordinator has no state of its own here: transactions are in the log,
// and each request about one is a command. CONCURRENT_TRANSACTIONS, by which Kafka says
// that the last one is still being ended, is never answered.

// checkTransactions refuses what can't be about a transaction of this node.
func (c *call) checkTransactions(id string) error {
	switch {
	case id == "":
		return kerr.InvalidRequest
	case !c.isLeader():
		return kerr.NotCoordinator
	}
	return nil
}

// proposeTxn proposes a command about a transaction and expects a result of type R. Its
// errors are those that a client understands of a transaction coordinator.
func proposeTxn[R any](c *call, proposed command.Command) (R, error) {
	ctx, cancel := context.WithTimeout(c.server.ctx, adminTimeoutMin)
	defer cancel()
	result, err := proposeFor[R](ctx, c.log(), proposed)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		// REQUEST_TIMED_OUT would end the producers of older clients. All that may be
		// applied in spite of it can be asked for again.
		err = kerr.CoordinatorNotAvailable
	}
	if kafkaError(err) == kerr.UnknownServerError {
		c.logger.Error("kafka transaction", "error", err)
	}
	return result, groupError(err)
}

// fencedCode is the code of an error; of a fenced producer in the words of clients that
// know PRODUCER_FENCED (KIP-588), or of older ones.
func fencedCode(err error, isNew bool) int16 {
	if kafkaError(err) == kerr.ProducerFenced && !isNew {
		return kerr.InvalidProducerEpoch.Code
	}
	return errorCode(err)
}

// coordinatorEpoch is what markers say of the coordinator that had them written.
func (c *call) coordinatorEpoch() int32 {
	_, epoch := c.cluster().Leader()
	return epoch
}
