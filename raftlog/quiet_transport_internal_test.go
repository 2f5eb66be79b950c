package raftlog

import (
	"sync"
	"testing"

	"github.com/hashicorp/raft"

	"kont/raftlog/link/linktest"
)

// Connections to a node that has started again since are no reason to lose an election.
func TestVotesAreAskedForOverConnectionsThatHold(t *testing.T) {
	address := linktest.FreeAddress(t)
	network := newTestTransport(t, linktest.FreeAddress(t))
	candidate := &quietTransport{NetworkTransport: network, asksForVotes: func() bool { return true }}
	preVote := func() (answer raft.RequestPreVoteResponse, err error) {
		err = candidate.RequestPreVote("b", raft.ServerAddress(address), &raft.RequestPreVoteRequest{Term: 1}, &answer)
		return answer, err
	}
	vote := func() (answer raft.RequestVoteResponse, err error) {
		err = candidate.RequestVote("b", raft.ServerAddress(address), &raft.RequestVoteRequest{Term: 1}, &answer)
		return answer, err
	}
	timeoutNow := func() error {
		return candidate.TimeoutNow("b", raft.ServerAddress(address), &raft.TimeoutNowRequest{}, &raft.TimeoutNowResponse{})
	}

	for name, ask := range map[string]func() error{
		"pre-vote":    func() error { _, err := preVote(); return err },
		"vote":        func() error { _, err := vote(); return err },
		"timeout now": timeoutNow,
	} {
		// As many connections as are kept are in use at once.
		member := newTestTransport(t, address)
		var asking sync.WaitGroup
		for range connectionsPerMember {
			asking.Go(func() {
				if _, err := vote(); err != nil {
					t.Error(err)
				}
			})
		}
		var waiting []raft.RPC
		for range connectionsPerMember {
			waiting = append(waiting, <-member.Consumer())
		}
		for _, rpc := range waiting {
			rpc.Respond(&raft.RequestVoteResponse{Granted: true}, nil)
		}
		asking.Wait()
		member.Close()
		member.CloseStreams()

		member = newTestTransport(t, address)
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			rpc := <-member.Consumer()
			switch rpc.Command.(type) {
			case *raft.RequestPreVoteRequest:
				rpc.Respond(&raft.RequestPreVoteResponse{Granted: true}, nil)
			case *raft.RequestVoteRequest:
				rpc.Respond(&raft.RequestVoteResponse{Granted: true}, nil)
			default:
				rpc.Respond(&raft.TimeoutNowResponse{}, nil)
			}
		}()
		if err := ask(); err != nil {
			t.Errorf("%s of a node that has started again: %v", name, err)
		} else {
			<-answered
		}
		member.Close()
		network.CloseStreams()
	}
}
