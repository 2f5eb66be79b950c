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
	n.ClusterValue.Nodes = slices.Delete(n.ClusterValue.Nodes, i, i+1)
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
