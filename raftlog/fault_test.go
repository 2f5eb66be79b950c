package raftlog_test

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"

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
