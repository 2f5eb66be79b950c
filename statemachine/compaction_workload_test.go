package statemachine

import (
	"math/rand/v2"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// tableWorkload is that of a compacted topic, with a seed of its own. The resume topic is
// compacted, too, at times.
type tableWorkload struct{ workload }

func (w *workload) createTable() *tableWorkload {
	w.apply(command.CreateTopics{Topics: []command.Topic{{Name: "table", Partitions: 1, Configs: map[string]string{
		"cleanup.policy": "compact,delete", "min.cleanable.dirty.ratio": "0.1", "delete.retention.ms": "3000"}}}, NowUnixMilli: w.now})
	w.compactMarker()
	return &tableWorkload{workload{harness: w.harness, random: rand.New(rand.NewPCG(uint64(w.now), 8))}}
}

func (w *tableWorkload) next(now int64) {
	w.now = now
	switch w.random.IntN(40) {
	case 0, 1, 2, 3:
		var records []recordbatch.Record
		for range 1 + w.random.IntN(4) {
			r := recordbatch.Record{TimestampUnixMilli: w.now, Key: []byte(w.key()), Value: w.text(2000)}
			if w.random.IntN(4) == 0 {
				r.Value = nil
			}
			records = append(records, r)
		}
		w.apply(command.AppendRecords{NowUnixMilli: w.now, Appends: []command.Append{{Topic: "table",
			Batch: recordbatch.Append(nil, records, recordbatch.Options{Codec: recordbatch.Codec(w.random.IntN(5))})}}})
	case 4, 5, 6:
		w.compactOnce(w.now, 1+w.random.IntN(20), 1+w.random.IntN(3))
	case 7:
		policy := []string{"compact", "delete", "compact,delete"}[w.random.IntN(3)]
		w.apply(command.AlterTopicConfigs{Topic: command.TopicResume, Configs: map[string]*string{"cleanup.policy": &policy}})
	case 9:
		w.apply(command.CreatePartitions{Topics: []command.PartitionCount{{Topic: []string{"out", command.TopicScheduler, "other", "table"}[w.random.IntN(4)],
			Count: 1 + w.random.Int32N(5)}}})
	case 8:
		state, err := w.store.Partition("table", 0)
		if err != nil {
			w.Fatal(err)
		}
		w.apply(command.DeleteRecords{Trims: []command.Trim{{Topic: "table", Offset: state.StartOffset + w.random.Int64N(min(10, state.NextOffset-state.StartOffset+1))}}})
	}
}

// compactMarker compacts a transaction away with its marker, which takes too many commands
// in an order to be had from chance.
func (w *workload) compactMarker() {
	w.Helper()
	w.apply(command.CreateTopics{Topics: []command.Topic{{Name: "marked", Partitions: 1, Configs: map[string]string{
		"cleanup.policy": "compact", "delete.retention.ms": "0"}}}, NowUnixMilli: w.now})
	x := &txn{harness: w.harness, id: "marked", sequences: map[string]int32{}, now: w.now}
	x.init(nobody)
	x.add("marked", 0)
	x.mustSend("marked", 0, "aborted")
	x.mustEnd(false)
	w.apply(command.AppendRecords{NowUnixMilli: w.now, Appends: []command.Append{{Topic: "marked",
		Batch: recordbatch.Append(nil, []recordbatch.Record{record(w.now, "k", "last")}, recordbatch.Options{})}}})
	for w.compactOnce(w.now, 10, 10) != nil {
	}
	requireEqual(w.T, "left", w.offsets("marked"), []int64{2})
}
