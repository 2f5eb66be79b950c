package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"kont/raftlog"
	"kont/server/peers"
	"kont/statemachine/command"
)

const (
	// promoteEvery is how often the leader looks whether a new node has caught up, and
	// caughtUpEntries how near it must be to get a vote.
	promoteEvery    = 500 * time.Millisecond
	caughtUpEntries = 256
)

// membership answers the other nodes, and takes them in while this one leads.
type membership struct {
	node *Node

	mu       sync.Mutex
	identity identity      // guarded by mu
	raft     *raftlog.Node // guarded by mu; nil before the log is open
	// joining lets one node in after the other.
	joining sync.Mutex
}

var _ peers.Node = (*membership)(nil)

func (m *membership) setIdentity(id identity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.identity = id
}

func (m *membership) setLog(log *raftlog.Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.raft = log
}

func (m *membership) state() (identity, *raftlog.Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.identity, m.raft
}

// Status is what other nodes are told.
func (m *membership) Status() peers.Status {
	id, log := m.state()
	status := peers.Status{
		NodeID: id.NodeID, DirectoryID: id.DirectoryID, ClusterID: id.ClusterID,
		Peers: peersText(m.node.config.Cluster.Peers), AppliedIndex: m.node.store.AppliedIndex(),
	}
	for _, node := range m.node.store.Nodes().ByID {
		if status.Starts == nil {
			status.Starts = map[int32]peers.ID{}
		}
		status.Starts[node.ID] = node.StartID
	}
	status.IsNew = id.IsFounder && !id.IsMember && (log == nil || log.Stats().LastIndex <= 1)
	if log != nil {
		name, address := log.Leader()
		status.LeaderID, status.LeaderAddress = peers.NodeIDOf(name), address
	}
	return status
}

// leader returns the log if this node leads, and otherwise says who does.
func (m *membership) leader() (*raftlog.Node, error) {
	_, log := m.state()
	if log == nil {
		return nil, &peers.NotLeaderError{}
	}
	if log.IsLeader() {
		return log, nil
	}
	name, address := log.Leader()
	if peers.NodeIDOf(name) == m.node.identity.NodeID {
		address = "" // it is becoming the leader
	}
	return nil, &peers.NotLeaderError{Address: address}
}

// Join is for a node that has no data yet.
func (m *membership) Join(ctx context.Context, node command.Node) (string, error) {
	log, err := m.leader()
	if err != nil {
		return "", err
	}
	m.joining.Lock()
	defer m.joining.Unlock()
	id, _ := m.state()
	nodes := m.node.store.Nodes()
	if node.Level < nodes.Level {
		return "", fmt.Errorf("%w: it knows commands of level %d, the cluster is at %d", command.ErrNodeTooOld, node.Level, nodes.Level)
	}
	members, err := log.Members()
	if err != nil {
		return "", err
	}
	name := peers.NameOf(node.ID)
	i := slices.IndexFunc(members, func(member raftlog.Member) bool { return member.ID == name })
	known, isKnown := nodes.Of(node.ID)
	isSame := isKnown && known.DirectoryID == node.DirectoryID
	hasBeen := isKnown || i >= 0
	if hasBeen && !isSame {
		// Also one of the first nodes of which nothing is known: it may have voted, and can't tell.
		if !isKnown {
			known = command.Node{ID: node.ID, RaftAddress: members[i].Address}
		}
		if err := m.replace(ctx, log, known, node); err != nil {
			return "", err
		}
		i = -1
	}
	switch {
	case i < 0:
		err = log.AddNonvoter(ctx, name, node.RaftAddress)
	case members[i].Address != node.RaftAddress:
		err = moveMember(ctx, log, members[i], node.RaftAddress)
	}
	if err != nil {
		return "", err
	}
	m.node.logger.Info("node joins the cluster", "node", node.ID, "address", node.RaftAddress, "has_been_there", hasBeen)
	return id.ClusterID, nil
}

// replace removes a node that has lost its data, so that it can come in anew, unless it is there
// as well: then two nodes have the same id.
func (m *membership) replace(ctx context.Context, log *raftlog.Node, known, node command.Node) error {
	if known.ID == m.node.identity.NodeID {
		return fmt.Errorf("%w: node %d is this one, and it leads", command.ErrNodeIDTaken, node.ID)
	}
	ask, cancel := context.WithTimeout(ctx, askTimeout/2)
	status, err := m.node.calls.Status(ask, known.RaftAddress)
	cancel()
	if err == nil && status.NodeID == known.ID && [16]byte(status.DirectoryID) != node.DirectoryID {
		return fmt.Errorf("%w: node %d is there, at %s; give the new node another id, or stop that one", command.ErrNodeIDTaken, known.ID, known.RaftAddress)
	}
	m.node.logger.Warn("node comes without its data, and is taken for a new one", "node", node.ID, "address", node.RaftAddress)
	if err := log.RemoveServer(ctx, peers.NameOf(node.ID)); err != nil {
		return err
	}
	_, err = m.node.proposer.Propose(ctx, command.ForgetNode{NodeID: node.ID})
	return err
}

func moveMember(ctx context.Context, log *raftlog.Node, member raftlog.Member, address string) error {
	if member.Voter {
		return log.AddVoter(ctx, member.ID, address)
	}
	return log.AddNonvoter(ctx, member.ID, address)
}

// Register is for a member that has started.
func (m *membership) Register(ctx context.Context, node command.Node) error {
	log, err := m.leader()
	if err != nil {
		return err
	}
	members, err := log.Members()
	if err != nil {
		return err
	}
	name := peers.NameOf(node.ID)
	i := slices.IndexFunc(members, func(member raftlog.Member) bool { return member.ID == name })
	if i < 0 {
		return fmt.Errorf("%w: node %d; empty its data directory to let it join again", peers.ErrRemoved, node.ID)
	}
	if _, err := m.node.proposer.Propose(ctx, command.RegisterNode{Node: node}); err != nil {
		return err
	}
	if node.RaftAddress != "" && members[i].Address != node.RaftAddress {
		return moveMember(ctx, log, members[i], node.RaftAddress)
	}
	return nil
}

// Committed lets the log get to the majority once more: who does not lead any more can't tell what others acknowledged.
func (m *membership) Committed(ctx context.Context) (index uint64, err error) {
	log, err := m.leader()
	if err != nil {
		return 0, err
	}
	if err := proposalError(log.Barrier(ctx)); err != nil {
		return 0, err
	}
	return m.node.store.AppliedIndex(), nil
}

// addresses are where the other nodes may be, the leader's first.
func (m *membership) addresses() (addresses []string) {
	add := func(address string) {
		if address != "" && address != m.node.port.Address() && !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	if _, log := m.state(); log != nil {
		_, leader := log.Leader()
		add(leader)
		members, _ := log.Members()
		for _, member := range members {
			add(member.Address)
		}
	}
	for _, node := range m.node.store.Nodes().ByID {
		add(node.RaftAddress)
	}
	for _, peer := range m.node.config.Cluster.Peers {
		add(peer.Address)
	}
	for _, address := range m.node.config.Cluster.Join {
		add(address)
	}
	return addresses
}

// promotion gives a vote to nodes that have caught up, while this one leads.
type promotion struct {
	node    *Node
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func (p *promotion) Start() {
	if p.node.port == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(promoteEvery):
			}
			if err := p.promote(ctx); err != nil && ctx.Err() == nil {
				p.node.logger.Warn("give a node its vote", "error", err)
			}
		}
	})
}

func (p *promotion) Stop() {
	if p.cancel != nil {
		p.cancel()
		p.running.Wait()
		p.cancel = nil
	}
}

func (p *promotion) promote(ctx context.Context) error {
	members, err := p.node.raft.Members()
	if err != nil {
		return err
	}
	for _, member := range members {
		node, isKnown := p.node.store.Nodes().Of(peers.NodeIDOf(member.ID))
		if member.Voter || !isKnown || node.Nonvoter {
			continue
		}
		ask, cancel := context.WithTimeout(ctx, askTimeout)
		status, err := p.node.calls.Status(ask, member.Address)
		cancel()
		if err != nil || status.AppliedIndex+caughtUpEntries < p.node.store.AppliedIndex() {
			continue // its time will come
		}
		if err := p.node.raft.AddVoter(ctx, member.ID, member.Address); err != nil {
			return err
		}
		p.node.logger.Info("node has caught up, and votes", "node", node.ID)
	}
	return nil
}

// toLeader lets the leader answer requests of the HTTP API.
func (n *Node) toLeader(w http.ResponseWriter, r *http.Request, onError func(http.ResponseWriter, *http.Request, error)) (isSent bool) {
	if n.port == nil || n.raft.IsLeader() || n.failure() != nil {
		return false
	}
	name, address := n.raft.Leader()
	if address == "" || peers.NodeIDOf(name) == n.identity.NodeID {
		onError(w, r, fmt.Errorf("%w, and no other node leads yet", command.ErrNotLeader))
		return true
	}
	n.calls.Forward(w, r, address, onError)
	return true
}
