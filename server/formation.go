package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"kont/raftlog"
	"kont/raftlog/link"
	"kont/server/config"
	"kont/server/peers"
	"kont/statemachine/command"
)

const (
	// askAgainAfter is the pause of a node that waits for others.
	askAgainAfter = 200 * time.Millisecond
	// askTimeout is what Config.AskTimeout is without a value.
	askTimeout = 5 * time.Second
	// waitLoggedEvery is how often it says whom it waits for.
	waitLoggedEvery = 10 * time.Second
)

// enterCluster returns when the node is in a cluster, and knows so for the next start.
//
// How several first nodes become one cluster without two of them beginning it: the one
// with the least id founds it, once all of them have answered that they are in none and have the same
// list of peers; only its log begins with the list. The others go along with it. One that comes when the cluster is there,
// because it has lost its disk, finds it there and joins it, as does any node that was told to join:
// the leader takes it in, without a vote until it has caught up.
func (n *Node) enterCluster(ctx context.Context) error {
	if n.identity.ClusterID != "" {
		return n.entered()
	}
	var progress waitProgress
	for {
		clusterID, err := n.findCluster(ctx)
		switch {
		case err == nil:
			n.waits.Store(nil)
			if n.identity.ClusterID == "" {
				n.identity.ClusterID = clusterID
			}
			if err := n.identity.save(n.config.files(), n.config.DataDir); err != nil {
				return err
			}
			n.logger.Info("node is in a cluster", "cluster", n.identity.ClusterID, "node", n.identity.NodeID, "founder", n.identity.IsFounder)
			return n.entered()
		case isFinal(err):
			return fmt.Errorf("enter a cluster: %w", err)
		}
		progress.note(n, "node waits to enter a cluster", err)
		select {
		case <-time.After(askAgainAfter):
		case <-ctx.Done():
			return fmt.Errorf("enter a cluster: %w: %w", context.Cause(ctx), err)
		}
	}
}

// entered lets the other members in.
func (n *Node) entered() error {
	n.members.setIdentity(n.identity)
	if n.port != nil {
		n.port.EnterCluster(n.identity.ClusterID)
		n.calls.Close() // connections so far are those of a stranger
	}
	return nil
}

// errPeersDiffer: two nodes were given different lists.
var errPeersDiffer = errors.New("peers differ")

// isFinal tells errors that no waiting mends.
func isFinal(err error) bool {
	for _, final := range []error{command.ErrNodeIDTaken, command.ErrNodeTooOld, peers.ErrRemoved, link.ErrSameID, errPeersDiffer} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// findCluster makes one attempt to find the cluster or, for the founder, to found it.
func (n *Node) findCluster(ctx context.Context) (clusterID string, err error) {
	if len(n.config.Cluster.Join) > 0 {
		return n.joinBy(ctx, n.config.Cluster.Join)
	}
	first := n.config.Cluster.Peers
	list := peersText(first)
	var problems []error
	founder, isThere := first[0], ""
	var found peers.Status // of the node that isThere
	for _, peer := range first {
		if peer.NodeID == n.identity.NodeID {
			continue
		}
		asking, cancel := n.asking(ctx)
		status, err := n.calls.Status(asking, peer.Address)
		cancel()
		switch {
		case err != nil:
			problems = append(problems, notAnswered(fmt.Sprintf("node %d at %s", peer.NodeID, peer.Address), err))
		case status.NodeID != peer.NodeID:
			problems = append(problems, fmt.Errorf("node %d is at %s, where node %d should be", status.NodeID, peer.Address, peer.NodeID))
		case status.ClusterID == "" && status.Peers != list:
			return "", fmt.Errorf("%w: node %d has %s, this one %s; start all with the same", errPeersDiffer, peer.NodeID, status.Peers, list)
		case status.IsNew && peer == founder:
			return status.ClusterID, nil
		case isThere != "" && status.ClusterID != "" && status.ClusterID != found.ClusterID:
			return "", fmt.Errorf("%w: node %d is in cluster %s, node %d in cluster %s; start this one with --join and the address of one of them",
				errPeersDiffer, found.NodeID, found.ClusterID, status.NodeID, status.ClusterID)
		case status.ClusterID != "":
			isThere, found = peer.Address, status
		}
	}
	switch {
	case isThere != "":
		return n.joinBy(ctx, []string{isThere})
	case len(problems) > 0:
		return "", errors.Join(problems...)
	case founder.NodeID == n.identity.NodeID:
		n.identity.found()
		return n.identity.ClusterID, nil
	}
	return "", fmt.Errorf("node %d has not founded the cluster yet", founder.NodeID)
}

// asking is for a question to one node. Each has its own time to answer: one that is silent leaves the others theirs.
func (n *Node) asking(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, n.config.AskTimeout)
}

// joinBy asks nodes, one after the other, to be taken into their cluster.
func (n *Node) joinBy(ctx context.Context, addresses []string) (string, error) {
	var problems []error
	for _, address := range addresses {
		if address == n.port.Address() {
			continue
		}
		asking, cancel := n.asking(ctx)
		clusterID, err := n.calls.Join(asking, address, n.self())
		cancel()
		if err == nil {
			return clusterID, nil
		}
		if isFinal(err) {
			return "", err
		}
		problems = append(problems, notAnswered("node at "+address, err))
	}
	if len(problems) == 0 {
		return "", fmt.Errorf("%s is this node, and no other one is named", n.port.Address())
	}
	return "", errors.Join(problems...)
}

// notAnswered is why a node could not be asked. Ports that are not for nodes hang up on one, or wait for it to say more.
func notAnswered(node string, err error) error {
	for _, likely := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, context.DeadlineExceeded, os.ErrDeadlineExceeded} {
		if errors.Is(err, likely) {
			return fmt.Errorf("%s: %w; its address should be the --raft-addr of a node", node, err)
		}
	}
	return fmt.Errorf("%s: %w", node, err)
}

func peersText(list []config.Peer) string {
	texts := make([]string, len(list))
	for i, peer := range list {
		texts[i] = peer.String()
	}
	return strings.Join(texts, ",")
}

// firstMembers are whom the founder's log begins with, nil for itself alone.
func (n *Node) firstMembers() (members []raftlog.Member) {
	for _, peer := range n.config.Cluster.Peers {
		members = append(members, raftlog.Member{ID: peers.NameOf(peer.NodeID), Address: peer.Address, Voter: true})
	}
	return members
}

// self is what the node says of itself.
func (n *Node) self() command.Node {
	node := command.Node{
		ID: n.identity.NodeID, DirectoryID: n.identity.DirectoryID, StartID: n.startID,
		Level: command.NewestLevel, Version: n.config.Version, Rack: n.config.Cluster.Rack, Nonvoter: n.config.Cluster.Nonvoter,
		HTTPAddress: n.HTTPAddress(),
	}
	if n.port != nil {
		node.RaftAddress = n.port.Address()
	}
	for _, listener := range n.kafkaListeners {
		broker, err := listener.broker(node.ID)
		if err != nil {
			continue // checked when it was opened
		}
		node.Listeners = append(node.Listeners, command.NodeListener{Name: listener.how.Name, Host: broker.Host, Port: broker.Port})
	}
	return node
}

// register tells the cluster what the node is in this start, and returns when it has it in its own state, and
// so all that was committed before.
func (n *Node) register(ctx context.Context) error {
	self := n.self()
	var progress waitProgress
	var registered time.Time
	pause := askAgainAfter / 4
	if n.port == nil {
		pause = time.Millisecond // it asks nobody but itself, and leads in a moment
	}
	for {
		if known, _ := n.store.Nodes().Of(self.ID); known.StartID == self.StartID && n.isMemberAt(self.RaftAddress) {
			break
		}
		err := errors.New("its own state is not there yet")
		if time.Since(registered) > n.config.AskTimeout {
			failed := n.registerOnce(ctx, self)
			if isFinal(failed) {
				return fmt.Errorf("register node %d with its cluster: %w", self.ID, failed)
			}
			if failed == nil {
				registered = time.Now()
			} else {
				err = failed
			}
		}
		progress.note(n, "node waits for the cluster to know of it", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("register node %d with its cluster: %w: %w", self.ID, context.Cause(ctx), err)
		}
	}
	if !n.identity.IsMember || n.identity.IsFounder {
		n.identity.IsMember, n.identity.IsFounder = true, false
		n.members.setIdentity(n.identity)
		return n.identity.save(n.config.files(), n.config.DataDir)
	}
	return nil
}

// isMemberAt tells whether the members have this node where it is. The leader may have ended before it moved it there.
func (n *Node) isMemberAt(address string) bool {
	members, i, err := memberIn(n.raft, n.identity.NodeID)
	return address == "" || err == nil && i >= 0 && members[i].Address == address
}

func (n *Node) registerOnce(ctx context.Context, self command.Node) error {
	if n.raft.IsLeader() || n.port == nil {
		asking, cancel := n.asking(ctx)
		defer cancel()
		return n.members.Register(asking, self)
	}
	var problems []error
	for _, address := range n.members.addresses() {
		asking, cancel := n.asking(ctx)
		err := n.calls.Register(asking, address, self)
		cancel()
		if err == nil || isFinal(err) {
			return err
		}
		problems = append(problems, fmt.Errorf("node at %s: %w", address, err))
	}
	if len(problems) == 0 {
		return errors.New("no other node is known")
	}
	return errors.Join(problems...)
}

// waitProgress says what is waited for, in the log now and then.
type waitProgress struct{ began, logged time.Time }

func (p *waitProgress) note(n *Node, what string, err error) {
	text := fmt.Sprintf("%s: %v", what, err)
	n.waits.Store(&text)
	now := time.Now()
	if p.began.IsZero() {
		p.began, p.logged = now, now.Add(time.Second-waitLoggedEvery) // the first after a second
	}
	if now.Sub(p.logged) >= waitLoggedEvery {
		p.logged = now
		n.logger.Warn(what, "since", now.Sub(p.began).Round(time.Second).String(), "because", err)
	}
}

// checkLogIsThere refuses a directory whose log has gone: the node would vote as if it had never voted.
func (n *Node) checkLogIsThere() error {
	if !n.identity.IsMember || n.port == nil {
		return nil
	}
	raftDir := filepath.Join(n.config.DataDir, "raft")
	if _, err := os.Stat(filepath.Join(raftDir, "node.json")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%s is gone, and the node has been a member of its cluster with it; put it back, or empty %s as a whole and let the node join again", raftDir, n.config.DataDir)
}

// noteJoin warns who would wait for a node to join another cluster. One that is in the cluster that it joined has others in its log, or has none yet.
func (n *Node) noteJoin() error {
	members, err := n.raft.Members()
	if err != nil || len(n.config.Cluster.Join) == 0 || len(members) != 1 || members[0].ID != peers.NameOf(n.identity.NodeID) {
		return err
	}
	n.logger.Warn("node has a cluster of its own in its directory, and joins no other", "cluster", n.identity.ClusterID, "join", strings.Join(n.config.Cluster.Join, ","),
		"instead", fmt.Sprintf("start it with an empty --data to join that one, or start others with an empty --data and --join %s to bring them into this one", n.port.Address()))
	return nil
}

// checkReachable refuses a node that others can't reach and that can't lead without their votes.
func (n *Node) checkReachable() error {
	members, err := n.raft.Members()
	if err != nil || n.port != nil || !slices.ContainsFunc(members, func(m raftlog.Member) bool { return m.Voter && m.ID != peers.NameOf(n.identity.NodeID) }) {
		return err
	}
	return fmt.Errorf("node %d is in a cluster of %d nodes; start it with --raft-addr, where the others reach it", n.identity.NodeID, len(members))
}
