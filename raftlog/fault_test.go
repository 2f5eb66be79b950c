package raftlog_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"kont/raftlog"
	"kont/raftlog/raftlogtest"
)

// proposeUntilFault proposes in a row until a proposal fails, and returns those that succeeded.
func proposeUntilFault(t *testing.T, node *raftlog.Node, most int) (acknowledged []string, fault error) {
	t.Helper()
	for i := range most {
		if _, err := node.Propose(deadline(t), []byte(numbered(i))); err != nil {
			return acknowledged, err
		}
		acknowledged = append(acknowledged, numbered(i))
	}
	return acknowledged, nil
}

// Every write of the log fails once, first, second and so on, having reached the disk or
// not. Each time the node stops with the cause, the state machine stays readable, and
// the next start finds all that was acknowledged.
func TestEveryFailedLogWriteStopsTheNodeAndLosesNothing(t *testing.T) {
	t.Parallel()
	const proposals = 12
	for _, after := range []bool{false, true} {
		eachLogStore(t, func(t *testing.T, logStore string) {
			for n := int64(0); ; n++ {
				cfg := lone(t, logStore)
				cfg.SnapshotEntries = 4 // so that trimming fails too
				faulty := &faultyLog{err: fmt.Errorf("pwrite: %w", syscall.ENOSPC), after: after}
				faulty.left.Store(n)
				sm := raftlogtest.NewDurable()
				node, err := raftlog.Open(cfg.WithLogStore(faulty.wrap), sm)
				if err != nil {
					if n > 0 || !errors.Is(err, syscall.ENOSPC) {
						t.Fatalf("fault %d: open: %v", n, err)
					}
					continue
				}
				acknowledged := []string{}
				fault := node.AwaitLeadership(deadline(t))
				if fault == nil {
					acknowledged, fault = proposeUntilFault(t, node, proposals)
				}
				if fault != nil {
					if !errors.Is(fault, syscall.ENOSPC) || !errors.Is(fault, raftlog.ErrStopped) {
						t.Fatalf("fault %d: %v", n, fault)
					}
					wait(t, "leadership to be left", func() bool { return !node.IsLeader() })
					<-node.Stopped()
					if err := node.Barrier(deadline(t)); !errors.Is(err, syscall.ENOSPC) {
						t.Fatalf("fault %d: Barrier: %v", n, err)
					}
				}
				if got := texts(sm.Proposals()); !slices.Equal(got[:len(acknowledged)], acknowledged) {
					t.Fatalf("fault %d: read %q, acknowledged %q", n, got, acknowledged)
				}
				closeNode(t, node)

				sm = sm.Reboot()
				node = lead(t, cfg, sm)
				got := texts(sm.Proposals())
				// One more may have got to the disk.
				if len(got) > len(acknowledged)+1 || !slices.Equal(got[:len(acknowledged)], acknowledged) {
					t.Fatalf("fault %d: found %q, acknowledged %q", n, got, acknowledged)
				}
				closeNode(t, node)
				if fault == nil && faulty.left.Load() >= 0 {
					t.Logf("%d faults", n)
					return
				}
			}
		})
	}
}

// Raft trims the log below a snapshot while it appends to it. A disk that is full just
// then must not let the append through: the wal, which has noted the new segment that it
// could not begin, would write to the old one, and delete that at the next start.
func TestNothingIsAcknowledgedAfterTrimmingFailed(t *testing.T) {
	t.Parallel()
	cfg := lone(t, raftlog.LogStoreWAL)
	var isFull atomic.Bool
	files := newTestFiles(func(op fileOp) error {
		if op.kind == "create" && isFull.Load() {
			return fmt.Errorf("create %s: %w", op.path, syscall.ENOSPC)
		}
		return nil
	})
	slow := &slowTrim{begun: make(chan struct{}), appended: make(chan struct{}), ended: make(chan struct{})}
	sm := raftlogtest.NewDurable()
	node := lead(t, cfg.WithWALFiles(files).WithLogStore(slow.wrap), sm)
	acknowledged, fault := proposeUntilFault(t, node, 3)
	if fault != nil {
		t.Fatal(fault)
	}
	isFull.Store(true)
	proposed := make(chan error, 1)
	go func() {
		<-slow.begun
		_, err := node.Propose(deadline(t), []byte("meanwhile"))
		proposed <- err
	}()
	if err := node.Snapshot(deadline(t)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("snapshot: %v", err)
	}
	if err := <-proposed; !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("propose: %v", err)
	}
	closeNode(t, node)

	sm = sm.Reboot()
	node = lead(t, cfg, sm)
	if got := texts(sm.Proposals()); !slices.Equal(got, acknowledged) {
		t.Errorf("found %q, acknowledged %q", got, acknowledged)
	}
	closeNode(t, node)
}

// slowTrim deletes only when an append has come in between, or none comes.
type slowTrim struct {
	raft.LogStore
	begun, appended, ended chan struct{}
}

func (s *slowTrim) wrap(inner raft.LogStore) raft.LogStore {
	s.LogStore = inner
	return s
}

func (s *slowTrim) IsMonotonic() bool { return true }

func (s *slowTrim) DeleteRange(min, max uint64) error {
	close(s.begun)
	defer close(s.ended)
	select {
	case <-s.appended:
	case <-time.After(100 * time.Millisecond):
	}
	return s.LogStore.DeleteRange(min, max)
}

func (s *slowTrim) StoreLogs(logs []*raft.Log) error {
	select {
	case <-s.begun:
		close(s.appended)
		<-s.ended
	default:
	}
	return s.LogStore.StoreLogs(logs)
}

// The same for term and vote. Raft itself would panic.
func TestEveryFailedVoteOrTermStopsTheNode(t *testing.T) {
	t.Parallel()
	eachLogStore(t, func(t *testing.T, logStore string) {
		for n := int64(0); ; n++ {
			cfg := lone(t, logStore)
			faulty := &faultyStable{err: fmt.Errorf("pwrite: %w", syscall.EIO)}
			faulty.left.Store(n)
			node, err := raftlog.Open(cfg.WithStableStore(faulty.wrap), raftlogtest.NewDurable())
			if err == nil {
				err = node.AwaitLeadership(deadline(t))
				closeNode(t, node)
			}
			if err == nil {
				if n < 3 {
					t.Fatalf("only %d faults met", n)
				}
				return
			}
			if !errors.Is(err, syscall.EIO) {
				t.Fatalf("fault %d: %v", n, err)
			}
			closeNode(t, lead(t, cfg, raftlogtest.NewDurable()))
		}
	})
}

func TestStateMachineThatCannotApplyStopsTheNode(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	sm := raftlogtest.New()
	node := lead(t, cfg, sm)
	propose(t, node, "fine")
	full := errors.New("store is full")
	sm.Fail(full)
	_, err := node.Propose(deadline(t), []byte("not applied"))
	if !errors.Is(err, full) || !errors.Is(err, raftlog.ErrStopped) || !errors.Is(err, raftlog.ErrOutcomeUnknown) {
		t.Fatalf("got %v", err)
	}
	<-node.Stopped()
	if _, err := node.Propose(deadline(t), []byte("refused")); !errors.Is(err, full) || errors.Is(err, raftlog.ErrOutcomeUnknown) {
		t.Fatalf("got %v", err)
	}
	if got := texts(sm.Proposals()); !slices.Equal(got, []string{"fine"}) {
		t.Fatalf("read %q", got)
	}
	closeNode(t, node)
	// It is in the log, and takes effect when the cause is gone.
	sm = raftlogtest.New()
	lead(t, cfg, sm)
	if got := texts(sm.Proposals()); !slices.Equal(got, []string{"fine", "not applied"}) {
		t.Fatalf("found %q", got)
	}
}

func TestWrongNumberOfResultsStopsTheNode(t *testing.T) {
	node := lead(t, lone(t, raftlog.LogStoreWAL), &shortResults{raftlogtest.New()})
	if _, err := node.Propose(deadline(t), []byte("x")); !errors.Is(err, raftlog.ErrStopped) {
		t.Fatalf("got %v", err)
	}
}

type shortResults struct{ *raftlogtest.SM }

func (s *shortResults) Apply(batch []raftlog.Entry) []any { return s.SM.Apply(batch)[1:] }
