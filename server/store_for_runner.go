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

// ReadEvents decodes batches up to the last stable offset, without what was aborted. One
// that can't be decoded, which Produce should have refused, gives as many unreadable
// records as it has offsets.
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
	var records []runner.Record
	hidden := abortedRecords{aborted}
	for len(data) > 0 {
		batch, rest, err := recordbatch.Split(data)
		if err != nil {
			return nil, err
		}
		header, err := recordbatch.ParseHeader(batch)
		if err != nil {
			return nil, err
		}
		if hidden.isHidden(header) {
			records = append(records, runner.Record{Offset: header.LastOffset(), IsSkipped: true})
		} else {
			records = append(records, decodeBatch(batch, header, from)...)
		}
		data = rest
	}
	return records, nil
}

func decodeBatch(batch []byte, header recordbatch.Header, from int64) []runner.Record {
	var records []runner.Record
	for record, err := range recordbatch.Records(batch) {
		if err != nil {
			return unreadable(header, from, err.Error())
		}
		if record.Offset >= from {
			// Copies, so that one event does not keep a whole batch in memory.
			records = append(records, runner.Record{Offset: record.Offset, Key: bytes.Clone(record.Key), Value: bytes.Clone(record.Value)})
		}
	}
	// Compaction may have taken the last records. Whoever reads on from the one before them must not be given this batch again.
	if n := len(records); n == 0 || records[n-1].Offset < header.LastOffset() {
		records = append(records, runner.Record{Offset: header.LastOffset(), IsSkipped: true})
	}
	return records
}

func unreadable(header recordbatch.Header, from int64, reason string) []runner.Record {
	var records []runner.Record
	for offset := max(from, header.BaseOffset); offset <= header.LastOffset(); offset++ {
		records = append(records, runner.Record{Offset: offset, Unreadable: reason})
	}
	return records
}

// runnerObserver counts what the runner does.
type runnerObserver struct{ *metrics.Metrics }

var _ runner.Observer = runnerObserver{}

// ObserveUnmatched does nothing: the state machine counts unmatched events by
// reason itself, durably.
func (runnerObserver) ObserveUnmatched(command.UnmatchedClass) {}
