package server

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/statemachine"
	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// simulatedTwin knows from the commands in the log, and what was answered to them, which records there must be, which events were consumed, and which timers are
// set. It is written as plainly as can be.
type simulatedTwin struct {
	simulation *simulation
	// now is the time of the state machine.
	now int64
	// records has all records by place, in order; those of transactions and of retries are left out, and their places are in unknown.
	records map[command.TopicPartition][]string
	unknown map[command.TopicPartition]bool
	// batches has the records of clients' batches by place and first offset.
	batches map[string]string
	// ends has the least offset that the next batch of a client may get.
	ends map[command.TopicPartition]int64
	// consumed has the events that a step has consumed, counted by place.
	consumed map[string]uint64
	counts   map[command.TopicPartition]int64
	// lastSteps has the last step of all threads that ever had a key, as an answer to one that is gone must not fit another.
	lastSteps map[string]uint64
	// timers has when each is due, by topic and key.
	timers map[string]map[string]int64
	// resumeOf has the resume topic of each scheduler topic.
	resumeOf map[string]string
	// These count steps that took effect, steps that were refused, and timers.
	steps, refused, fired int
}

func newSimulatedTwin(s *simulation) *simulatedTwin {
	return &simulatedTwin{
		simulation: s,
		records:    map[command.TopicPartition][]string{}, unknown: map[command.TopicPartition]bool{},
		batches: map[string]string{}, ends: map[command.TopicPartition]int64{}, consumed: map[string]uint64{}, counts: map[command.TopicPartition]int64{}, lastSteps: map[string]uint64{},
		timers: map[string]map[string]int64{}, resumeOf: map[string]string{command.TopicScheduler: command.TopicResume},
	}
}

// note hears of each command once, in the order of the log.
func (w *simulatedTwin) note(com command.Command, result any) {
	if at := reflect.ValueOf(com).Elem().FieldByName("NowUnixMilli"); at.IsValid() {
		w.now = max(w.now, at.Int())
	}
	switch com := com.(type) {
	case *command.CreateTopics:
		for _, topic := range com.Topics {
			if topic.Configs[command.ConfigScheduler] == "builtin" {
				w.resumeOf[topic.Name] = topic.Configs[command.ConfigSchedulerResumeTopic]
			}
		}
	case *command.AppendRecords:
		for i, result := range result.([]command.AppendResult) {
			if result.Err == nil {
				w.appendBatch(&com.Appends[i], result.BaseOffset)
			}
		}
	case *command.CommitSteps:
		for i, err := range result.([]error) {
			if err != nil {
				w.refused++
				continue
			}
			w.commitStep(&com.Steps[i])
		}
	case *command.FireTimers:
		w.fireTimers(com, result.(int))
	case *command.DeleteTopics:
		for i, err := range result.([]error) {
			if err == nil {
				delete(w.timers, com.Names[i])
			}
		}
	case *command.RetryThread:
		for i := range int32(simulatedPartitions) {
			w.unknown[command.TopicPartition{Topic: com.ResumeTopic, Partition: i}] = true
		}
	}
}

func (w *simulatedTwin) appendBatch(a *command.Append, base int64) {
	place := command.TopicPartition{Topic: a.Topic, Partition: a.Partition}
	var words []string
	for record, err := range recordbatch.Records(a.Batch) {
		if err != nil {
			w.simulation.failf("batch of a client: %v", err)
		}
		words = append(words, fmt.Sprintf("%q: %q", record.Key, record.Value))
	}
	if a.Topic == simulatedAgain {
		return // with another topic under its name, the offsets begin anew
	}
	name, text := fmt.Sprint(place, base), strings.Join(words, ", ")
	if base < w.ends[place] {
		if known, isKnown := w.batches[name]; !isKnown || known != text {
			w.simulation.failf("the batch %s is said to be at %d of %v, where %q is", text, base, place, known)
		}
		return
	}
	w.batches[name] = text
	w.ends[place] = base + int64(len(words))
	if a.TransactionalID != "" {
		w.unknown[place] = true
		return
	}
	for record := range recordbatch.Records(a.Batch) {
		w.append(place, record.Key, record.Value)
	}
}

func (w *simulatedTwin) append(place command.TopicPartition, key, value []byte) {
	w.records[place] = append(w.records[place], fmt.Sprintf("%q: %q", key, value))
	if _, isScheduler := w.resumeOf[place.Topic]; !isScheduler {
		return
	}
	if w.timers[place.Topic] == nil {
		w.timers[place.Topic] = map[string]int64{}
	}
	delete(w.timers[place.Topic], string(key))
	if delay, _ := strconv.ParseInt(string(value), 10, 64); delay > 0 {
		w.timers[place.Topic][string(key)] = w.now + delay
	}
}

func (w *simulatedTwin) commitStep(step *command.Step) {
	w.steps++
	place := command.TopicPartition{Topic: step.ResumeTopic, Partition: step.Partition}
	name := fmt.Sprint(place, step.TopicID, " at ", step.Offset)
	if other, isConsumed := w.consumed[name]; isConsumed {
		w.simulation.failf("the event in %s took effect twice, in step %d and in step %d", name, other, step.StepID)
	}
	w.consumed[name] = step.StepID
	thread := fmt.Sprint(step.ResumeTopic, step.TopicID, step.Thread)
	if last := w.lastSteps[thread]; step.StepID != 0 && step.StepID <= last {
		w.simulation.failf("thread %s takes step %d after step %d", thread, step.StepID, last)
	}
	w.lastSteps[thread] = max(w.lastSteps[thread], step.StepID)
	w.counts[place]++
	if step.Outcome != command.OutcomeSuspended && step.Outcome != command.OutcomeEnded {
		return
	}
	for _, output := range step.Outputs {
		w.append(command.TopicPartition{Topic: output.Topic, Partition: recordbatch.PartitionForKey(output.Key, simulatedPartitions)}, output.Key, output.Value)
	}
}

func (w *simulatedTwin) fireTimers(com *command.FireTimers, fired int) {
	w.fired += fired
	count := 0
	for _, timer := range com.Timers {
		if due, isSet := w.timers[timer.Topic][timer.Key]; !isSet || due != timer.DueUnixMilli {
			continue
		}
		count++
		delete(w.timers[timer.Topic], timer.Key)
		thread, event, _ := strings.Cut(timer.Key, "|")
		place := command.TopicPartition{Topic: w.resumeOf[timer.Topic], Partition: recordbatch.PartitionForKey([]byte(thread), simulatedPartitions)}
		w.append(place, []byte(thread), []byte(event))
	}
	if count != fired {
		w.simulation.failf("%d timers have fired, it should be %d of %+v", fired, count, com.Timers)
	}
}

// unconsumed names an event that nobody has consumed, if there is one.
func (w *simulatedTwin) unconsumed() string {
	store := w.simulation.leader.store
	for _, topic := range store.ResumeTopics() {
		for i := range topic.Partitions {
			state, err := store.Partition(topic.Name, i)
			next, _, consumptionErr := store.Consumption(topic.Name, i)
			if err != nil || consumptionErr != nil || next < state.NextOffset {
				return fmt.Sprintf("partition %d of %s is consumed up to %d of %d, %v, %v", i, topic.Name, next, state.NextOffset, err, consumptionErr)
			}
		}
	}
	return ""
}

// check compares what the store has with what there must be.
func (w *simulatedTwin) check(store *statemachine.Store) {
	t := w.simulation.t
	for _, topic := range store.Topics() {
		for i := range topic.Partitions {
			place := command.TopicPartition{Topic: topic.Name, Partition: i}
			if strings.HasPrefix(topic.Name, simulatedAgain) {
				continue
			}
			got, want := w.simulation.read(store, place), w.records[place]
			events := int64(len(got))
			if topic.Configs["cleanup.policy"] == "compact" {
				events = int64(len(want))
				want = w.compacted(place, got)
			}
			if !w.unknown[place] && !slices.Equal(got, want) {
				at := 0
				for at < min(len(got), len(want)) && got[at] == want[at] {
					at++
				}
				t.Errorf("seed %d: %v has %d records, want %d; from %d on\n got %s\nwant %s", w.simulation.seed, place, len(got), len(want), at, got[at:], want[at:])
			}
			if isEvents := slices.ContainsFunc(store.ResumeTopics(), func(r command.Topic) bool { return r.Name == topic.Name }); isEvents && w.counts[place] != events &&
				topic.Name != simulatedFaulty {
				t.Errorf("seed %d: %d steps were committed for the %d events in %v", w.simulation.seed, w.counts[place], events, place)
			}
		}
	}
	for topic, timers := range w.timers {
		if len(timers) > 0 {
			t.Errorf("seed %d: timers of %s have not fired: %v", w.simulation.seed, topic, timers)
		}
	}
	if w.steps < simulationSteps/100 {
		t.Errorf("seed %d: only %d steps were committed", w.simulation.seed, w.steps)
	}
}

// compacted is what there must be of a compacted partition, given what there is: the last record of each key, unless that is a tombstone, and of the others those
// that compaction has left, in their order.
func (w *simulatedTwin) compacted(place command.TopicPartition, got []string) (want []string) {
	last := map[string]int{}
	for i, record := range w.records[place] {
		key, _, _ := strings.Cut(record, ": ")
		last[key] = i
	}
	lastLeft := map[string]string{}
	for _, record := range got {
		key, value, _ := strings.Cut(record, ": ")
		lastLeft[key] = value
	}
	for i, record := range w.records[place] {
		key, value, _ := strings.Cut(record, ": ")
		isLeft := len(want) < len(got) && got[len(want)] == record
		if _, end, _ := strings.Cut(w.records[place][last[key]], ": "); end == `""` && lastLeft[key] != `""` {
			isLeft = false // what the tombstone has deleted does not come back when that one goes
		}
		if isLeft || last[key] == i && value != `""` {
			want = append(want, record)
		}
	}
	return want
}

// read lists the records of a partition that readers of committed ones see.
func (s *simulation) read(store *statemachine.Store, place command.TopicPartition) []string {
	var all []string
	for offset := int64(0); ; {
		records, err := storeForRunner{store}.ReadEvents(place.Topic, place.Partition, offset, 1<<20)
		if err != nil {
			s.failf("read %v: %v", place, err)
		}
		if len(records) == 0 {
			return all
		}
		for _, record := range records {
			offset = record.Offset + 1
			if !record.IsSkipped {
				all = append(all, fmt.Sprintf("%q: %q", record.Key, record.Value))
			}
		}
	}
}

// differences lists the keys that differ between two stores, for people.
func differences(a, b *statemachine.Store) string {
	var lines []string
	x, y := pairs(a), pairs(b)
	for key, value := range x {
		if other, exists := y[key]; !exists || other != value {
			lines = append(lines, fmt.Sprintf("%x: %x and %x", key, value[:min(len(value), 64)], other[:min(len(other), 64)]))
		}
	}
	for key, value := range y {
		if _, exists := x[key]; !exists {
			lines = append(lines, fmt.Sprintf("%x: nothing and %x", key, value[:min(len(value), 64)]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines[:min(len(lines), 20)], "\n")
}

// pairs are all keys and values of a store, read by the back door.
func pairs(store *statemachine.Store) map[string]string {
	all := map[string]string{}
	snapshot, err := store.Snapshot()
	if err != nil {
		return all
	}
	defer snapshot.Release()
	disk := vfs.NewMem()
	var stream bytes.Buffer
	if snapshot.Persist(&stream) != nil {
		return all
	}
	copied, err := statemachine.Open("/data", statemachine.Options{FS: disk})
	if err != nil {
		return all
	}
	if copied.Restore(&stream) != nil || copied.Close() != nil {
		return all
	}
	db, err := pebble.Open("/data/state-2", &pebble.Options{FS: disk, FormatMajorVersion: pebble.FormatNewest, ReadOnly: true})
	if err != nil {
		return all
	}
	defer db.Close()
	iterator, err := db.NewIter(nil)
	if err != nil {
		return all
	}
	defer iterator.Close()
	for isThere := iterator.First(); isThere; isThere = iterator.Next() {
		all[string(iterator.Key())] = string(iterator.Value())
	}
	return all
}
