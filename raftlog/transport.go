package raftlog

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"kont/raftlog/link"
)

const (
	// rpcTimeout bounds each read and write of the other side; larger snapshots get
	// more.
	rpcTimeout = 10 * time.Second

	connectionsPerMember = 3
)

// openTransport lets raft speak over cfg.Port. Without one, the node has an address that
// nobody can dial.
func openTransport(cfg Config, idOf *atomic.Pointer[func(address string) string], isQuiet *atomic.Bool, logger hclog.Logger) raft.Transport {
	if cfg.Port == nil {
		_, transport := raft.NewInmemTransport(raft.ServerAddress("unreachable:" + cfg.NodeID))
		return transport
	}
	network := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:  streamLayer{cfg.Port.Listener(link.Raft), cfg.Port, idOf},
		MaxPool: connectionsPerMember,
		Timeout: rpcTimeout,
		// One request at a time for each follower. With two, what sends them can wait for ever for what reads the
		// answers, which has ended with the leadership, and the node can't be shut down. The requests are batches,
		// and the next one is put together meanwhile all the same.
		MaxRPCsInFlight: 1,
		Logger:          logger,
	})
	return &quietTransport{network, isQuiet}
}

// streamLayer gives raft its connections.
type streamLayer struct {
	net.Listener
	port *link.Port
	// idOf finds the id of the member with an address, "" if there is none.
	idOf *atomic.Pointer[func(address string) string]
}

func (l streamLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	id := ""
	if idOf := l.idOf.Load(); idOf != nil {
		id = (*idOf)(string(address))
	}
	return l.port.Dial(ctx, link.Raft, id, string(address))
}
