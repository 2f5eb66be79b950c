package apitest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"kont/server/api"
)

// Cluster is ClusterValue.
func (n *Node) Cluster(context.Context) (api.Cluster, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	cluster := n.ClusterValue
	cluster.Nodes = slices.Clone(cluster.Nodes)
	return cluster, n.Err
}

// SetVote changes a node of ClusterValue. One that catches up has to wait for its vote.
func (n *Node) SetVote(_ context.Context, id int32, votes bool) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.ClusterValue.Nodes, func(node api.ClusterNode) bool { return node.ID == id })
	switch {
	case n.Err != nil:
		return false, n.Err
	case i < 0:
		return false, &api.Error{Status: http.StatusNotFound, Code: "unknown_node", Message: fmt.Sprintf("give node %d a vote: it is not in the cluster", id),
			Hint: fmt.Sprintf("it comes in by itself when it is started: `kont serve --node-id %d --raft-addr HOST:PORT --join n2:7000`", id)}
	case !votes && id == n.ClusterValue.LeaderID:
		return false, &api.Error{Status: http.StatusConflict, Code: "leader", Message: fmt.Sprintf("take the vote of node %d: it leads", id), Hint: "let another node lead first, with `kont cluster transfer-leader`"}
	}
	nodes := slices.Clone(n.ClusterValue.Nodes)
	nodes[i].IsVoter = votes && (nodes[i].IsVoter || nodes[i].State != api.NodeCatchesUp)
	n.ClusterValue.Nodes = nodes
	return nodes[i].IsVoter, nil
}

// RemoveNode takes a node out of ClusterValue.
func (n *Node) RemoveNode(_ context.Context, id int32) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.ClusterValue.Nodes, func(node api.ClusterNode) bool { return node.ID == id })
	switch {
	case n.Err != nil:
		return n.Err
	case i < 0:
		return &api.Error{Status: http.StatusNotFound, Code: "unknown_node", Message: fmt.Sprintf("remove node %d: there is none in the cluster", id), Hint: "see `kont cluster status`"}
	case id == n.ClusterValue.LeaderID:
		return &api.Error{Status: http.StatusConflict, Code: "leader", Message: fmt.Sprintf("remove node %d: it leads", id), Hint: "let another node lead first, with `kont cluster transfer-leader`"}
	}
	n.ClusterValue.Nodes = slices.Delete(slices.Clone(n.ClusterValue.Nodes), i, i+1)
	return nil
}

// TransferLeadership makes another node of ClusterValue the leader.
func (n *Node) TransferLeadership(_ context.Context, to int32) (int32, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.ClusterValue.Nodes {
		if node := n.ClusterValue.Nodes[i]; n.Err == nil && (node.ID == to || to == 0 && node.ID != n.ClusterValue.LeaderID) {
			n.ClusterValue.LeaderID = node.ID
			return node.ID, nil
		}
	}
	return 0, n.Err
}

// Backup is BackupValue, as of log index 7, or 6 if it is of the node.
func (n *Node) Backup(_ context.Context, w io.Writer, ofItself bool, begin func(index uint64)) error {
	if n.Err != nil {
		return n.Err
	}
	if ofItself {
		begin(6)
	} else {
		begin(7)
	}
	_, err := w.Write(n.BackupValue)
	return errors.Join(err, n.BackupErr)
}

// TakeSnapshot counts.
func (n *Node) TakeSnapshot(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.snapshots++
	return n.Err
}

// Snapshots is how often TakeSnapshot was called.
func (n *Node) Snapshots() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.snapshots
}
