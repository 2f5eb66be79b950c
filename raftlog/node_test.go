package raftlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kont/raftlog"
	"kont/raftlog/link"
	"kont/raftlog/raftlogtest"
)

func TestConcurrentProposalsGetTheirOwnResultsInOrder(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		sm := raftlogtest.New()
		node := lead(t, lone(t, logStore), sm)
		const writers, each = 32, 50
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				last := 0
				for i := range each {
					data := fmt.Sprintf("writer %d proposal %d", w, i)
					result, err := node.Propose(deadline(t), []byte(data))
					if err != nil {
						t.Error(err)
						return
					}
					got := result.(raftlogtest.Result)
					if string(got.Data) != data || got.Ordinal <= last {
						t.Errorf("%q got the result of %q, ordinal %d after %d", data, got.Data, got.Ordinal, last)
					}
					last = got.Ordinal
				}
			})
		}
		group.Wait()
		if got := len(sm.Proposals()); got != writers*each {
			t.Fatalf("%d proposals applied, want %d", got, writers*each)
		}
		stats := node.Stats()
		if stats.Batches >= stats.Proposals {
			t.Errorf("%d proposals took %d log entries; none shared one", stats.Proposals, stats.Batches)
		}
		if stats.Proposals != writers*each || stats.ProposalsQueued != 0 || stats.Commits.Count != stats.Batches {
			t.Errorf("stats disagree: %+v", stats)
		}
	})
}

// ProposeAsync from one goroutine keeps the order, though many share an entry.
func TestProposalsOfOneCallerKeepTheirOrder(t *testing.T) {
	sm := raftlogtest.New()
	node := lead(t, lone(t, raftlog.LogStoreWAL), sm)
	var want []string
	var outcomes []<-chan raftlog.Outcome
	for i := range 2000 {
		want = append(want, numbered(i))
		outcome, err := node.ProposeAsync(deadline(t), []byte(numbered(i)))
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, outcome)
	}
	for i, outcome := range outcomes {
		if o := <-outcome; o.Err != nil || o.Result.(raftlogtest.Result).Ordinal != i+1 {
			t.Fatalf("proposal %d came out as %+v", i, o)
		}
	}
	if got := texts(sm.Proposals()); !slices.Equal(got, want) {
		t.Fatal("proposals were applied in another order")
	}
}

func TestReopenedNodeHasEverything(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		cfg := lone(t, logStore)
		var want []string
		for round := range 4 {
			sm := raftlogtest.New()
			node := lead(t, cfg, sm)
			if got := texts(sm.Proposals()); !slices.Equal(got, want) {
				t.Fatalf("round %d: found %q, want %q", round, got, want)
			}
			for i := range 5 {
				want = append(want, fmt.Sprint(round, i))
				propose(t, node, fmt.Sprint(round, i))
			}
			if round == 1 {
				if err := node.Snapshot(deadline(t)); err != nil {
					t.Fatal(err)
				}
			}
			closeNode(t, node)
		}
	})
}

// A restart applies the entries beyond the state machine's own index and no others.
func TestRestartReplaysExactlyWhatIsBeyondAppliedIndex(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		cfg := lone(t, logStore)
		sm := raftlogtest.NewDurable()
		node := lead(t, cfg, sm)
		proposeMany(t, node, 0, 10)
		if err := sm.Flush(); err != nil {
			t.Fatal(err)
		}
		flushed := sm.AppliedIndex()
		proposeMany(t, node, 10, 17)
		closeNode(t, node)

		sm = sm.Reboot()
		if got := sm.AppliedIndex(); got != flushed {
			t.Fatalf("rebooted at %d, flushed at %d", got, flushed)
		}
		replayed := 0
		sm.OnApply = func(r raftlogtest.Result) any { replayed++; return r }
		node = lead(t, cfg, sm)
		closeNode(t, node)
		if replayed != 7 || len(sm.Proposals()) != 17 {
			t.Fatalf("%d proposals replayed, want 7; %d in all, want 17", replayed, len(sm.Proposals()))
		}
	})
}

func TestReplayComesInBatches(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	node := lead(t, cfg, raftlogtest.New())
	proposeMany(t, node, 0, 100)
	closeNode(t, node)
	sm := raftlogtest.New()
	most := 0
	sm.Batches = func(entries int) { most = max(most, entries) }
	closeNode(t, lead(t, cfg, sm))
	if most < 10 {
		t.Errorf("the largest batch on replay had %d entries of 100", most)
	}
}

func TestLoneNodeLeadsAtOnce(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	// So long that the test would fail by its deadline if the node waited for it.
	cfg.ElectionTimeout, cfg.HeartbeatTimeout = time.Hour, time.Hour
	for range 2 {
		node := lead(t, cfg, raftlogtest.New())
		if id, _ := node.Leader(); id != "n1" || !node.IsLeader() {
			t.Fatalf("leader is %q, IsLeader %v", id, node.IsLeader())
		}
		closeNode(t, node)
	}
}

func TestLeadershipTellsTheLatestValueAndCloses(t *testing.T) {
	node := lead(t, lone(t, raftlog.LogStoreWAL), raftlogtest.New())
	early, late := node.Leadership(), node.Leadership()
	if !<-early {
		t.Fatal("a leader told that it does not lead")
	}
	closeNode(t, node)
	for _, ch := range []<-chan bool{early, late, node.Leadership()} {
		if leads, open := <-ch; leads || !open {
			t.Fatalf("after Close: %v, open %v; want a last false", leads, open)
		}
		if _, open := <-ch; open {
			t.Fatal("channel is still open")
		}
	}
}

func TestCloseAnswersEveryProposalAndLeavesNoGoroutine(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		cfg := lone(t, logStore)
		before := goroutines()
		port, err := link.Open(link.Config{NodeID: cfg.NodeID, Bind: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Port = port
		node := lead(t, cfg, raftlogtest.New())
		var outcomes []<-chan raftlog.Outcome
		for i := range 500 {
			outcome, err := node.ProposeAsync(deadline(t), []byte(numbered(i)))
			if err != nil {
				t.Fatal(err)
			}
			outcomes = append(outcomes, outcome)
		}
		closeNode(t, node)
		for i, outcome := range outcomes {
			select {
			case o := <-outcome:
				if o.Err != nil {
					t.Fatalf("proposal %d: %v", i, o.Err)
				}
			default:
				t.Fatalf("proposal %d has no outcome after Close", i)
			}
		}
		for what, err := range map[string]error{
			"Propose":         second(node.Propose(deadline(t), nil)),
			"Barrier":         node.Barrier(deadline(t)),
			"Snapshot":        node.Snapshot(deadline(t)),
			"AwaitLeadership": node.AwaitLeadership(deadline(t)),
			"Err":             node.Err(),
		} {
			if !errors.Is(err, raftlog.ErrStopped) {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
		requireNoGoroutines(t, before)
	})
}

func second[T any](_ T, err error) error { return err }

func TestTooLargeProposalIsRefusedAndTheLargestIsNot(t *testing.T) {
	eachLogStore(t, func(t *testing.T, logStore string) {
		cfg := lone(t, logStore)
		cfg.ProposalBytesMax = 3 << 20
		sm := raftlogtest.New()
		node := lead(t, cfg, sm)
		large := bytes.Repeat([]byte{7}, cfg.ProposalBytesMax+1)
		if _, err := node.Propose(deadline(t), large); !errors.Is(err, raftlog.ErrProposalTooLarge) {
			t.Fatalf("got %v", err)
		}
		if _, err := node.Propose(deadline(t), large[1:]); err != nil {
			t.Fatal(err)
		}
		propose(t, node, "") // the smallest
		closeNode(t, node)
		sm = raftlogtest.New()
		lead(t, cfg, sm)
		if got := sm.Proposals(); len(got) != 2 || !bytes.Equal(got[0], large[1:]) || len(got[1]) != 0 {
			t.Fatalf("found %d proposals after the restart", len(got))
		}
	})
}

// A state machine that stands still lets the queue fill up. Then proposals wait for
// room, and are not made if the wait is given up.
func TestFullQueueMakesProposalsWait(t *testing.T) {
	for name, bound := range map[string]func(*raftlog.Config){
		"by count": func(c *raftlog.Config) { c.QueueProposalsMax = 4 },
		"by bytes": func(c *raftlog.Config) { c.QueueBytesMax, c.ProposalBytesMax = 40, 10 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := lone(t, raftlog.LogStoreWAL)
			bound(&cfg)
			sm := raftlogtest.New()
			open := make(chan struct{})
			sm.OnApply = func(r raftlogtest.Result) any { <-open; return r }
			node := lead(t, cfg, sm)
			var outcomes []<-chan raftlog.Outcome
			for range 4 {
				outcome, err := node.ProposeAsync(deadline(t), []byte("0123456789"))
				if err != nil {
					t.Fatal(err)
				}
				outcomes = append(outcomes, outcome)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_, err := node.Propose(ctx, []byte("0123456789"))
			if !errors.Is(err, raftlog.ErrQueueFull) || !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
			close(open)
			for _, outcome := range outcomes {
				if o := <-outcome; o.Err != nil {
					t.Fatal(o.Err)
				}
			}
			propose(t, node, "9876543210")
			if got := len(sm.Proposals()); got != 5 {
				t.Fatalf("%d proposals applied, want 5", got)
			}
		})
	}
}

// Until a proposal is handed to the log it can be taken back, later it cannot.
func TestCancelledProposalIsWithdrawnOrItsOutcomeUnknown(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	gate := newGate()
	sm := raftlogtest.New()
	node := lead(t, cfg.WithLogStore(gate.wrap), sm)
	release := gate.shut()

	cancelled := func(data string) (cancel func() error) {
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- second(node.Propose(ctx, []byte(data))) }()
		return func() error { stop(); return <-done }
	}
	first := cancelled("in the log's hands")
	gate.awaitBlocked(t)
	waiting := cancelled("still waiting")
	wait(t, "both to be queued", func() bool { return node.Stats().ProposalsQueued == 2 })

	if err := first(); !errors.Is(err, raftlog.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while being written: %v", err)
	}
	if err := waiting(); errors.Is(err, raftlog.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while waiting: %v", err)
	}
	release()
	propose(t, node, "last")
	if got := texts(sm.Proposals()); !slices.Equal(got, []string{"in the log's hands", "last"}) {
		t.Errorf("applied %q", got)
	}
	wait(t, "the queue to be empty", func() bool { return node.Stats().ProposalsQueued == 0 })
}

func TestDirectoryIsLocked(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	node := lead(t, cfg, raftlogtest.New())
	_, err := raftlog.Open(cfg, raftlogtest.New())
	if !errors.Is(err, raftlog.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Fatalf("got %v", err)
	}
	propose(t, node, "unharmed")
	closeNode(t, node)
	lead(t, cfg, raftlogtest.New())
}

func TestDirectoryOfAnotherNodeIsRefused(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	closeNode(t, lead(t, cfg, raftlogtest.New()))
	for name, change := range map[string]func(*raftlog.Config){
		`belongs to node "n1", not to "n2"`:      func(c *raftlog.Config) { c.NodeID = "n2" },
		`names log store "wal", not "boltdb"`:    func(c *raftlog.Config) { c.LogStore = raftlog.LogStoreBoltDB },
		"node.json does not name a node":         func(c *raftlog.Config) { write(t, c.Dir, "node.json", "{}") },
		"node.json has version 9, newest known ": func(c *raftlog.Config) { write(t, c.Dir, "node.json", `{"version":9,"node_id":"n1"}`) },
	} {
		changed := cfg
		changed.Dir = cloneDir(t, cfg.Dir)
		change(&changed)
		if _, err := raftlog.Open(changed, raftlogtest.New()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %q", err, name)
		}
	}
}

func write(t testing.TB, dir, name, data string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// cloneDir copies a directory as a crash at this instant would leave it, if all writes
// reached the disk.
func cloneDir(t testing.TB, dir string) string {
	t.Helper()
	clone := filepath.Join(t.TempDir(), "clone")
	if err := os.CopyFS(clone, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return clone
}

func TestUnusableDirectorySaysWhatToDo(t *testing.T) {
	cfg := lone(t, raftlog.LogStoreWAL)
	write(t, t.TempDir(), "x", "")
	file := filepath.Join(t.TempDir(), "file")
	write(t, filepath.Dir(file), "file", "")
	cfg.Dir = filepath.Join(file, "raft")
	_, err := raftlog.Open(cfg, raftlogtest.New())
	if err == nil || !strings.Contains(err.Error(), "choose another directory") || !strings.Contains(err.Error(), cfg.Dir) {
		t.Errorf("a file in the way: %v", err)
	}
	if os.Getuid() == 0 {
		return // permissions do not bind root
	}
	cfg.Dir = filepath.Join(t.TempDir(), "readonly")
	if err := os.Mkdir(cfg.Dir, 0o555); err != nil {
		t.Fatal(err)
	}
	_, err = raftlog.Open(cfg, raftlogtest.New())
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "write access") {
		t.Errorf("a read-only directory: %v", err)
	}
}

func TestConfigReportsEveryProblemAtOnce(t *testing.T) {
	port, err := link.Open(link.Config{NodeID: "another", Bind: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = raftlog.Open(raftlog.Config{
		Port: port, FirstMembers: []raftlog.Member{{ID: "n2", Voter: true}}, LogStore: "paper", WALSegmentBytes: 1, ProposalBytesMax: 1 << 30, BatchBytesMax: -1, BatchProposalsMax: -1,
		HeartbeatTimeout: time.Second, ElectionTimeout: time.Millisecond,
	}, raftlogtest.New())
	for _, want := range []string{"node id", "directory", `"paper"`, "wal segment", "largest proposal", "queue", "batch of -1 bytes",
		"batch of -1 and", "heartbeat", `"another"`, "first members"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	if _, err := port.Listener(link.Raft).Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the port of a node that is not opened stays open: %v", err)
	}
}
