package statemachine

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"kont/statemachine/command"
)

var writeGolden = flag.Bool("write-golden", false, "write golden files that are missing; those there are never changed")

// stored is a value of every kind with every field set: its bytes, and how to read
// and write it again.
var stored = map[string]struct {
	value any
	bytes []byte
	read  func([]byte) (any, error)
}{
	"store": value(meta{appliedIndex: 300, timeUnixMilli: 1_700_000_000_000, lastStepID: 77, nextProducerID: 5, nextTopic: 4, nextBundle: 3, producerHour: 472222},
		(*meta).encode, decodeMeta),
	"partition": value(partition{start: 3, next: 9, appended: 70_000, trimmed: 500, indexed: 65_600, maxTimestamp: 1_700_000_000_000, maxOffset: 8, appendedUnixMilli: 1_700_000_002_000},
		(*partition).encode, decodePartition),
	"batch_index": value(indexEntry{lastOffset: 7, maxTimestamp: 1_700_000_000_000, appended: 65_600, appendedUnixMilli: 1_700_000_002_000},
		func(e *indexEntry, dst []byte) []byte { return e.encode(dst) },
		func(data []byte) (indexEntry, error) { return decodeIndexEntry(7, data) }),
	"consumed":   value(consumption{next: 10, beyond: []OffsetRange{{12, 12}, {20, 400}}}, (*consumption).encode, decodeConsumption),
	"compaction": value(compaction{cleanTo: 300, rewritten: 400, cleaned: 70_000, horizonUnixMilli: 1_700_000_000_000}, (*compaction).encode, decodeCompaction),
	"counters": value(tally{suspended: 1, faulted: 2, ended: 3, unstarted: 10, timers: 4, timersRejected: 5, timersLost: 6, endedFrom: 7,
		unmatched: map[string]uint64{"no such thread": 8, "invalid JSON": 9}}, (*tally).encode, decodeTally),
	"producer": value(producer{epoch: 2, hour: 472222, batches: []producerBatch{{0x7fffffff, 0, 5}, {0, 9, 6}},
		lastTimestamp: 1_700_000_000_000, coordinatorEpoch: 4}, (*producer).encode, decodeProducer),
	"transaction": value(transaction{producer: command.ProducerEpoch{ProducerID: 7, Epoch: 3}, last: command.ProducerEpoch{ProducerID: 6, Epoch: epochMax},
		status: command.TransactionOngoing, timeoutMilli: 60_000, startedUnixMilli: 1_700_000_000_000, updatedUnixMilli: 1_700_000_001_000,
		partitions: []transactionPartition{{3, 0}, {3, 200}}, groups: []string{"g", "h"}}, (*transaction).encode, decodeTransaction),
	"transaction_ended": value(transaction{producer: command.ProducerEpoch{ProducerID: 7, Epoch: 3}, last: nobody,
		status: command.TransactionCompleteAbort, timeoutMilli: 60_000, updatedUnixMilli: 1_700_000_001_000}, (*transaction).encode, decodeTransaction),
	"open_transaction": value(int64(300), func(first *int64, dst []byte) []byte { return encodeOpenTransaction(dst, *first) }, decodeOpenTransaction),
	"ended_transaction": value(endedTransaction{marker: 310, isAborted: true, producerID: 7, first: 300, stable: 305}, (*endedTransaction).encode,
		func(data []byte) (endedTransaction, error) { return decodeEndedTransaction(310, data) }),
	"thread_suspended": value(thread{status: command.ThreadSuspended, bundle: 2, stepID: 77, steps: 3, startedUnixMilli: 1_700_000_000_000,
		updatedUnixMilli: 1_700_000_001_000, historyNext: 3, refs: []string{"77:ref:1", "own"}, continuation: []byte("cont"), continuationBytes: 4},
		(*thread).encode, decodeThread),
	"thread_faulted": value(thread{status: command.ThreadFaulted, bundle: 2, stepID: 77, steps: 3, startedUnixMilli: 1_700_000_000_000,
		updatedUnixMilli: 1_700_000_001_000, historyNext: 103, fault: "boom", kept: 2, keptBytes: 20, refs: []string{"r"}, continuationBytes: 10_000},
		(*thread).encode, decodeThread),
	"thread_ended": value(thread{status: command.ThreadEnded, bundle: 2, stepID: 77, steps: 3, startedUnixMilli: 1_700_000_000_000,
		updatedUnixMilli: 1_700_000_001_000, historyNext: 3}, (*thread).encode, decodeThread),
	"history": value(command.HistoryEntry{UnixMilli: 1_700_000_000_000, Partition: 2, Offset: 300, Outcome: command.OutcomeUnmatched, StepID: 77,
		Started: true, Replaced: true, Outputs: 4, Reason: "why", DurationMicro: 1500, Event: []byte("new:1")},
		func(e *command.HistoryEntry, dst []byte) []byte { return encodeHistory(dst, e) }, decodeHistory),
	"unmatched_event": value(unmatchedEvent{topic: 3, unixMilli: 1_700_000_000_000, partition: 2, offset: 300, key: "order-1", reason: "why", value: []byte("new:1")},
		(*unmatchedEvent).encode, decodeUnmatchedEvent),
	"unmatched_ends":  value(unmatchedEnds{first: 300, next: 10_300, bytes: 700_000}, (*unmatchedEnds).encode, decodeUnmatchedEnds),
	"kept_event":      value(keptEvent{partition: 3, value: []byte("new:1")}, (*keptEvent).encode, decodeKeptEvent),
	"kept_event_null": value(keptEvent{partition: 3, isNull: true}, (*keptEvent).encode, decodeKeptEvent),
	"quotas": value(map[string]float64{"producer_byte_rate": 1024.5, "consumer_byte_rate": 1 << 40},
		func(q *map[string]float64, dst []byte) []byte { return encodeQuotas(dst, *q) }, decodeQuotas),
	"group_configs": value(map[string]string{"consumer.session.timeout.ms": "50000", "consumer.heartbeat.interval.ms": "3000"},
		func(configs *map[string]string, dst []byte) []byte { return encodeGroupConfigs(dst, *configs) }, decodeGroupConfigs),
	"node": value(command.Node{DirectoryID: [16]byte{1, 15: 2}, StartID: [16]byte{3, 15: 4}, Level: 300, Version: "v1", RaftAddress: "n2:7000",
		HTTPAddress: "n2:8080", Rack: "a", Nonvoter: true, Listeners: []command.NodeListener{{Name: "kafka", Host: "n2", Port: 9092}, {Name: "tls", Host: "::1", Port: -1}}},
		func(n *command.Node, dst []byte) []byte { return encodeNode(dst, n) }, decodeNode),
	"cluster_level": value(command.Level(300), func(l *command.Level, dst []byte) []byte { return encodeClusterLevel(dst, *l) }, decodeClusterLevel),
	"timer":         value(int64(1_700_000_000_000), func(due *int64, dst []byte) []byte { return encodeTimer(dst, *due) }, decodeTimer),
	"bundle_hash":   value(bundle{hash: command.BundleHash{1, 31: 2}, threads: 3, deployments: 1, isStored: true}, (*bundle).encode, decodeBundle),
	"deployment": value(deployment{app: "orders", bundle: 2, outputTopics: []string{"out", "mail"}, deployedUnixMilli: 1_700_000_000_000},
		(*deployment).encode, decodeDeployment),
	"group_offset": value(command.GroupOffset{Offset: 300, LeaderEpoch: -1, Metadata: "m"},
		func(o *command.GroupOffset, dst []byte) []byte { return encodeGroupOffset(dst, o, 1_700_000_000_000) },
		func(data []byte) (command.GroupOffset, error) {
			o, at, err := decodeGroupOffset(data)
			if at != 1_700_000_000_000 {
				err = errors.Join(err, errors.New("wrong time"))
			}
			return o, err
		}),
	"group_part": value([]byte("of the coordinator"),
		func(part *[]byte, dst []byte) []byte { return append(append(dst, valueVersion), *part...) }, decodeGroupPart),
	"credential": value(command.ScramCredential{Iterations: 4096, Salt: []byte{1, 2}, StoredKey: []byte{3, 31: 4}, ServerKey: []byte{5, 31: 6}},
		func(c *command.ScramCredential, dst []byte) []byte { return encodeCredential(dst, c) }, decodeCredential),
	"topic": value(command.Topic{ID: command.TopicID{1, 15: 2}, Partitions: 8, Configs: map[string]string{"retention.ms": "1", "a": ""}},
		func(spec *command.Topic, dst []byte) []byte { return encodeTopic(dst, 3, *spec) },
		func(data []byte) (command.Topic, error) {
			number, spec, err := decodeTopic(data)
			if number != 3 {
				err = errors.Join(err, errors.New("wrong number"))
			}
			return spec, err
		}),
}

func value[V any](v V, write func(*V, []byte) []byte, read func([]byte) (V, error)) struct {
	value any
	bytes []byte
	read  func([]byte) (any, error)
} {
	return struct {
		value any
		bytes []byte
		read  func([]byte) (any, error)
	}{v, write(&v, nil), func(data []byte) (any, error) { return read(data) }}
}

// The bytes of every stored value as its newest version wrote them, in a folder for
// each version. Files are added to
// testdata; they are never regenerated.
func TestGoldenValuesAreReadAndWritten(t *testing.T) {
	for name, v := range stored {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", fmt.Sprintf("values-v%d", v.bytes[0]), name+".hex")
			text, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) && *writeGolden {
				text = []byte(hex.EncodeToString(v.bytes) + "\n")
				err = os.WriteFile(path, text, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			golden, err := hex.DecodeString(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(v.bytes, golden) {
				t.Errorf("bytes changed\n got %x\nwant %x", v.bytes, golden)
			}
			got, err := v.read(golden)
			if err != nil || !reflect.DeepEqual(got, v.value) {
				t.Errorf("got %+v, %v, want %+v", got, err, v.value)
			}
		})
	}
}

// What version 1 wrote stays readable.
func TestValuesOfVersion1AreRead(t *testing.T) {
	for name, want := range map[string]any{
		"producer": producer{epoch: 2, hour: 472222, batches: []producerBatch{{0x7fffffff, 0, 5}, {0, 9, 6}}, lastTimestamp: -1, coordinatorEpoch: -1},
		"partition": partition{start: 3, next: 9, appended: 70_000, trimmed: 500, indexed: 65_600,
			maxTimestamp: 1_700_000_000_000, maxOffset: 8, appendedUnixMilli: 1_700_000_000_000},
		"batch_index": indexEntry{lastOffset: 7, maxTimestamp: 1_700_000_000_000, appended: 65_600, appendedUnixMilli: 1_700_000_000_000},
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "values-v1", name+".hex"))
		if err != nil {
			t.Fatal(err)
		}
		golden, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := stored[name].read(golden)
		requireEqual(t, name, got, want)
		if err != nil {
			t.Error(err)
		}
		for cut := range golden {
			if _, err := stored[name].read(golden[:cut]); !errors.Is(err, errMalformed) {
				t.Errorf("%s cut to %d bytes: %v", name, cut, err)
			}
		}
	}
}

func TestValuesCutShortOrFromTheFutureAreRefused(t *testing.T) {
	// In these the end is whatever is left.
	endsAnywhere := map[string]int{"history": 5, "kept_event": 5, "unmatched_event": 5, "group_part": 18}
	for name, v := range stored {
		for cut := range len(v.bytes) - endsAnywhere[name] {
			if got, err := v.read(v.bytes[:cut]); !errors.Is(err, errMalformed) {
				t.Errorf("%s cut to %d bytes: %+v, %v", name, cut, got, err)
			}
		}
		future := append([]byte{v.bytes[0] + 1}, v.bytes[1:]...)
		if _, err := v.read(future); !errors.Is(err, errMalformed) {
			t.Errorf("%s of another version: %v", name, err)
		}
		if endsAnywhere[name] == 0 && name != "kept_event_null" {
			if _, err := v.read(append(bytes.Clone(v.bytes), 0)); !errors.Is(err, errMalformed) {
				t.Errorf("%s with a byte more: %v", name, err)
			}
		}
	}
}

// FuzzValues holds that no bytes make a reader of values panic or take memory that
// they don't deserve.
func FuzzValues(f *testing.F) {
	for _, v := range stored {
		f.Add(v.bytes)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		for _, v := range stored {
			_, _ = v.read(data)
		}
	})
}
