package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/raftlog"
	"kont/scheduler"
	"kont/statemachine"
	"kont/statemachine/command"
	"kont/statemachine/runner"
)

// simulatedReplica is a node without wires: a store on a disk in memory, what runs on a leader, and its part of the log.
type simulatedReplica struct {
	simulation *simulation
	number     int
	// clockSkew is how far its clock is from the others'.
	clockSkew time.Duration
	disk      *vfs.MemFS
	store     *statemachine.Store
	// life is nil while the process does not run.
	life *simulatedLife

	// received is the last index of the log on its disk, trimmed the one before the first.
	received, trimmed uint64
	// appliedOnce is the greatest index that was ever applied.
	appliedOnce uint64
	// term is that in which it leads as far as it knows, 0 for none.
	term int
	// isToTell: it was deposed, and its parts have not heard of it.
	isToTell bool
	// queue are the proposals that are not in the agreed log, in order; unanswered those, and others, whose proposer waits.
	queue, unanswered []*simulatedProposal
	// outcomes are known and not yet delivered, in order.
	outcomes []simulatedOutcome
}

type simulatedProposal struct {
	data []byte
	// life is whose it is; nil if nobody waits for it any more.
	life *simulatedLife
	// outcome is told to a goroutine of the parts, onOutcome to a client.
	outcome     chan raftlog.Outcome
	onOutcome   func(raftlog.Outcome)
	isWithdrawn atomic.Bool
}

func (p *simulatedProposal) finish(o raftlog.Outcome) {
	if p.onOutcome != nil {
		p.onOutcome(o)
		return
	}
	p.outcome <- o
}

type simulatedOutcome struct {
	proposal *simulatedProposal
	outcome  raftlog.Outcome
}

const simulatedMemTableBytes = 64 << 10

// start starts the process on its disk, with its log applied again up to where it was before.
func (r *simulatedReplica) start() {
	s := r.simulation
	store, err := statemachine.Open("/data", statemachine.Options{FS: r.disk, MemTableBytes: simulatedMemTableBytes, CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.failf("replica %d: open: %v", r.number, err)
	}
	r.store = store
	switch applied := store.AppliedIndex(); {
	case applied < r.trimmed:
		s.failf("replica %d has the state of index %d on its disk, and its log begins at %d", r.number, applied, r.trimmed+1)
	case applied > r.received:
		s.failf("replica %d has the state of index %d on its disk, and its log ends at %d", r.number, applied, r.received)
	}
	s.lives++
	l := &simulatedLife{replica: r, name: fmt.Sprintf("%d.%d", r.number, s.lives), dead: make(chan struct{}), leadership: make(chan bool, 1)}
	r.life = l
	l.tell(false)
	seen := simulatedStore{storeForRunner{store}, l}
	logger := slog.New(slog.DiscardHandler)
	l.proposer = &proposer{log: l, level: func() command.Level { return 1 << 30 }, observe: func(command.Kind, time.Duration, error) {}}
	steps := runner.New(runner.Config{
		Store: seen, Proposer: l.proposer, Engine: simulatedEngine{l}, Observer: simulatedObserver{l}, Logger: logger,
		Workers: s.workers, ProposalsMax: s.proposalsMax, SlowAfter: 1000 * time.Hour,
	})
	timers := scheduler.New(scheduler.Config{Store: seen, Proposer: l.proposer, Logger: logger})
	times := &transactionTimes{store: store, logger: logger, propose: l.proposer.Propose, term: func() uint64 { return uint64(r.term) }, every: transactionsEvery}
	compact := &compaction{store: store, logger: logger, propose: l.proposer.Propose, every: 100 * time.Millisecond, bytesPerSecond: 1 << 20, keysMax: 20,
		observe: func(dropped, _ int64, _ time.Duration) { s.compacted += int(dropped) }}
	l.leading = newLeading(logger, l.leadership, r.prepare, steps, timers, times, compact)
	l.leading.start()
	r.apply(r.appliedOnce)
}

// prepare registers the node and makes the topics of the protocol, as a node does that leads.
func (r *simulatedReplica) prepare(ctx context.Context) error {
	if r.store.Nodes().Level < command.NewestLevel {
		self := command.Node{ID: int32(r.number), DirectoryID: [16]byte{byte(r.number)}, Level: command.NewestLevel}
		if _, err := r.life.proposer.Propose(ctx, command.RegisterNode{Node: self}); err != nil {
			return err
		}
	}
	if r.store.HasTopic(command.TopicResult) {
		return nil
	}
	create := command.CreateTopics{NowUnixMilli: time.Now().UnixMilli()}
	for i, name := range []string{command.TopicResume, command.TopicResult, command.TopicError, command.TopicScheduler} {
		create.Topics = append(create.Topics, command.Topic{Name: name, Partitions: simulatedPartitions, ID: command.TopicID{1, byte(i)}})
	}
	_, err := r.life.proposer.Propose(ctx, create)
	return err
}

// crash ends the process, and the machine with it if power is lost: then of what was not synced some is on the disk, and some is not.
func (r *simulatedReplica) crash(unsyncedPercent int, random *rand.Rand) {
	after := r.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsyncedPercent, RNG: random})
	r.stop()
	r.disk = after
}

// stop ends the process. What it writes last is on a disk that nobody looks at after a crash.
func (r *simulatedReplica) stop() {
	close(r.life.dead)
	err := errors.Join(r.life.leading.close(), r.store.Close())
	if err != nil {
		r.simulation.failf("replica %d: stop: %v", r.number, err)
	}
	r.life, r.term, r.isToTell = nil, 0, false
	r.loseQueue()
	outcomes := r.outcomes
	r.outcomes = nil
	for _, o := range outcomes {
		// The connections of clients break.
		if o.proposal.onOutcome != nil {
			o.proposal.finish(raftlog.Outcome{Err: raftlog.ErrOutcomeUnknown})
		}
	}
}

// loseQueue tells those that wait for a proposal that nobody knows what becomes of it. Some reach the log all the same, much later.
func (r *simulatedReplica) loseQueue() {
	s := r.simulation
	for _, p := range r.queue {
		if s.random.IntN(4) == 0 && mayBeLate(p.data) {
			s.late = append(s.late, p)
		}
	}
	unanswered := r.unanswered
	r.queue, r.unanswered = nil, nil
	for _, p := range unanswered {
		if p.life != nil {
			p.life = nil
			p.finish(raftlog.Outcome{Err: raftlog.ErrOutcomeUnknown})
			synctest.Wait() // one after the other
		}
	}
}

// mayBeLate: a proposal that its proposer has given up may take effect after anything, as raftlog has it. These commands are refused then. Of the others a client
// of Kafka's takes for granted that they do not come after what it sends next.
func mayBeLate(data []byte) bool {
	switch com := mustDecode(data).(type) {
	case *command.CommitSteps, *command.FireTimers, *command.AbortTransactions, *command.CompactRecords:
		return true
	case *command.AppendRecords:
		return com.Appends[0].TransactionalID == ""
	}
	return false
}

// enqueue takes a proposal, unless the replica knows that it does not lead.
func (r *simulatedReplica) enqueue(p *simulatedProposal) bool {
	if r.term == 0 || r.life == nil {
		return false
	}
	if com, ok := mustDecode(p.data).(*command.FireTimers); ok {
		for _, timer := range com.Timers {
			if timer.DueUnixMilli > time.Now().UnixMilli() {
				r.simulation.laterf("timer %+v is fired before its time", timer)
			}
		}
	}
	p.data = withSkew(p.data, r.clockSkew)
	r.queue = append(r.queue, p)
	r.unanswered = append(slices.DeleteFunc(r.unanswered, func(p *simulatedProposal) bool { return p.life == nil }), p)
	return true
}

// applied is the index of its state.
func (r *simulatedReplica) applied() uint64 { return r.store.AppliedIndex() }

// apply applies entries of its log up to an index, cut as its own dice have it.
func (r *simulatedReplica) apply(to uint64) {
	s := r.simulation
	random := rand.New(rand.NewPCG(s.seed, uint64(r.number)<<32|to))
	for again := uint64(random.IntN(5)); ; again = 0 {
		// The first ones may be there already, as after a start.
		from := r.applied()
		if from >= r.trimmed+again {
			from -= again
		}
		entries := s.entriesAfter(from, min(to, r.received))
		if len(entries) == 0 || r.applied() >= min(to, r.received) {
			break
		}
		entries = entries[:1+random.IntN(min(len(entries), 8))]
		r.applyEntries(entries)
	}
	r.appliedOnce = max(r.appliedOnce, r.applied())
}

func (r *simulatedReplica) applyEntries(entries []*simulatedEntry) {
	s := r.simulation
	if entries[0].index <= r.trimmed {
		s.failf("replica %d needs index %d, and its log begins at %d", r.number, entries[0].index, r.trimmed+1)
	}
	var call []statemachine.Entry
	for _, e := range entries {
		entry := statemachine.Entry{Index: e.index}
		for _, p := range e.proposals {
			entry.Proposals = append(entry.Proposals, p.data)
		}
		call = append(call, entry)
	}
	before := r.applied()
	results := r.store.Apply(call)
	if results == nil {
		s.failf("replica %d: apply %d: %v", r.number, entries[0].index, r.store.Err())
	}
	for _, e := range entries {
		for i, p := range e.proposals {
			if e.index > before {
				s.noteResult(r, e, i, results[0])
			} else if results[0] != nil {
				s.failf("replica %d: index %d was applied before, and has the result %v", r.number, e.index, results[0])
			}
			if p.life == r.life && r.life != nil {
				r.outcomes = append(r.outcomes, simulatedOutcome{p, raftlog.Outcome{Result: results[0]}})
				p.life = nil
			}
			results = results[1:]
		}
	}
	synctest.Wait()
}

// trim makes the state durable, so that the log below it may go.
func (r *simulatedReplica) trim(trailing uint64) {
	applied := r.applied()
	if err := r.store.Flush(); err != nil {
		r.simulation.failf("replica %d: flush: %v", r.number, err)
	}
	if applied > trailing {
		r.trimmed = max(r.trimmed, applied-trailing)
	}
}

// install replaces its state by a snapshot of another one's.
func (r *simulatedReplica) install(from *simulatedReplica) {
	var stream bytes.Buffer
	index := from.snapshot(&stream)
	if err := r.store.Restore(&stream); err != nil {
		r.simulation.failf("replica %d: restore the snapshot of replica %d: %v", r.number, from.number, err)
	}
	if r.applied() != index {
		r.simulation.failf("replica %d is at index %d after a snapshot of %d", r.number, r.applied(), index)
	}
	r.appliedOnce, r.received, r.trimmed = index, max(index, r.received), index
	r.simulation.compare(r, from)
}

func (r *simulatedReplica) snapshot(stream *bytes.Buffer) (index uint64) {
	snapshot, err := r.store.Snapshot()
	if err != nil {
		r.simulation.failf("replica %d: snapshot: %v", r.number, err)
	}
	defer snapshot.Release()
	if err := snapshot.Persist(stream); err != nil {
		r.simulation.failf("replica %d: %v", r.number, err)
	}
	return snapshot.Index()
}

func (r *simulatedReplica) hash() [32]byte {
	hash, err := r.store.ContentHash()
	if err != nil {
		r.simulation.failf("replica %d: hash: %v", r.number, err)
	}
	return hash
}

func mustDecode(data []byte) command.Command {
	com, err := command.Decode(data)
	if err != nil {
		panic(err)
	}
	return com
}

// withSkew is a proposal of a node whose clock is wrong.
func withSkew(data []byte, skew time.Duration) []byte {
	com := mustDecode(data)
	switch com := com.(type) {
	case *command.CommitSteps:
		com.NowUnixMilli += skew.Milliseconds()
	case *command.FireTimers:
		com.NowUnixMilli += skew.Milliseconds()
	case *command.AppendRecords:
		com.NowUnixMilli += skew.Milliseconds()
	case *command.EndTransaction:
		com.NowUnixMilli += skew.Milliseconds()
	default:
		return data
	}
	data, err := command.Encode(com)
	if err != nil {
		panic(err)
	}
	return data
}
