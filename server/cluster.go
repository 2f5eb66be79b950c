package server

import (
	"cmp"
	"net"
	"strconv"

	"kont/kafkacompat"
)

// nodeID is the broker id of a node that is alone.
const nodeID = 1

// cluster tells Kafka clients who is there.
type cluster struct {
	node *Node
	// brokers are what clients of a listener are told, by its name.
	brokers map[string]kafkacompat.Broker
}

var _ kafkacompat.Cluster = (*cluster)(nil)

func newCluster(n *Node, listeners []kafkaListener) (*cluster, error) {
	c := &cluster{node: n, brokers: map[string]kafkacompat.Broker{}}
	for _, listener := range listeners {
		host, portText, err := net.SplitHostPort(cmp.Or(listener.advertised, listener.Addr().String()))
		if err != nil {
			return nil, err
		}
		port, err := strconv.ParseUint(portText, 10, 16)
		if err != nil {
			return nil, err
		}
		c.brokers[listener.how.Name] = kafkacompat.Broker{NodeID: nodeID, Host: host, Port: int32(port)}
	}
	return c, nil
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

func (c *cluster) Brokers(listener string) []kafkacompat.Broker {
	if broker, exists := c.brokers[listener]; exists {
		return []kafkacompat.Broker{broker}
	}
	return nil
}

// epochMark notes the Raft term when this node becomes leader.
type epochMark struct{ node *Node }

func (m epochMark) Start() { m.node.epoch.Store(int32(m.node.raft.Stats().Term)) }
func (m epochMark) Stop()  {}
