package statemachine

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// transactionsModel is what was ever written to a partition, in transactions and outside
// of them, and how they ended: what compaction leaves is compared with it.
type transactionsModel struct {
	*harness
	random    *rand.Rand
	now       int64
	producers []*txn
	// open is the transaction of each producer that has one.
	open map[*txn]*modelTransaction
	// all is what is at each offset.
	all []modelRecord
}

type modelRecord struct {
	recordbatch.Record
	// of is nil for a record outside of transactions.
	of       *modelTransaction
	isMarker bool
}

type modelTransaction struct{ isEnded, isAborted bool }

func (r *modelRecord) isHidden() bool { return r.isMarker || r.of != nil && r.of.isAborted }
func (r *modelRecord) isOpen() bool   { return r.of != nil && !r.of.isEnded }

const modelDeleteRetention = 5000

func newTransactionsModel(t *testing.T, seed uint64, configs ...string) *transactionsModel {
	m := &transactionsModel{harness: newHarness(t), random: rand.New(rand.NewPCG(seed, 23)), now: 1_000_000, open: map[*txn]*modelTransaction{}}
	m.create("t", 1, append([]string{"min.cleanable.dirty.ratio", "0.1", "delete.retention.ms", fmt.Sprint(modelDeleteRetention)}, configs...)...)
	for i := range 3 {
		m.producers = append(m.producers, m.producer(fmt.Sprint("x", i)))
	}
	return m
}

// someRecords are a few of 15 keys, some of them tombstones.
func (m *transactionsModel) someRecords() []recordbatch.Record {
	var records []recordbatch.Record
	for range 1 + m.random.IntN(4) {
		r := recordbatch.Record{TimestampUnixMilli: m.now, Key: fmt.Appendf(nil, "key-%d", m.random.IntN(15))}
		if m.random.IntN(5) > 0 {
			r.Value = bytes.Repeat([]byte{byte('a' + m.random.IntN(26))}, m.random.IntN(300))
		}
		records = append(records, r)
	}
	return records
}

func (m *transactionsModel) append(transactionalID string, of *modelTransaction, options recordbatch.Options) {
	m.Helper()
	records := m.someRecords()
	options.Codec = recordbatch.Codec(m.random.IntN(5))
	result := m.must(command.AppendRecords{NowUnixMilli: m.now, Appends: []command.Append{{Topic: "t", TransactionalID: transactionalID,
		Batch: recordbatch.Append(nil, records, options)}}})
	if base := result.([]command.AppendResult)[0].BaseOffset; base != int64(len(m.all)) {
		m.Fatalf("appended at %d, want %d", base, len(m.all))
	}
	if options.Producer != nil {
		options.Producer.BaseSequence += int32(len(records))
	}
	for _, r := range records {
		r.Offset = int64(len(m.all))
		m.all = append(m.all, modelRecord{Record: r, of: of})
	}
}

// write appends to the transaction of a producer, which begins with it if none is open.
func (m *transactionsModel) write(x *txn) {
	m.Helper()
	m.join(x)
	p := &recordbatch.Producer{ID: x.producer.ProducerID, Epoch: x.producer.Epoch, BaseSequence: x.sequences["t"]}
	m.append(x.id, m.open[x], recordbatch.Options{Transactional: true, Producer: p})
	x.sequences["t"] = p.BaseSequence
}

// join lets a producer's transaction have the partition, without a record yet.
func (m *transactionsModel) join(x *txn) {
	m.Helper()
	x.now = m.now
	x.add("t", 0)
	if m.open[x] == nil {
		m.open[x] = &modelTransaction{}
	}
}

// ended notes that a producer's transaction has a marker now, if there was one.
func (m *transactionsModel) ended(x *txn, isAborted bool) {
	if of := m.open[x]; of != nil {
		of.isEnded, of.isAborted = true, isAborted
		m.all = append(m.all, modelRecord{Record: recordbatch.Record{Offset: int64(len(m.all))}, of: of, isMarker: true})
		delete(m.open, x)
	}
}

// end ends the transaction of a producer in one of the ways that there are.
func (m *transactionsModel) end(x *txn) {
	m.Helper()
	x.now = m.now
	switch isCommit := m.random.IntN(2) == 0; {
	case m.open[x] == nil:
	case m.random.IntN(6) == 0: // another of its name comes
		x.init(nobody)
		m.ended(x, true)
	case m.random.IntN(3) == 0: // KIP-890
		next, ok := m.apply(command.EndTransaction{TransactionalID: x.id, Producer: x.producer, Commit: isCommit, BumpsEpoch: true, NowUnixMilli: m.now}).(command.ProducerEpoch)
		if !ok {
			m.Fatal("the end of a transaction is refused")
		}
		x.producer, x.sequences = next, map[string]int32{}
		m.ended(x, !isCommit)
	default:
		x.mustEnd(isCommit)
		m.ended(x, !isCommit)
	}
}

// timeOut lets so much time go by that all that is open is aborted.
func (m *transactionsModel) timeOut() {
	m.Helper()
	m.now += 60_000
	for _, x := range m.producers {
		if m.open[x] != nil {
			requireEqual(m.T, "aborted", m.apply(command.AbortTransactions{TransactionalIDs: []string{x.id}, NowUnixMilli: m.now}), any(1))
			m.ended(x, true)
			x.now = m.now
			x.init(nobody)
		}
	}
}

func (m *transactionsModel) stable() int64 {
	for i := range m.all {
		if m.all[i].isOpen() {
			return int64(i)
		}
	}
	return int64(len(m.all))
}

// require compares what readers of both kinds see from an offset on with what was
// written.
func (m *transactionsModel) require(from int64) {
	m.Helper()
	state, err := m.store.Partition("t", 0)
	if err != nil || state.NextOffset != int64(len(m.all)) || state.StableOffset != max(m.stable(), state.StartOffset) {
		m.Fatalf("%+v, %v, want the end %d, stable %d", state, err, len(m.all), m.stable())
	}
	from = max(from, state.StartOffset)
	hasControl := map[int64]bool{}
	total := int64(0)
	for last, batch := range m.storedBatches("t", 0) {
		h, err := recordbatch.ParseHeader(batch)
		if err != nil {
			m.Fatal(err)
		}
		hasControl[last] = h.IsControl()
		total += int64(len(batch))
	}
	if state.Bytes != total {
		m.Fatalf("%d bytes, the batches have %d", state.Bytes, total)
	}
	isLeft := map[int64]bool{}
	var decided []int64
	for _, r := range m.compactedRecords("t", 0, from) {
		want := &m.all[r.Offset]
		if want.isMarker != hasControl[r.Offset] {
			m.Fatalf("at %d a marker: %v, want %v", r.Offset, hasControl[r.Offset], want.isMarker)
		}
		isLeft[r.Offset] = true
		if want.isMarker {
			continue
		}
		m.requireWritten(r)
		if r.Offset < state.StableOffset && !want.isHidden() {
			decided = append(decided, r.Offset)
		}
	}
	var committed []int64
	for _, r := range m.committedRecords("t", 0, from) {
		m.requireWritten(r)
		committed = append(committed, r.Offset)
	}
	requireEqual(m.T, fmt.Sprint("committed from ", from), committed, decided)
	m.requireLatest(from, isLeft)
	m.requireMarkers(from, isLeft)
	m.requireEnded(hasControl)
}

// requireEnded: of each marker that is there its transaction is filed, and no other.
func (m *transactionsModel) requireEnded(hasControl map[int64]bool) {
	m.Helper()
	number, p, err := m.store.partition("t", 0)
	if err != nil {
		m.Fatal(err)
	}
	var k keys.Key
	prefix := bytes.Clone(k.PartitionOnly(keys.EndedTransaction, number, 0))
	filed := map[int64]bool{}
	if err := eachIn(m.store.db, prefix, keys.After(prefix), func(key, _ []byte) (bool, error) {
		marker, err := keys.LastNumber(key)
		filed[marker] = true
		if !hasControl[marker] || marker < p.start {
			m.Fatalf("the transaction that ended at %d is filed, its marker is gone", marker)
		}
		return true, err
	}); err != nil {
		m.Fatal(err)
	}
	for marker, isControl := range hasControl {
		if isControl && !filed[marker] {
			m.Fatalf("the transaction that ended at %d is not filed, its marker is there", marker)
		}
	}
}

func (m *transactionsModel) requireWritten(r recordbatch.Record) {
	m.Helper()
	want := &m.all[r.Offset]
	if !bytes.Equal(r.Key, want.Key) || !bytes.Equal(r.Value, want.Value) || (r.Value == nil) != (want.Value == nil) || r.TimestampUnixMilli != want.TimestampUnixMilli {
		m.Fatalf("record %+v, was written as %+v", r, want.Record)
	}
}

// requireLatest: the last record of every key is there, but for tombstones that were there
// long enough, and all that is not decided.
func (m *transactionsModel) requireLatest(from int64, isLeft map[int64]bool) {
	m.Helper()
	latest := map[string]*modelRecord{}
	for i := range m.all[from:] {
		switch r := &m.all[from:][i]; {
		case r.isOpen():
			if !isLeft[r.Offset] {
				m.Fatalf("record %d of an open transaction is gone", r.Offset)
			}
		case !r.isHidden():
			latest[string(r.Key)] = r
		}
	}
	for key, r := range latest {
		if !isLeft[r.Offset] && (r.Value != nil || r.TimestampUnixMilli >= m.now-modelDeleteRetention) {
			m.Fatalf("the last record of %s, at %d (%q at %d), is gone", key, r.Offset, r.Value, r.TimestampUnixMilli)
		}
	}
	// What a tombstone that is gone has deleted doesn't come back.
	for offset := range isLeft {
		if r := &m.all[offset]; !r.isHidden() && !r.isOpen() && !isLeft[latest[string(r.Key)].Offset] {
			m.Fatalf("record %d of %s is left, which was deleted at %d", offset, r.Key, latest[string(r.Key)].Offset)
		}
	}
}

// requireMarkers: a transaction of which a record is left has its marker.
func (m *transactionsModel) requireMarkers(from int64, isLeft map[int64]bool) {
	m.Helper()
	hasRecord := map[*modelTransaction]int64{}
	for i := range m.all[from:] {
		r := &m.all[from:][i]
		if !r.isMarker && r.of != nil && isLeft[r.Offset] {
			hasRecord[r.of] = r.Offset
		}
		if offset, has := hasRecord[r.of]; r.isMarker && has && !isLeft[r.Offset] {
			m.Fatalf("the marker at %d is gone, its transaction has a record at %d", r.Offset, offset)
		}
	}
}

// step does one thing of many.
func (m *transactionsModel) step(isTrimmed bool, late *[]command.CompactRecords) (dropped int64) {
	m.Helper()
	m.now += m.random.Int64N(300)
	x := m.producers[m.random.IntN(len(m.producers))]
	switch n := m.random.IntN(44); {
	case n < 4:
		m.append("", nil, recordbatch.Options{})
	case n < 14:
		m.write(x)
	case n < 15:
		m.join(x)
	case n < 25:
		m.end(x)
	case n < 34:
		if stats := m.compactOnce(m.now, 3+m.random.IntN(30), 1+m.random.IntN(3)); stats != nil {
			dropped = stats.RecordsDropped
		}
	case n < 36: // what a leader proposed that is none any more comes late
		if due, err := m.store.CompactionsDue(m.now); err != nil {
			m.Fatal(err)
		} else if len(due) > 0 {
			*late = append(*late, m.firstCommand(due[0], m.now))
		}
	case n < 38:
		for _, com := range *late {
			com.CleanTo = 0 // whoever gets so far has seen each of its commands applied
			m.apply(com)
		}
		*late = nil
	case n < 39 && isTrimmed && len(m.all) > 0:
		state, err := m.store.Partition("t", 0)
		if err != nil {
			m.Fatal(err)
		}
		m.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: state.StartOffset + m.random.Int64N(min(20, state.NextOffset-state.StartOffset+1))}}})
	case n < 41:
		restoreSelf(m.T, m.store)
	case n < 42:
		m.reopen()
	case n < 43 && m.random.IntN(3) == 0:
		m.timeOut()
	default:
		m.requireConsistent()
	}
	return dropped
}

// firstCommand is the first one of a pass.
func (h *harness) firstCommand(due CompactionDue, nowUnixMilli int64) command.CompactRecords {
	h.Helper()
	pass, err := h.store.BeginCompaction(due, nowUnixMilli, 100, dontPause)
	if err != nil {
		h.Fatal(err)
	}
	com, _, err := pass.Next(dontPause)
	if err != nil {
		h.Fatal(err)
	}
	return com
}

// compactAll ends what is open and compacts until there is nothing to do, and returns the
// offset below which all is clean.
func (m *transactionsModel) compactAll() (cleanTo int64) {
	m.Helper()
	m.timeOut()
	m.append("", nil, recordbatch.Options{}) // the last batch stays
	ratio := "0"
	m.must(command.AlterTopicConfigs{Topic: "t", Configs: map[string]*string{"min.cleanable.dirty.ratio": &ratio}})
	for m.compactOnce(m.now, 1000, 1000) != nil {
		m.now += modelDeleteRetention
	}
	_, p, err := m.store.partition("t", 0)
	if err != nil {
		m.Fatal(err)
	}
	return p.compacted.cleanTo
}

// Whatever transactions commit, abort, are fenced or take too long, and whatever passes
// are complete, broken off or come late, a reader of committed records sees those of what
// is left which were committed, from any offset on, and the last one of every key is left.
func TestCompactionKeepsWhatTransactionsCommitted(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			isTrimmed := seed%2 == 1
			m := newTransactionsModel(t, seed, "cleanup.policy", []string{"compact", "compact,delete"}[seed%2])
			var late []command.CompactRecords
			dropped := int64(0)
			for range 300 {
				dropped += m.step(isTrimmed, &late)
				if len(m.all) > 0 {
					m.require(m.random.Int64N(int64(len(m.all))))
				}
			}
			cleanTo := m.compactAll()
			m.require(0)
			m.requireConsistent()
			aborted, committed := 0, 0
			for i := range m.all {
				switch r := &m.all[i]; {
				case r.isMarker && r.of.isAborted:
					aborted++
				case r.isMarker:
					committed++
				}
			}
			if dropped < 50 || aborted < 4 || committed < 4 {
				t.Errorf("%d records dropped, %d transactions aborted, %d committed: nothing was tried", dropped, aborted, committed)
			}
			hasRecord := map[*modelTransaction]bool{}
			markersLeft := 0
			for _, r := range m.compactedRecords("t", 0, 0) {
				switch r := &m.all[r.Offset]; {
				case r.Offset >= cleanTo:
				case r.isMarker:
					markersLeft++
					if !hasRecord[r.of] {
						t.Errorf("the marker at %d is left, its transaction has no record", r.Offset)
					}
				case r.isHidden():
					t.Errorf("aborted record %d is left", r.Offset)
				}
				hasRecord[m.all[r.Offset].of] = true
			}
			if markersLeft == 0 {
				t.Error("no marker is left")
			}
			// A log that is replayed comes to the same state.
			again := newHarness(t)
			if again.store.Apply(m.log) == nil {
				t.Fatal(again.store.Err())
			}
			requireEqual(t, "hash after a replay", again.hash(), m.hash())
		})
	}
}

// put appends a record to the transaction of a producer.
func (x *txn) put(key, value string) {
	x.Helper()
	x.add("t", 0)
	x.must(command.AppendRecords{NowUnixMilli: x.now, Appends: []command.Append{{Topic: "t", TransactionalID: x.id,
		Batch: recordbatch.Append(nil, []recordbatch.Record{record(1, key, value)}, recordbatch.Options{Transactional: true,
			Producer: &recordbatch.Producer{ID: x.producer.ProducerID, Epoch: x.producer.Epoch, BaseSequence: x.sequences["t"]}})}}})
	x.sequences["t"]++
}

func (h *harness) offsets(topic string) (offsets []int64) {
	h.Helper()
	for _, r := range h.compactedRecords(topic, 0, 0) {
		offsets = append(offsets, r.Offset)
	}
	return offsets
}

// Aborted records count for no key and go, markers stay for now, and from an open transaction on
// nothing changes.
func TestCompactionHeedsTransactions(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
	w, x, y, z := h.producer("w"), h.producer("x"), h.producer("y"), h.producer("z")
	h.send("t", 0, record(1, "a", "first"))          // 0: superseded by 2
	w.put("b", "committed")                          // 1
	x.put("a", "committed later")                    // 2
	y.put("b", "aborted")                            // 3
	y.mustEnd(false)                                 // 4
	w.mustEnd(true)                                  // 5
	x.mustEnd(true)                                  // 6
	y.put("c", "committed after an abort")           // 7
	h.send("t", 0, record(1, "d", "beside"))         // 8
	y.mustEnd(true)                                  // 9
	z.put("a", "open")                               // 10
	h.send("t", 0, record(1, "d", "behind an open")) // 11
	h.send("t", 0, record(1, "e", "last"))           // 12
	if h.compactOnce(1000, 100, 100) == nil {
		t.Fatal("not due")
	}
	requireEqual(t, "with one open", h.offsets("t"), []int64{1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	// While the open one holds back all that is dirty, nothing is read for nothing.
	h.send("t", 0, record(1, "e", strings.Repeat("last but one", 1000))) // 13
	if stats := h.compactOnce(1000, 100, 100); stats != nil {
		t.Errorf("with nothing to do: %+v", stats)
	}
	z.mustEnd(false) // 14
	h.send("t", 0, record(1, "f", "last"))
	if h.compactOnce(1000, 100, 100) == nil {
		t.Fatal("not due")
	}
	requireEqual(t, "with none", h.offsets("t"), []int64{1, 2, 4, 5, 6, 7, 9, 11, 13, 14, 15})
}

// How a transaction ended is known if its marker is the last batch, which is not compacted:
// it would be due for ever otherwise, and never be compacted while nothing follows.
func TestCompactionKnowsOfTheMarkerThatIsTheLastBatch(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
	x, y := h.producer("x"), h.producer("y")
	x.put("a", "1")                     // 0
	y.put("a", "2")                     // 1
	y.put("b", "aborted")               // 2
	h.send("t", 0, record(1, "a", "3")) // 3
	y.mustEnd(false)                    // 4
	x.mustEnd(true)                     // 5
	if h.compactOnce(1000, 100, 100) == nil {
		t.Fatal("not due")
	}
	requireEqual(t, "left", h.offsets("t"), []int64{3, 4, 5})
	if stats := h.compactOnce(1000, 100, 100); stats != nil {
		t.Errorf("due again, with nothing to do: %+v", stats)
	}
}

// More transactions end in the dirty part than are read at a time.
func TestCompactionReadsManyEndedTransactions(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
	x := h.producer("x")
	aborted := 0
	for i := range 30 {
		x.put("a", fmt.Sprint(i))
		isCommit := i%7 == 0
		x.mustEnd(isCommit)
		if !isCommit {
			aborted++
		}
	}
	h.send("t", 0, record(1, "z", "last"))
	due, err := h.store.CompactionsDue(1000)
	if err != nil || len(due) != 1 {
		t.Fatalf("%+v, %v", due, err)
	}
	for _, readMax := range []int{1, 4, 30, 31} {
		pass := CompactionPass{store: h.store, due: due[0], aborted: map[int64][]OffsetRange{}}
		number, _, err := h.store.partition("t", 0)
		if err := errors.Join(err, pass.noteAborted(number, 0, readMax)); err != nil {
			t.Fatal(err)
		}
		got := pass.aborted[x.producer.ProducerID]
		requireEqual(t, fmt.Sprint("aborted, ", readMax, " at a time"), len(got), aborted)
		requireEqual(t, "the first", got[0], OffsetRange{First: 2, Last: 3})
	}
}

// While a transaction is open, a reader of committed records gets to where it begins, even
// if what is before it was aborted.
func TestCompactionLeavesTheLastBatchBeforeAnOpenTransaction(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
	x, y := h.producer("x"), h.producer("y")
	h.send("t", 0, record(1, "a", "1"))
	y.put("a", "aborted")               // 1
	h.send("t", 0, record(1, "a", "2")) // 2
	y.put("a", "aborted, too")          // 3
	x.put("a", "open")                  // 4
	y.mustEnd(false)                    // 5
	if h.compactOnce(5000, 100, 100) == nil {
		t.Fatal("not due")
	}
	requireEqual(t, "left", h.offsets("t"), []int64{2, 3, 4, 5})
	if stats := h.compactOnce(6000, 100, 100); stats != nil {
		t.Errorf("due, with nothing to do: %+v", stats)
	}
	requireEqual(t, "committed", h.committed("t", 0), []string{"2"})
	x.mustEnd(true)
	if h.compactOnce(7000, 100, 100) == nil {
		t.Fatal("not due")
	}
	requireEqual(t, "left when it has ended", h.offsets("t"), []int64{4, 5, 6})
}
