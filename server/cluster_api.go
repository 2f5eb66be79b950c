package server

import (
	"cmp"
	"context"
	"errors"
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
	known, _ := nodes.Of(id)
	state := api.ClusterNode{
		ID: id, IsVoter: member.Voter, RaftAddress: member.Address, HTTPAddress: known.HTTPAddress, Rack: known.Rack, Version: known.Version,
		Kafka: map[string]string{}, State: api.NodeFollows,
	}
	if n.port == nil {
		state.RaftAddress = "" // what the log calls it is no address
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
			if ctx.Err() != nil {
				state.Problem = fmt.Sprintf("no answer from %s within %v", member.Address, clusterAskTimeout)
			}
			return state
		}
	}
	n.judge(&state, status, member, known, leader)
	return state
}

// judge says how a node is that has answered. The leader's view of it counts, and its own.
func (n *Node) judge(state *api.ClusterNode, status peers.Status, member raftlog.Member, known command.Node, leader int32) {
	state.AppliedIndex, state.NotReady, state.Problem = status.AppliedIndex, status.NotReady != "", cmp.Or(status.Problem, status.NotReady)
	switch {
	case known.ID == 0 || known.DirectoryID != status.DirectoryID:
		state.State = api.NodeStarts
	case known.ID == leader:
		state.State = api.NodeLeads
	case leader < 1, status.LeaderID == 0:
		state.State = api.NodeWaits
	case status.LeaderID != leader:
		state.State, state.NotReady = api.NodeFollows, true
		state.Problem = cmp.Or(state.Problem, fmt.Sprintf("it takes node %d for the leader", status.LeaderID))
	case n.wantsVote(member), status.AppliedIndex+caughtUpEntries < n.store.AppliedIndex():
		state.State = api.NodeCatchesUp
	}
}

// RemoveNode removes a member, and what it said of itself. After an attempt that did the first alone it does the second.
func (n *Node) RemoveNode(ctx context.Context, id int32) error {
	end, err := n.members.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	members, i, err := n.memberToChange(id)
	if err != nil {
		return err
	}
	if _, isKnown := n.store.Nodes().Of(id); i < 0 && !isKnown {
		return &api.Error{Status: http.StatusNotFound, Code: "unknown_node", Message: fmt.Sprintf("remove node %d: there is none in the cluster", id), Hint: "see `kont cluster status`"}
	}
	if id == n.identity.NodeID {
		return &api.Error{Status: http.StatusConflict, Code: "leader", Message: fmt.Sprintf("remove node %d: it leads", id), Hint: hintOtherLeader}
	}
	if i >= 0 && members[i].Voter {
		if err := n.checkMajority(ctx, fmt.Sprintf("remove node %d", id), slices.Delete(slices.Clone(members), i, i+1)); err != nil {
			return err
		}
	}
	if i >= 0 {
		if err := n.raft.RemoveServer(ctx, peers.NameOf(id)); err != nil {
			return proposalError(err)
		}
	}
	_, err = n.proposer.Propose(ctx, command.ForgetNode{NodeID: id})
	if err == nil {
		n.logger.Info("node is removed from the cluster", "node", id)
	}
	return err
}

// TransferLeadership waits until another node leads.
func (n *Node) TransferLeadership(ctx context.Context, to int32) (int32, error) {
	members, i, err := n.memberToChange(to)
	if err != nil {
		return 0, err
	}
	if to == n.identity.NodeID {
		return to, nil
	}
	target := raftlog.Member{}
	if to != 0 {
		if i < 0 || !members[i].Voter {
			return 0, &api.Error{Status: http.StatusNotFound, Code: "unknown_node", Message: fmt.Sprintf("transfer leadership to node %d: no such voter", to), Hint: "see `kont cluster status`"}
		}
		target = members[i]
		if err := n.checkAnswers(ctx, target); err != nil {
			return 0, err
		}
	} else if !slices.ContainsFunc(members, func(m raftlog.Member) bool { return m.Voter && m.ID != peers.NameOf(n.identity.NodeID) }) {
		return 0, &api.Error{Status: http.StatusConflict, Code: "no_other_voter", Message: "transfer leadership: no other node votes", Hint: "let one join, or give one a vote with `kont cluster add`"}
	}
	switch err := n.raft.TransferLeadership(ctx, target); {
	case err == nil:
	case errors.Is(err, raftlog.ErrNotLeader), errors.Is(err, raftlog.ErrStopped), ctx.Err() != nil:
		return 0, proposalError(err)
	default:
		return 0, &api.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: err.Error(), Hint: "see `kont cluster status`, and try again"}
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

// checkAnswers refuses to hand leadership to a node that is away: nothing would be acknowledged until that is found out.
func (n *Node) checkAnswers(ctx context.Context, to raftlog.Member) error {
	asking, cancel := context.WithTimeout(ctx, clusterAskTimeout)
	defer cancel()
	_, err := n.calls.Status(asking, to.Address)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	id := peers.NodeIDOf(to.ID)
	return &api.Error{
		Status: http.StatusServiceUnavailable, Code: "unavailable", Message: fmt.Sprintf("transfer leadership to node %d: it does not answer: %v", id, err),
		Hint: "see `kont cluster status`; without a number, the node that has most is taken",
	}
}

// TakeSnapshot is for this node alone.
func (n *Node) TakeSnapshot(ctx context.Context) error { return n.raft.Snapshot(ctx) }
