package raftlog

import (
	"errors"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
)

// quietTransport sends entries, heartbeats and snapshots only in a term in which this node leads, and entries to a member
// that moves only where it moves to. It has answers when the entries that they are for are written here too, see logTail.
type quietTransport struct {
	*raft.NetworkTransport
	installs *installs
	// sends tells whether this node leads in a term, and wants to. What sends for the library learns it later.
	sends func(term uint64) bool
	// follows tells whether this node follows in a term.
	follows func(term uint64) bool
	// asksForVotes tells whether this node may ask now to be elected.
	asksForVotes func() bool
	// awaitAnswer returns when an answer to the leader of a term for entries up to an index counts.
	awaitAnswer func(term, index uint64) error
	// answers takes note of what was answered.
	answers *answers

	mu     sync.Mutex
	moving map[raft.ServerID]move // guarded by mu
}

// move is a change of a member's address. kept is closed when an entry was kept from the old one.
type move struct {
	to   raft.ServerAddress
	kept chan struct{}
}

var errMoving = errors.New("the member moves")

// moveWaitMax bounds how long beginMove waits for what sends entries. If that waits for an address where nobody is, no entry arrives there.
const moveWaitMax = time.Second

// beginMove keeps entries from all addresses of a member but one, and returns when an entry has been kept: the library has done with the ones
// before. When entries have arrived it reads the member without its lock (updateLastAppended), and a change of the address would write that
// meanwhile. Where it sends entries to the new address it has read that with the lock.
func (t *quietTransport) beginMove(id raft.ServerID, to raft.ServerAddress) (end func()) {
	begun := move{to, make(chan struct{})}
	t.mu.Lock()
	if t.moving == nil {
		t.moving = map[raft.ServerID]move{}
	}
	t.moving[id] = begun
	t.mu.Unlock()
	select {
	case <-begun.kept:
	case <-time.After(moveWaitMax):
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.moving[id] == begun {
			delete(t.moving, id)
		}
	}
}

// keeps tells whether a member gets no entries at an address now.
func (t *quietTransport) keeps(id raft.ServerID, address raft.ServerAddress) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	move, moves := t.moving[id]
	if !moves || move.to == address {
		return false
	}
	select {
	case <-move.kept:
	default:
		close(move.kept)
	}
	return true
}

// Consumer has the requests of others.
func (t *quietTransport) Consumer() <-chan raft.RPC { return t.installs.to }

// Close is raft's when it has ended.
func (t *quietTransport) Close() error {
	t.installs.close()
	return t.NetworkTransport.Close()
}

// isHeartbeat: heartbeats come from a goroutine of their own, and say nothing of the log.
func isHeartbeat(request *raft.AppendEntriesRequest) bool {
	return request.PrevLogEntry == 0 && request.PrevLogTerm == 0 && len(request.Entries) == 0 && request.LeaderCommitIndex == 0
}

func (t *quietTransport) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if !t.sends(args.Term) {
		return errQuiet
	}
	heartbeat := isHeartbeat(args)
	if !heartbeat && t.keeps(id, target) {
		return errMoving
	}
	args.Entries = first(args.Entries, appendBytesMax)
	last := args.PrevLogEntry
	if sent := len(args.Entries); sent > 0 {
		last = args.Entries[sent-1].Index
	}
	// What the request does not reach the follower may have otherwise. The paper has this bound at the follower; the library's is the end of its log.
	args.LeaderCommitIndex = min(args.LeaderCommitIndex, last)
	now := answered{number: t.answers.send()}
	if err := t.NetworkTransport.AppendEntries(id, target, args, resp); err != nil {
		return err
	}
	if resp.Term == args.Term {
		if resp.Success && !heartbeat {
			now.index = last
		}
		t.answers.add(args.Term, id, now)
	}
	if len(args.Entries) == 0 {
		return nil
	}
	return t.awaitAnswer(args.Term, last)
}

// appendBytesMax bounds the entries of one request, in bytes of their data, unless the first alone has more. A follower has rpcTimeout to get them all and to
// answer, and is sent the same again if it does not: 64 entries, which is the library's bound, can be 64 MiB.
const appendBytesMax = 4 << 20

// first are as many of the entries as fit, and one at least. Those are what the library takes for sent.
func first(entries []*raft.Log, bytesMax int) []*raft.Log {
	for i, entry := range entries {
		if bytesMax -= len(entry.Data); bytesMax < 0 && i > 0 {
			return entries[:i]
		}
	}
	return entries
}

// AppendEntriesPipeline lets raft have one request at a time for each follower, by AppendEntries. What comes by a pipeline would wait for no write
// here. And what sends by one can wait for ever for what reads the answers, which has ended with the leadership, so that the node can't be
// shut down. The requests are batches, and the next one is put together meanwhile all the same.
func (t *quietTransport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

var errReluctant = errors.New("the node waits for others to lead, because its disk was slow")

// RequestPreVote goes before all requests for votes but those of a node that the leader hands over to.
func (t *quietTransport) RequestPreVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	if !t.asksForVotes() {
		return errReluctant
	}
	return whileHungUp(func() error { return t.NetworkTransport.RequestPreVote(id, target, args, resp) })
}

func (t *quietTransport) RequestVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return whileHungUp(func() error { return t.NetworkTransport.RequestVote(id, target, args, resp) })
}

func (t *quietTransport) TimeoutNow(id raft.ServerID, target raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	return whileHungUp(func() error { return t.NetworkTransport.TimeoutNow(id, target, args, resp) })
}

// whileHungUp makes a request until the connection is none that the other node has closed. The library keeps some for each member, and if that has
// started again since, each is found out by a request that fails. A candidate would lose an election by each, one after the other.
func whileHungUp(request func() error) error {
	for range connectionsPerMember {
		if err := request(); !isHungUp(err) {
			return err
		}
	}
	return request()
}

func isHungUp(err error) bool {
	if decoding, is := err.(interface{ Cause() error }); is { // as msgpack has it
		err = decoding.Cause()
	}
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func (t *quietTransport) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	if !t.sends(args.Term) {
		return errQuiet
	}
	return t.NetworkTransport.InstallSnapshot(id, target, args, resp, data)
}

// SetHeartbeatHandler is raft's. The library deals with heartbeats beside its main thread, and lets them change term and state there. If the main thread
// of a leader that is deposed so wakes up with a batch, it writes that with the next leader's term: two entries of one index and term, which raft takes
// for the same. So what is more than a sign of life goes the way of all other requests.
func (t *quietTransport) SetHeartbeatHandler(beside func(raft.RPC)) {
	t.NetworkTransport.SetHeartbeatHandler(func(rpc raft.RPC) {
		request, is := rpc.Command.(*raft.AppendEntriesRequest)
		if is && t.follows(request.Term) {
			beside(rpc)
			return
		}
		t.installs.send(rpc)
	})
}
