package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"kont/kafkacompat"
	"kont/server/peers"
	"kont/statemachine/command"
)

// forwardKafka has the leader answer a request of a Kafka client. Its errors are those of kafkacompat.Config.
func (n *Node) forwardKafka(ctx context.Context, request kafkacompat.Forwarded) ([]byte, error) {
	name, address := n.raft.Leader()
	if address == "" || peers.NodeIDOf(name) == n.identity.NodeID {
		return nil, fmt.Errorf("%w: this node led last, and no other one leads yet", kafkacompat.ErrNotForwarded)
	}
	data, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", kafkacompat.ErrNotForwarded, err)
	}
	answer, isSent, err := n.calls.Kafka(ctx, address, data, n.leadsStill(name))
	if err != nil && (!isSent || errors.Is(err, command.ErrUnavailable)) {
		err = fmt.Errorf("%w: %w", kafkacompat.ErrNotForwarded, err)
	}
	return answer, err
}

// Kafka answers a request that a client sent to another node. It is command.ErrUnavailable that nothing was done.
func (m *membership) Kafka(data json.RawMessage) ([]byte, error) {
	kafka := m.node.kafkaForwarded.Load()
	if kafka == nil {
		return nil, fmt.Errorf("%w: the node is starting", command.ErrUnavailable)
	}
	var request kafkacompat.Forwarded
	if err := json.Unmarshal(data, &request); err != nil {
		return nil, fmt.Errorf("read a request of a Kafka client: %w", err)
	}
	return kafka.AnswerForwarded(request)
}
