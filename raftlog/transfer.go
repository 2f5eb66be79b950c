package raftlog

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// sentSnapshot is a snapshot with data on its way to a follower. It is read as it is written, and stored nowhere: to begin again after
// the connection broke costs another capture, and what a follower does not take holds up nobody.
type sentSnapshot struct {
	*io.PipeReader
	ended chan struct{}
}

// sendSnapshot writes a snapshot to whom reads what is returned, and releases it. It must have size bytes, which the follower was told.
func sendSnapshot(snapshot *dataSnapshot, size int64) *sentSnapshot {
	r, w := io.Pipe()
	sent := &sentSnapshot{r, make(chan struct{})}
	go func() {
		defer close(sent.ended)
		defer snapshot.Release()
		exact := &exactWriter{w: w, left: size}
		err := snapshot.writeTo(exact)
		if err == nil && exact.left > 0 {
			err = fmt.Errorf("snapshot of log entry %d: %d bytes less than the %d that it should have", snapshot.stateIndex, exact.left, size)
		}
		w.CloseWithError(err)
	}()
	return sent
}

// Close returns when the snapshot is released.
func (s *sentSnapshot) Close() error {
	err := s.PipeReader.Close()
	<-s.ended
	return err
}

// exactWriter takes no more than left bytes: raft would send them, and the follower take them for its next request.
type exactWriter struct {
	w    io.Writer
	left int64
}

var errSnapshotGrew = errors.New("snapshot is larger than it should be")

func (e *exactWriter) Write(data []byte) (int, error) {
	if int64(len(data)) > e.left {
		return 0, errSnapshotGrew
	}
	n, err := e.w.Write(data)
	e.left -= int64(n)
	return n, err
}

// watch ends a snapshot that comes no more. Raft waits for it, deaf to everything else, as long as the connection is open.
func (k *notingSink) watch() {
	ticker := time.NewTicker(stallCheckEvery)
	defer ticker.Stop()
	for {
		select {
		case <-k.ended:
			return
		case <-ticker.C:
			stalled := k.store.stalled.Load()
			if stalled != nil && (*stalled)(time.Since(time.Unix(0, k.written.Load()))) {
				return
			}
		}
	}
}

const stallCheckEvery = 50 * time.Millisecond

// snapshotStalled ends the connections of a leader that sends a snapshot and has brought nothing of it since some time: at once if it is not
// heard otherwise, which would let a follower that is not being sent one call an election; and if it is, when it has had time enough.
func (n *Node) snapshotStalled(since time.Duration) bool {
	silent := min(since, time.Since(n.raft.LastContact()))
	if since < rpcTimeout && silent < 2*n.cfg.ElectionTimeout {
		return false
	}
	n.cfg.Logger.Warn("snapshot of the leader has stalled", "since", since.String(), "leader_silent", silent.String())
	n.streams.closeIncoming()
	return true
}
