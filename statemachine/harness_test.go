package statemachine

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// harness is a store with a log that grows by a command at a time.
type harness struct {
	*testing.T
	store *Store
	fs    vfs.FS
	log   []Entry
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func testOptions(fs vfs.FS) Options { return Options{FS: fs, Logger: quiet()} }

func newHarness(t *testing.T) *harness { return newHarnessOn(t, vfs.NewMem()) }

func newHarnessOn(t *testing.T, fs vfs.FS) *harness {
	t.Helper()
	store, err := Open("/srv/data", testOptions(fs))
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{T: t, store: store, fs: fs}
	t.Cleanup(func() {
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func encode(t testing.TB, c command.Command) []byte {
	t.Helper()
	data, err := command.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// apply applies one command as an entry of its own and returns its result.
func (h *harness) apply(c command.Command) any {
	h.Helper()
	entry := Entry{Index: uint64(len(h.log) + 1), Proposals: [][]byte{encode(h, c)}}
	h.log = append(h.log, entry)
	results := h.store.Apply([]Entry{entry})
	if len(results) != 1 {
		h.Fatalf("log index %d: %d results; %v", entry.Index, len(results), h.store.Err())
	}
	return results[0]
}

// must applies a command and fails on any refusal in its result.
func (h *harness) must(c command.Command) any {
	h.Helper()
	result := h.apply(c)
	switch result := result.(type) {
	case error:
		h.Fatalf("%T: %v", c, result)
	case []error:
		if err := errors.Join(result...); err != nil {
			h.Fatalf("%T: %v", c, err)
		}
	case []command.AppendResult:
		for _, r := range result {
			if r.Err != nil {
				h.Fatalf("%T: %v", c, r.Err)
			}
		}
	}
	return result
}

func (h *harness) create(name string, partitions int32, configs ...string) {
	h.Helper()
	topic := command.Topic{Name: name, Partitions: partitions, ID: command.TopicID{byte(len(h.log)), 1}}
	for i := 0; i < len(configs); i += 2 {
		if topic.Configs == nil {
			topic.Configs = map[string]string{}
		}
		topic.Configs[configs[i]] = configs[i+1]
	}
	h.must(command.CreateTopics{Topics: []command.Topic{topic}})
}

func record(at int64, key, value string) recordbatch.Record {
	return recordbatch.Record{TimestampUnixMilli: at, Key: []byte(key), Value: []byte(value)}
}

// send appends records as one batch and returns the first offset.
func (h *harness) send(topic string, partition int32, records ...recordbatch.Record) int64 {
	h.Helper()
	batch := recordbatch.Append(nil, records, recordbatch.Options{})
	result := h.must(command.AppendRecords{Appends: []command.Append{{Topic: topic, Partition: partition, Batch: batch}},
		NowUnixMilli: records[0].TimestampUnixMilli})
	return result.([]command.AppendResult)[0].BaseOffset
}

// records reads all records of a partition.
func (h *harness) records(topic string, partition int32) []recordbatch.Record {
	h.Helper()
	state, err := h.store.Partition(topic, partition)
	if err != nil {
		h.Fatal(err)
	}
	var all []recordbatch.Record
	for offset := state.StartOffset; offset < state.NextOffset; {
		data, err := h.store.ReadBatches(topic, partition, offset, 1<<20)
		if err != nil {
			h.Fatal(err)
		}
		for len(data) > 0 {
			batch, rest, err := recordbatch.Split(data)
			if err != nil {
				h.Fatal(err)
			}
			data = rest
			header, err := recordbatch.Validate(batch)
			if err != nil {
				h.Fatal(err)
			}
			offset = header.NextOffset()
			if header.IsControl() {
				continue
			}
			for r, err := range recordbatch.Records(batch) {
				if err != nil {
					h.Fatal(err)
				}
				if r.Offset >= state.StartOffset {
					all = append(all, r)
				}
			}
		}
	}
	return all
}

// values is the values of all records of a partition.
func (h *harness) values(topic string, partition int32) []string {
	h.Helper()
	var values []string
	for _, r := range h.records(topic, partition) {
		values = append(values, string(r.Value))
	}
	return values
}

func (h *harness) deploy(topic, bundle string) command.BundleHash {
	h.Helper()
	hash := command.BundleHash{}
	copy(hash[:], bundle)
	h.must(command.Deploy{App: "app", ResumeTopic: topic, Hash: hash, Bundle: []byte(bundle),
		Topics: []command.Topic{{Name: topic, Partitions: 1}, {Name: "out", Partitions: 1}}, NowUnixMilli: 1})
	return hash
}

// commit applies steps and returns their errors.
func (h *harness) commit(steps ...command.Step) []error {
	h.Helper()
	return h.apply(command.CommitSteps{Steps: steps, NowUnixMilli: 1000}).([]error)
}

func (h *harness) commitOK(steps ...command.Step) {
	h.Helper()
	if err := errors.Join(h.commit(steps...)...); err != nil {
		h.Fatal(err)
	}
}

func (h *harness) thread(key string) command.Thread {
	h.Helper()
	thread, exists, err := h.store.Thread(command.TopicResume, key)
	if err != nil || !exists {
		h.Fatalf("thread %s: exists %v, %v", key, exists, err)
	}
	return thread
}

func (h *harness) hash() [32]byte {
	h.Helper()
	hash, err := h.store.ContentHash()
	if err != nil {
		h.Fatal(err)
	}
	return hash
}

// requireConsistent compares the image in memory with the one on disk.
func (h *harness) requireConsistent() {
	h.Helper()
	loaded, err := load(h.store.db)
	if err != nil {
		h.Fatal(err)
	}
	// A partition that nothing was appended to may have no value.
	if got, want := fmt.Sprintf("%+v", describeImage(h.store.published)), fmt.Sprintf("%+v", describeImage(loaded)); got != want {
		h.Errorf("published image\n got %s\nwant %s", got, want)
	}
	if got, want := fmt.Sprintf("%+v", describeImage(h.store.work)), fmt.Sprintf("%+v", describeImage(loaded)); got != want {
		h.Errorf("image of Apply\n got %s\nwant %s", got, want)
	}
}

func describeImage(im *image) map[string]string {
	all := map[string]string{"meta": fmt.Sprintf("%+v", im.meta), "unmatched": fmt.Sprintf("%+v", im.unmatched)}
	for name, t := range im.topics {
		if im.numbers[t.number] != t {
			all["topic "+name] = "not found by its number"
		}
		tally := t.tally.clone()
		if len(tally.unmatched) == 0 {
			tally.unmatched = nil
		}
		all["topic "+name] += fmt.Sprintf("%d %+v %+v %+v", t.number, t.spec, tally, t.partitions)
	}
	for name, d := range im.deployments {
		all["deployment "+name] = fmt.Sprintf("%+v", d)
	}
	for id, tx := range im.transactions.byID {
		all["transaction "+id] = fmt.Sprintf("%+v", *tx)
		if im.transactions.byProducer[tx.producer.ProducerID] != tx || (im.transactions.open[id] == tx) != tx.isOpen() {
			all["transaction "+id] = "not found by its producer, or by being open"
		}
	}
	all["transactions"] = fmt.Sprint(len(im.transactions.byID), len(im.transactions.byProducer), len(im.transactions.open))
	all["acls"] = fmt.Sprintf("%+v", im.acls.List)
	for user, c := range im.credentials {
		all[fmt.Sprint("credential ", user)] = fmt.Sprintf("%v %d %x %x %x", c.ScramUser, c.Iterations, c.Salt, c.StoredKey, c.ServerKey)
	}
	for number, b := range im.bundles {
		all[fmt.Sprint("bundle ", number)] = fmt.Sprintf("%+v %d", b, im.hashes[b.hash])
	}
	return all
}

func requireEqual(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n got %+v\nwant %+v", what, got, want)
	}
}

func requireErrors(t testing.TB, got []error, want ...error) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if !errors.Is(got[i], want[i]) {
			t.Errorf("%d: got %v, want %v", i, got[i], want[i])
		}
	}
}
