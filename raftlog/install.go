package raftlog

import (
	"sync"

	"github.com/hashicorp/raft"
)

// A node may have more entries than the snapshot that it is sent: it led, and nobody heard of them, or it followed such a leader. The library installs
// the snapshot and removes its log, as it must, and goes on to believe that this ends where it did. So it looks there for the entry before those
// that the leader sends next, says that it has none, and is sent the snapshot again, and again; it counts for no majority meanwhile. Only entries
// change what it believes. So before the leader hears that the snapshot is installed, the library is brought the last entry that the snapshot
// includes, as by the leader, and the log store plays along: it says that it has another one in that place, and writes neither the removal of that nor the new one.

// installs passes requests on to raft, and adds that one.
type installs struct {
	from <-chan raft.RPC
	to   chan raft.RPC
	log  *logStore

	closing   chan struct{}
	closeOnce sync.Once
	passing   sync.WaitGroup
}

func newInstalls(from <-chan raft.RPC, log *logStore) *installs {
	i := &installs{from: from, to: make(chan raft.RPC), log: log, closing: make(chan struct{})}
	i.passing.Go(i.pass)
	return i
}

func (i *installs) close() {
	i.closeOnce.Do(func() { close(i.closing) })
	i.passing.Wait()
}

func (i *installs) pass() {
	for {
		select {
		case rpc := <-i.from:
			request, installs := rpc.Command.(*raft.InstallSnapshotRequest)
			if !installs {
				i.send(rpc)
				continue
			}
			// Raft does nothing else meanwhile.
			answer, isThere := i.call(raft.RPC{Command: request, Reader: rpc.Reader})
			if !isThere {
				return
			}
			if response, is := answer.Response.(*raft.InstallSnapshotResponse); is && answer.Error == nil && response.Success {
				i.endLog(request)
			}
			rpc.Respond(answer.Response, answer.Error)
		case <-i.closing:
			return
		}
	}
}

// endLog tells raft that its log ends with the snapshot, if it has removed one that went as far or further. Where a new term has begun it does nothing:
// the next leader sends a snapshot too.
func (i *installs) endLog(request *raft.InstallSnapshotRequest) {
	if !i.log.beginEnding(request.LastLogIndex) {
		return
	}
	defer i.log.endEnding()
	i.call(raft.RPC{Command: &raft.AppendEntriesRequest{
		RPCHeader: request.RPCHeader,
		Term:      request.Term,
		Entries:   []*raft.Log{{Index: request.LastLogIndex, Term: request.LastLogTerm, Type: raft.LogNoop}},
	}})
}

func (i *installs) send(rpc raft.RPC) (isSent bool) {
	select {
	case i.to <- rpc:
		return true
	case <-i.closing:
		return false
	}
}

// call makes a request to raft; there is no answer if the node stops.
func (i *installs) call(rpc raft.RPC) (answer raft.RPCResponse, isThere bool) {
	answers := make(chan raft.RPCResponse, 1)
	rpc.RespChan = answers
	if !i.send(rpc) {
		return answer, false
	}
	select {
	case answer = <-answers:
		return answer, true
	case <-i.closing:
		return answer, false
	}
}
