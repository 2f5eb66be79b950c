package server

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/statemachine"
	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// The runner is given the events of committed transactions, in the order of the topic,
// whatever the sizes of what it reads, and none that was aborted or may still be. Where
// there is nothing for it, it gets on nevertheless.
func TestRunnerReadsCommittedEventsOnly(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		store, err := statemachine.Open("/data", statemachine.Options{FS: vfs.NewMem(), Logger: testLogger()})
		if err != nil {
			t.Fatal(err)
		}
		index := uint64(0)
		apply := func(c command.Command) any {
			data, err := command.Encode(c)
			if err != nil {
				t.Fatal(err)
			}
			index++
			results := store.Apply([]statemachine.Entry{{Index: index, Proposals: [][]byte{data}}})
			if len(results) != 1 {
				t.Fatal(store.Err())
			}
			return results[0]
		}
		apply(command.CreateTopics{Topics: []command.Topic{{Name: command.TopicResume, Partitions: 1}}})
		producers, sequences := []command.ProducerEpoch{}, [3]int32{}
		for i := range 3 {
			producers = append(producers, apply(command.InitProducer{TransactionalID: fmt.Sprint(i), TimeoutMilli: 60_000,
				Expected: command.ProducerEpoch{ProducerID: -1, Epoch: -1}}).(command.ProducerEpoch))
		}
		// The twin: the values by offset, and whose they are while they are open.
		values, open := map[int64]string{}, map[int64]int{}
		for n := range 120 {
			who := random.IntN(4)
			records := make([]recordbatch.Record, 1+random.IntN(3))
			for i := range records {
				records[i] = recordbatch.Record{Key: []byte("k"), Value: fmt.Appendf(nil, "%d.%d", n, i)}
			}
			a := command.Append{Topic: command.TopicResume}
			switch {
			case who == 3:
				a.Batch = recordbatch.Append(nil, records, recordbatch.Options{})
			case random.IntN(3) > 0:
				a.TransactionalID, a.AddsPartition = fmt.Sprint(who), true
				a.Batch = recordbatch.Append(nil, records, recordbatch.Options{Transactional: true,
					Producer: &recordbatch.Producer{ID: producers[who].ProducerID, Epoch: producers[who].Epoch, BaseSequence: sequences[who]}})
				sequences[who] += int32(len(records))
			default:
				isCommit := random.IntN(2) == 0
				apply(command.EndTransaction{TransactionalID: fmt.Sprint(who), Producer: producers[who], Commit: isCommit})
				for offset, owner := range open {
					if owner == who {
						delete(open, offset)
						if !isCommit {
							delete(values, offset)
						}
					}
				}
				continue
			}
			result := apply(command.AppendRecords{Appends: []command.Append{a}}).([]command.AppendResult)[0]
			if result.Err != nil {
				t.Fatal(result.Err)
			}
			for i, record := range records {
				values[result.BaseOffset+int64(i)] = string(record.Value)
				if who < 3 {
					open[result.BaseOffset+int64(i)] = who
				}
			}
		}
		state, err := store.Partition(command.TopicResume, 0)
		if err != nil {
			t.Fatal(err)
		}
		for offset := range open {
			if offset < state.StableOffset {
				t.Fatalf("seed %d: offset %d is open, and stable is %d", seed, offset, state.StableOffset)
			}
		}
		var want, got []string
		for offset := range state.StableOffset {
			if value, exists := values[offset]; exists {
				want = append(want, value)
			}
		}
		for offset := int64(0); offset < state.StableOffset; {
			records, err := storeForRunner{store}.ReadEvents(command.TopicResume, 0, offset, 1+random.IntN(400))
			if err != nil || len(records) == 0 {
				t.Fatalf("seed %d: nothing at %d, stable is %d: %v", seed, offset, state.StableOffset, err)
			}
			for _, record := range records {
				if !record.IsSkipped {
					got = append(got, string(record.Value))
				}
				offset = record.Offset + 1
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("seed %d:\n got %v\nwant %v", seed, got, want)
		}
		if records, err := (storeForRunner{store}).ReadEvents(command.TopicResume, 0, state.StableOffset, 100); len(records) != 0 || err != nil {
			t.Errorf("behind the last stable offset: %v, %v", records, err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
