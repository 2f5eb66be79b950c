package raftlog

import (
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

const (
	// rpcTimeout bounds what the other side may take for an answer, and for each part of a snapshot.
	rpcTimeout = 10 * time.Second

	connectionsPerMember = 3
)

// openTransport lets raft speak by streams. Without them, the node has an address that
// nobody can dial.
func (n *Node) openTransport(logger hclog.Logger) raft.Transport {
	if n.streams == nil {
		_, transport := raft.NewInmemTransport(raft.ServerAddress("unreachable:" + n.cfg.NodeID))
		return transport
	}
	network := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:  n.streams,
		MaxPool: connectionsPerMember,
		Timeout: rpcTimeout,
		Logger:  logger,
	})
	requests := network.Consumer()
	if n.cfg.wrapRequests != nil {
		requests = n.cfg.wrapRequests(requests)
	}
	return &quietTransport{
		NetworkTransport: network, installs: newInstalls(requests, n.log),
		sends: n.sends, follows: n.follows, asksForVotes: n.asksForVotes, awaitAnswer: n.awaitAnswer, answers: n.answers,
	}
}
