package statemachine

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// dontPause is for passes that take all the time that they need.
func dontPause(int) error { return nil }

// compactOnce compacts one partition that is due as a leader would, up to a number of
// commands, and returns what it did; nil if none is due.
func (h *harness) compactOnce(nowUnixMilli int64, keysMax, commandsMax int) *CompactionStats {
	h.Helper()
	due, err := h.store.CompactionsDue(nowUnixMilli)
	if err != nil {
		h.Fatal(err)
	}
	if len(due) == 0 {
		return nil
	}
	pass, err := h.store.BeginCompaction(due[0], nowUnixMilli, keysMax, dontPause)
	if err != nil {
		h.Fatal(err)
	}
	for range commandsMax {
		com, isLast, err := pass.Next(dontPause)
		if err != nil {
			h.Fatal(err)
		}
		if result, ok := h.apply(com).(command.CompactResult); !ok || result.Changed+result.PassedOver != len(com.Changes) {
			h.Fatalf("compaction of %d batches: %+v", len(com.Changes), result)
		}
		if isLast {
			break
		}
	}
	stats := pass.Stats()
	return &stats
}

// storedBatches is the batches of a partition by their last offsets.
func (h *harness) storedBatches(topic string, partition int32) map[int64][]byte {
	h.Helper()
	number, p, err := h.store.partition(topic, partition)
	if err != nil {
		h.Fatal(err)
	}
	all := map[int64][]byte{}
	if err := eachBatch(h.store.db, number, partition, p.start, p.next, func(header recordbatch.Header, batch []byte) (bool, error) {
		if _, err := recordbatch.ValidateCompacted(batch); err != nil {
			h.Errorf("batch at %d: %v", header.BaseOffset, err)
		}
		all[header.LastOffset()] = bytes.Clone(batch)
		return true, nil
	}); err != nil {
		h.Fatal(err)
	}
	return all
}

// compactedRecords reads a partition as a consumer does, from an offset on: small fetches,
// each from behind the last record, and offsets that only grow.
func (h *harness) compactedRecords(topic string, partition int32, from int64) []recordbatch.Record {
	h.Helper()
	state, err := h.store.Partition(topic, partition)
	if err != nil {
		h.Fatal(err)
	}
	var all []recordbatch.Record
	for offset := max(from, state.StartOffset); offset < state.NextOffset; {
		data, err := h.store.ReadBatches(topic, partition, offset, 500)
		if err != nil || len(data) == 0 {
			h.Fatalf("read from %d of %+v: %d bytes, %v", offset, state, len(data), err)
		}
		before := offset
		for len(data) > 0 {
			batch, rest, err := recordbatch.Split(data)
			if err != nil {
				h.Fatal(err)
			}
			data = rest
			header, err := recordbatch.ValidateCompacted(batch)
			if err != nil {
				h.Fatal(err)
			}
			for r, err := range recordbatch.Records(batch) {
				if err != nil {
					h.Fatal(err)
				}
				if r.Offset >= offset {
					all = append(all, r)
					offset = r.Offset + 1
				}
			}
			offset = max(offset, header.NextOffset())
		}
		if offset <= before {
			h.Fatalf("a read from %d goes on at %d", before, offset)
		}
	}
	return all
}

// compactionModel is what was ever written to a partition, and is compared with what
// compaction leaves of it.
type compactionModel struct {
	*harness
	topic string
	// all is every record by its offset.
	all []recordbatch.Record
}

func (m *compactionModel) send(producer *recordbatch.Producer, records ...recordbatch.Record) {
	m.Helper()
	batch := recordbatch.Append(nil, records, recordbatch.Options{Producer: producer, Codec: recordbatch.Codec(len(m.all) % 5)})
	result := m.must(command.AppendRecords{Appends: []command.Append{{Topic: m.topic, Batch: batch}}, NowUnixMilli: records[0].TimestampUnixMilli})
	base := result.([]command.AppendResult)[0].BaseOffset
	if base != int64(len(m.all)) {
		m.Fatalf("appended at %d, want %d", base, len(m.all))
	}
	for i, r := range records {
		r.Offset = base + int64(i)
		m.all = append(m.all, r)
	}
}

// latest is the last record of each key from an offset on.
func (m *compactionModel) latest(from int64) map[string]recordbatch.Record {
	latest := map[string]recordbatch.Record{}
	for _, r := range m.all[from:] {
		latest[string(r.Key)] = r
	}
	return latest
}

// require compares: every record that is there is one that was written, in order, and the
// last record of every key is there, but for tombstones that were there long enough.
func (m *compactionModel) require(from int64, tombstonesGoneBefore int64) {
	m.Helper()
	state, err := m.store.Partition(m.topic, 0)
	if err != nil || state.NextOffset != int64(len(m.all)) {
		m.Fatalf("%+v, %v, want the end %d", state, err, len(m.all))
	}
	from = max(from, state.StartOffset)
	left := map[int64]bool{}
	for _, r := range m.compactedRecords(m.topic, 0, from) {
		want := m.all[r.Offset]
		if !bytes.Equal(r.Key, want.Key) || !bytes.Equal(r.Value, want.Value) || (r.Value == nil) != (want.Value == nil) || r.TimestampUnixMilli != want.TimestampUnixMilli {
			m.Fatalf("record %+v, was written as %+v", r, want)
		}
		left[r.Offset] = true
	}
	for key, r := range m.latest(from) {
		if left[r.Offset] || r.Value == nil && r.TimestampUnixMilli < tombstonesGoneBefore {
			continue
		}
		m.Fatalf("the last record of %s, at %d (%q at %d), is gone", key, r.Offset, r.Value, r.TimestampUnixMilli)
	}
	total := int64(0)
	for _, batch := range m.storedBatches(m.topic, 0) {
		total += int64(len(batch))
	}
	if state.Bytes != total {
		m.Fatalf("%d bytes, the batches have %d", state.Bytes, total)
	}
}

// After any sequence of appends, compactions that are complete or broken off, trims and
// restarts, a reader from the start sees the last value of every key, and a reader in the
// middle never goes backwards.
func TestCompactionKeepsTheLastRecordOfEveryKey(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 22))
			h := newHarness(t)
			policy := []string{"compact", "compact,delete"}[seed%2]
			const deleteRetention = 5000
			h.create("t", 1, "cleanup.policy", policy, "min.cleanable.dirty.ratio", "0.2", "delete.retention.ms", fmt.Sprint(deleteRetention))
			m := &compactionModel{harness: h, topic: "t"}
			now := int64(1_000_000)
			producers := map[int64]int32{}
			dropped, passes := int64(0), 0
			for range 200 {
				now += random.Int64N(300)
				switch n := random.IntN(20); {
				case n < 12:
					var records []recordbatch.Record
					for range 1 + random.IntN(6) {
						r := recordbatch.Record{TimestampUnixMilli: now, Key: fmt.Appendf(nil, "key-%d", random.IntN(15))}
						if random.IntN(5) > 0 {
							r.Value = bytes.Repeat([]byte{byte('a' + random.IntN(26))}, random.IntN(6000))
						}
						records = append(records, r)
					}
					var producer *recordbatch.Producer
					if id := random.Int64N(4); id > 0 {
						producer = &recordbatch.Producer{ID: id, BaseSequence: producers[id]}
						producers[id] += int32(len(records))
					}
					m.send(producer, records...)
				case n < 17:
					stats := h.compactOnce(now, 3+random.IntN(30), 1+random.IntN(4))
					if stats != nil {
						dropped += stats.RecordsDropped
						passes++
					}
				case n < 18 && policy == "compact,delete" && len(m.all) > 0:
					state, err := h.store.Partition("t", 0)
					if err != nil {
						t.Fatal(err)
					}
					h.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: state.StartOffset + random.Int64N(min(20, state.NextOffset-state.StartOffset+1))}}})
				case n < 19:
					restoreSelf(t, h.store)
				default:
					h.requireConsistent()
				}
				if len(m.all) > 0 {
					// A tombstone may go when it was there for deleteRetention since a pass.
					m.require(random.Int64N(int64(len(m.all))), now-deleteRetention)
				}
			}
			h.requireConsistent()
			if passes < 10 || dropped < 50 {
				t.Errorf("%d passes dropped %d records: nothing was tried", passes, dropped)
			}
			// In the end, nothing but the last records is left below the last batch.
			for h.compactOnce(now+deleteRetention, 1000, 1000) != nil {
				now += 2 * deleteRetention
			}
			latest := m.latest(0)
			records := m.compactedRecords("t", 0, 0)
			_, p, err := h.store.partition("t", 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				if r.Offset < p.compacted.cleanTo && latest[string(r.Key)].Offset != r.Offset {
					if newest := latest[string(r.Key)].Offset; newest < p.compacted.cleanTo {
						t.Errorf("record %d of %s is left, there is one at %d", r.Offset, r.Key, newest)
					}
				}
			}
			// A log that is replayed comes to the same state.
			again := newHarness(t)
			if again.store.Apply(h.log) == nil {
				t.Fatal(again.store.Err())
			}
			requireEqual(t, "hash after a replay", again.hash(), h.hash())
		})
	}
}

// A tombstone stays until its time is over, through any number of passes, and goes then
// without anything new to compact.
func TestTombstonesGoWhenTheirTimeIsOver(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact", "delete.retention.ms", "1000")
	h.send("t", 0, record(1, "a", "1"))
	h.send("t", 0, recordbatch.Record{TimestampUnixMilli: 2, Key: []byte("a")}, record(2, "b", "1"))
	h.send("t", 0, record(3, "c", "1"))
	if h.compactOnce(5000, 100, 100) == nil {
		t.Fatal("not due")
	}
	offsets := func() (offsets []int64) {
		for _, r := range h.compactedRecords("t", 0, 0) {
			offsets = append(offsets, r.Offset)
		}
		return offsets
	}
	requireEqual(t, "after the first pass", offsets(), []int64{1, 2, 3})
	if h.compactOnce(5999, 100, 100) != nil {
		t.Error("due before the tombstone's time is over")
	}
	if stats := h.compactOnce(6000, 100, 100); stats == nil || stats.RecordsDropped != 1 {
		t.Errorf("when its time is over: %+v", stats)
	}
	requireEqual(t, "after the second pass", offsets(), []int64{2, 3})
	if h.compactOnce(1_000_000, 100, 100) != nil {
		t.Error("due again, with nothing to do")
	}
	// Fetches from a place that is gone go on behind it.
	data, err := h.store.ReadBatches("t", 0, 0, 1000)
	if err != nil || len(data) == 0 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestWhatIsDirtyEnoughOrOldEnoughIsDue(t *testing.T) {
	now := int64(10_000_000)
	for name, test := range map[string]struct {
		configs []string
		want    bool
	}{
		"half of it, and no more": {nil, false},
		"more than a tenth":       {[]string{"min.cleanable.dirty.ratio", "0.1"}, true},
		"never":                   {[]string{"min.cleanable.dirty.ratio", "1"}, false},
		"too old to wait":         {[]string{"min.cleanable.dirty.ratio", "1", "max.compaction.lag.ms", "5000"}, true},
		"not old enough to":       {[]string{"min.cleanable.dirty.ratio", "1", "max.compaction.lag.ms", "200000"}, false},
		"too young":               {[]string{"min.cleanable.dirty.ratio", "0.1", "min.compaction.lag.ms", "100000"}, false},
		"not so young":            {[]string{"min.cleanable.dirty.ratio", "0.1", "min.compaction.lag.ms", "5000"}, true},
		"not compacted":           {[]string{"cleanup.policy", "delete", "min.cleanable.dirty.ratio", "0"}, false},
	} {
		h := newHarness(t)
		h.create("t", 1, "cleanup.policy", "compact")
		for i := range 4 {
			h.send("t", 0, record(now-100_000, fmt.Sprint(i), "value"))
		}
		if h.compactOnce(now-50_000, 100, 100) == nil {
			t.Fatal("all new, and not due")
		}
		h.send("t", 0, record(now-10_000, "x", "value"))
		h.send("t", 0, record(now-9_000, "y", "value"))
		configs := map[string]*string{}
		for i := 0; i < len(test.configs); i += 2 {
			configs[test.configs[i]] = &test.configs[i+1]
		}
		if err := h.apply(command.AlterTopicConfigs{Topic: "t", Configs: configs}); err != nil {
			t.Fatal(err)
		}
		if due, err := h.store.CompactionsDue(now); err != nil || (len(due) == 1) != test.want {
			t.Errorf("%s: %+v, %v, want due %v", name, due, err, test.want)
		}
	}
}

// The time after which records may wait for compaction no longer is not put off by the first
// of them: not by a time of the far future, nor by none.
func TestMaxCompactionLagIsNotPutOffByTheFirstRecord(t *testing.T) {
	const now, lag = 10_000_000, 5000
	type sent struct {
		timestamp, at int64
		valueBytes    int
	}
	for name, test := range map[string]struct {
		dirty []sent
		want  bool
	}{
		"an old one behind one of the future":                   {[]sent{{now * 10, now - 1, 1}, {now - lag, now - 1, 1}, {now, now - 1, 1}}, true},
		"a young one behind one of the future":                  {[]sent{{now * 10, now - 1, 1}, {now - lag + 1, now - 1, 1}, {now, now - 1, 1}}, false},
		"appended long ago, with a time of the future":          {[]sent{{now * 10, now - lag, batchIndexBytes}, {now, now - 1, 1}}, true},
		"appended not so long ago, with a time of the future":   {[]sent{{now * 10, now - lag + 1, batchIndexBytes}, {now, now - 1, 1}}, false},
		"appended long ago, without a time":                     {[]sent{{-1, now - lag, batchIndexBytes}, {-1, now - 1, 1}, {-1, now, 1}}, true},
		"appended not so long ago, without a time":              {[]sent{{-1, now - lag + 1, batchIndexBytes}, {-1, now - 1, 1}, {-1, now, 1}}, false},
		"few, appended long ago, without a time":                {[]sent{{-1, now - lag, 1}, {-1, now - lag, 1}}, true},
		"an old one that may not be compacted, as the last one": {[]sent{{now, now, 1}, {now - lag, now, 1}}, false},
	} {
		h := newHarness(t)
		h.create("t", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "1", "max.compaction.lag.ms", fmt.Sprint(lag))
		for i, s := range test.dirty {
			r := record(s.timestamp, fmt.Sprint("k", i), string(bytes.Repeat([]byte("x"), s.valueBytes)))
			h.must(command.AppendRecords{NowUnixMilli: s.at, Appends: []command.Append{{Topic: "t", Batch: recordbatch.Append(nil, []recordbatch.Record{r}, recordbatch.Options{})}}})
		}
		if due, err := h.store.CompactionsDue(now); err != nil || (len(due) == 1) != test.want {
			t.Errorf("%s: %+v, %v, want due %v", name, due, err, test.want)
		}
		// What was compacted waits no more.
		if test.want {
			h.compactOnce(now, 100, 100)
			if due, err := h.store.CompactionsDue(now * 100); err != nil || len(due) > 0 {
				t.Errorf("%s: after a pass %+v, %v", name, due, err)
			}
		}
	}
}

// An event that is not consumed stays, though there is a later one of its thread.
func TestEventsThatAreNotConsumedAreNotCompacted(t *testing.T) {
	h := newHarness(t)
	h.create(command.TopicResume, 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
	h.deploy(command.TopicResume, "bundle")
	for i := range 6 {
		h.send(command.TopicResume, 0, record(int64(i), "thread", fmt.Sprint("event ", i)))
	}
	consume := func(offset int64) {
		h.commitOK(command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: "thread", Outcome: command.OutcomeUnmatched, Reason: "x"})
	}
	if h.compactOnce(1000, 100, 100) != nil {
		t.Error("due, with nothing consumed")
	}
	for _, offset := range []int64{0, 1, 2, 4} {
		consume(offset)
	}
	h.compactOnce(1000, 100, 100)
	requireEqual(t, "left", h.values(command.TopicResume, 0), []string{"event 2", "event 3", "event 4", "event 5"})
	// Nor if a leader that knows no better asks for it.
	batches := h.storedBatches(command.TopicResume, 0)
	for _, offset := range []int64{3, 5} {
		header, _ := recordbatch.ParseHeader(batches[offset])
		result := h.apply(command.CompactRecords{Topic: command.TopicResume, CleanTo: 6, Changes: []command.BatchChange{{LastOffset: offset, CRC: header.CRC}}})
		requireEqual(t, "result", result, any(command.CompactResult{PassedOver: 1}))
	}
	requireEqual(t, "left", h.values(command.TopicResume, 0), []string{"event 2", "event 3", "event 4", "event 5"})
}

// A topic that was compacted and then gets a deployment has holes where no event ever
// comes. Its consumption gets past them.
func TestConsumptionGetsPastWhatWasCompacted(t *testing.T) {
	h := newHarness(t)
	h.create("late", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
	for i := range 10 {
		h.send("late", 0, record(1, fmt.Sprint("k", i%3), "x"), record(1, "only-"+fmt.Sprint(i%4), "x"))
	}
	for h.compactOnce(1000, 100, 100) != nil {
	}
	h.deploy("late", "bundle")
	records := h.compactedRecords("late", 0, 0)
	if len(records) > 9 {
		t.Fatalf("%d records are left", len(records))
	}
	random := rand.New(rand.NewPCG(1, 23))
	random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	for _, r := range records {
		h.commitOK(command.Step{ResumeTopic: "late", Offset: r.Offset, Thread: string(r.Key), Outcome: command.OutcomeUnmatched, Reason: "x"})
		h.requireConsistent()
	}
	next, beyond, err := h.store.Consumption("late", 0)
	if err != nil || next != 20 || len(beyond) > 0 {
		t.Errorf("consumed below %d and %v, %v; want 20", next, beyond, err)
	}
}

// A command that does not fit what is there changes nothing.
func TestCompactionThatDoesNotFitIsPassedOver(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact")
	h.create("u", 1)
	for _, topic := range []string{"t", "u"} {
		for i := range 3 {
			h.send(topic, 0, record(1, "k", fmt.Sprint(i)), record(1, "l", fmt.Sprint(i)))
		}
	}
	batches := h.storedBatches("t", 0)
	crc := func(offset int64) uint32 {
		header, err := recordbatch.ParseHeader(batches[offset])
		if err != nil {
			t.Fatal(err)
		}
		return header.CRC
	}
	other := recordbatch.Append(nil, []recordbatch.Record{record(1, "k", "9")}, recordbatch.Options{BaseOffset: 1})
	two := []recordbatch.Record{record(1, "k", "9"), record(1, "l", "9")}
	shorter := recordbatch.Append(nil, two[:1], recordbatch.Options{})
	longer := recordbatch.Append(nil, append(two, two[0]), recordbatch.Options{})
	somebody := recordbatch.Append(nil, two, recordbatch.Options{Producer: &recordbatch.Producer{ID: 1}})
	control := recordbatch.Append(nil, two, recordbatch.Options{Control: true})
	large := recordbatch.Append(nil, []recordbatch.Record{two[0], record(1, "l", strings.Repeat("x", BatchBytesMax))}, recordbatch.Options{})
	torn := bytes.Clone(batches[1])
	torn[len(torn)-1] ^= 1
	for name, com := range map[string]command.CompactRecords{
		"another CRC":            {Topic: "t", Changes: []command.BatchChange{{LastOffset: 1, CRC: crc(1) + 1}}},
		"no batch there":         {Topic: "t", Changes: []command.BatchChange{{LastOffset: 0, CRC: crc(1)}}},
		"the last batch":         {Topic: "t", Changes: []command.BatchChange{{LastOffset: 5, CRC: crc(5)}}},
		"beyond the end":         {Topic: "t", Changes: []command.BatchChange{{LastOffset: 9, CRC: crc(5)}}},
		"other offsets":          {Topic: "t", Changes: []command.BatchChange{{LastOffset: 1, CRC: crc(1), Batch: other}}},
		"an offset less":         {Topic: "t", Changes: []command.BatchChange{{LastOffset: 1, CRC: crc(1), Batch: shorter}}},
		"an offset more":         {Topic: "t", Changes: []command.BatchChange{{LastOffset: 1, CRC: crc(1), Batch: longer}}},
		"another producer":       {Topic: "t", Changes: []command.BatchChange{{LastOffset: 1, CRC: crc(1), Batch: somebody}}},
		"a control batch":        {Topic: "t", Changes: []command.BatchChange{{LastOffset: 1, CRC: crc(1), Batch: control}}},
		"a batch too large":      {Topic: "t", Changes: []command.BatchChange{{LastOffset: 1, CRC: crc(1), Batch: large}}},
		"a torn batch":           {Topic: "t", Changes: []command.BatchChange{{LastOffset: 1, CRC: crc(1), Batch: torn}}},
		"nothing for a batch":    {Topic: "t", Changes: []command.BatchChange{{LastOffset: 1, CRC: crc(1), Batch: []byte{}}}},
		"a topic that is not to": {Topic: "u", Changes: []command.BatchChange{{LastOffset: 1, CRC: crc(1)}}},
	} {
		result := h.apply(com)
		requireEqual(t, name, result, any(command.CompactResult{PassedOver: 1}))
	}
	for _, com := range []command.CompactRecords{{Topic: "nobody"}, {Topic: "t", Partition: 1}, {Topic: "t", TopicID: command.TopicID{9}}} {
		if err, _ := h.apply(com).(error); !errors.Is(err, command.ErrUnknownTopic) {
			t.Errorf("%+v: %v", com, err)
		}
	}
	if err, _ := h.apply(command.CompactRecords{Topic: "t", Changes: make([]command.BatchChange, CompactChangesMax+1)}).(error); !errors.Is(err, command.ErrLimit) {
		t.Errorf("too many: %v", err)
	}
	requireEqual(t, "as many as may be", h.apply(command.CompactRecords{Topic: "t", Changes: make([]command.BatchChange, CompactChangesMax)}),
		any(command.CompactResult{PassedOver: CompactChangesMax}))
	after := h.storedBatches("t", 0)
	for offset, batch := range batches {
		if !bytes.Equal(after[offset], batch) {
			t.Errorf("batch %d changed", offset)
		}
	}
}

// The batch index is found sparse where all is gone, and sizes and times are right.
func TestIndexOfACompactedPartitionShrinks(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "cleanup.policy", "compact,delete", "min.cleanable.dirty.ratio", "0")
	value := bytes.Repeat([]byte("x"), 20_000)
	for i := range 60 {
		h.send("t", 0, recordbatch.Record{TimestampUnixMilli: int64(1000 + i), Key: fmt.Appendf(nil, "k%d", i/30), Value: value})
	}
	entries := func() (n int) {
		for key := range contents(t, h.store) {
			if bytes.HasPrefix([]byte(key), []byte("index ")) {
				n++
			}
		}
		return n
	}
	before := entries()
	for h.compactOnce(10_000, 100, 100) != nil {
	}
	if after := entries(); before < 10 || after != 2 {
		t.Errorf("%d entries, %d before", after, before)
	}
	var offsets []int64
	for _, r := range h.compactedRecords("t", 0, 0) {
		offsets = append(offsets, r.Offset)
	}
	requireEqual(t, "left", offsets, []int64{29, 58, 59})
	for at, want := range map[int64]int64{1000: 29, 1029: 29, 1030: 58, 1059: 59} {
		if offset, _, found, err := h.store.OffsetForTimestamp("t", 0, at); err != nil || !found || offset != want {
			t.Errorf("offset at %d: %d, %v, %v, want %d", at, offset, found, err, want)
		}
	}
	// By size, what goes is what is there, not what ever was.
	trims, err := h.store.RetentionTrims(10_000, Retention{Milli: -1, Bytes: 40_000})
	if err != nil || len(trims) != 1 || trims[0].Offset != 30 {
		t.Fatalf("%+v, %v", trims, err)
	}
	h.must(command.DeleteRecords{Trims: trims})
	if state, err := h.store.Partition("t", 0); err != nil || state.Bytes < 40_000 || state.Bytes > 50_000 {
		t.Errorf("%+v, %v", state, err)
	}
	h.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: 59}}})
	_, p, err := h.store.partition("t", 0)
	if err != nil || p.compacted.cleaned != 0 || p.bytes() != int64(len(h.storedBatches("t", 0)[59])) {
		t.Errorf("%+v, %v", p, err)
	}
	h.requireConsistent()
}
