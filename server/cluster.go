package server

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"kont/kafkacompat"
	"kont/server/peers"
)

// cluster tells Kafka clients who is there.
type cluster struct {
	node *Node
	// self is what clients of a listener are told of this node, by its name.
	self map[string]kafkacompat.Broker
	// told is the greatest epoch that Leader has returned.
	told atomic.Int32
}

var _ kafkacompat.Cluster = (*cluster)(nil)

func newCluster(n *Node, listeners []kafkaListener) (*cluster, error) {
	c := &cluster{node: n, self: map[string]kafkacompat.Broker{}}
	for _, listener := range listeners {
		broker, err := listener.broker(n.identity.NodeID)
		if err != nil {
			return nil, err
		}
		broker.Rack = n.config.Cluster.Rack
		c.self[listener.how.Name] = broker
	}
	return c, nil
}

// broker is what clients of a listener are told of its node.
func (l kafkaListener) broker(nodeID int32) (kafkacompat.Broker, error) {
	host, portText, err := net.SplitHostPort(cmp.Or(l.advertised, l.Addr().String()))
	if err != nil {
		return kafkacompat.Broker{}, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	return kafkacompat.Broker{NodeID: nodeID, Host: host, Port: int32(port)}, err
}

func (c *cluster) ID() string    { return c.node.identity.ClusterID }
func (c *cluster) NodeID() int32 { return c.node.identity.NodeID }

// Leader is the node that leads as far as this one knows, and the Raft term of that. It is this node too
// once it has failed and is alone: it takes no writes then, and says so, but nobody else can serve what it has.
//
// While nobody leads, the epoch is the last that was told: clients pass over metadata with an older one, and so would go on with a leader that is gone.
func (c *cluster) Leader() (leader, epoch int32) {
	term, leads := c.node.raft.LeaderTerm()
	if leads || c.node.port == nil && c.node.failure() != nil {
		return c.NodeID(), c.tell(int32(term))
	}
	current := c.node.raft.Term()
	name, _ := c.node.raft.Leader()
	// If the term is another one after that, the node may have led in the one before.
	if leader = peers.NodeIDOf(name); leader != 0 && leader != c.NodeID() && c.node.raft.Term() == current {
		return leader, c.tell(int32(current))
	}
	return -1, c.tell(int32(term))
}

func (c *cluster) ConfirmLeader(ctx context.Context) error { return c.node.confirmLeader(ctx) }

// tell is the greatest epoch so far.
func (c *cluster) tell(epoch int32) int32 {
	for {
		told := c.told.Load()
		if epoch <= told || c.told.CompareAndSwap(told, epoch) {
			return max(epoch, told)
		}
	}
}

// Brokers are the nodes that have registered, with what clients of a listener are told of them. A node without a
// listener of that name is none for them.
func (c *cluster) Brokers(listener string) []kafkacompat.Broker {
	self, exists := c.self[listener]
	if !exists {
		return nil
	}
	leader, _ := c.Leader()
	fenced := c.node.replicas.fenced(time.Now())
	brokers := []kafkacompat.Broker{self}
	for _, node := range c.node.store.Nodes().ByID {
		for _, l := range node.Listeners {
			if l.Name == listener && node.ID != self.NodeID {
				isFenced := node.ID != leader && slices.Contains(fenced, node.ID)
				brokers = append(brokers, kafkacompat.Broker{NodeID: node.ID, Host: l.Host, Port: l.Port, Rack: node.Rack, IsFenced: isFenced})
			}
		}
	}
	slices.SortFunc(brokers, func(a, b kafkacompat.Broker) int { return cmp.Compare(a.NodeID, b.NodeID) })
	return brokers
}
