package kafkacompat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"kont/kafkacompat"
	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// The transactional client of franz-go, as it speaks to brokers of several releases: the
// newest adds partitions with its batches (KIP-890, part 2), the others ask before.
func TestTransactionalClientsOfManyReleases(t *testing.T) {
	for name, versions := range map[string]*kversion.Versions{
		"0.11": kversion.V0_11_0(), "2.4": kversion.V2_4_0(), "2.8": kversion.V2_8_0(), "3.9": kversion.V3_9_0(), "newest": kversion.Stable(),
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := startServerOnStore(t)
			s.createTopic("orders", 2)
			producer := s.client(kgo.TransactionalID("tx"), kgo.MaxVersions(versions))
			var want []string
			for i := range 6 {
				if err := producer.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				for p := range int32(2) {
					value := fmt.Sprintf("%d/%d", i, p)
					if err := producer.ProduceSync(testContext(t), &kgo.Record{Topic: "orders", Partition: p, Value: []byte(value)}).FirstErr(); err != nil {
						t.Fatal(err)
					}
					if i%2 == 0 {
						want = append(want, value)
					}
				}
				if err := producer.EndTransaction(testContext(t), kgo.TransactionEndTry(i%2 == 0)); err != nil {
					t.Fatal(err)
				}
			}
			requireConsumes(t, s.client(kgo.MaxVersions(versions), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
				kgo.FetchIsolationLevel(kgo.ReadCommitted())), want)
			// Everybody else sees all records, and no client shows markers.
			everything := consumeSome(t, s.client(kgo.MaxVersions(versions), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())), 12)
			if len(everything) != 12 {
				t.Errorf("%d records, want 12: %v", len(everything), everything)
			}
		})
	}
}

func requireConsumes(t *testing.T, client *kgo.Client, want []string) {
	t.Helper()
	var got []string
	for _, value := range consumeSome(t, client, len(want)) {
		got = append(got, value)
	}
	sort.Strings(got)
	if sort.Strings(want); !slices.Equal(got, want) {
		t.Errorf("consumed %v, want %v", got, want)
	}
}

// A session of franz-go consumes, produces and commits its offsets in one transaction. Two
// of them share the work, one aborts every other transaction, and each record comes out
// once.
func TestGroupTransactSessionsCopyEachRecordOnce(t *testing.T) {
	s, _ := startServerOnStore(t)
	s.createTopic("in", 4)
	s.createTopic("out", 2)
	const total = 200
	produceSome(t, s.client(), "in", 4, total)
	ctx, cancel := context.WithCancel(testContext(t))
	failed := make(chan error, 2)
	for i := range 2 {
		session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(s.address), kgo.TransactionalID(fmt.Sprint("tx-", i)), kgo.ConsumerGroup("copy"),
			kgo.ConsumeTopics("in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.FetchMaxWait(200*time.Millisecond), kgo.DefaultProduceTopic("out"), kgo.Balancers(kgo.CooperativeStickyBalancer()))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer session.Close()
			for n := 0; ; n++ {
				fetches := session.PollRecords(ctx, 20)
				if ctx.Err() != nil {
					failed <- nil
					return
				}
				if err := session.Begin(); err != nil {
					failed <- err
					return
				}
				promise := kgo.AbortingFirstErrPromise(session.Client())
				fetches.EachRecord(func(r *kgo.Record) { session.Produce(ctx, &kgo.Record{Value: r.Value}, promise.Promise()) })
				isGood := promise.Err() == nil && fetches.Err() == nil
				if _, err := session.End(ctx, kgo.TransactionEndTry(isGood && (i == 0 || n%2 == 0))); err != nil && ctx.Err() == nil {
					failed <- err
					return
				}
			}
		}()
	}
	var want []string
	for i := range total {
		want = append(want, fmt.Sprint("v", i))
	}
	requireConsumes(t, s.client(kgo.ConsumeTopics("out"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted())), want)
	offsets, err := kadm.NewClient(s.client()).FetchOffsets(testContext(t), "copy")
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
	if sum != total {
		t.Errorf("the group committed %d records, want %d", sum, total)
	}
	cancel()
	for range 2 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestSecondProducerFencesTheFirst(t *testing.T) {
	s, _ := startServerOnStore(t)
	s.createTopic("orders", 1)
	first, second := s.client(kgo.TransactionalID("tx")), s.client(kgo.TransactionalID("tx"))
	for i, client := range []*kgo.Client{first, second} {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(testContext(t), &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.EndTransaction(testContext(t), kgo.TryCommit); !errors.Is(err, kerr.ProducerFenced) && !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("commit by the first: %v, want it to be fenced", err)
	}
	if err := second.EndTransaction(testContext(t), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	requireConsumes(t, s.client(kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted())), []string{"1"})
}

// txnConn speaks about a transaction in single requests.
type txnConn struct {
	*rawConn
	id       string
	producer int64
	epoch    int16
}

func (s *testServer) txnConn(id string) *txnConn {
	s.t.Helper()
	c := &txnConn{rawConn: s.dial(), id: id}
	response := ask[*kmsg.InitProducerIDResponse](c.rawConn, c.initRequest(4, 60_000))
	if response.ErrorCode != 0 {
		s.t.Fatalf("%+v", response)
	}
	c.producer, c.epoch = response.ProducerID, response.ProducerEpoch
	return c
}

func (c *txnConn) initRequest(version int16, timeoutMilli int32) *kmsg.InitProducerIDRequest {
	request := kmsg.NewPtrInitProducerIDRequest()
	request.Version, request.TransactionalID, request.TransactionTimeoutMillis = version, &c.id, timeoutMilli
	return request
}

func (c *txnConn) addRequest(version int16, topic string, partitions ...int32) *kmsg.AddPartitionsToTxnRequest {
	request := kmsg.NewPtrAddPartitionsToTxnRequest()
	request.Version, request.TransactionalID, request.ProducerID, request.ProducerEpoch = version, c.id, c.producer, c.epoch
	request.Topics = append(request.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: topic, Partitions: partitions})
	return request
}

func (c *txnConn) add(version int16, topic string, partitions ...int32) (codes []int16) {
	for _, p := range ask[*kmsg.AddPartitionsToTxnResponse](c.rawConn, c.addRequest(version, topic, partitions...)).Topics[0].Partitions {
		codes = append(codes, p.ErrorCode)
	}
	return codes
}

func (c *txnConn) end(version int16, isCommit bool) *kmsg.EndTxnResponse {
	request := kmsg.NewPtrEndTxnRequest()
	request.Version, request.TransactionalID, request.ProducerID, request.ProducerEpoch, request.Commit = version, c.id, c.producer, c.epoch, isCommit
	return ask[*kmsg.EndTxnResponse](c.rawConn, request)
}

func (c *txnConn) produceRequest(version int16, topic string, sequence int32, value string) *kmsg.ProduceRequest {
	request := produceRequest(-1, version, topic, recordbatch.Append(nil, []recordbatch.Record{{TimestampUnixMilli: 1000, Value: []byte(value)}},
		recordbatch.Options{Transactional: true, Producer: &recordbatch.Producer{ID: c.producer, Epoch: c.epoch, BaseSequence: sequence}}))
	request.TransactionID = &c.id
	return request
}

func (c *txnConn) produce(version int16, topic string, sequence int32, value string) int16 {
	return ask[*kmsg.ProduceResponse](c.rawConn, c.produceRequest(version, topic, sequence, value)).Topics[0].Partitions[0].ErrorCode
}

func (c *txnConn) commitRequest(version int16, group string, offset int64) *kmsg.TxnOffsetCommitRequest {
	request := kmsg.NewPtrTxnOffsetCommitRequest()
	request.Version, request.TransactionalID, request.ProducerID, request.ProducerEpoch = version, c.id, c.producer, c.epoch
	request.Group, request.Generation = group, -1
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic = "orders"
	p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	p.Offset = offset
	topic.Partitions = append(topic.Partitions, p)
	request.Topics = append(request.Topics, topic)
	return request
}

func (c *txnConn) commit(version int16, group string, offset int64) int16 {
	return ask[*kmsg.TxnOffsetCommitResponse](c.rawConn, c.commitRequest(version, group, offset)).Topics[0].Partitions[0].ErrorCode
}

func requireCode(t *testing.T, what string, got int16, want *kerr.Error) {
	t.Helper()
	code := int16(0)
	if want != nil {
		code = want.Code
	}
	if got != code {
		t.Errorf("%s: error %d (%v), want %d", what, got, kerr.ErrorForCode(got), code)
	}
}

func TestRequestsOutsideOfTheirTransactionAreRefused(t *testing.T) {
	s, _ := startServerOnStore(t)
	s.createTopic("orders", 2)
	c := s.txnConn("tx")
	requireCode(t, "produce without a transaction", c.produce(9, "orders", 0, "a"), kerr.InvalidTxnState)
	requireCode(t, "the same from a newer client", c.produce(11, "orders", 0, "a"), kerr.TransactionAbortable)
	requireCode(t, "commit offsets without the group", c.commit(3, "g", 1), kerr.InvalidTxnState)
	requireCode(t, "the same from a newer client", c.commit(4, "g", 1), kerr.TransactionAbortable)
	requireCode(t, "end of nothing", c.end(3, true).ErrorCode, kerr.InvalidTxnState)
	if codes := c.add(3, "orders", 0, 7); !slices.Equal(codes, []int16{kerr.OperationNotAttempted.Code, kerr.UnknownTopicOrPartition.Code}) {
		t.Errorf("a partition that isn't there: %v", codes)
	}
	requireCode(t, "produce after that", c.produce(9, "orders", 0, "a"), kerr.InvalidTxnState)
	if codes := c.add(3, "orders", 0); codes[0] != 0 {
		t.Fatalf("add: %v", codes)
	}
	requireCode(t, "produce", c.produce(9, "orders", 0, "a"), nil)
	requireCode(t, "produce again", c.produce(9, "orders", 0, "a"), nil)
	requireCode(t, "produce with a gap", c.produce(9, "orders", 5, "a"), kerr.OutOfOrderSequenceNumber)
	stranger := *c
	stranger.producer += 1000
	requireCode(t, "produce with another id", stranger.produce(9, "orders", 0, "a"), kerr.InvalidProducerIDMapping)
	requireCode(t, "add with another id", stranger.add(3, "orders", 0)[0], kerr.InvalidProducerIDMapping)
	nobody := *c
	nobody.id = "nobody"
	requireCode(t, "end by nobody", nobody.end(3, true).ErrorCode, kerr.InvalidProducerIDMapping)
	none := *c
	none.id = ""
	requireCode(t, "end without an id", none.end(3, true).ErrorCode, kerr.InvalidRequest)
	old := *c
	old.epoch--
	requireCode(t, "end by an old client in an old epoch", old.end(1, true).ErrorCode, kerr.InvalidProducerEpoch)
	requireCode(t, "end in an old epoch", old.end(3, true).ErrorCode, kerr.ProducerFenced)
	requireCode(t, "add by an old client in an old epoch", old.add(1, "orders", 0)[0], kerr.InvalidProducerEpoch)
	requireCode(t, "add in an old epoch", old.add(3, "orders", 0)[0], kerr.ProducerFenced)
	requireCode(t, "offsets in an old epoch", old.commit(3, "g", 1), kerr.InvalidProducerEpoch)
	open := c.produceRequest(9, "orders", 1, "a")
	open.TransactionID = nil
	requireCode(t, "a batch of a transaction in a request of none",
		ask[*kmsg.ProduceResponse](c.rawConn, open).Topics[0].Partitions[0].ErrorCode, kerr.TransactionalIDAuthorizationFailed)
	for _, timeout := range []int32{0, -1, 900_001} {
		requireCode(t, fmt.Sprint("timeout of ", timeout), ask[*kmsg.InitProducerIDResponse](c.rawConn, c.initRequest(4, timeout)).ErrorCode, kerr.InvalidTransactionTimeout)
	}
	requireCode(t, "commit", c.end(3, true).ErrorCode, nil)
	requireCode(t, "commit, told again", c.end(3, true).ErrorCode, nil)
	requireCode(t, "abort of what is committed", c.end(3, false).ErrorCode, kerr.InvalidTxnState)
}

func TestEndOfVersion5BringsAnotherEpoch(t *testing.T) {
	s, _ := startServerOnStore(t)
	s.createTopic("orders", 1)
	c := s.txnConn("tx")
	requireCode(t, "produce adds its partition", c.produce(12, "orders", 0, "a"), nil)
	requireCode(t, "offsets add their group", c.commit(5, "g", 9), nil)
	for _, what := range []string{"end", "end, told again"} {
		if end := c.end(5, true); end.ErrorCode != 0 || end.ProducerID != c.producer || end.ProducerEpoch != c.epoch+1 {
			t.Errorf("%s: %+v of %+v", what, end, c)
		}
	}
	requireCode(t, "produce in the old epoch", c.produce(12, "orders", 1, "a"), kerr.InvalidProducerEpoch)
	c.epoch++
	requireCode(t, "produce in the new epoch with an old sequence", c.produce(12, "orders", 1, "a"), kerr.OutOfOrderSequenceNumber)
	requireCode(t, "produce in the new epoch", c.produce(12, "orders", 0, "a"), nil)
	if end := c.end(5, false); end.ErrorCode != 0 || end.ProducerEpoch != c.epoch+1 {
		t.Errorf("abort: %+v", end)
	}
}

// Readers of committed records wait behind an open transaction, and wake when it ends.
func TestFetchOfCommittedRecordsWaitsForTheEndOfATransaction(t *testing.T) {
	s, log := startServerOnStore(t)
	s.createTopic("orders", 1)
	c := s.txnConn("tx")
	ask[*kmsg.ProduceResponse](c.rawConn, produceRequest(-1, 9, "orders", oneBatch("plain")))
	c.add(3, "orders", 0)
	requireCode(t, "produce", c.produce(9, "orders", 0, "undecided"), nil)

	fetch := func(offset int64, wait time.Duration) *kmsg.FetchRequest {
		request := fetchRequest("orders", offset, 1, wait)
		request.IsolationLevel = 1
		return request
	}
	reader := s.dial()
	p := ask[*kmsg.FetchResponse](reader, fetch(0, 0)).Topics[0].Partitions[0]
	if header, err := recordbatch.Validate(p.RecordBatches); err != nil || header.IsTransactional() || p.LastStableOffset != 1 || p.HighWatermark != 2 || p.AbortedTransactions == nil {
		t.Errorf("%+v, %v", p, err)
	}
	if p := ask[*kmsg.FetchResponse](reader, fetch(1, 0)).Topics[0].Partitions[0]; len(p.RecordBatches) != 0 || p.ErrorCode != 0 {
		t.Errorf("behind the last stable offset: %+v", p)
	}
	if p := ask[*kmsg.FetchResponse](reader, fetchRequest("orders", 1, 1, 0)).Topics[0].Partitions[0]; len(p.RecordBatches) == 0 || p.AbortedTransactions != nil {
		t.Errorf("a reader of all records: %+v", p)
	}

	waiting := s.dial()
	reader.send(frame(1, fetch(1, 20*time.Second)))
	eventually(t, "the reader waits", func() bool { return log.watches.Load() == 1 })
	ask[*kmsg.ProduceResponse](waiting, produceRequest(-1, 9, "orders", oneBatch("more")))
	if log.watches.Load() != 1 {
		t.Error("the reader did not wait behind the transaction")
	}
	began := time.Now()
	requireCode(t, "abort", c.end(3, false).ErrorCode, nil)
	p = answer[*kmsg.FetchResponse](reader, 1, fetch(1, 0)).Topics[0].Partitions[0]
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("woken after %s", took)
	}
	want := []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: c.producer, FirstOffset: 1}}
	if len(p.AbortedTransactions) != 1 || p.AbortedTransactions[0].ProducerID != want[0].ProducerID || p.AbortedTransactions[0].FirstOffset != 1 || p.LastStableOffset != 4 {
		t.Errorf("%+v, want aborted %+v", p, want)
	}
	marker, isMarker := recordbatch.Marker{}, false
	for data := p.RecordBatches; len(data) > 0; {
		batch, rest, err := recordbatch.Split(data)
		if err != nil {
			t.Fatal(err)
		}
		if m, is, err := recordbatch.ParseMarker(batch); err != nil || is {
			marker, isMarker = m, true
		}
		data = rest
	}
	if !isMarker || marker.IsCommit || marker.ProducerID != c.producer || marker.CoordinatorEpoch != 1 {
		t.Errorf("marker %+v", marker)
	}
}

func TestOffsetsAreListedUpToTheLastStableOne(t *testing.T) {
	s, _ := startServerOnStore(t)
	s.createTopic("orders", 1)
	c := s.txnConn("tx")
	ask[*kmsg.ProduceResponse](c.rawConn, produceRequest(-1, 9, "orders", oneBatch("plain")))
	c.add(3, "orders", 0)
	requireCode(t, "produce", c.produce(9, "orders", 0, "undecided"), nil)
	list := func(at int64, isolation int8) int64 {
		request := kmsg.NewPtrListOffsetsRequest()
		request.Version, request.ReplicaID, request.IsolationLevel = 7, -1, isolation
		asked := kmsg.NewListOffsetsRequestTopicPartition()
		asked.Timestamp, asked.CurrentLeaderEpoch = at, -1
		request.Topics = append(request.Topics, kmsg.ListOffsetsRequestTopic{Topic: "orders", Partitions: []kmsg.ListOffsetsRequestTopicPartition{asked}})
		p := ask[*kmsg.ListOffsetsResponse](c.rawConn, request).Topics[0].Partitions[0]
		if p.ErrorCode != 0 {
			t.Fatalf("%+v", p)
		}
		return p.Offset
	}
	for _, test := range []struct {
		at              int64
		committed, open int64
	}{{-1, 1, 2}, {-2, 0, 0}, {1000, 0, 0}, {1001, -1, -1}} {
		if got := list(test.at, 1); got != test.committed {
			t.Errorf("at %d, committed: %d, want %d", test.at, got, test.committed)
		}
		if got := list(test.at, 0); got != test.open {
			t.Errorf("at %d: %d, want %d", test.at, got, test.open)
		}
	}
	ask[*kmsg.DeleteRecordsResponse](c.rawConn, func() *kmsg.DeleteRecordsRequest {
		r := kmsg.NewPtrDeleteRecordsRequest()
		r.Topics = append(r.Topics, kmsg.DeleteRecordsRequestTopic{Topic: "orders", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: 1}}})
		return r
	}())
	if got := list(1000, 1); got != -1 {
		t.Errorf("a record that is undecided was found: %d", got)
	}
	if got := list(1000, 0); got != 1 {
		t.Errorf("it was not found by others: %d", got)
	}
}

// Offsets that a transaction is about to change are withheld from those who ask for stable
// ones, and a member of the group has to be one.
func TestOffsetsOfAnOpenTransactionAreUnstable(t *testing.T) {
	s, _ := startServerOnStore(t)
	s.createTopic("orders", 1)
	c := s.txnConn("tx")
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.Version, add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = 3, c.id, c.producer, c.epoch, "g"
	requireCode(t, "add the group", ask[*kmsg.AddOffsetsToTxnResponse](c.rawConn, add).ErrorCode, nil)
	requireCode(t, "commit in the transaction", c.commit(3, "g", 42), nil)
	member := c.commitRequest(3, "g", 43)
	member.Generation, member.MemberID = 1, "stranger"
	requireCode(t, "commit by a stranger", ask[*kmsg.TxnOffsetCommitResponse](c.rawConn, member).Topics[0].Partitions[0].ErrorCode, kerr.IllegalGeneration)
	for _, version := range []int16{7, 9} {
		for _, stable := range []bool{true, false} {
			p := fetchOffset(c.rawConn, version, "g", stable)
			want := int16(0)
			if stable {
				want = kerr.UnstableOffsetCommit.Code
			}
			if p.Offset != -1 || p.ErrorCode != want {
				t.Errorf("version %d, stable %v: %+v", version, stable, p)
			}
		}
	}
	requireCode(t, "commit", c.end(3, true).ErrorCode, nil)
	if p := fetchOffset(c.rawConn, 9, "g", true); p.Offset != 42 || p.ErrorCode != 0 {
		t.Errorf("after the end: %+v", p)
	}
}

// Who asks for stable offsets gets none from before a transaction that commits at that moment: it would do again what
// the transaction has done.
func TestStableOffsetsAreNotThoseBeforeATransactionThatEndsMeanwhile(t *testing.T) {
	s, store := startServerOnStore(t)
	s.createTopic("orders", 1)
	for _, version := range []int16{7, 9} {
		c := s.txnConn(fmt.Sprint("tx-", version))
		commit := c.commitRequest(5, "g", int64(version))
		requireCode(t, "commit in the transaction", ask[*kmsg.TxnOffsetCommitResponse](c.rawConn, commit).Topics[0].Partitions[0].ErrorCode, nil)
		end := func() { requireCode(t, "commit", c.end(3, true).ErrorCode, nil) }
		store.afterOffsets.Store(&end)
		if p := fetchOffset(s.dial(), version, "g", true); p.ErrorCode != kerr.UnstableOffsetCommit.Code {
			t.Errorf("version %d, while the transaction ends: %+v", version, p)
		}
		if p := fetchOffset(s.dial(), version, "g", true); p.Offset != int64(version) || p.ErrorCode != 0 {
			t.Errorf("version %d, after its end: %+v", version, p)
		}
	}
}

func fetchOffset(c *rawConn, version int16, group string, stable bool) kmsg.OffsetFetchResponseGroupTopicPartition {
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Version, request.RequireStable, request.Group = version, stable, group
	request.Topics = append(request.Topics, kmsg.OffsetFetchRequestTopic{Topic: "orders", Partitions: []int32{0}})
	one := kmsg.NewOffsetFetchRequestGroup()
	one.Group = group
	one.Topics = append(one.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: "orders", Partitions: []int32{0}})
	request.Groups = append(request.Groups, one)
	response := ask[*kmsg.OffsetFetchResponse](c, request)
	if version >= 8 {
		return response.Groups[0].Topics[0].Partitions[0]
	}
	p := response.Topics[0].Partitions[0]
	return kmsg.OffsetFetchResponseGroupTopicPartition{Partition: p.Partition, Offset: p.Offset, ErrorCode: p.ErrorCode}
}

func TestTransactionsAreDescribedAndListed(t *testing.T) {
	s, _ := startServerOnStore(t)
	s.createTopic("orders", 2)
	open, done := s.txnConn("open"), s.txnConn("done")
	open.add(3, "orders", 1, 0)
	done.add(3, "orders", 0)
	requireCode(t, "produce", open.produce(9, "orders", 0, "a"), nil)
	requireCode(t, "produce", done.produce(9, "orders", 0, "a"), nil)
	requireCode(t, "commit", done.end(3, true).ErrorCode, nil)

	admin := kadm.NewClient(s.client())
	described, err := admin.DescribeTransactions(testContext(t), "open", "done", "nobody")
	if err != nil && !errors.Is(err, kerr.TransactionalIDNotFound) {
		t.Fatal(err)
	}
	if tx := described["open"]; tx.State != "Ongoing" || tx.ProducerID != open.producer || tx.TimeoutMillis != 60_000 || tx.StartTimestamp <= 0 || len(tx.Topics["orders"]) != 2 {
		t.Errorf("open: %+v", tx)
	}
	if tx := described["done"]; tx.State != "CompleteCommit" || tx.StartTimestamp != -1 || len(tx.Topics) != 0 {
		t.Errorf("done: %+v", tx)
	}
	if tx := described["nobody"]; !errors.Is(tx.Err, kerr.TransactionalIDNotFound) {
		t.Errorf("nobody: %+v", tx)
	}

	list := func(change func(*kmsg.ListTransactionsRequest)) (ids []string, response *kmsg.ListTransactionsResponse) {
		request := kmsg.NewPtrListTransactionsRequest()
		request.Version = 2
		change(request)
		response = ask[*kmsg.ListTransactionsResponse](open.rawConn, request)
		for _, state := range response.TransactionStates {
			ids = append(ids, state.TransactionalID)
		}
		return ids, response
	}
	pattern := func(text string) func(*kmsg.ListTransactionsRequest) {
		return func(r *kmsg.ListTransactionsRequest) { r.TransactionalIDPattern = &text }
	}
	for name, test := range map[string]struct {
		change func(*kmsg.ListTransactionsRequest)
		want   []string
	}{
		"all":           {func(*kmsg.ListTransactionsRequest) {}, []string{"done", "open"}},
		"state":         {func(r *kmsg.ListTransactionsRequest) { r.StateFilters = []string{"Ongoing", "Sleeping"} }, []string{"open"}},
		"producer":      {func(r *kmsg.ListTransactionsRequest) { r.ProducerIDFilters = []int64{done.producer} }, []string{"done"}},
		"duration":      {func(r *kmsg.ListTransactionsRequest) { r.DurationFilterMillis = 1 << 30 }, []string{"done"}},
		"pattern":       {pattern("o.*"), []string{"open"}},
		"whole pattern": {pattern("o"), nil},
	} {
		ids, response := list(test.change)
		if !slices.Equal(ids, test.want) || response.ErrorCode != 0 {
			t.Errorf("%s: %+v, want %v", name, response, test.want)
		}
		if name == "state" && !slices.Equal(response.UnknownStateFilters, []string{"Sleeping"}) {
			t.Errorf("unknown states: %v", response.UnknownStateFilters)
		}
	}
	for _, refused := range []string{"(", "o)(.*", strings.Repeat(".{1000}", 1000)} {
		if _, response := list(pattern(refused)); response.ErrorCode != kerr.InvalidRegularExpression.Code {
			t.Errorf("pattern %.10q: %+v", refused, response)
		}
	}

	producers, err := admin.DescribeProducers(testContext(t), kadm.TopicsSet{"orders": {0: {}}})
	if err != nil {
		t.Fatal(err)
	}
	active := map[int64]kadm.DescribedProducer{}
	for _, p := range producers["orders"].Partitions[0].ActiveProducers {
		active[p.ProducerID] = p
	}
	if p := active[open.producer]; p.LastSequence != 0 || p.LastTimestamp != 1000 || p.CurrentTxnStartOffset != 0 || p.CoordinatorEpoch != -1 {
		t.Errorf("the open one: %+v", p)
	}
	if p := active[done.producer]; p.CurrentTxnStartOffset != -1 || p.CoordinatorEpoch != 1 {
		t.Errorf("the other: %+v", p)
	}
}

// A node that does not lead sends clients to the one that does.
func TestTransactionsAreForTheLeader(t *testing.T) {
	s, log := startServerOnStore(t)
	s.createTopic("orders", 1)
	c := s.txnConn("tx")
	s.cluster.SetLeader(2)
	requireCode(t, "init", ask[*kmsg.InitProducerIDResponse](c.rawConn, c.initRequest(4, 1000)).ErrorCode, kerr.NotCoordinator)
	requireCode(t, "add", c.add(3, "orders", 0)[0], kerr.NotCoordinator)
	requireCode(t, "offsets", c.commit(3, "g", 1), kerr.NotCoordinator)
	requireCode(t, "end", c.end(3, true).ErrorCode, kerr.NotCoordinator)
	describe := kmsg.NewPtrDescribeTransactionsRequest()
	describe.TransactionalIDs = []string{"tx"}
	requireCode(t, "describe", ask[*kmsg.DescribeTransactionsResponse](c.rawConn, describe).TransactionStates[0].ErrorCode, kerr.NotCoordinator)
	if list := ask[*kmsg.ListTransactionsResponse](c.rawConn, kmsg.NewPtrListTransactionsRequest()); list.ErrorCode != 0 || len(list.TransactionStates) != 0 {
		t.Errorf("list: %+v", list)
	}
	if tx, exists := log.Transaction("tx"); !exists || tx.Status != command.TransactionEmpty {
		t.Errorf("%+v", tx)
	}
}

func TestTimeoutsOfTransactionsAreBounded(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.TransactionTimeoutMax = time.Second })
	c := &txnConn{rawConn: s.dial(), id: "tx"}
	requireCode(t, "2 s", ask[*kmsg.InitProducerIDResponse](c.rawConn, c.initRequest(4, 2000)).ErrorCode, kerr.InvalidTransactionTimeout)
}

// Markers are written by nobody but the coordinator.
func TestMarkersAreNoBusinessOfClients(t *testing.T) {
	s, _ := startServerOnStore(t)
	s.createTopic("orders", 1)
	c := s.txnConn("tx")
	c.add(3, "orders", 0)
	request := produceRequest(-1, 9, "orders", recordbatch.AppendMarker(nil, recordbatch.Marker{ProducerID: c.producer, IsCommit: true}))
	request.TransactionID = &c.id
	requireCode(t, "a marker", ask[*kmsg.ProduceResponse](c.rawConn, request).Topics[0].Partitions[0].ErrorCode, kerr.InvalidRecord)
}
