package kafkacompat_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/recordbatch"
)

// transactionDifferences are the steps that kfake answers otherwise, each with the reason.
var transactionDifferences = map[string]string{
	"fetch committed at the end":            "with transaction version 2 a broker's markers have the epoch that is to come, which fences late batches",
	"init with no time":                     errorEpoch,
	"init with too much time":               errorEpoch,
	"init without an id":                    errorEpoch,
	"produce without a transaction":         errorOffset,
	"produce with a gap":                    errorOffset,
	"produce again":                         "a broker tells the log start offset with a repeat, too",
	"add in an old epoch, by an old client": oldFence,
	"end in an old epoch, by an old client": oldFence,
	"offset while it is open":               "a broker has -1 for what nobody committed, whether it knows the group or not",
	"stable offset while it is open":        "a broker counts the offsets of an open transaction, though nothing is committed yet",
	"offset after the commit":               "a broker keeps null metadata as the empty text, and says that",
	"describe producers":                    "a broker tells the time of the records, and no coordinator epoch before the first marker",
	"describe a committed one":              endedState,
	"list":                                  endedState,
	"list by a long time":                   endedState,
	"list by an unknown state":              "the same; and a broker names the states that it doesn't know",
}

const (
	errorEpoch = "a broker gives an error the epoch -1; kfake leaves it 0"
	oldFence   = "a broker says INVALID_PRODUCER_EPOCH to clients that don't know PRODUCER_FENCED"
	endedState = "a broker's transaction is CompleteCommit or CompleteAbort once it has ended; kfake's is Empty"
)

// transactionBrokerDifferences are those that Apache Kafka answers otherwise.
var transactionBrokerDifferences = map[string]string{
	"describe an open one":     "a broker names the partition of __consumer_offsets in which the transaction's offsets are; ours are in no topic",
	"describe a committed one": startAfterEnd,
	"list by a long time":      startAfterEnd,
}

const startAfterEnd = "a broker knows also of a transaction that has ended when it began"

// transactionConversation is that of one producer, which has another id on each side.
func transactionConversation() (steps []dataStep) {
	say := func(name string, request func(c *txnConn) kmsg.Request) {
		steps = append(steps, dataStep{name, func(side *diffSide) kmsg.Request { return request(side.txnConn) }})
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version, create.TimeoutMillis = 4, 5000
	// Records of 1970 and markers of today would be in two segments, and a broker's Fetch ends with a segment.
	create.Topics = append(create.Topics, kmsg.CreateTopicsRequestTopic{Topic: "orders", NumPartitions: 2, ReplicationFactor: 1,
		Configs: []kmsg.CreateTopicsRequestTopicConfig{{Name: "segment.ms", Value: textOf("9223372036854775807")}}})
	say("create a topic", func(*txnConn) kmsg.Request { return create })

	init := func(version int16, timeout int32, change ...func(*txnConn, *kmsg.InitProducerIDRequest)) func(*txnConn) kmsg.Request {
		return func(c *txnConn) kmsg.Request {
			r := c.initRequest(version, timeout)
			for _, f := range change {
				f(c, r)
			}
			return r
		}
	}
	itself := func(c *txnConn, r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = c.producer, c.epoch }
	empty := ""
	add := func(version int16, back int16, topic string, partitions ...int32) func(*txnConn) kmsg.Request {
		return func(c *txnConn) kmsg.Request {
			r := c.addRequest(version, topic, partitions...)
			r.ProducerEpoch -= back
			return r
		}
	}
	addGroup := func(version int16, back int16) func(*txnConn) kmsg.Request {
		return func(c *txnConn) kmsg.Request {
			r := kmsg.NewPtrAddOffsetsToTxnRequest()
			r.Version, r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Group = version, c.id, c.producer, c.epoch-back, "g"
			return r
		}
	}
	end := func(version int16, back int16, commit bool) func(*txnConn) kmsg.Request {
		return func(c *txnConn) kmsg.Request {
			r := kmsg.NewPtrEndTxnRequest()
			r.Version, r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Commit = version, c.id, c.producer, c.epoch-back, commit
			return r
		}
	}
	produce := func(version int16, sequence int32) func(*txnConn) kmsg.Request {
		return func(c *txnConn) kmsg.Request { return c.produceRequest(version, "orders", sequence, "v") }
	}
	commit := func(version int16, offset int64) func(*txnConn) kmsg.Request {
		return func(c *txnConn) kmsg.Request { return c.commitRequest(version, "g", offset) }
	}
	fetch := func(offset int64, isolation int8) func(*txnConn) kmsg.Request {
		return func(*txnConn) kmsg.Request {
			r := fetchRequest("orders", offset, 1, 0)
			r.IsolationLevel = isolation
			return r
		}
	}
	list := func(at int64, isolation int8) func(*txnConn) kmsg.Request {
		return func(*txnConn) kmsg.Request {
			r := kmsg.NewPtrListOffsetsRequest()
			r.Version, r.ReplicaID, r.IsolationLevel = 7, -1, isolation
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Timestamp, p.CurrentLeaderEpoch = at, -1
			r.Topics = append(r.Topics, kmsg.ListOffsetsRequestTopic{Topic: "orders", Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}})
			return r
		}
	}
	offset := func(stable bool) func(*txnConn) kmsg.Request {
		return func(*txnConn) kmsg.Request {
			r := kmsg.NewPtrOffsetFetchRequest()
			r.Version, r.RequireStable, r.Group = 7, stable, "g"
			r.Topics = append(r.Topics, kmsg.OffsetFetchRequestTopic{Topic: "orders", Partitions: []int32{0}})
			return r
		}
	}
	describe := func(c *txnConn) kmsg.Request {
		r := kmsg.NewPtrDescribeTransactionsRequest()
		r.TransactionalIDs = []string{c.id, "nobody"}
		return r
	}
	producers := func(*txnConn) kmsg.Request {
		r := kmsg.NewPtrDescribeProducersRequest()
		r.Topics = append(r.Topics, kmsg.DescribeProducersRequestTopic{Topic: "orders", Partitions: []int32{0, 9}})
		return r
	}
	listTxns := func(change func(*txnConn, *kmsg.ListTransactionsRequest)) func(*txnConn) kmsg.Request {
		return func(c *txnConn) kmsg.Request {
			r := kmsg.NewPtrListTransactionsRequest()
			r.Version = 1
			change(c, r)
			return r
		}
	}

	find := kmsg.NewPtrFindCoordinatorRequest()
	find.Version, find.CoordinatorType, find.CoordinatorKeys = 4, 1, []string{"tx"}
	say("find the coordinator", func(*txnConn) kmsg.Request { return find })
	say("init with no time", init(4, 0))
	say("init with too much time", init(4, 3_600_000))
	say("init without an id", init(4, 60_000, func(_ *txnConn, r *kmsg.InitProducerIDRequest) { r.TransactionalID = &empty }))
	say("init", init(4, 60_000))
	say("init again", init(4, 60_000))
	say("init, naming itself", init(4, 60_000, itself))
	say("describe an empty one", describe)

	say("produce without a transaction", produce(9, 0))
	say("end of nothing", end(3, 0, true))
	say("add partitions", add(3, 0, "orders", 0))
	say("add them again", add(3, 0, "orders", 0))
	say("add a partition that isn't there", add(3, 0, "orders", 1, 7))
	say("add in an old epoch", add(3, 1, "orders", 0))
	say("add in an old epoch, by an old client", add(1, 1, "orders", 0))
	say("produce", produce(9, 0))
	say("produce again", produce(9, 0))
	say("produce with a gap", produce(9, 7))
	say("produce more", produce(9, 1))
	say("fetch all while it is open", fetch(0, 0))
	say("fetch committed while it is open", fetch(0, 1))
	say("end offset", list(-1, 0))
	say("last stable offset", list(-1, 1))
	say("offset at a time", list(1000, 0))
	say("offset at a time, committed", list(1000, 1))
	say("commit offsets without the group", commit(3, 4))
	say("add the group", addGroup(3, 0))
	say("add the group in an old epoch", addGroup(3, 1))
	say("commit offsets", commit(3, 5))
	say("offset while it is open", offset(false))
	say("stable offset while it is open", offset(true))
	say("describe an open one", describe)
	say("describe producers", producers)
	say("end in an old epoch", end(3, 1, true))
	say("end in an old epoch, by an old client", end(1, 1, true))
	say("commit", end(3, 0, true))
	say("commit again", end(3, 0, true))
	say("abort what is committed", end(3, 0, false))
	say("fetch committed", fetch(0, 1))
	say("offset after the commit", offset(true))
	say("describe a committed one", describe)
	say("list", listTxns(func(*txnConn, *kmsg.ListTransactionsRequest) {}))
	say("list those open", listTxns(func(_ *txnConn, r *kmsg.ListTransactionsRequest) { r.StateFilters = []string{"Ongoing"} }))
	say("list by an unknown state", listTxns(func(_ *txnConn, r *kmsg.ListTransactionsRequest) { r.StateFilters = []string{"Sleeping", "Empty"} }))
	say("list by another producer", listTxns(func(_ *txnConn, r *kmsg.ListTransactionsRequest) { r.ProducerIDFilters = []int64{1 << 40} }))
	say("list by a long time", listTxns(func(_ *txnConn, r *kmsg.ListTransactionsRequest) { r.DurationFilterMillis = 1 << 30 }))

	say("add for an abort", add(3, 0, "orders", 0))
	say("produce for an abort", produce(9, 2))
	say("abort", end(3, 0, false))
	say("abort again", end(3, 0, false))
	say("fetch committed after an abort", fetch(0, 1))
	say("fetch committed from the middle of the aborted ones", fetch(3, 1))
	say("end offset after an abort", list(-1, 1))

	say("produce that adds its partition", produce(12, 3))
	say("commit offsets that add their group", commit(5, 9))
	say("commit with another epoch", end(5, 0, true))
	say("abort of nothing with another epoch", end(5, 0, false))
	say("produce in that epoch", produce(12, 0))
	say("abort with another epoch", end(5, 0, false))
	say("init when all is done", init(4, 60_000)) // a broker answers it when the markers are written
	say("fetch committed at the end", fetch(0, 1))
	return steps
}

// The same transactions are made with the listener, with franz-go's fake cluster and with
// Apache Kafka, and the answers are compared field by field.
func TestTransactionsAreAnsweredAsByAnotherImplementation(t *testing.T) {
	s, _ := startServerOnStore(t)
	steps := transactionConversation()
	ours := converse(t, dialSide(t, s.address), steps)
	compareAnswers(t, "kfake ", steps, ours, converse(t, startFake(t, kfake.DefaultNumPartitions(1)), steps), transactionDifferences)
	compareWithBroker(t, "transactions", steps, ours, transactionBrokerDifferences)
}

// learn keeps the id and epoch that a producer is given.
func (c *txnConn) learn(response kmsg.Response) {
	switch r := response.(type) {
	case *kmsg.InitProducerIDResponse:
		if r.ErrorCode == 0 {
			c.producer, c.epoch = r.ProducerID, r.ProducerEpoch
		}
	case *kmsg.EndTxnResponse:
		if r.ErrorCode == 0 && r.Version >= 5 {
			c.producer, c.epoch = r.ProducerID, r.ProducerEpoch
		}
	}
}

// withoutIDs replaces what is in the bytes of batches and may differ between clusters,
// and keeps the number of aborted transactions, which the other conversation has none of.
func withoutIDs(t *testing.T, response kmsg.Response) kmsg.Response {
	t.Helper()
	switch r := response.(type) {
	case *kmsg.FetchResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				p := &r.Topics[i].Partitions[j]
				p.RecordBatches = []byte(describeFetched(t, p))
			}
		}
	case *kmsg.DescribeTransactionsResponse:
		for i := range r.TransactionStates {
			if r.TransactionStates[i].StartTimestamp > 0 {
				r.TransactionStates[i].StartTimestamp = 1
			}
		}
	}
	return response
}

func describeFetched(t *testing.T, p *kmsg.FetchResponseTopicPartition) string {
	t.Helper()
	slices.SortFunc(p.AbortedTransactions, func(a, b kmsg.FetchResponseTopicPartitionAbortedTransaction) int {
		return cmp.Compare(a.FirstOffset, b.FirstOffset)
	})
	text := ""
	for _, a := range p.AbortedTransactions {
		text += fmt.Sprintf("aborted from %d; ", a.FirstOffset)
	}
	for data := p.RecordBatches; len(data) > 0; {
		batch, rest, err := recordbatch.Split(data)
		if err != nil { // brokers may cut off the last
			return text + "a part of a batch"
		}
		h, err := recordbatch.ParseHeader(batch)
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("batch %d..%d epoch %d sequence %d attributes %d", h.BaseOffset, h.LastOffset(), h.ProducerEpoch, h.BaseSequence, h.Attributes)
		if m, isMarker, err := recordbatch.ParseMarker(batch); err != nil || isMarker {
			text += fmt.Sprintf(" commit %v", m.IsCommit)
		} else {
			text += fmt.Sprintf(" records %x", batch[61:])
		}
		text += "; "
		data = rest
	}
	return text
}
