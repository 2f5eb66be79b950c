package server

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/statemachine"
)

// advance lets the clock go on, mostly by little.
func (s *simulation) advance() bool {
	d := time.Duration(s.random.IntN(20)) * time.Millisecond
	if s.random.IntN(50) == 0 {
		d = time.Duration(s.random.IntN(3000)) * time.Millisecond
	}
	s.note("clock %s", d)
	time.Sleep(d)
	return true
}

// up are the replicas whose process runs.
func (s *simulation) up() []*simulatedReplica {
	var up []*simulatedReplica
	for _, r := range s.replicas {
		if r.life != nil {
			up = append(up, r)
		}
	}
	return up
}

func (s *simulation) pick(from []*simulatedReplica) *simulatedReplica {
	if len(from) == 0 {
		return nil
	}
	return from[s.random.IntN(len(from))]
}

// pickOther is one that is up, and not r.
func (s *simulation) pickOther(r *simulatedReplica) *simulatedReplica {
	return s.pick(slices.DeleteFunc(s.up(), func(other *simulatedReplica) bool { return other == r }))
}

func (s *simulation) trim() bool {
	r := s.pick(s.up())
	if r == nil {
		return false
	}
	trailing := uint64(s.random.IntN(2) * s.random.IntN(60))
	r.trim(trailing)
	s.note("replica %d trims its log", r.number)
	return true
}

// install sends the leader's state to another replica. In life it is sent to one that the log can't bring up to date; here also to others.
func (s *simulation) install() bool {
	if s.leader == nil {
		return false
	}
	r := s.pickOther(s.leader)
	if r == nil || r.applied() > s.leader.applied() || s.isUnaware(r) {
		return false
	}
	s.note("replica %d installs a snapshot of replica %d", r.number, s.leader.number)
	r.install(s.leader)
	return true
}

// crash kills a process, or cuts its power, or loses its disk. A majority keeps what was agreed.
func (s *simulation) crash() bool {
	r := s.pick(s.up())
	if r == nil {
		return false
	}
	percent := []int{0, 50, 100}[s.random.IntN(3)]
	s.note("replica %d crashes, %d percent of what was not synced stay", r.number, percent)
	if s.leader == r {
		s.lead(nil)
	}
	r.crash(percent, rand.New(rand.NewPCG(s.seed, s.random.Uint64())))
	others := s.up()
	if len(others) == simulatedReplicas-1 && s.random.IntN(4) == 0 && !slices.ContainsFunc(others, func(o *simulatedReplica) bool { return o.received < s.lastIndex }) {
		s.note("and loses its disk")
		r.disk, r.received, r.trimmed, r.appliedOnce = vfs.NewCrashableMem(), 0, 0, 0
	}
	return true
}

func (s *simulation) restart() bool {
	for _, r := range s.replicas {
		if r.life == nil {
			s.note("replica %d starts", r.number)
			r.start()
			s.compareWithAny(r)
			return true
		}
	}
	return false
}

func (s *simulation) compareSome() bool {
	r := s.pick(s.up())
	if r == nil {
		return false
	}
	s.compareWithAny(r)
	return true
}

// compareWithAny brings two replicas to the same index, if the log on their disks can do that, and compares them.
func (s *simulation) compareWithAny(r *simulatedReplica) {
	other := s.pickOther(r)
	if other == nil {
		return
	}
	to := max(r.applied(), other.applied())
	for _, r := range []*simulatedReplica{r, other} {
		if next := s.entriesAfter(r.applied(), to); len(next) > 0 && (r.received < to || next[0].index <= r.trimmed) {
			return
		}
		r.apply(to)
	}
	s.compare(r, other)
}

func (s *simulation) compare(r, other *simulatedReplica) {
	if r.applied() != other.applied() {
		s.failf("replica %d is at index %d, replica %d at %d", r.number, r.applied(), other.number, other.applied())
	}
	if a, b := r.hash(), other.hash(); a != b {
		s.failf("at index %d replica %d has the state %x, replica %d the state %x:\n%s", r.applied(), r.number, a[:6], other.number, b[:6], differences(r.store, other.store))
	}
}

// bringUpToDate sends snapshots to those that the leader's log can't help.
func (s *simulation) bringUpToDate() bool {
	for _, r := range s.replicas {
		if s.leader != nil && r != s.leader && !s.receives(r) {
			s.note("replica %d installs a snapshot", r.number)
			r.install(s.leader)
			return true
		}
	}
	return false
}

// checkCopy: a store made of a snapshot has the same state, and has it still when it is opened again.
func (s *simulation) checkCopy(stream *bytes.Buffer, of *simulatedReplica) {
	disk := vfs.NewCrashableMem()
	for i := range 2 {
		store, err := statemachine.Open("/data", statemachine.Options{FS: disk, MemTableBytes: simulatedMemTableBytes, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			s.failf("open the copy: %v", err)
		}
		if i == 0 {
			err = store.Restore(stream)
		}
		hash, hashErr := store.ContentHash()
		if err != nil || hashErr != nil || hash != of.hash() {
			s.t.Errorf("seed %d: a copy of replica %d has another state: %v, %v\n%s", s.seed, of.number, err, hashErr, differences(store, of.store))
		}
		disk = disk.CrashClone(vfs.CrashCloneCfg{})
		if err := store.Close(); err != nil {
			s.t.Error(err)
		}
	}
}
