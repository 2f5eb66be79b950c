package kafkacompattest

import (
	"context"
	"sync"

	"kont/kafkacompat"
	"kont/statemachine/command"
)

// Cluster is a cluster whose nodes and leader a test chooses.
type Cluster struct {
	mu      sync.Mutex
	node    int32
	leader  int32
	epoch   int32
	brokers []kafkacompat.Broker
	// confirm is what OnConfirm was told.
	confirm func() error
	// listeners are brokers that have addresses of their own, by listener.
	listeners map[string][]kafkacompat.Broker
}

// NewCluster is a cluster of the one node 1, which leads, at an address.
func NewCluster(host string, port int32) *Cluster {
	return &Cluster{
		node: 1, leader: 1, epoch: 1,
		brokers: []kafkacompat.Broker{{NodeID: 1, Host: host, Port: port}},
	}
}

// SetLeader begins a new epoch.
func (c *Cluster) SetLeader(nodeID int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = nodeID
	c.epoch++
}

// AddBroker adds another node.
func (c *Cluster) AddBroker(broker kafkacompat.Broker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.brokers = append(c.brokers, broker)
}

// ID is always the same.
func (c *Cluster) ID() string { return "kafkacompattest" }

// NodeID is 1.
func (c *Cluster) NodeID() int32 { return c.node }

// Leader is the node that SetLeader chose last.
func (c *Cluster) Leader() (nodeID, epoch int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leader, c.epoch
}

// ConfirmLeader is an error if another node was chosen, or what OnConfirm was told to do returns one.
func (c *Cluster) ConfirmLeader(context.Context) error {
	c.mu.Lock()
	leads, confirm := c.leader == c.node, c.confirm
	c.mu.Unlock()
	switch {
	case !leads:
		return command.ErrNotLeader
	case confirm != nil:
		return confirm()
	}
	return nil
}

// OnConfirm lets f say whether node 1, which leads as far as it knows, leads indeed.
func (c *Cluster) OnConfirm(f func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirm = f
}

// AddListener gives node 1 another address for the clients of a listener.
func (c *Cluster) AddListener(name, host string, port int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listeners == nil {
		c.listeners = make(map[string][]kafkacompat.Broker)
	}
	c.listeners[name] = []kafkacompat.Broker{{NodeID: 1, Host: host, Port: port}}
}

// Brokers are the same on all listeners that AddListener wasn't told of.
func (c *Cluster) Brokers(listener string) []kafkacompat.Broker {
	c.mu.Lock()
	defer c.mu.Unlock()
	if brokers := c.listeners[listener]; brokers != nil {
		return append([]kafkacompat.Broker(nil), brokers...)
	}
	return append([]kafkacompat.Broker(nil), c.brokers...)
}

// SetRack says where node 1 stands.
func (c *Cluster) SetRack(rack string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.brokers[0].Rack = rack
}

// ReadReplicas are all other nodes of the rack.
func (c *Cluster) ReadReplicas(rack string) (ids []int32) {
	for _, broker := range c.Brokers("") {
		if broker.Rack == rack && broker.NodeID != c.node {
			ids = append(ids, broker.NodeID)
		}
	}
	return ids
}

// Quorum is the nodes that Brokers has, each with a log of ten entries, of which nine are committed.
func (c *Cluster) Quorum() kafkacompat.Quorum {
	quorum := kafkacompat.Quorum{CommittedIndex: 9}
	for _, broker := range c.Brokers("") {
		quorum.Voters = append(quorum.Voters, kafkacompat.QuorumMember{
			NodeID: broker.NodeID, DirectoryID: [16]byte{byte(broker.NodeID)}, EndIndex: 11, LastFetchUnixMilli: 1000, LastCaughtUpUnixMilli: 1000,
		})
	}
	return quorum
}

// LogDir is a disk of a hundred bytes, half of them free.
func (c *Cluster) LogDir() (kafkacompat.LogDir, error) {
	return kafkacompat.LogDir{Path: "/var/lib/kont", DiskBytes: 100, FreeBytes: 50}, nil
}
