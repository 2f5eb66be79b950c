package kafkacompat

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// EndTxn commits a transaction or aborts it: one command writes all markers, the offsets
// of groups and the new state. When it is answered, all of it can be read.
//
// Versions: 2 brought PRODUCER_FENCED, 3 flexible encoding, 4 the errors of KIP-890, 5
// the epoch to go on with (KIP-890, part 2).
func init() {
	register(api{
		key: 26, versionMin: 0, versionMax: 5,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("s i64 i16 bool"),
	}, endTxn)
}

func endTxn(c *call, request *kmsg.EndTxnRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.EndTxnResponse](request)
	response.ProducerID, response.ProducerEpoch = -1, -1
	err := c.checkTransactions(request.TransactionalID)
	if err == nil {
		var next command.ProducerEpoch
		next, err = proposeTxn[command.ProducerEpoch](c, command.EndTransaction{
			TransactionalID:  request.TransactionalID,
			Producer:         command.ProducerEpoch{ProducerID: request.ProducerID, Epoch: request.ProducerEpoch},
			Commit:           request.Commit,
			BumpsEpoch:       request.Version >= 5,
			CoordinatorEpoch: c.coordinatorEpoch(),
			NowUnixMilli:     time.Now().UnixMilli(),
		})
		if err == nil && request.Version >= 5 {
			response.ProducerID, response.ProducerEpoch = next.ProducerID, next.Epoch
		}
	}
	response.ErrorCode = fencedCode(err, request.Version >= 2)
	return response, nil
}
