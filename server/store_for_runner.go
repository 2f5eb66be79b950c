package server

import (
	"bytes"
	"errors"

	"kont/server/metrics"
	"kont/statemachine"
	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
	"kont/statemachine/runner"
)

// storeForRunner is the state machine as the runner reads it.
type storeForRunner struct{ *statemachine.Store }

var _ runner.Store = storeForRunner{}

func (s storeForRunner) ResumePartitions() ([]runner.Partition, error) {
	var all []runner.Partition
	for _, topic := range s.ResumeTopics() {
		for i := range topic.Partitions {
			all = append(all, runner.Partition{Topic: topic.Name, ID: topic.ID, Partition: i})
		}
	}
	return all, nil
}

func (s storeForRunner) Consumption(topic string, partition int32) (runner.Consumption, error) {
	next, beyond, err := s.Store.Consumption(topic, partition)
	if errors.Is(err, command.ErrUnknownTopic) {
		return runner.Consumption{}, nil
	}
	c := runner.Consumption{Offset: next, Beyond: make([]runner.OffsetRange, len(beyond))}
	for i, r := range beyond {
		c.Beyond[i] = runner.OffsetRange(r)
	}
	return c, err
}

// Thread leaves out threads that have ended: to the runner they are none.
func (s storeForRunner) Thread(topic, key string) (command.Thread, bool, error) {
	return s.LiveThread(topic, key)
}

func (s storeForRunner) Consumed(topic string, partition int32, offset int64) (bool, error) {
	return s.IsConsumed(topic, partition, offset)
}

func (s storeForRunner) IsTopic(topic string, id command.TopicID) bool {
	spec, exists := s.Topic(topic)
	return exists && spec.ID == id
}

func (s storeForRunner) Deployment(topic string) (command.Deployment, bool, error) {
	deployment, exists := s.Store.Deployment(topic)
	return deployment, exists, nil
}

// eventsBytesMax bounds the records of one read, but for the first: a megabyte on the wire may be
// millions of them, of a few bytes each, which take a gigabyte when they are taken apart. Each read of
// such a batch decompresses it anew, so it is not made small. recordBytes is about what a record takes
// besides its key and its value.
const (
	eventsBytesMax = 16 << 20
	recordBytes    = 128
)

// ReadEvents decodes batches up to the last stable offset, without what was aborted. One
// that can't be decoded, which Produce should have refused, gives as many unreadable
// records as it has offsets. A read may end within a batch.
func (s storeForRunner) ReadEvents(topic string, partition int32, offset int64, bytesMax int) ([]runner.Record, error) {
	for {
		state, err := s.Partition(topic, partition)
		if errors.Is(err, command.ErrUnknownTopic) {
			return nil, nil
		}
		if err != nil || offset >= state.StableOffset {
			return nil, err
		}
		from := max(offset, state.StartOffset)
		data, aborted, err := s.ReadCommitted(topic, partition, from, bytesMax)
		if errors.Is(err, command.ErrOffsetOutOfRange) {
			continue // Deleted since we looked.
		}
		if err != nil {
			return nil, err
		}
		return decodeEvents(data, from, aborted)
	}
}

func decodeEvents(data []byte, from int64, aborted []command.AbortedTransaction) ([]runner.Record, error) {
	events := decodedEvents{from: from, room: eventsBytesMax}
	hidden := abortedRecords{aborted}
	for len(data) > 0 && events.room > 0 {
		batch, rest, err := recordbatch.Split(data)
		if err != nil {
			return nil, err
		}
		header, err := recordbatch.ParseHeader(batch)
		if err != nil {
			return nil, err
		}
		if hidden.isHidden(header) {
			events.add(runner.Record{Offset: header.LastOffset(), IsSkipped: true})
		} else {
			events.addBatch(batch, header)
		}
		data = rest
	}
	return events.records, nil
}

// decodedEvents are the records of one read, from an offset on.
type decodedEvents struct {
	from    int64
	records []runner.Record
	// room is how many bytes more they may take. It ends at 0 or below.
	room int
}

// add says whether there is room for another one.
func (d *decodedEvents) add(record runner.Record) bool {
	d.records = append(d.records, record)
	d.room -= recordBytes + len(record.Key) + len(record.Value)
	return d.room > 0
}

// addBatch adds the records of a batch, as many as there is room for.
func (d *decodedEvents) addBatch(batch []byte, header recordbatch.Header) {
	before := len(d.records)
	next := max(d.from, header.BaseOffset)
	for record, err := range recordbatch.Records(batch) {
		if err != nil {
			d.records = d.records[:before]
			d.addUnreadable(header, err.Error())
			return
		}
		if record.Offset < next {
			continue
		}
		next = record.Offset + 1
		// Copies, so that one event does not keep a whole batch in memory.
		if !d.add(runner.Record{Offset: record.Offset, Key: bytes.Clone(record.Key), Value: bytes.Clone(record.Value)}) {
			return
		}
	}
	// Compaction may have taken the last records. Whoever reads on from the one before them must not be given this batch again.
	if next <= header.LastOffset() {
		d.add(runner.Record{Offset: header.LastOffset(), IsSkipped: true})
	}
}

func (d *decodedEvents) addUnreadable(header recordbatch.Header, reason string) {
	for offset := max(d.from, header.BaseOffset); offset <= header.LastOffset(); offset++ {
		if !d.add(runner.Record{Offset: offset, Unreadable: reason}) {
			return
		}
	}
}

// runnerObserver counts what the runner does.
type runnerObserver struct{ *metrics.Metrics }

var _ runner.Observer = runnerObserver{}

// ObserveUnmatched does nothing: the state machine counts unmatched events by
// reason itself, durably.
func (runnerObserver) ObserveUnmatched(command.UnmatchedClass) {}
