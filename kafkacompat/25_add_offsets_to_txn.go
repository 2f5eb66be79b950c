package kafkacompat

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// AddOffsetsToTxn says that a transaction is going to commit offsets of a group, and
// begins one if none is open.
//
// Versions: 2 brought PRODUCER_FENCED, 3 flexible encoding, 4 the errors of KIP-890.
func init() {
	register(api{
		key: 25, versionMin: 0, versionMax: 4,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("s i64 i16 s"),
	}, addOffsetsToTxn)
}

func addOffsetsToTxn(c *call, request *kmsg.AddOffsetsToTxnRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.AddOffsetsToTxnResponse](request)
	err := c.checkTransactions(request.TransactionalID)
	if err == nil && request.Group == "" {
		err = kerr.InvalidGroupID
	}
	if err == nil {
		_, err = proposeTxn[[]error](c, command.AddToTransaction{
			TransactionalID: request.TransactionalID,
			Producer:        command.ProducerEpoch{ProducerID: request.ProducerID, Epoch: request.ProducerEpoch},
			Groups:          []string{request.Group},
			NowUnixMilli:    time.Now().UnixMilli(),
		})
	}
	response.ErrorCode = fencedCode(err, request.Version >= 2)
	return response, nil
}
