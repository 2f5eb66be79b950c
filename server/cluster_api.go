package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"kont/raftlog"
	"kont/server/api"
	"kont/server/peers"
	"kont/statemachine/command"
)

// clusterAskTimeout bounds what the leader waits for a node that does not answer.
const clusterAskTimeout = time.Second

// Cluster asks all members.
func (n *Node) Cluster(ctx context.Context) (api.Cluster, error) {
	members, err := n.raft.Members()
	if err != nil {
		return api.Cluster{}, err
	}
	leader, _ := n.cluster.Leader()
	nodes := n.store.Nodes()
	answer := api.Cluster{ID: n.identity.ClusterID, LeaderID: max(leader, 0), Level: int(nodes.Level), AppliedIndex: n.store.AppliedIndex(), Nodes: make([]api.ClusterNode, len(members))}
	var asking sync.WaitGroup
	for i, member := range members {
		asking.Go(func() { answer.Nodes[i] = n.memberState(ctx, member, nodes, leader) })
	}
	asking.Wait()
	slices.SortFunc(answer.Nodes, func(a, b api.ClusterNode) int { return int(a.ID - b.ID) })
	return answer, nil
}

func (n *Node) memberState(ctx context.Context, member raftlog.Member, nodes *command.Nodes, leader int32) api.ClusterNode {
	id := peers.NodeIDOf(member.ID)
	known, isKnown := nodes.Of(id)
	state := api.ClusterNode{
		ID: id, IsVoter: member.Voter, RaftAddress: member.Address, HTTPAddress: known.HTTPAddress, Rack: known.Rack, Version: known.Version,
		Kafka: map[string]string{}, State: api.NodeFollows,
	}
	for _, listener := range known.Listeners {
		state.Kafka[listener.Name] = net.JoinHostPort(listener.Host, strconv.Itoa(int(listener.Port)))
	}
	status := n.members.Status()
	if id != n.identity.NodeID {
		ctx, cancel := context.WithTimeout(ctx, clusterAskTimeout)
		defer cancel()
		var err error
		if status, err = n.calls.Status(ctx, member.Address); err != nil {
			state.State, state.Problem = api.NodeUnreachable, err.Error()
			return state
		}
	}
	state.AppliedIndex = status.AppliedIndex
	switch {
	case !isKnown || known.DirectoryID != status.DirectoryID:
		state.State = api.NodeStarts
	case id == leader:
		state.State = api.NodeLeads
	case status.AppliedIndex+caughtUpEntries < n.store.AppliedIndex():
		state.State = api.NodeCatchesUp
	}
	return state
}

// RemoveNode removes a member, and what it said of itself.
func (n *Node) RemoveNode(ctx context.Context, id int32) error {
	members, err := n.raft.Members()
	if err != nil {
		return err
	}
	name := peers.NameOf(id)
	if !slices.ContainsFunc(members, func(m raftlog.Member) bool { return m.ID == name }) {
		return &api.Error{Status: http.StatusNotFound, Code: "unknown_node", Message: fmt.Sprintf("remove node %d: there is none in the cluster", id), Hint: "see `kont cluster status`"}
	}
	if id == n.identity.NodeID {
		return &api.Error{Status: http.StatusConflict, Code: "leader", Message: fmt.Sprintf("remove node %d: it leads", id),
			Hint: "let another node lead first, with `kont cluster transfer-leader`"}
	}
	n.members.joining.Lock()
	defer n.members.joining.Unlock()
	if err := n.raft.RemoveServer(ctx, name); err != nil {
		return err
	}
	_, err = n.proposer.Propose(ctx, command.ForgetNode{NodeID: id})
	if err == nil {
		n.logger.Info("node is removed from the cluster", "node", id)
	}
	return err
}

// TransferLeadership waits until another node leads.
func (n *Node) TransferLeadership(ctx context.Context, to int32) (int32, error) {
	if to == n.identity.NodeID {
		return to, nil
	}
	target := raftlog.Member{}
	if to != 0 {
		members, err := n.raft.Members()
		if err != nil {
			return 0, err
		}
		i := slices.IndexFunc(members, func(m raftlog.Member) bool { return m.ID == peers.NameOf(to) && m.Voter })
		if i < 0 {
			return 0, &api.Error{Status: http.StatusNotFound, Code: "unknown_node", Message: fmt.Sprintf("transfer leadership to node %d: no such voter", to), Hint: "see `kont cluster status`"}
		}
		target = members[i]
	}
	if err := n.raft.TransferLeadership(ctx, target); err != nil {
		return 0, err
	}
	for {
		name, _ := n.raft.Leader()
		if id := peers.NodeIDOf(name); id != 0 && id != n.identity.NodeID {
			return id, nil
		}
		select {
		case <-time.After(readyAgainAfter):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// TakeSnapshot is for this node alone.
func (n *Node) TakeSnapshot(ctx context.Context) error { return n.raft.Snapshot(ctx) }
