package peers

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"kont/statemachine/command"
)

// ErrRemoved: the node was removed from the cluster. Empty its directory to let it join
// again, or stop it.
var ErrRemoved = errors.New("node was removed from the cluster")

// ErrStranger: only nodes of the cluster may ask that, and the node was none when it connected.
var ErrStranger = errors.New("only nodes of the cluster may ask that")

// ID is one of the 16 bytes of a node's directory or start.
type ID [16]byte

// MarshalText is hexadecimal.
func (id ID) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(id[:])), nil }

func (id *ID) UnmarshalText(text []byte) error {
	data, err := hex.DecodeString(string(text))
	if err != nil || len(data) != len(id) {
		return fmt.Errorf("%q is no id of 32 hexadecimal digits", text)
	}
	copy(id[:], data)
	return nil
}

// Status is what a node knows of itself and the cluster.
type Status struct {
	NodeID      int32 `json:"node_id"`
	DirectoryID ID    `json:"directory_id"`
	// ClusterID is empty for a node that is in no cluster yet.
	ClusterID string `json:"cluster_id"`
	// Peers is the list of first nodes that it was given, empty for none.
	Peers string `json:"peers"`
	// LeaderID and LeaderAddress are of the leader that it knows, 0 and empty for none.
	LeaderID      int32  `json:"leader_id"`
	LeaderAddress string `json:"leader_address"`
	// IsNew: it has founded its cluster, and nothing has been committed in it yet.
	IsNew bool `json:"new,omitempty"`
	// Starts are the starts of the nodes that have registered, by their ids.
	Starts map[int32]ID `json:"starts,omitempty"`
	// AppliedIndex is the Raft log's index up to which it has the state.
	AppliedIndex uint64 `json:"applied_index"`
	// Problem is what keeps it from its work, empty if nothing does.
	Problem string `json:"problem,omitempty"`
	// NotReady is why it is not ready, as its /readyz has it, empty if it is. A node of an earlier release doesn't tell, and counts as ready.
	NotReady string `json:"not_ready,omitempty"`
}

// Node answers the others. Methods may be called from many goroutines.
type Node interface {
	Status() Status
	// Join takes a node into the cluster, or lets it come back with another address, and
	// returns the cluster's id. Only the leader can; another node gives NotLeaderError. Besides,
	// command.ErrNodeIDTaken and command.ErrNodeTooOld.
	Join(ctx context.Context, node command.Node) (clusterID string, err error)
	// Register proposes what a member says of itself. Errors as of Join, and ErrRemoved for
	// a node that is no member.
	Register(ctx context.Context, node command.Node) error
	// Committed is a log index up to which is all that was acknowledged before the call, by whichever node. Only the leader can
	// tell, as with Join.
	Committed(ctx context.Context) (index uint64, err error)
	// Fenced takes the leader's word of the nodes that it has not heard of for a while. It is repeated as long as there are any.
	Fenced(nodeIDs []int32)
	// Kafka answers a request of a Kafka client that a member has sent on. What is in both is JSON, and not this package's.
	Kafka(request json.RawMessage) (answer []byte, err error)
}

// NotLeaderError tells where the leader is, if that is known.
type NotLeaderError struct{ Address string }

func (e *NotLeaderError) Error() string {
	if e.Address == "" {
		return "no node leads"
	}
	return "the leader is at " + e.Address
}

// Is command.ErrNotLeader.
func (e *NotLeaderError) Is(target error) bool { return target == command.ErrNotLeader }

// failure is an error on its way from one node to another.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Leader  string `json:"leader,omitempty"`
}

const codeNotLeader = "not_leader"

// codes are the errors that callers tell apart.
var codes = map[string]error{
	"node_id_taken": command.ErrNodeIDTaken,
	"node_too_old":  command.ErrNodeTooOld,
	"unavailable":   command.ErrUnavailable,
	"removed":       ErrRemoved,
	"stranger":      ErrStranger,
}

func failureOf(err error) failure {
	var notLeader *NotLeaderError
	if errors.As(err, &notLeader) {
		return failure{codeNotLeader, err.Error(), notLeader.Address}
	}
	if errors.Is(err, command.ErrNotLeader) {
		return failure{Code: codeNotLeader, Message: err.Error()}
	}
	for code, known := range codes {
		if errors.Is(err, known) {
			return failure{Code: code, Message: err.Error()}
		}
	}
	return failure{Code: "failed", Message: err.Error()}
}

func (f failure) err() error {
	if f.Code == codeNotLeader {
		return &NotLeaderError{f.Leader}
	}
	return &remoteError{f.Message, codes[f.Code]}
}

// remoteError has the text of another node's error, and is what that was.
type remoteError struct {
	text  string
	cause error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.cause }
