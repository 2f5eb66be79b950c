package kafkacompat_test

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

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

// transactionSteps is a conversation of one producer, which has another id on each side.
type transactionSteps struct{ steps []transactionStep }

type transactionStep struct {
	name    string
	request func(c *txnConn) kmsg.Request
}

func (s *transactionSteps) say(name string, request func(c *txnConn) kmsg.Request) {
	s.steps = append(s.steps, transactionStep{name, request})
}

func transactionConversation() []transactionStep {
	var s transactionSteps
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version, create.TimeoutMillis = 4, 5000
	create.Topics = append(create.Topics, kmsg.CreateTopicsRequestTopic{Topic: "orders", NumPartitions: 2, ReplicationFactor: 1})
	s.say("create a topic", func(*txnConn) kmsg.Request { return create })

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
	s.say("find the coordinator", func(*txnConn) kmsg.Request { return find })
	s.say("init with no time", init(4, 0))
	s.say("init with too much time", init(4, 3_600_000))
	s.say("init without an id", init(4, 60_000, func(_ *txnConn, r *kmsg.InitProducerIDRequest) { r.TransactionalID = &empty }))
	s.say("init", init(4, 60_000))
	s.say("init again", init(4, 60_000))
	s.say("init, naming itself", init(4, 60_000, itself))
	s.say("describe an empty one", describe)

	s.say("produce without a transaction", produce(9, 0))
	s.say("end of nothing", end(3, 0, true))
	s.say("add partitions", add(3, 0, "orders", 0))
	s.say("add them again", add(3, 0, "orders", 0))
	s.say("add a partition that isn't there", add(3, 0, "orders", 1, 7))
	s.say("add in an old epoch", add(3, 1, "orders", 0))
	s.say("add in an old epoch, by an old client", add(1, 1, "orders", 0))
	s.say("produce", produce(9, 0))
	s.say("produce again", produce(9, 0))
	s.say("produce with a gap", produce(9, 7))
	s.say("produce more", produce(9, 1))
	s.say("fetch all while it is open", fetch(0, 0))
	s.say("fetch committed while it is open", fetch(0, 1))
	s.say("end offset", list(-1, 0))
	s.say("last stable offset", list(-1, 1))
	s.say("offset at a time", list(1000, 0))
	s.say("offset at a time, committed", list(1000, 1))
	s.say("commit offsets without the group", commit(3, 4))
	s.say("add the group", addGroup(3, 0))
	s.say("add the group in an old epoch", addGroup(3, 1))
	s.say("commit offsets", commit(3, 5))
	s.say("offset while it is open", offset(false))
	s.say("stable offset while it is open", offset(true))
	s.say("describe an open one", describe)
	s.say("describe producers", producers)
	s.say("end in an old epoch", end(3, 1, true))
	s.say("end in an old epoch, by an old client", end(1, 1, true))
	s.say("commit", end(3, 0, true))
	s.say("commit again", end(3, 0, true))
	s.say("abort what is committed", end(3, 0, false))
	s.say("fetch committed", fetch(0, 1))
	s.say("offset after the commit", offset(true))
	s.say("describe a committed one", describe)
	s.say("list", listTxns(func(*txnConn, *kmsg.ListTransactionsRequest) {}))
	s.say("list those open", listTxns(func(_ *txnConn, r *kmsg.ListTransactionsRequest) { r.StateFilters = []string{"Ongoing"} }))
	s.say("list by an unknown state", listTxns(func(_ *txnConn, r *kmsg.ListTransactionsRequest) { r.StateFilters = []string{"Sleeping", "Empty"} }))
	s.say("list by another producer", listTxns(func(_ *txnConn, r *kmsg.ListTransactionsRequest) { r.ProducerIDFilters = []int64{1 << 40} }))
	s.say("list by a long time", listTxns(func(_ *txnConn, r *kmsg.ListTransactionsRequest) { r.DurationFilterMillis = 1 << 30 }))

	s.say("add for an abort", add(3, 0, "orders", 0))
	s.say("produce for an abort", produce(9, 2))
	s.say("abort", end(3, 0, false))
	s.say("abort again", end(3, 0, false))
	s.say("fetch committed after an abort", fetch(0, 1))
	s.say("fetch committed from the middle of the aborted ones", fetch(3, 1))
	s.say("end offset after an abort", list(-1, 1))

	s.say("produce that adds its partition", produce(12, 3))
	s.say("commit offsets that add their group", commit(5, 9))
	s.say("commit with another epoch", end(5, 0, true))
	s.say("abort of nothing with another epoch", end(5, 0, false))
	s.say("produce in that epoch", produce(12, 0))
	s.say("abort with another epoch", end(5, 0, false))
	s.say("fetch committed at the end", fetch(0, 1))
	return s.steps
}

// The same transactions are made with the listener and with franz-go's fake cluster, and
// the answers are compared field by field.
func TestTransactionsAreAnsweredAsByAnotherImplementation(t *testing.T) {
	s, _ := startServerOnStore(t)
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1))
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	theirConn, err := net.Dial("tcp", fake.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer theirConn.Close()
	theirConn.SetDeadline(time.Now().Add(20 * time.Second))
	sides := []*txnConn{
		{rawConn: s.dial(), id: "tx"},
		{rawConn: &rawConn{Conn: theirConn, t: t, reader: bufio.NewReader(theirConn)}, id: "tx"},
	}
	differ := make(map[string]bool)
	for _, step := range transactionConversation() {
		var answers [2]string
		for i, c := range sides {
			response := ask[kmsg.Response](c.rawConn, step.request(c))
			c.learn(response)
			answers[i] = normalized(t, withoutIDs(t, response))
		}
		if answers[0] != answers[1] {
			differ[step.name] = true
			if transactionDifferences[step.name] == "" {
				t.Errorf("%s:\nours   %s\ntheirs %s", step.name, answers[0], answers[1])
			}
		}
	}
	for name, reason := range transactionDifferences {
		if !differ[name] {
			t.Errorf("%s doesn't differ any more: %s", name, reason)
		}
	}
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
	text := ""
	for _, a := range p.AbortedTransactions {
		text += fmt.Sprintf("aborted from %d; ", a.FirstOffset)
	}
	for data := p.RecordBatches; len(data) > 0; {
		batch, rest, err := recordbatch.Split(data)
		if err != nil {
			t.Fatal(err)
		}
		h, err := recordbatch.ParseHeader(batch)
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("batch %d..%d epoch %d sequence %d attributes %d", h.BaseOffset, h.LastOffset(), h.ProducerEpoch, h.BaseSequence, h.Attributes)
		if m, isMarker, err := recordbatch.ParseMarker(batch); err != nil || isMarker {
			text += fmt.Sprintf(" commit %v", m.IsCommit)
		}
		text += "; "
		data = rest
	}
	return text
}
