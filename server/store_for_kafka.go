package server

import (
	"context"

	"kont/kafkacompat"
	"kont/statemachine"
	"kont/statemachine/command"
)

// storeForKafka is the state machine, and the way into it, as the listener asks for
// them.
type storeForKafka struct {
	*statemachine.Store
	proposer *proposer
}

var _ kafkacompat.Log = storeForKafka{}

func (s storeForKafka) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	return s.proposer.Propose(ctx, c)
}

func (s storeForKafka) OffsetForTimestamp(topic string, partition int32, unixMilli int64) (offset, timestampUnixMilli int64, err error) {
	offset, timestampUnixMilli, found, err := s.Store.OffsetForTimestamp(topic, partition, unixMilli)
	if err != nil || !found {
		return -1, -1, err
	}
	return offset, timestampUnixMilli, nil
}

func (s storeForKafka) MaxTimestamp(topic string, partition int32) (offset, timestampUnixMilli int64, err error) {
	offset, timestampUnixMilli, found, err := s.Store.MaxTimestamp(topic, partition)
	if err != nil || !found {
		return -1, -1, err
	}
	return offset, timestampUnixMilli, nil
}
