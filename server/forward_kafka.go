package server

import (
	"context"
	"encoding/json"
	"fmt"

	"kont/kafkacompat"
	"kont/server/peers"
	"kont/statemachine/command"
)

// forwardKafka has the leader answer a request of a Kafka client.
func (n *Node) forwardKafka(ctx context.Context, request kafkacompat.Forwarded) ([]byte, error) {
	name, address := n.raft.Leader()
	if address == "" || peers.NodeIDOf(name) == n.identity.NodeID {
		return nil, fmt.Errorf("%w, and no other node leads yet", command.ErrNotLeader)
	}
	data, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	return n.calls.Kafka(ctx, address, data)
}

// Kafka answers a request that a client sent to another node.
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
