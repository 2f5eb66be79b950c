package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"kont/raftlog"
	"kont/server/api"
	"kont/server/peers"
	"kont/statemachine/command"
)

const (
	// promoteEvery is how often the leader looks whether a new node has caught up, and
	// caughtUpEntries how near it must be to get a vote.
	promoteEvery    = 500 * time.Millisecond
	caughtUpEntries = 256
)

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
		if !p.node.wantsVote(member) {
			continue
		}
		if _, err := p.node.giveVote(ctx, member); err != nil {
			return err
		}
	}
	return nil
}

// wantsVote tells whether a member has no vote and is to get one.
func (n *Node) wantsVote(member raftlog.Member) bool {
	node, isKnown := n.store.Nodes().Of(peers.NodeIDOf(member.ID))
	return isKnown && !member.Voter && !node.Nonvoter
}

// giveVote gives a member its vote, unless it has not caught up: its time will come.
func (n *Node) giveVote(ctx context.Context, member raftlog.Member) (votes bool, err error) {
	ask, cancel := n.asking(ctx)
	status, err := n.calls.Status(ask, member.Address)
	cancel()
	if err != nil || !n.isMember(member, status) || status.AppliedIndex+caughtUpEntries < n.store.AppliedIndex() {
		return false, nil
	}
	end, err := n.members.begin(ctx)
	if err != nil {
		return false, err
	}
	defer end()
	members, i, err := memberIn(n.raft, status.NodeID)
	if err != nil || i < 0 || members[i] != member || !n.wantsVote(member) { // something was done about it meanwhile
		return err == nil && i >= 0 && members[i].Voter, err
	}
	if err := n.raft.AddVoter(ctx, member.ID, member.Address); err != nil {
		return false, proposalError(err)
	}
	n.logger.Info("node has caught up, and votes", "node", status.NodeID)
	return true, nil
}

// isMember tells whether who answers at a member's address is that node, and has its data: one that has lost it, and is not taken in again,
// votes for nobody.
func (n *Node) isMember(member raftlog.Member, status peers.Status) bool {
	known, isKnown := n.store.Nodes().Of(peers.NodeIDOf(member.ID))
	return status.ClusterID == n.identity.ClusterID && peers.NameOf(status.NodeID) == member.ID && (!isKnown || known.DirectoryID == status.DirectoryID)
}

// SetVote lets a member vote from when it has caught up, or takes its vote, whatever it wanted when it came in.
func (n *Node) SetVote(ctx context.Context, id int32, votes bool) (isVoter bool, err error) {
	what := fmt.Sprintf("give node %d a vote", id)
	if !votes {
		what = fmt.Sprintf("take the vote of node %d", id)
	}
	member, err := n.noteVote(ctx, what, id, votes)
	if err != nil {
		return false, err
	}
	if votes && !member.Voter {
		return n.giveVote(ctx, member)
	}
	return votes, nil
}

// noteVote writes down whether a member is to vote, and takes its vote. The member is as it was.
func (n *Node) noteVote(ctx context.Context, what string, id int32, votes bool) (member raftlog.Member, err error) {
	end, err := n.members.begin(ctx)
	if err != nil {
		return member, err
	}
	defer end()
	members, i, err := n.memberToChange(id)
	if err != nil {
		return member, err
	}
	if i < 0 {
		hint := "this node is alone; start it with a --raft-addr, and then the new one: `kont serve --node-id %d --raft-addr HOST:PORT --join %s`"
		address := "HOST:PORT"
		if n.port != nil {
			hint, address = "it comes in by itself when it is started: `kont serve --node-id %d --raft-addr HOST:PORT --join %s`", n.port.Address()
		}
		return member, &api.Error{Status: http.StatusNotFound, Code: "unknown_node", Message: what + ": it is not in the cluster", Hint: fmt.Sprintf(hint, id, address)}
	}
	member = members[i]
	if !votes && id == n.identity.NodeID {
		return member, &api.Error{Status: http.StatusConflict, Code: "leader", Message: what + ": it leads", Hint: hintOtherLeader}
	}
	if !votes && member.Voter {
		if err := n.checkMajority(ctx, what, slices.Delete(slices.Clone(members), i, i+1)); err != nil {
			return member, err
		}
	}
	node, isKnown := n.store.Nodes().Of(id)
	if !isKnown {
		return member, &api.Error{Status: http.StatusConflict, Code: "node_starts", Message: what + ": it has joined, and not started yet", Hint: "wait for it with `kont cluster wait-ready`"}
	}
	if node.Nonvoter == votes {
		node.Nonvoter = !votes
		if _, err := n.proposer.Propose(ctx, command.RegisterNode{Node: node}); err != nil {
			return member, err
		}
	}
	if votes || !member.Voter {
		return member, nil
	}
	if err := n.raft.DemoteVoter(ctx, member.ID); err != nil {
		return member, proposalError(err)
	}
	n.logger.Info("node votes no more", "node", id)
	return member, nil
}

// memberToChange is memberIn on a node that leads. One that led a moment ago may still be sent what is the leader's.
func (n *Node) memberToChange(id int32) (members []raftlog.Member, at int, err error) {
	if !n.raft.IsLeader() {
		return nil, -1, errNoLeader
	}
	return memberIn(n.raft, id)
}

// hintOtherLeader is for who wants to change the leader's own membership.
const hintOtherLeader = "let another node lead first, with `kont cluster transfer-leader`"

// checkMajority refuses a change after which so few of the voters answer that nothing could be agreed on any more: neither
// what clients write, nor to take the change back. Raft itself counts the votes only when it is too late.
func (n *Node) checkMajority(ctx context.Context, what string, left []raftlog.Member) error {
	left = slices.DeleteFunc(left, func(m raftlog.Member) bool { return !m.Voter })
	ctx, cancel := context.WithTimeout(ctx, clusterAskTimeout)
	defer cancel()
	answers := make([]bool, len(left))
	var asking sync.WaitGroup
	for i, member := range left {
		asking.Go(func() {
			id := peers.NodeIDOf(member.ID)
			if answers[i] = id == n.identity.NodeID; !answers[i] {
				status, err := n.calls.Status(ctx, member.Address)
				answers[i] = err == nil && n.isMember(member, status)
			}
		})
	}
	asking.Wait()
	var silent []string
	for i, member := range left {
		if !answers[i] {
			silent = append(silent, fmt.Sprint("node ", peers.NodeIDOf(member.ID)))
		}
	}
	if len(silent)*2 < len(left) {
		return nil
	}
	return &api.Error{Status: http.StatusConflict, Code: "no_majority",
		Message: fmt.Sprintf("%s: no majority would be left, since only %d of the other %d voters could be asked, and not %s", what, len(left)-len(silent), len(left), strings.Join(silent, ", ")),
		Hint:    "start what is missing, or remove that first"}
}
