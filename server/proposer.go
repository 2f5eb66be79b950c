package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kont/raftlog"
	"kont/statemachine/command"
)

// proposer puts commands into the Raft log, for all parts of the node.
type proposer struct {
	log proposalLog
	// level is what all nodes of the cluster know: a newer command would stop the others.
	level func() command.Level
	// spread lets other nodes hear of what was proposed; it is nil where there are none.
	spread  func(ctx context.Context)
	observe func(kind command.Kind, took time.Duration, err error)
}

// proposalLog is what the proposer needs of a *raftlog.Node.
type proposalLog interface {
	Propose(ctx context.Context, data []byte) (any, error)
}

// Propose returns a command's result once it is applied here. The command's
// refusal as a whole is an error of package command. Failures of the node are
// command.ErrNotLeader and command.ErrUnavailable. After other errors, and when
// ctx ends first, the command may still be applied later.
func (p *proposer) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	if want, has := command.LevelOf(c.Kind()), p.level(); want > has {
		return nil, fmt.Errorf("%w: %s is of level %d, and a node of the cluster knows commands of level %d; start the release of the others on it",
			command.ErrUnavailable, c.Kind(), want, has)
	}
	data, err := command.Encode(c)
	if err != nil {
		return nil, fmt.Errorf("encode command of kind %d: %w", c.Kind(), err)
	}
	began := time.Now()
	result, err := p.log.Propose(ctx, data)
	err = proposalError(err)
	p.observe(c.Kind(), time.Since(began), err)
	if err != nil {
		return nil, err
	}
	if refused, isError := result.(error); isError {
		return nil, refused
	}
	if p.spread != nil && toldByAll[c.Kind()] {
		p.spread(ctx)
	}
	return result, nil
}

// toldByAll are the commands of whose effect any node tells clients: what they have just changed they look for at once, and at another node.
var toldByAll = map[command.Kind]bool{
	command.KindCreateTopics:          true,
	command.KindDeleteTopics:          true,
	command.KindAlterTopicConfigs:     true,
	command.KindCreatePartitions:      true,
	command.KindDeploy:                true,
	command.KindAlterClientQuotas:     true,
	command.KindAlterGroupConfigs:     true,
	command.KindCreateACLs:            true,
	command.KindDeleteACLs:            true,
	command.KindAlterScramCredentials: true,
}

// spreadTimeout bounds how long an answer waits for other nodes.
const spreadTimeout = time.Second

// spread returns when a majority has heard that everything so far is committed. They hear it with the next entry, or some 20 ms later if there is none; so
// there is one. A node that is slow or away may hear it later: nobody waits for all.
func (n *Node) spread(ctx context.Context) {
	if len(n.store.Nodes().ByID) < 2 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, spreadTimeout)
	defer cancel()
	n.raft.Barrier(ctx) //nolint:errcheck // what was proposed has its result in any case
}

// proposalError says in package command's words what raftlog says in its own.
func proposalError(err error) error {
	var word error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raftlog.ErrStopped):
		word = command.ErrUnavailable
	case errors.Is(err, raftlog.ErrNotLeader), errors.Is(err, raftlog.ErrOutcomeUnknown):
		word = command.ErrNotLeader
	case errors.Is(err, raftlog.ErrProposalTooLarge):
		word = command.ErrLimit
	case errors.Is(err, raftlog.ErrQueueFull):
		word = command.ErrUnavailable
	default:
		return err
	}
	return fmt.Errorf("%w: %w", word, err)
}
