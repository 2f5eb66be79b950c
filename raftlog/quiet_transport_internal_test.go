package raftlog

import (
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
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

// A new leader may have committed an entry that is not in the request, for the library takes the commit index last. Its follower has another one in that
// place, which never counted, and would take it for the committed one.
func TestFollowerCommitsNothingThatTheRequestDoesNotReach(t *testing.T) {
	at := newTestTransport(t, linktest.FreeAddress(t))
	logs, stable := raft.NewInmemStore(), raft.NewInmemStore()
	members := raft.Configuration{Servers: servers("a", "b")}
	if err := logs.StoreLogs([]*raft.Log{
		{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(members)},
		{Index: 2, Term: 1, Type: raft.LogCommand, Data: []byte("nobody else has it")},
	}); err != nil {
		t.Fatal(err)
	}
	if err := stable.SetUint64([]byte(keyCurrentTerm), 1); err != nil {
		t.Fatal(err)
	}
	config := raft.DefaultConfig()
	config.LocalID, config.Logger = "b", hclog.NewNullLogger()
	config.ElectionTimeout, config.HeartbeatTimeout = time.Hour, time.Hour
	follower, err := raft.NewRaft(config, &raft.MockFSM{}, logs, stable, raft.NewInmemSnapshotStore(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { follower.Shutdown().Error() })

	leader := newTestLeader(t)
	var response raft.AppendEntriesResponse
	header := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("a"), Addr: []byte("a")}
	request := &raft.AppendEntriesRequest{RPCHeader: header, Term: 2, PrevLogEntry: 1, PrevLogTerm: 1, LeaderCommitIndex: 2}
	if err := leader.AppendEntries("b", at.LocalAddr(), request, &response); err != nil || !response.Success {
		t.Fatalf("%+v, %v", response, err)
	}
	if got := follower.CommitIndex(); got != 1 {
		t.Errorf("the follower takes entry %d for committed, and was sent none after 1", got)
	}
	request.Entries = []*raft.Log{{Index: 2, Term: 2, Type: raft.LogNoop}}
	request.LeaderCommitIndex = 2
	if err := leader.AppendEntries("b", at.LocalAddr(), request, &response); err != nil || !response.Success {
		t.Fatalf("%+v, %v", response, err)
	}
	if got := follower.CommitIndex(); got != 2 {
		t.Errorf("the follower has committed up to %d, want 2", got)
	}
}

// A follower that is far behind, over a link that brings so much in the time for an answer and no more, gets all of it.
func TestRequestsAreBoundInBytes(t *testing.T) {
	member, leader := newTestTransport(t, linktest.FreeAddress(t)), newTestLeader(t)
	entries := func(sizes ...int) (entries []*raft.Log) {
		for i, size := range sizes {
			entries = append(entries, &raft.Log{Index: uint64(i) + 2, Data: make([]byte, size)})
		}
		return entries
	}
	for _, c := range []struct {
		what    string
		entries []*raft.Log
		sent    int
	}{
		{"none", nil, 0},
		{"all", entries(1, 2, 3), 3},
		{"as much as may be", entries(appendBytesMax-1, 1), 2},
		{"as many as fit", entries(appendBytesMax/2, appendBytesMax/2, 1, 1), 2},
		{"one that is large", entries(appendBytesMax+1, 1), 1},
	} {
		got := make(chan int, 1)
		go func() {
			rpc := <-member.Consumer()
			got <- len(rpc.Command.(*raft.AppendEntriesRequest).Entries)
			rpc.Respond(&raft.AppendEntriesResponse{Term: 2, Success: true}, nil)
		}()
		request := &raft.AppendEntriesRequest{Term: 2, PrevLogEntry: 1, Entries: c.entries}
		if err := leader.AppendEntries("b", member.LocalAddr(), request, &raft.AppendEntriesResponse{}); err != nil {
			t.Fatal(err)
		}
		// The library goes on behind what the request has then.
		if sent := <-got; sent != c.sent || len(request.Entries) != c.sent {
			t.Errorf("%s: %d of %d entries sent, %d said to be, want %d", c.what, sent, len(c.entries), len(request.Entries), c.sent)
		}
	}
}
