package raftlog

import (
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"kont/raftlog/link/linktest"
)

func newTestTransport(t *testing.T, address string) *raft.NetworkTransport {
	t.Helper()
	transport, err := raft.NewTCPTransportWithLogger(address, nil, connectionsPerMember, time.Minute, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { transport.Close() })
	return transport
}

// newTestLeader is what a leader sends with that waits for no disk.
func newTestLeader(t *testing.T) *quietTransport {
	t.Helper()
	return &quietTransport{NetworkTransport: newTestTransport(t, linktest.FreeAddress(t)), sends: func(uint64) bool { return true }, answers: newAnswers(),
		awaitAnswer: func(uint64, uint64) error { return nil }}
}

func servers(ids ...raft.ServerID) (servers []raft.Server) {
	for _, id := range ids {
		servers = append(servers, raft.Server{ID: id})
	}
	return servers
}

// What a member says counts for the reads that had begun when it was asked, and in the term whose follower it is.
func TestOnlyAnswersOfFollowersToRequestsSinceAReadCount(t *testing.T) {
	member, leader := newTestTransport(t, linktest.FreeAddress(t)), newTestLeader(t)
	answers := leader.answers
	ask := func(term uint64, answer func() (raft.AppendEntriesResponse, error)) {
		t.Helper()
		go func() {
			rpc := <-member.Consumer()
			response, err := answer()
			rpc.Respond(&response, err)
		}()
		var response raft.AppendEntriesResponse
		leader.AppendEntries("b", member.LocalAddr(), &raft.AppendEntriesRequest{Term: term, PrevLogEntry: 1}, &response) //nolint:errcheck // some are
	}
	voters := servers("a", "b", "c")
	isConfirmed := func(term, number uint64) bool {
		confirmed, _ := answers.confirm("a", voters, term, number)
		return confirmed
	}
	follows := func(term uint64) func() (raft.AppendEntriesResponse, error) {
		return func() (raft.AppendEntriesResponse, error) { return raft.AppendEntriesResponse{Term: term}, nil }
	}

	read := answers.beginRead()
	if isConfirmed(5, read) {
		t.Error("confirmed by nobody")
	}
	ask(5, follows(6))
	if isConfirmed(5, read) {
		t.Error("confirmed by one who is in the next term")
	}
	ask(5, func() (raft.AppendEntriesResponse, error) { return raft.AppendEntriesResponse{Term: 5}, errQuiet })
	if isConfirmed(5, read) {
		t.Error("confirmed by one who had an error")
	}
	later := uint64(0)
	ask(5, func() (raft.AppendEntriesResponse, error) {
		later = answers.beginRead()
		return raft.AppendEntriesResponse{Term: 5}, nil
	})
	if !isConfirmed(5, read) || isConfirmed(5, later) {
		t.Errorf("the read from before the request is confirmed: %v; the one from after it: %v", isConfirmed(5, read), isConfirmed(5, later))
	}
	ask(5, follows(5))
	if !isConfirmed(5, later) {
		t.Error("not confirmed by one who follows")
	}
	if isConfirmed(6, read) || isConfirmed(4, read) {
		t.Error("confirmed in a term in which nobody was asked")
	}
	// An answer of the next term makes the ones of the last one void, and one that comes late changes nothing.
	voters = servers("a", "b", "c", "d", "e")
	answers.add(5, "c", answered{number: later})
	if !isConfirmed(5, later) {
		t.Error("not confirmed by two who follow")
	}
	ask(7, follows(7))
	ask(5, follows(5))
	if isConfirmed(7, later) || isConfirmed(5, later) {
		t.Error("confirmed by two who follow in different terms")
	}
}

// A node that is no voter counts for nothing, itself included.
func TestMajorityIsOneOfVoters(t *testing.T) {
	answers := newAnswers()
	read := answers.beginRead()
	answers.add(1, "b", answered{number: read})
	for _, want := range []struct {
		voters      []raft.ServerID
		isConfirmed bool
	}{
		{[]raft.ServerID{"a"}, true}, {[]raft.ServerID{"a", "b"}, true}, {[]raft.ServerID{"a", "c"}, false}, {[]raft.ServerID{"b"}, true},
		{[]raft.ServerID{"b", "c"}, false}, {[]raft.ServerID{"a", "b", "c"}, true}, {[]raft.ServerID{"a", "b", "c", "d"}, false}, {nil, false},
	} {
		if got, _ := answers.confirm("a", servers(want.voters...), 1, read); got != want.isConfirmed {
			t.Errorf("voters %v: confirmed %v", want.voters, got)
		}
	}
}

func TestLongestLogIsThatOfTheTerm(t *testing.T) {
	answers, voters := newAnswers(), servers("a", "b", "c", "d")
	if got := answers.longest(voters, 1); got.ID != "" {
		t.Errorf("%s has the longest log, and nobody has said anything", got.ID)
	}
	answers.add(1, "b", answered{index: 7})
	answers.add(1, "c", answered{index: 8})
	answers.add(1, "c", answered{number: 1}) // a heartbeat says nothing of the log
	answers.add(1, "e", answered{index: 9})  // no voter
	if got := answers.longest(voters, 1); got.ID != "c" {
		t.Errorf("%q has the longest log", got.ID)
	}
	answers.add(2, "b", answered{index: 7})
	if got, before := answers.longest(voters, 2), answers.longest(voters, 1); got.ID != "b" || before.ID != "" {
		t.Errorf("%q has the longest log in the next term, %q in the one before", got.ID, before.ID)
	}
}
