package server

import (
	"net"
	"strconv"

	"kont/kafkacompat"
)

// nodeID is the broker id of a node that is alone.
const nodeID = 1

// cluster tells Kafka clients who is there.
type cluster struct {
	node *Node
	// host and port are what clients are told.
	host string
	port int32
}

var _ kafkacompat.Cluster = (*cluster)(nil)

func newCluster(n *Node, listener net.Addr, advertise string) (*cluster, error) {
	address := advertise
	if address == "" {
		address = listener.String()
	}
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	return &cluster{node: n, host: host, port: int32(port)}, nil
}

func (c *cluster) ID() string    { return c.node.identity.ClusterID }
func (c *cluster) NodeID() int32 { return nodeID }

// Leader is this node while it leads, and also once it has failed: it takes no
// writes then, and says so, but nobody else can serve what it has.
func (c *cluster) Leader() (leader, epoch int32) {
	epoch = c.node.epoch.Load()
	if c.node.raft.IsLeader() || c.node.failure() != nil {
		return nodeID, epoch
	}
	return -1, epoch
}

func (c *cluster) Brokers(string) []kafkacompat.Broker {
	return []kafkacompat.Broker{{NodeID: nodeID, Host: c.host, Port: c.port}}
}

// epochMark notes the Raft term when this node becomes leader.
type epochMark struct{ node *Node }

func (m epochMark) Start() { m.node.epoch.Store(int32(m.node.raft.Stats().Term)) }
func (m epochMark) Stop()  {}
