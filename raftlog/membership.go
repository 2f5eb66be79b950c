package raftlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// membershipTimeout bounds the wait for an earlier change of membership to commit.
const membershipTimeout = 10 * time.Second

// Member is one node of the cluster.
type Member struct {
	ID, Address string
	Voter       bool
}

func (m Member) server() raft.Server {
	suffrage := raft.Nonvoter
	if m.Voter {
		suffrage = raft.Voter
	}
	return raft.Server{Suffrage: suffrage, ID: raft.ServerID(m.ID), Address: raft.ServerAddress(m.Address)}
}

// Members are the nodes of the cluster as this one knows them; the newest change may
// not be committed yet.
func (n *Node) Members() ([]Member, error) {
	configuration, err := n.configuration()
	if err != nil {
		return nil, err
	}
	members := make([]Member, 0, len(configuration.Servers))
	for _, server := range configuration.Servers {
		members = append(members, Member{
			ID: string(server.ID), Address: string(server.Address), Voter: server.Suffrage == raft.Voter,
		})
	}
	return members, nil
}

// change is call for a change of membership.
func (n *Node) change(ctx context.Context, what string, f func() error) error {
	n.changes.Add(1)
	done, err := n.begin(what, func() error {
		defer n.changes.Done()
		return f()
	})
	if err != nil {
		n.changes.Done()
		return err
	}
	return await(ctx, what, done)
}

// AwaitChanges returns when the outcome of every change of membership that was begun is known, also of those whose caller did not wait for it: the
// library takes none back, and Members has only what is in the log already. That is when this node leads no more at the latest. No change may begin
// meanwhile.
func (n *Node) AwaitChanges() { n.changes.Wait() }

// AddVoter adds a node that was opened without Bootstrap, or changes a member's
// address. Only the leader can; it returns when the change is committed. If ctx ends
// before, the change goes on: see AwaitChanges.
func (n *Node) AddVoter(ctx context.Context, id, address string) error {
	return n.change(ctx, fmt.Sprintf("add voter %s at %s", id, address), func() error {
		configuration, err := n.configuration()
		if err != nil {
			return err
		}
		defer n.beginMove(configuration, id, address)()
		return n.raft.AddVoter(raft.ServerID(id), raft.ServerAddress(address), 0, membershipTimeout).Error()
	})
}

// AddNonvoter adds a node that gets the log and has no vote, or changes a nonvoter's address;
// AddVoter gives it the vote. Of a voter it is an error. As AddVoter otherwise.
func (n *Node) AddNonvoter(ctx context.Context, id, address string) error {
	return n.change(ctx, fmt.Sprintf("add nonvoter %s at %s", id, address), func() error {
		configuration, err := n.configuration()
		if err != nil {
			return err
		}
		for _, server := range configuration.Servers {
			if string(server.ID) == id && server.Suffrage == raft.Voter {
				// The library would only change the address.
				return errors.New("it is a voter; remove it first")
			}
		}
		defer n.beginMove(configuration, id, address)()
		return n.raft.AddNonvoter(raft.ServerID(id), raft.ServerAddress(address), 0, membershipTimeout).Error()
	})
}

// beginMove prepares for another address of a member, if it is another one.
func (n *Node) beginMove(configuration raft.Configuration, id, address string) (end func()) {
	transport, has := n.transport.(*quietTransport)
	isMoving := slices.ContainsFunc(configuration.Servers, func(server raft.Server) bool {
		return string(server.ID) == id && string(server.Address) != address
	})
	if !has || !isMoving || id == n.cfg.NodeID {
		return func() {}
	}
	return transport.beginMove(raft.ServerID(id), raft.ServerAddress(address))
}

// DemoteVoter takes the vote of a member, which gets the log as before. As AddVoter otherwise.
func (n *Node) DemoteVoter(ctx context.Context, id string) error {
	return n.change(ctx, "take the vote of "+id, func() error {
		return n.raft.DemoteVoter(raft.ServerID(id), 0, membershipTimeout).Error()
	})
}

// RemoveServer removes a node from the cluster. A leader that removes itself steps
// down once the change is committed. Close the removed node afterwards.
func (n *Node) RemoveServer(ctx context.Context, id string) error {
	return n.change(ctx, "remove server "+id, func() error {
		return n.raft.RemoveServer(raft.ServerID(id), 0, membershipTimeout).Error()
	})
}

// TransferLeadership hands leadership to a voter, for a restart without a pause: to the most
// advanced one if to is the zero Member.
func (n *Node) TransferLeadership(ctx context.Context, to Member) error {
	return n.call(ctx, "transfer leadership", func() error {
		if to.ID != "" {
			return n.raft.LeadershipTransferToServer(raft.ServerID(to.ID), raft.ServerAddress(to.Address)).Error()
		}
		return n.raft.LeadershipTransfer().Error()
	})
}

// voters are the members whose votes count, as of the newest change of membership.
func (n *Node) voters() (voters []raft.Server, err error) {
	configuration, err := n.configuration()
	for _, server := range configuration.Servers {
		if server.Suffrage == raft.Voter {
			voters = append(voters, server)
		}
	}
	return voters, err
}

// memberAt is the id of the member with an address, "" if there is none or more than one.
func (n *Node) memberAt(address string) string {
	configuration, err := n.configuration()
	if err != nil {
		return ""
	}
	id := ""
	for _, server := range configuration.Servers {
		if string(server.Address) != address {
			continue
		}
		if id != "" {
			return ""
		}
		id = string(server.ID)
	}
	return id
}
