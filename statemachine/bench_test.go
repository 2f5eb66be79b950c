package statemachine

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// benchStore is a store on the real disk.
func benchStore(b *testing.B) *Store {
	b.Helper()
	store, err := Open(b.TempDir(), Options{Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	return store
}

type benchLog struct {
	*testing.B
	store *Store
	index uint64
}

func (l *benchLog) apply(proposals ...[]byte) []any {
	l.index++
	results := l.store.Apply([]Entry{{Index: l.index, Proposals: proposals}})
	if results == nil {
		l.Fatal(l.store.Err())
	}
	return results
}

func randomBytes(random *rand.Rand, n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// Sketch: CBOR 2 µs, CRC and copies of 1 KiB 1 µs, skiplist inserts of two keys 2 µs.
func BenchmarkApplyAppendRecords(b *testing.B) {
	for _, proposals := range []int{1, 64} {
		b.Run(fmt.Sprintf("record_bytes=1024/proposals=%d", proposals), func(b *testing.B) {
			log := &benchLog{B: b, store: benchStore(b)}
			log.apply(encode(b, command.CreateTopics{Topics: []command.Topic{{Name: "t", Partitions: 8}}}))
			batch := recordbatch.Append(nil, []recordbatch.Record{{Key: []byte("key"), Value: randomBytes(rand.New(rand.NewPCG(1, 1)), 1024)}}, recordbatch.Options{})
			var packed [][]byte
			for i := range proposals {
				packed = append(packed, encode(b, command.AppendRecords{Appends: []command.Append{{Topic: "t", Partition: int32(i % 8), Batch: batch}}, NowUnixMilli: 1}))
			}
			b.ReportAllocs()
			for b.Loop() {
				log.apply(packed...)
			}
			b.ReportMetric(float64(b.N*proposals)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// A step of a waiting thread: its event, which is appended without being timed, is
// consumed, the thread rewritten, a line of history added, one record written.
func BenchmarkApplyCommitSteps(b *testing.B) {
	for _, steps := range []int{1, 64} {
		b.Run(fmt.Sprintf("steps=%d", steps), func(b *testing.B) {
			log := &benchLog{B: b, store: benchStore(b)}
			hash := bundleHash("v1")
			log.apply(encode(b, command.Deploy{ResumeTopic: command.TopicResume, Hash: hash, Bundle: []byte("v1"),
				Topics: []command.Topic{{Name: command.TopicResume, Partitions: 8}, {Name: "out", Partitions: 8}}}))
			continuation := randomBytes(rand.New(rand.NewPCG(1, 1)), 300)
			id := uint64(0)
			offset := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				records := make([]recordbatch.Record, steps)
				batch := recordbatch.Append(nil, records, recordbatch.Options{})
				log.apply(encode(b, command.AppendRecords{Appends: []command.Append{{Topic: command.TopicResume, Batch: batch}}}))
				com := command.CommitSteps{NowUnixMilli: 1}
				for i := range steps {
					key := fmt.Sprintf("thread-%d", i)
					previous := uint64(0)
					if id >= uint64(steps) {
						previous = id + 1 - uint64(steps)
					}
					id++
					com.Steps = append(com.Steps, command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: key,
						Outcome: command.OutcomeSuspended, StepID: id, PreviousStepID: previous, Started: previous == 0, Hash: hash,
						Continuation: continuation, Refs: []string{fmt.Sprintf("%d:ref:1", id)},
						Outputs: []command.Output{{Topic: "out", Key: []byte(key), Value: []byte(`{"done":true}`)}}})
					offset++
				}
				proposal := encode(b, com)
				b.StartTimer()
				for i, err := range log.apply(proposal)[0].([]error) {
					if err != nil {
						b.Fatal(i, err)
					}
				}
			}
			b.ReportMetric(float64(b.N*steps)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// An unmatched event: it is consumed, a line is added to the history of its key and
// one to the list of all, which is full, so the oldest goes: a lookup, two sets and a
// delete more than without the list.
func BenchmarkApplyUnmatched(b *testing.B) {
	const steps = 64
	b.Run(fmt.Sprintf("steps=%d", steps), func(b *testing.B) {
		log := &benchLog{B: b, store: benchStore(b)}
		log.apply(encode(b, command.CreateTopics{Topics: []command.Topic{{Name: command.TopicResume, Partitions: 8}}}))
		offset := int64(0)
		next := func() []byte {
			batch := recordbatch.Append(nil, make([]recordbatch.Record, steps), recordbatch.Options{})
			log.apply(encode(b, command.AppendRecords{Appends: []command.Append{{Topic: command.TopicResume, Batch: batch}}}))
			com := command.CommitSteps{NowUnixMilli: 1}
			for i := range steps {
				com.Steps = append(com.Steps, command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: fmt.Sprintf("thread-%d", i),
					Outcome: command.OutcomeUnmatched, Reason: `ref "7:ref:1" is not pending`, Event: []byte(`{"ref":"7:ref:1","value":{"paid":true}}`)})
				offset++
			}
			return encode(b, com)
		}
		for offset < UnmatchedEventsMax {
			log.apply(next())
		}
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			proposal := next()
			b.StartTimer()
			log.apply(proposal)
		}
		b.ReportMetric(float64(b.N*steps)/b.Elapsed().Seconds(), "events/s")
	})
}

func BenchmarkReadBatches(b *testing.B) {
	log := &benchLog{B: b, store: benchStore(b)}
	log.apply(encode(b, command.CreateTopics{Topics: []command.Topic{{Name: "t", Partitions: 1}}}))
	batch := recordbatch.Append(nil, []recordbatch.Record{{Key: []byte("key"), Value: randomBytes(rand.New(rand.NewPCG(1, 1)), 1024)}}, recordbatch.Options{})
	proposal := encode(b, command.AppendRecords{Appends: []command.Append{{Topic: "t", Batch: batch}}})
	const records = 50_000
	for range records / 100 {
		packed := make([][]byte, 100)
		for i := range packed {
			packed[i] = proposal
		}
		log.apply(packed...)
	}
	if err := log.store.Flush(); err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{1, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("bytes_max=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			random := rand.New(rand.NewPCG(1, 1))
			total := 0
			for b.Loop() {
				data, err := log.store.ReadBatches("t", 0, random.Int64N(records), size)
				if err != nil {
					b.Fatal(err)
				}
				total += len(data)
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds()/1e6, "MB/s")
		})
	}
}

// Parked threads: what each costs on disk, its start record included, and in
// memory.
func BenchmarkParkedThreads(b *testing.B) {
	const threads = 100_000
	b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
		for b.Loop() {
			log := &benchLog{B: b, store: benchStore(b)}
			hash := bundleHash("v1")
			log.apply(encode(b, command.Deploy{ResumeTopic: command.TopicResume, Hash: hash, Bundle: []byte("v1"),
				Topics: []command.Topic{{Name: command.TopicResume, Partitions: 8}}}))
			before := memory()
			random := rand.New(rand.NewPCG(1, 1))
			now := int64(1_700_000_000_000)
			// Half of a continuation is the same in all threads: names, positions.
			common := randomBytes(random, 150)
			offsets := [8]int64{}
			for id := uint64(1); id <= threads; {
				var appends []command.Append
				com := command.CommitSteps{NowUnixMilli: now}
				for range 100 {
					key := fmt.Sprintf("order-%04x-%d", random.Uint32()&0xffff, id)
					p := recordbatch.PartitionForKey([]byte(key), 8)
					value := fmt.Appendf(nil, `new:{"customer":"c-%d","amount":%d}`, random.IntN(10000), random.IntN(1000))
					appends = append(appends, command.Append{Topic: command.TopicResume, Partition: p, Batch: recordbatch.Append(nil,
						[]recordbatch.Record{{Key: []byte(key), Value: value, TimestampUnixMilli: now}}, recordbatch.Options{})})
					com.Steps = append(com.Steps, command.Step{ResumeTopic: command.TopicResume, Partition: p, Offset: offsets[p], Thread: key,
						Outcome: command.OutcomeSuspended, StepID: id, Started: true, Hash: hash, DurationMicro: 150,
						Continuation: append(randomBytes(random, 150), common...), Refs: []string{fmt.Sprintf("%d:ref:1", id)}})
					offsets[p]++
					id++
					now++
				}
				log.apply(encode(b, command.AppendRecords{Appends: appends, NowUnixMilli: now}))
				for _, err := range log.apply(encode(b, com))[0].([]error) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			after := memory()
			if err := log.store.Flush(); err != nil {
				b.Fatal(err)
			}
			stats, err := log.store.Stats()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(stats.DiskBytes)/threads, "B/thread-on-disk")
			b.ReportMetric(float64(after-before)/threads, "B/thread-in-memory")
		}
	})
}

func memory() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func BenchmarkApplyFireTimers(b *testing.B) {
	const timers = 10_000
	b.Run(fmt.Sprintf("timers=%d", timers), func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			log := &benchLog{B: b, store: benchStore(b)}
			log.apply(encode(b, command.CreateTopics{Topics: []command.Topic{{Name: command.TopicResume, Partitions: 8}, {Name: command.TopicScheduler, Partitions: 1}}}))
			var records []recordbatch.Record
			for i := range timers {
				records = append(records, recordbatch.Record{Key: fmt.Appendf(nil, `t%d|{"ref":"%d:ref:1"}`, i, i), Value: []byte("1000")})
			}
			batch := recordbatch.Append(nil, records, recordbatch.Options{})
			log.apply(encode(b, command.AppendRecords{Appends: []command.Append{{Topic: command.TopicScheduler, Batch: batch}}}))
			b.StartTimer()
			for {
				due, err := log.store.TimersDueBy(1000, 1000)
				if err != nil {
					b.Fatal(err)
				}
				if len(due) == 0 {
					break
				}
				log.apply(encode(b, command.FireTimers{Timers: due, NowUnixMilli: 1000}))
			}
		}
		b.ReportMetric(float64(b.N*timers)/b.Elapsed().Seconds(), "timers/s")
	})
}
