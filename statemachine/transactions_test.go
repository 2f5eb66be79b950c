package statemachine

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// txn is a transactional producer in a test.
type txn struct {
	*harness
	id        string
	producer  command.ProducerEpoch
	sequences map[string]int32
	now       int64
}

func (h *harness) producer(id string) *txn {
	h.Helper()
	x := &txn{harness: h, id: id, sequences: map[string]int32{}, now: 1000}
	x.init(nobody)
	return x
}

func (x *txn) init(expected command.ProducerEpoch) {
	x.Helper()
	p, isProducer := x.apply(command.InitProducer{TransactionalID: x.id, TimeoutMilli: 60_000, Expected: expected, NowUnixMilli: x.now}).(command.ProducerEpoch)
	if !isProducer {
		x.Fatalf("init of %s is refused", x.id)
	}
	if p != x.producer {
		x.sequences = map[string]int32{}
	}
	x.producer = p
}

func (x *txn) add(topic string, partition int32) {
	x.Helper()
	x.must(command.AddToTransaction{TransactionalID: x.id, Producer: x.producer, NowUnixMilli: x.now,
		Partitions: []command.TopicPartition{{Topic: topic, Partition: partition}}})
}

func (x *txn) batch(topic string, partition int32, values ...string) command.Append {
	place := fmt.Sprint(topic, partition)
	var records []recordbatch.Record
	for _, value := range values {
		records = append(records, record(x.now, "k", value))
	}
	return command.Append{Topic: topic, Partition: partition, TransactionalID: x.id, Batch: recordbatch.Append(nil, records, recordbatch.Options{
		Transactional: true, Producer: &recordbatch.Producer{ID: x.producer.ProducerID, Epoch: x.producer.Epoch, BaseSequence: x.sequences[place]}})}
}

func (x *txn) send(topic string, partition int32, values ...string) error {
	x.Helper()
	a := x.batch(topic, partition, values...)
	err := x.apply(command.AppendRecords{Appends: []command.Append{a}, NowUnixMilli: x.now}).([]command.AppendResult)[0].Err
	if err == nil {
		x.sequences[fmt.Sprint(topic, partition)] += int32(len(values))
	}
	return err
}

func (x *txn) mustSend(topic string, partition int32, values ...string) {
	x.Helper()
	if err := x.send(topic, partition, values...); err != nil {
		x.Fatal(err)
	}
}

func (x *txn) end(isCommit bool) any {
	x.Helper()
	return x.apply(command.EndTransaction{TransactionalID: x.id, Producer: x.producer, Commit: isCommit, CoordinatorEpoch: 5, NowUnixMilli: x.now})
}

func (x *txn) mustEnd(isCommit bool) {
	x.Helper()
	if err, isError := x.end(isCommit).(error); isError {
		x.Fatal(err)
	}
}

func (h *harness) stable(topic string, partition int32) int64 {
	h.Helper()
	state, err := h.store.Partition(topic, partition)
	if err != nil {
		h.Fatal(err)
	}
	return state.StableOffset
}

func TestOnlyCommittedRecordsAreRead(t *testing.T) {
	h := newHarness(t)
	h.create("t", 2)
	a, b := h.producer("a"), h.producer("b")
	a.add("t", 0)
	b.add("t", 0)
	b.add("t", 1)
	h.send("t", 0, record(1, "k", "plain 1"))
	a.mustSend("t", 0, "a1")
	b.mustSend("t", 0, "b1", "b2")
	h.send("t", 0, record(1, "k", "plain 2"))
	b.mustSend("t", 1, "b3")
	requireEqual(t, "stable offset", h.stable("t", 0), int64(1))
	requireEqual(t, "committed", h.committed("t", 0), []string{"plain 1"})
	b.mustEnd(false)
	requireEqual(t, "stable offset with a open", h.stable("t", 0), int64(1))
	requireEqual(t, "committed", h.committed("t", 0), []string{"plain 1"})
	a.mustSend("t", 0, "a2")
	a.mustEnd(true)
	requireEqual(t, "committed", h.committed("t", 0), []string{"plain 1", "a1", "plain 2", "a2"})
	requireEqual(t, "committed", h.committed("t", 1), []string(nil))
	b.add("t", 1)
	b.mustSend("t", 1, "b4")
	b.mustEnd(true)
	requireEqual(t, "committed", h.committed("t", 1), []string{"b4"})
	requireEqual(t, "everything", h.values("t", 1), []string{"b3", "b4"})
	h.requireConsistent()
}

// A batch of a transaction has to be of the open one of its producer, by id, epoch and
// partition; a repeat is answered with its offset whatever became of the transaction.
func TestBatchesOutsideOfTheirTransactionAreRefused(t *testing.T) {
	h := newHarness(t)
	h.create("t", 2)
	x := h.producer("x")
	requireErrors(t, []error{x.send("t", 0, "no transaction")}, command.ErrTransactionState)
	x.add("t", 0)
	requireErrors(t, []error{x.send("t", 1, "not this partition")}, command.ErrTransactionState)
	again := x.batch("t", 0, "in")
	x.mustSend("t", 0, "in")
	plain := x.batch("t", 0, "plain")
	plain.Batch = recordbatch.Append(nil, []recordbatch.Record{record(1, "k", "v")}, recordbatch.Options{
		Producer: &recordbatch.Producer{ID: x.producer.ProducerID, BaseSequence: 1}})
	other := x.batch("t", 0, "other")
	other.TransactionalID = "y"
	marker := command.Append{Topic: "t", Batch: recordbatch.AppendMarker(nil, recordbatch.Marker{ProducerID: x.producer.ProducerID, IsCommit: true})}
	for i, test := range []struct {
		append command.Append
		want   error
	}{{plain, command.ErrTransactionState}, {other, command.ErrProducerIDMapping}, {marker, command.ErrInvalidBatch}} {
		result := h.apply(command.AppendRecords{Appends: []command.Append{test.append}}).([]command.AppendResult)[0]
		if !errors.Is(result.Err, test.want) {
			t.Errorf("%d: got %v, want %v", i, result.Err, test.want)
		}
	}
	x.mustEnd(true)
	repeat := h.apply(command.AppendRecords{Appends: []command.Append{again}}).([]command.AppendResult)[0]
	if repeat.Err != nil || repeat.BaseOffset != 0 {
		t.Errorf("repeat after the end: %+v", repeat)
	}
	old := *x
	x.init(nobody)
	old.sequences = map[string]int32{"t0": 1}
	requireErrors(t, []error{old.send("t", 0, "late")}, command.ErrInvalidProducerEpoch)
	requireEqual(t, "records", h.values("t", 0), []string{"in"})
}

// KIP-890, part 2: partitions are added with their first batch, and an end brings another
// epoch.
func TestBatchesMayAddTheirPartition(t *testing.T) {
	h := newHarness(t)
	h.create("t", 2)
	x := h.producer("x")
	a := x.batch("t", 1, "one")
	a.AddsPartition = true
	h.must(command.AppendRecords{Appends: []command.Append{a}, NowUnixMilli: 7})
	tx, _ := h.store.Transaction("x")
	requireEqual(t, "partitions", tx.Partitions, []command.TopicPartition{{Topic: "t", Partition: 1}})
	requireEqual(t, "status", tx.Status, command.TransactionOngoing)
	requireEqual(t, "open", h.store.OpenTransactions(), 1)
	end := command.EndTransaction{TransactionalID: "x", Producer: x.producer, Commit: true, BumpsEpoch: true, NowUnixMilli: 8}
	want := command.ProducerEpoch{ProducerID: x.producer.ProducerID, Epoch: 1}
	requireEqual(t, "end", h.apply(end), any(want))
	requireEqual(t, "open after the end", h.store.OpenTransactions(), 0)
	requireEqual(t, "end, told again", h.apply(end), any(want))
	requireEqual(t, "committed", h.committed("t", 1), []string{"one"})
	end.Commit = false
	if err, _ := h.apply(end).(error); !errors.Is(err, command.ErrProducerFenced) {
		t.Errorf("an abort of what was committed: %v", err)
	}
	// What was sent in the transaction, and comes after its end, is not of the next one.
	late := h.apply(command.AppendRecords{Appends: []command.Append{func() command.Append {
		late := x.batch("t", 1, "late")
		late.AddsPartition = true
		recordbatchSequence(t, &late, x.producer, 1)
		return late
	}()}}).([]command.AppendResult)[0]
	if !errors.Is(late.Err, command.ErrInvalidProducerEpoch) {
		t.Errorf("late batch: %v", late.Err)
	}
	// An abort with nothing to abort brings an epoch, too.
	end = command.EndTransaction{TransactionalID: "x", Producer: want, BumpsEpoch: true, NowUnixMilli: 9}
	want.Epoch = 2
	requireEqual(t, "empty abort", h.apply(end), any(want))
	requireEqual(t, "empty abort, told again", h.apply(end), any(want))
}

func recordbatchSequence(t *testing.T, a *command.Append, p command.ProducerEpoch, sequence int32) {
	t.Helper()
	a.Batch = recordbatch.Append(nil, []recordbatch.Record{record(1, "k", "late")}, recordbatch.Options{
		Transactional: true, Producer: &recordbatch.Producer{ID: p.ProducerID, Epoch: p.Epoch, BaseSequence: sequence}})
}

func TestNewProducerAbortsAndFencesTheOldOne(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	old := h.producer("x")
	old.add("t", 0)
	old.mustSend("t", 0, "old")
	young := *old
	young.init(nobody)
	requireEqual(t, "epoch", young.producer, command.ProducerEpoch{ProducerID: old.producer.ProducerID, Epoch: 1})
	requireEqual(t, "stable offset", h.stable("t", 0), int64(2))
	requireErrors(t, []error{old.send("t", 0, "late")}, command.ErrInvalidProducerEpoch)
	for _, com := range []command.Command{
		command.EndTransaction{TransactionalID: "x", Producer: old.producer, Commit: true},
		command.AddToTransaction{TransactionalID: "x", Producer: old.producer},
		command.CommitTransactionOffsets{TransactionalID: "x", Producer: old.producer, Group: "g", AddsGroup: true},
		command.InitProducer{TransactionalID: "x", TimeoutMilli: 1, Expected: old.producer},
	} {
		if err, _ := h.apply(com).(error); !errors.Is(err, command.ErrProducerFenced) {
			t.Errorf("%T: %v, want it to be fenced", com, err)
		}
	}
	if err, _ := h.apply(command.EndTransaction{TransactionalID: "x", Producer: command.ProducerEpoch{ProducerID: 99}}).(error); !errors.Is(err, command.ErrProducerIDMapping) {
		t.Errorf("end by a stranger: %v", err)
	}
	young.add("t", 0)
	young.mustSend("t", 0, "young")
	young.mustEnd(true)
	requireEqual(t, "committed", h.committed("t", 0), []string{"young"})
}

// KIP-360: a producer that names who it is gets another epoch; told again, the same; and
// is fenced if somebody came in between.
func TestProducerGoesOnAfterAnErrorByNamingItself(t *testing.T) {
	h := newHarness(t)
	x := h.producer("x")
	first := x.producer
	x.init(first)
	requireEqual(t, "epoch", x.producer.Epoch, int16(1))
	x.init(first)
	requireEqual(t, "epoch, told again", x.producer.Epoch, int16(1))
	x.init(nobody)
	requireEqual(t, "epoch of another", x.producer.Epoch, int16(2))
	if err, _ := h.apply(command.InitProducer{TransactionalID: "x", TimeoutMilli: 1, Expected: first}).(error); !errors.Is(err, command.ErrProducerFenced) {
		t.Errorf("got %v", err)
	}
}

func TestEpochsThatAreUsedUpBringAnotherProducerID(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	x := h.producer("x")
	tx := h.store.work.transactions.byID["x"]
	tx.producer.Epoch = epochMax // the store in memory is the one that counts
	x.producer.Epoch = epochMax
	x.add("t", 0)
	x.mustSend("t", 0, "last")
	end := command.EndTransaction{TransactionalID: "x", Producer: x.producer, Commit: true, BumpsEpoch: true}
	next := h.apply(end).(command.ProducerEpoch)
	if next.Epoch != 0 || next.ProducerID == x.producer.ProducerID {
		t.Errorf("after epoch %d of producer %d: %+v", epochMax, x.producer.ProducerID, next)
	}
	requireEqual(t, "told again", h.apply(end), any(next))
	requireEqual(t, "committed", h.committed("t", 0), []string{"last"})
	// A transaction that takes too long at the last epoch has a marker at the one after.
	x.producer, x.sequences = next, map[string]int32{}
	h.store.work.transactions.byID["x"].producer.Epoch = epochMax
	x.producer.Epoch = epochMax
	x.add("t", 0)
	requireEqual(t, "aborted", h.apply(command.AbortTransactions{TransactionalIDs: []string{"x"}, NowUnixMilli: x.now + 60_000}), any(1))
	after, _ := h.store.Transaction("x")
	requireEqual(t, "epoch that nobody has", after.Producer.Epoch, int16(math.MaxInt16))
	x.producer = after.Producer
	if err, _ := x.end(false).(error); !errors.Is(err, command.ErrProducerFenced) {
		t.Errorf("end in it: %v", err)
	}
	late := x.batch("t", 0, "late")
	late.AddsPartition = true
	result := h.apply(command.AppendRecords{Appends: []command.Append{late}}).([]command.AppendResult)[0]
	requireErrors(t, []error{result.Err}, command.ErrInvalidProducerEpoch)
	x.init(nobody)
	if x.producer.Epoch != 0 || x.producer.ProducerID == next.ProducerID {
		t.Errorf("after all epochs of producer %d: %+v", next.ProducerID, x.producer)
	}
	h.requireConsistent()
}

func TestOffsetsOfATransactionAreTheGroupsWhenItCommits(t *testing.T) {
	h := newHarness(t)
	h.create("in", 2)
	x := h.producer("x")
	commit := func(offset int64, addsGroup bool) any {
		return h.apply(command.CommitTransactionOffsets{TransactionalID: "x", Producer: x.producer, Group: "g", AddsGroup: addsGroup, NowUnixMilli: 5,
			Offsets: []command.GroupOffset{{Topic: "in", Partition: 1, Offset: offset, LeaderEpoch: -1}, {Topic: "no such", Offset: 1}}})
	}
	if err, _ := commit(1, false).(error); !errors.Is(err, command.ErrTransactionState) {
		t.Errorf("without the group: %v", err)
	}
	committed := func() int64 {
		o, exists, err := h.store.CommittedOffset("g", "in", 1)
		if err != nil {
			t.Fatal(err)
		}
		if !exists {
			return -1
		}
		return o.Offset
	}
	undecided := func() int {
		all, err := h.store.UndecidedOffsets("g")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	for _, isCommit := range []bool{false, true} {
		h.must(command.AddToTransaction{TransactionalID: "x", Producer: x.producer, Groups: []string{"g"}})
		requireErrors(t, commit(10, false).([]error), nil, command.ErrUnknownTopic)
		requireErrors(t, commit(11, false).([]error), nil, command.ErrUnknownTopic)
		requireEqual(t, "committed while it is open", committed(), int64(-1))
		requireEqual(t, "undecided", undecided(), 1)
		x.mustEnd(isCommit)
		requireEqual(t, "undecided after it", undecided(), 0)
	}
	requireEqual(t, "committed", committed(), int64(11))
	// A group that is deleted takes with it what transactions hold for it.
	requireErrors(t, commit(12, true).([]error), nil, command.ErrUnknownTopic)
	h.must(command.DeleteGroups{Groups: []string{"g"}})
	requireEqual(t, "undecided after the group", undecided(), 0)
	requireErrors(t, commit(13, true).([]error), nil, command.ErrUnknownTopic)
	h.must(command.DeleteGroups{Groups: []string{"g"}}) // has nothing but that
	x.mustEnd(true)
	requireEqual(t, "committed after the group was deleted", committed(), int64(-1))
	// So does a topic.
	requireErrors(t, commit(14, true).([]error), nil, command.ErrUnknownTopic)
	h.must(command.DeleteTopics{Names: []string{"in"}})
	h.create("in", 2)
	x.mustEnd(true)
	requireEqual(t, "committed after the topic was deleted", committed(), int64(-1))
}

func TestTransactionThatTakesTooLongIsAborted(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	x := h.producer("x")
	x.add("t", 0)
	x.mustSend("t", 0, "slow")
	due := x.now + 60_000
	requireEqual(t, "due early", h.store.TransactionsDueBy(due-1, 10), []string(nil))
	requireEqual(t, "due", h.store.TransactionsDueBy(due, 10), []string{"x"})
	abort := command.AbortTransactions{TransactionalIDs: []string{"x", "nobody"}, NowUnixMilli: due - 1}
	requireEqual(t, "aborted early", h.apply(abort), any(0))
	abort.NowUnixMilli = due
	requireEqual(t, "aborted", h.apply(abort), any(1))
	requireEqual(t, "aborted again", h.apply(abort), any(0))
	requireEqual(t, "committed", h.committed("t", 0), []string(nil))
	requireErrors(t, []error{x.send("t", 0, "late")}, command.ErrInvalidProducerEpoch)
	if err, _ := x.end(true).(error); !errors.Is(err, command.ErrProducerFenced) {
		t.Errorf("commit of what was aborted: %v", err)
	}
	requireEqual(t, "idle", h.store.TransactionsIdleBefore(due, 10), []string(nil))
	requireEqual(t, "idle", h.store.TransactionsIdleBefore(due+1, 10), []string{"x"})
	requireEqual(t, "forgotten", h.apply(command.ForgetTransactions{TransactionalIDs: []string{"x"}, BeforeUnixMilli: due + 1}), any(1))
	if _, exists := h.store.Transaction("x"); exists {
		t.Error("it is still known")
	}
	if err, _ := x.end(true).(error); !errors.Is(err, command.ErrProducerIDMapping) {
		t.Errorf("commit of what is forgotten: %v", err)
	}
	was := x.producer
	x.init(x.producer) // goes on with another id
	if x.producer.ProducerID == was.ProducerID {
		t.Errorf("%+v after %+v was forgotten", x.producer, was)
	}
	h.requireConsistent()
}

// What is deleted is decided, and takes what was filed about it along.
func TestDeletedRecordsAndTopicsOfTransactions(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	h.create("u", 1)
	x, y := h.producer("x"), h.producer("y")
	x.add("t", 0)
	x.mustSend("t", 0, "aborted")
	x.mustEnd(false)
	y.add("t", 0)
	y.add("u", 0)
	y.mustSend("t", 0, "open 1", "open 2")
	y.mustSend("u", 0, "open")
	requireEqual(t, "stable offset", h.stable("t", 0), int64(2))
	h.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: 3}}})
	requireEqual(t, "stable offset where all before is deleted", h.stable("t", 0), int64(3))
	if err := scan(h.store.db, keys.EndedTransaction, func(key, _ []byte) error { return fmt.Errorf("%q was left", key) }); err != nil {
		t.Error(err)
	}
	h.must(command.DeleteTopics{Names: []string{"u"}})
	tx, _ := h.store.Transaction("y")
	requireEqual(t, "partitions", tx.Partitions, []command.TopicPartition{{Topic: "t"}})
	h.create("u", 1)
	y.mustEnd(true)
	requireEqual(t, "committed", h.committed("t", 0), []string{"open 2"})
	requireEqual(t, "the topic that was made again", h.values("u", 0), []string(nil))
	requireEqual(t, "its stable offset", h.stable("u", 0), int64(0))
	h.requireConsistent()
}

func TestLimitsOfTransactions(t *testing.T) {
	h := newHarness(t)
	h.create("t", TransactionPartitionsMax)
	x := h.producer("x")
	for _, com := range []command.Command{
		command.InitProducer{TransactionalID: "", TimeoutMilli: 1, Expected: nobody},
		command.InitProducer{TransactionalID: string(make([]byte, TransactionalIDBytesMax+1)), TimeoutMilli: 1, Expected: nobody},
		command.InitProducer{TransactionalID: "x", Expected: nobody},
		command.AddToTransaction{TransactionalID: "x", Producer: x.producer, Groups: make([]string, TransactionGroupsMax+1)},
		command.AddToTransaction{TransactionalID: "x", Producer: x.producer, Groups: []string{string(make([]byte, GroupNameBytesMax+1))}},
		command.AddToTransaction{TransactionalID: "x", Producer: x.producer, Partitions: slices.Repeat([]command.TopicPartition{{Topic: "t"}}, TransactionPartitionsMax+1)},
	} {
		if err, _ := h.apply(com).(error); !errors.Is(err, command.ErrLimit) {
			t.Errorf("%T: %v, want %v", com, err, command.ErrLimit)
		}
	}
	tx, _ := h.store.Transaction("x")
	requireEqual(t, "status", tx.Status, command.TransactionEmpty)
	requireErrors(t, h.apply(command.AddToTransaction{TransactionalID: "x", Producer: x.producer,
		Partitions: []command.TopicPartition{{Topic: "t"}, {Topic: "u"}}}).([]error), nil, command.ErrUnknownTopic)
	tx, _ = h.store.Transaction("x")
	requireEqual(t, "status after an unknown topic", tx.Status, command.TransactionEmpty)
}

// dumbLog is a partition whose records say themselves what became of them.
type dumbLog struct {
	records []*dumbRecord
	start   int
}

type dumbRecord struct {
	value string
	// owner is empty for a record outside of transactions, and a marker has no value.
	owner    string
	isOpen   bool
	isHidden bool
}

func (l *dumbLog) stable() int {
	for i, r := range l.records {
		if r.isOpen {
			return max(i, l.start)
		}
	}
	return len(l.records)
}

func (l *dumbLog) committed() (values []string) {
	for _, r := range l.records[l.start:l.stable()] {
		if !r.isHidden {
			values = append(values, r.value)
		}
	}
	return values
}

// Records of many transactions, ended in any order, on partitions that are trimmed,
// against a log that is looked through from its beginning each time.
func TestCommittedRecordsAreThoseOfADumbTwin(t *testing.T) {
	for seed := range uint64(8) {
		h := newHarness(t)
		h.create("t", 2)
		random := rand.New(rand.NewPCG(seed, 9))
		twins := []*dumbLog{{}, {}}
		var producers []*txn
		for i := range 3 {
			producers = append(producers, h.producer(fmt.Sprint("x", i)))
		}
		ended := map[bool]int{}
		for n := range 250 {
			x := producers[random.IntN(3)]
			partition := random.Int32N(2)
			twin := twins[partition]
			switch action := random.IntN(20); {
			case action < 9:
				x.add("t", partition)
				values := []string{fmt.Sprint(n), fmt.Sprint(n, "+")}[:1+random.IntN(2)]
				x.mustSend("t", partition, values...)
				for _, value := range values {
					twin.records = append(twin.records, &dumbRecord{value: value, owner: x.id, isOpen: true})
				}
			case action < 13:
				h.send("t", partition, record(1, "k", fmt.Sprint(n)))
				twin.records = append(twin.records, &dumbRecord{value: fmt.Sprint(n)})
			case action < 18:
				tx, _ := h.store.Transaction(x.id)
				if tx.Status != command.TransactionOngoing {
					continue
				}
				isCommit := random.IntN(2) == 0
				ended[isCommit]++
				x.mustEnd(isCommit)
				for _, p := range tx.Partitions {
					for _, r := range twins[p.Partition].records {
						if r.owner == x.id && r.isOpen {
							r.isOpen, r.isHidden = false, !isCommit
						}
					}
					twins[p.Partition].records = append(twins[p.Partition].records, &dumbRecord{isHidden: true})
				}
			case action < 19:
				twin.start += random.IntN(len(twin.records) - twin.start + 1)
				h.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Partition: partition, Offset: int64(twin.start)}}})
			default:
				restoreSelf(t, h.store)
			}
			for p, twin := range twins {
				requireEqual(t, "stable offset", h.stable("t", int32(p)), int64(twin.stable()))
				requireEqual(t, "committed", h.committed("t", int32(p)), twin.committed())
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, n)
			}
		}
		if ended[true] < 5 || ended[false] < 5 {
			t.Errorf("seed %d: too few ends: %v", seed, ended)
		}
		h.requireConsistent()
	}
}
