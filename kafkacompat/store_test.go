package kafkacompat_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/kafkacompat"
	"kont/statemachine"
	"kont/statemachine/command"
)

// storeLog is the state machine itself, with a log of its own that it is alone on.
type storeLog struct {
	*statemachine.Store
	mu      sync.Mutex
	index   uint64
	watches atomic.Int32
	// afterOffsets, if there is one, is called once, after the next look at the offsets of a group.
	afterOffsets atomic.Pointer[func()]
	// beforePropose, if there is one, is called once, before the next command is proposed.
	beforePropose atomic.Pointer[func()]
}

func (l *storeLog) CommittedOffsets(group string) ([]command.GroupOffset, error) {
	offsets, err := l.Store.CommittedOffsets(group)
	if f := l.afterOffsets.Swap(nil); f != nil {
		(*f)()
	}
	return offsets, err
}

// Watch counts those that are open.
func (l *storeLog) Watch(partitions []command.TopicPartition, wake chan<- struct{}) (cancel func()) {
	end := l.Store.Watch(partitions, wake)
	l.watches.Add(1)
	return func() {
		end()
		l.watches.Add(-1)
	}
}

func (l *storeLog) Propose(_ context.Context, c command.Command) (command.Result, error) {
	data, err := command.Encode(c)
	if err != nil {
		return nil, err
	}
	if f := l.beforePropose.Swap(nil); f != nil {
		(*f)()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index++
	results := l.Apply([]statemachine.Entry{{Index: l.index, Proposals: [][]byte{data}}})
	if len(results) != 1 {
		return nil, fmt.Errorf("apply: %w", l.Err())
	}
	if err, isError := results[0].(error); isError {
		return nil, err
	}
	return results[0], nil
}

func (l *storeLog) OffsetForTimestamp(topic string, partition int32, unixMilli int64) (offset, timestamp int64, err error) {
	offset, timestamp, found, err := l.Store.OffsetForTimestamp(topic, partition, unixMilli)
	if err != nil || !found {
		return -1, -1, err
	}
	return offset, timestamp, nil
}

func (l *storeLog) MaxTimestamp(topic string, partition int32) (offset, timestamp int64, err error) {
	offset, timestamp, found, err := l.Store.MaxTimestamp(topic, partition)
	if err != nil || !found {
		return -1, -1, err
	}
	return offset, timestamp, nil
}

// startServerOnStore is startServer with a state machine behind it.
func startServerOnStore(t *testing.T, change ...func(*kafkacompat.Config)) (*testServer, *storeLog) {
	t.Helper()
	store, err := statemachine.Open("/data", statemachine.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	log := &storeLog{Store: store}
	return startServer(t, append(change, func(c *kafkacompat.Config) { c.Log = log })...), log
}
