package server

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/statemachine"
	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// eventsHarness is a store with a topic for the runner to read.
type eventsHarness struct {
	*testing.T
	store *statemachine.Store
	index uint64
}

func newEventsHarness(t *testing.T) *eventsHarness {
	t.Helper()
	store, err := statemachine.Open("/data", statemachine.Options{FS: vfs.NewMem(), Logger: testLogger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return &eventsHarness{T: t, store: store}
}

func (h *eventsHarness) apply(c command.Command) command.Result {
	h.Helper()
	data, err := command.Encode(c)
	if err != nil {
		h.Fatal(err)
	}
	h.index++
	results := h.store.Apply([]statemachine.Entry{{Index: h.index, Proposals: [][]byte{data}}})
	if len(results) != 1 {
		h.Fatal(h.store.Err())
	}
	if err, isError := results[0].(error); isError {
		h.Fatal(err)
	}
	return results[0]
}

func (h *eventsHarness) append(topic string, o recordbatch.Options, records ...recordbatch.Record) {
	h.Helper()
	result := h.apply(command.AppendRecords{Appends: []command.Append{{Topic: topic, Batch: recordbatch.Append(nil, records, o)}}})
	if err := result.([]command.AppendResult)[0].Err; err != nil {
		h.Fatal(err)
	}
}

// A batch that lost its last records to compaction, before its topic was bound to a
// workflow, is not read again and again: what comes behind it is.
func TestRunnerReadsOnBehindABatchWithoutItsLastRecords(t *testing.T) {
	h := newEventsHarness(t)
	h.apply(command.CreateTopics{Topics: []command.Topic{{Name: "orders", Partitions: 1,
		Configs: map[string]string{"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0"}}}})
	large := []byte(strings.Repeat("x", 300<<10))
	h.append("orders", recordbatch.Options{}, recordbatch.Record{Key: []byte("a"), Value: large}, recordbatch.Record{Key: []byte("b"), Value: []byte("1")})
	h.append("orders", recordbatch.Options{}, recordbatch.Record{Key: []byte("b"), Value: []byte("2")})
	h.append("orders", recordbatch.Options{}, recordbatch.Record{Key: []byte("c"), Value: []byte("1")})
	due, err := h.store.CompactionsDue(1)
	if err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	pause := func(int) error { return nil }
	pass, err := h.store.BeginCompaction(due[0], 1, 1000, pause)
	if err != nil {
		t.Fatal(err)
	}
	for isLast := false; !isLast; {
		var com command.CompactRecords
		if com, isLast, err = pass.Next(pause); err != nil {
			t.Fatal(err)
		}
		h.apply(com)
	}
	h.apply(command.Deploy{App: "app", ResumeTopic: "orders", Hash: command.BundleHash{1}, Bundle: []byte("bundle")})

	var events []int64
	for next := int64(0); ; {
		records, err := storeForRunner{h.store}.ReadEvents("orders", 0, next, 256<<10)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			break
		}
		for _, record := range records {
			if !record.IsSkipped {
				events = append(events, record.Offset)
			}
			next = record.Offset + 1
		}
	}
	if len(events) != 3 || events[2] != 3 {
		t.Fatalf("events %v", events)
	}
}

// A batch of few bytes and many records does not fill the memory: it is read in parts, and
// nothing of it twice or not at all.
func TestRunnerReadsABatchOfManyRecordsInParts(t *testing.T) {
	h := newEventsHarness(t)
	h.apply(command.CreateTopics{Topics: []command.Topic{{Name: command.TopicResume, Partitions: 1}}})
	const count = 300_000
	h.append(command.TopicResume, recordbatch.Options{Codec: recordbatch.CodecZstd}, make([]recordbatch.Record, count)...)
	reads, next := 0, int64(0)
	for ; ; reads++ {
		records, err := storeForRunner{h.store}.ReadEvents(command.TopicResume, 0, next, 256<<10)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			break
		}
		if len(records) > eventsBytesMax/recordBytes {
			t.Fatalf("%d records at once", len(records))
		}
		for _, record := range records {
			if record.Offset != next || record.IsSkipped {
				t.Fatalf("%+v, want offset %d", record, next)
			}
			next++
		}
	}
	if next != count || reads < 2 {
		t.Fatalf("%d records in %d reads", next, reads)
	}
}
