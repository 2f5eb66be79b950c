package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Membership is what can be asked and told of the nodes of a cluster.
type Membership interface {
	// Cluster is what the leader knows of all nodes, or another node while none leads; it asks each of them.
	Cluster(ctx context.Context) (Cluster, error)
	// SetVote gives a node its vote, when it has caught up, or takes it, and returns whether it votes now. The leader's can't be taken.
	SetVote(ctx context.Context, id int32, votes bool) (isVoter bool, err error)
	// RemoveNode takes a node out of the cluster, which it leaves for good: its data is of no use any more. The leader can't
	// remove itself.
	RemoveNode(ctx context.Context, id int32) error
	// TransferLeadership lets another node lead, to if it is not 0, and returns which.
	TransferLeadership(ctx context.Context, to int32) (leader int32, err error)
	// Backup writes the state of the node that is asked; begin is told its log index before the first byte. It has all that was
	// acknowledged before, by whichever node, unless ofItself.
	Backup(ctx context.Context, w io.Writer, ofItself bool, begin func(index uint64)) error
	// TakeSnapshot makes the state of the node that is asked durable, and trims its log.
	TakeSnapshot(ctx context.Context) error
}

// Cluster is all nodes.
type Cluster struct {
	ID       string `json:"id"`
	LeaderID int32  `json:"leader_id"`
	// Level is the newest commands that all nodes know.
	Level int `json:"level"`
	// AppliedIndex is the log index that the leader's state stands at.
	AppliedIndex uint64        `json:"applied_index"`
	Nodes        []ClusterNode `json:"nodes"`
}

// The values of ClusterNode.State.
const (
	// NodeLeads and NodeFollows are in order.
	NodeLeads   = "leads"
	NodeFollows = "follows"
	// NodeCatchesUp: it lacks more than a little of the leader's state, or is to get a vote and has none yet.
	NodeCatchesUp = "catches up"
	// NodeStarts: it is there, and not in the cluster's state yet.
	NodeStarts = "starts"
	// NodeWaits: it is there, and no node leads, as far as it knows.
	NodeWaits = "has no leader"
	// NodeUnreachable: it does not answer who asks, mostly the leader.
	NodeUnreachable = "unreachable"
)

// ClusterNode is one node.
type ClusterNode struct {
	ID    int32  `json:"id"`
	State string `json:"state"`
	// NotReady: it is there, and is not ready, as its /readyz has it, or takes another node for the leader.
	NotReady bool `json:"not_ready,omitempty"`
	// Problem says why it is unreachable or not ready, or what keeps it from its work.
	Problem string `json:"problem,omitempty"`
	IsVoter bool   `json:"is_voter"`
	// RaftAddress is empty for a node without one, which is alone.
	RaftAddress string `json:"raft_address,omitempty"`
	HTTPAddress string `json:"http_address,omitempty"`
	// Kafka are the addresses of its listeners, by their names.
	Kafka   map[string]string `json:"kafka,omitempty"`
	Rack    string            `json:"rack,omitempty"`
	Version string            `json:"version,omitempty"`
	// AppliedIndex is the log index that its state stands at.
	AppliedIndex uint64 `json:"applied_index,omitempty"`
}

// Follower is what the leader knows of another node without asking it now.
type Follower struct {
	ID int32
	// IsThere: it has answered the leader a moment ago.
	IsThere bool
	// BehindEntries is how many entries of the log it lacked then of what the leader had.
	BehindEntries uint64
}

// IsWell tells whether a node does what it is for.
func (n ClusterNode) IsWell() bool {
	return !n.NotReady && (n.State == NodeLeads || n.State == NodeFollows)
}

// pathCluster is the leader's to answer, and any node's while none leads.
const pathCluster = "/api/v1/cluster"

// These two are for the node that is asked.
const (
	pathSnapshot = "/api/v1/cluster/snapshot"
	pathBackup   = "/api/v1/backup"
)

// HeaderLogIndex has the log index of a backup.
const HeaderLogIndex = "Kont-Log-Index"

// BackupOfNode as ?of= asks for a backup of what the node has, if it is old or no node leads.
const BackupOfNode = "node"

// backupStall is how long a client may take for each piece of a backup.
const backupStall = time.Minute

// backup streams. What goes wrong after the first byte cuts the answer short, which the client sees by the end that is missing.
func (h *handler) backup(w http.ResponseWriter, r *http.Request) {
	out := &patientWriter{w: w, control: http.NewResponseController(w)}
	hasBegun, ofItself := false, r.URL.Query().Get("of") == BackupOfNode
	err := h.node.Backup(r.Context(), out, ofItself, func(index uint64) {
		hasBegun = true
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set(HeaderLogIndex, strconv.FormatUint(index, 10))
	})
	if err != nil && !hasBegun {
		writeError(w, err)
	} else if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// patientWriter lets an answer go on as long as its client takes it.
type patientWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (p *patientWriter) Write(data []byte) (int, error) {
	p.control.SetWriteDeadline(time.Now().Add(backupStall)) //nolint:errcheck // then the server's own holds
	return p.w.Write(data)
}

func (h *handler) cluster(r *http.Request) (any, error) {
	cluster, err := h.node.Cluster(r.Context())
	cluster.Nodes = orEmpty(cluster.Nodes)
	return cluster, err
}

func (h *handler) setVote(r *http.Request) (any, error) {
	id, err := givenNodeID(r)
	if err != nil {
		return nil, err
	}
	nonvoter := false
	if text := r.URL.Query().Get("non_voter"); text != "" {
		if nonvoter, err = strconv.ParseBool(text); err != nil {
			return nil, badRequest(fmt.Sprintf("non_voter=%q is neither true nor false", text), "leave it out to give a vote")
		}
	}
	isVoter, err := h.node.SetVote(r.Context(), id, !nonvoter)
	return map[string]bool{"is_voter": isVoter}, err
}

func (h *handler) removeNode(r *http.Request) (any, error) {
	id, err := givenNodeID(r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, h.node.RemoveNode(r.Context(), id)
}

func (h *handler) transferLeadership(r *http.Request) (any, error) {
	to, err := nodeIDOf(r, "to")
	if err != nil {
		return nil, err
	}
	leader, err := h.node.TransferLeadership(r.Context(), to)
	return map[string]int32{"leader_id": leader}, err
}

func (h *handler) takeSnapshot(r *http.Request) (any, error) {
	return struct{}{}, h.node.TakeSnapshot(r.Context())
}

// givenNodeID reads the number of a node that must be there.
func givenNodeID(r *http.Request) (int32, error) {
	id, err := nodeIDOf(r, "id")
	if err == nil && id == 0 {
		err = badRequest("no node in the query", "pass ?id=NODE")
	}
	return id, err
}

// nodeIDOf reads a node's number, 0 if there is none.
func nodeIDOf(r *http.Request, name string) (int32, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 32)
	if err != nil || id < 1 {
		return 0, badRequest(fmt.Sprintf("node %q is no number from 1 on", text), "see `kont cluster status`")
	}
	return int32(id), nil
}
