package kafkacompat

import (
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// ListTransactions lists transactional ids, all or those that pass a number of filters
// (KIP-664).
//
// Versions: 1 brought the filter by how long a transaction is open (KIP-994), 2 that by a
// pattern of the id (KIP-1152).
func init() {
	register(api{
		key: 66, versionMin: 0, versionMax: 2,
		requestBytesMax: requestBytesSmall,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[]s []i64 i64@1+ ns@2+"),
	}, listTransactions)
}

// transactionStates are all that a client may filter by. Those that Kafka has and that are
// never met here are known, and nothing is in them.
var transactionStates = []string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"}

func listTransactions(c *call, request *kmsg.ListTransactionsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.ListTransactionsResponse](request)
	if !c.isConfirmedLeader() {
		// Every node is asked, and one that coordinates nothing has nothing.
		if leader, _ := c.cluster().Leader(); leader < 0 || leader == c.cluster().NodeID() {
			response.ErrorCode = kerr.CoordinatorLoadInProgress.Code // or would all of them have nothing
		}
		return response, nil
	}
	var pattern *regexp.Regexp
	if request.TransactionalIDPattern != nil && *request.TransactionalIDPattern != "" {
		var err error
		if pattern, err = compilePattern(*request.TransactionalIDPattern); err != nil {
			response.ErrorCode = kerr.InvalidRegularExpression.Code
			return response, nil
		}
	}
	for _, state := range request.StateFilters {
		if !slices.Contains(transactionStates, state) {
			response.UnknownStateFilters = append(response.UnknownStateFilters, state)
		}
	}
	now := time.Now().UnixMilli()
	for _, tx := range c.log().Transactions() {
		switch {
		case len(request.StateFilters) > 0 && !slices.Contains(request.StateFilters, tx.Status.String()):
		case len(request.ProducerIDFilters) > 0 && !slices.Contains(request.ProducerIDFilters, tx.Producer.ProducerID):
		case request.Version >= 1 && request.DurationFilterMillis >= 0 && now-tx.StartedUnixMilli <= request.DurationFilterMillis:
			// One that is not open began at -1, so it passes, as on a broker.
		case pattern != nil && !pattern.MatchString(tx.TransactionalID):
		default:
			state := kmsg.NewListTransactionsResponseTransactionState()
			state.TransactionalID, state.ProducerID, state.TransactionState = tx.TransactionalID, tx.Producer.ProducerID, tx.Status.String()
			response.TransactionStates = append(response.TransactionStates, state)
		}
	}
	return response, nil
}
