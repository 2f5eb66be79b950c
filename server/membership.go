package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"kont/raftlog"
	"kont/server/api"
	"kont/server/peers"
	"kont/statemachine/command"
)

// membership answers the other nodes, and takes them in while this one leads.
type membership struct {
	node *Node

	mu       sync.Mutex
	identity identity      // guarded by mu
	raft     *raftlog.Node // guarded by mu; nil before the log is open
	isWhole  bool          // guarded by mu; the node has all its parts, so that it knows how it is
	// changing has room for one change of who is a member, or of who votes; see begin.
	changing chan struct{}
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

// setWhole is for when Health may be asked.
func (m *membership) setWhole() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.isWhole = true
}

// notReady is why the node is not ready, empty if it is.
func (m *membership) notReady() string {
	m.mu.Lock()
	isWhole := m.isWhole
	m.mu.Unlock()
	if !isWhole {
		return "the node is starting"
	}
	return m.node.Health(context.Background()).Reason
}

// begin waits until a change of who is a member, or of who votes, may begin: the outcome of the one before is known then, even if who asked for it has
// not waited for that, and the next one is judged by it.
func (m *membership) begin(ctx context.Context) (end func(), err error) {
	select {
	case m.changing <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("another change of the members has not ended: %w", context.Cause(ctx))
	}
	_, log := m.state()
	return func() {
		go func() {
			log.AwaitChanges()
			<-m.changing
		}()
	}, nil
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
		Peers: peersText(m.node.config.Cluster.Peers), AppliedIndex: m.node.store.AppliedIndex(), NotReady: m.notReady(),
	}
	for _, node := range m.node.store.Nodes().ByID {
		if status.Starts == nil {
			status.Starts = map[int32]peers.ID{}
		}
		status.Starts[node.ID] = node.StartID
	}
	status.IsNew = id.IsFounder && !id.IsMember && log != nil && isNew(log.Stats())
	if log != nil {
		name, address := log.Leader()
		status.LeaderID, status.LeaderAddress = peers.NodeIDOf(name), address
		status.Problem = stallOf(log, m.node.config.RaftLogStallMax)
	}
	return status
}

// isNew tells whether a log has nothing but its first entry, and does not go on after a backup. Before it is open nobody can tell.
func isNew(log raftlog.Stats) bool {
	return max(log.LastIndex, log.SnapshotIndex, log.AppliedIndex) <= 1
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
	end, err := m.begin(ctx)
	if err != nil {
		return "", err
	}
	defer end()
	id, _ := m.state()
	nodes := m.node.store.Nodes()
	if node.Level < nodes.Level {
		return "", fmt.Errorf("%w: it knows commands of level %d, the cluster is at %d", command.ErrNodeTooOld, node.Level, nodes.Level)
	}
	members, i, err := memberIn(log, node.ID)
	if err != nil {
		return "", err
	}
	if err := checkAddress(members, node); err != nil {
		return "", err
	}
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
		err = log.AddNonvoter(ctx, peers.NameOf(node.ID), node.RaftAddress)
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
	ask, cancel := context.WithTimeout(ctx, m.node.config.AskTimeout/2)
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

// checkAddress refuses a node at the address of another member, before anything is done for it.
func checkAddress(members []raftlog.Member, node command.Node) error {
	i := slices.IndexFunc(members, func(member raftlog.Member) bool {
		return member.Address == node.RaftAddress && member.ID != peers.NameOf(node.ID)
	})
	if i < 0 {
		return nil
	}
	id := peers.NodeIDOf(members[i].ID)
	return fmt.Errorf("node %d is at %s, as far as the cluster knows, and node %d can't be there too; if that one is gone for good, `kont cluster remove %d`",
		id, node.RaftAddress, node.ID, id)
}

// memberIn finds a node among the members, -1 if it is none.
func memberIn(log *raftlog.Node, id int32) (members []raftlog.Member, at int, err error) {
	members, err = log.Members()
	return members, slices.IndexFunc(members, func(member raftlog.Member) bool { return member.ID == peers.NameOf(id) }), err
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
	end, err := m.begin(ctx) // before it is asked whether the node is a member: it may be being removed
	if err != nil {
		return err
	}
	defer end()
	members, i, err := memberIn(log, node.ID)
	if err == nil && i < 0 {
		// The node ends when it hears of it, and its data is thrown away: a majority has to know that.
		if err = proposalError(log.Barrier(ctx)); err == nil {
			members, i, err = memberIn(log, node.ID)
		}
	}
	if err != nil {
		return err
	}
	if i < 0 {
		return fmt.Errorf("%w: node %d; empty its data directory to let it join again", peers.ErrRemoved, node.ID)
	}
	if err := checkAddress(members, node); err != nil {
		return err
	}
	if known, _ := m.node.store.Nodes().Of(node.ID); known.DirectoryID == node.DirectoryID {
		// What it wants counts when it comes in; since then SetVote may have been told otherwise.
		node.Nonvoter = known.Nonvoter
	}
	if _, err := m.node.proposer.Propose(ctx, command.RegisterNode{Node: node}); err != nil {
		return err
	}
	if node.RaftAddress != "" && members[i].Address != node.RaftAddress {
		return moveMember(ctx, log, members[i], node.RaftAddress)
	}
	return nil
}

// Fenced is the leader's word, for a while.
func (m *membership) Fenced(nodeIDs []int32) { m.node.replicas.tell(nodeIDs) }

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

// addresses are where the other nodes may be, the leader's first. Those where this one was before it moved are not: it may still be reached there.
func (m *membership) addresses() (addresses []string) {
	self := m.node.identity.NodeID
	add := func(id int32, address string) {
		if id != self && address != "" && address != m.node.port.Address() && !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	if _, log := m.state(); log != nil {
		name, leader := log.Leader()
		add(peers.NodeIDOf(name), leader)
		members, _ := log.Members()
		for _, member := range members {
			add(peers.NodeIDOf(member.ID), member.Address)
		}
	}
	for _, node := range m.node.store.Nodes().ByID {
		add(node.ID, node.RaftAddress)
	}
	for _, peer := range m.node.config.Cluster.Peers {
		add(peer.NodeID, peer.Address)
	}
	for _, address := range m.node.config.Cluster.Join {
		add(0, address)
	}
	return addresses
}

var errNoLeader = &api.Error{Status: http.StatusServiceUnavailable, Code: "not_leader", Message: "no node leads",
	Hint: "see with `kont cluster status` which nodes are missing; more than half of the voters must reach each other"}

// confirmLeader refuses to answer with what may lack something that was acknowledged: when the others may have another leader, or this node has
// failed. One that is alone answers with what it has then.
func (n *Node) confirmLeader(ctx context.Context) error {
	if n.port == nil {
		return nil
	}
	_, err := n.raft.ConfirmLeadership(ctx)
	switch {
	case errors.Is(err, raftlog.ErrNotLeader):
		return errUnconfirmed
	case errors.Is(err, raftlog.ErrStopped):
		return &api.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: err.Error(), Hint: "ask another node, and look at the log of this one"}
	}
	return err
}

var errUnconfirmed = &api.Error{Status: http.StatusServiceUnavailable, Code: "not_leader",
	Message: "this node does not lead any more: no majority of the nodes has answered it", Hint: "try again; `kont cluster status` shows which node leads"}

// toLeader lets the leader answer requests of the HTTP API.
func (n *Node) toLeader(w http.ResponseWriter, r *http.Request, onError func(http.ResponseWriter, *http.Request, error)) (isSent bool) {
	if n.port == nil || n.raft.IsLeader() || n.failure() != nil {
		return false
	}
	name, address := n.raft.Leader()
	if address == "" || peers.NodeIDOf(name) == n.identity.NodeID {
		onError(w, r, errNoLeader)
		return true
	}
	n.calls.Forward(w, r, address, n.leadsStill(name), func(err error) { onError(w, r, unanswered(r, address, err)) })
	return true
}

// leadsStill tells whether the node of a name leads, as far as this one knows.
func (n *Node) leadsStill(name string) func() bool {
	return func() bool {
		now, _ := n.raft.Leader()
		return now == name
	}
}

// unanswered is that a node did not answer what it was sent as the leader.
func unanswered(r *http.Request, address string, err error) error {
	if r.Context().Err() != nil {
		return err
	}
	hint := "try again; if it is gone, another node leads in a moment"
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		hint = "it may have been done all the same: look, and try again"
	}
	return &api.Error{Status: http.StatusServiceUnavailable, Code: "not_leader", Message: fmt.Sprintf("the leader, at %s, does not answer: %v", address, err), Hint: hint}
}
