package kafkacompat

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	// fetchSessionIdle is how long a session that is not used is safe, and how old one
	// has to be before a larger one may have its place
	// (min.incremental.fetch.session.eviction.ms).
	fetchSessionIdle = 2 * time.Minute
	// fetchSessionsPartitionsMax bounds the partitions of all sessions together, some
	// 300 bytes each.
	fetchSessionsPartitionsMax = 200_000
)

// fetchSessions are the fetch sessions of all clients of a node. Nothing tells when a
// client has gone for ever, so that sessions stay until another one needs their place
// (KIP-227):
//
//   - one that was not used for two minutes goes first, the one that was used longest ago
//     before others;
//   - then one that was made more than two minutes ago, if it is smaller than the new one,
//     which saves more by having a session; the smallest first;
//   - else the new one is not made. Its client names its partitions each time.
type fetchSessions struct {
	sessionsMax   int
	partitionsMax int
	now           func() time.Time

	// mu guards what follows. It is taken before a session's own, never after.
	mu         sync.Mutex
	byID       map[int32]*fetchSession
	partitions int
	evicted    int64
}

func newFetchSessions(sessionsMax int) fetchSessions {
	return fetchSessions{sessionsMax: sessionsMax, partitionsMax: fetchSessionsPartitionsMax,
		now: time.Now, byID: make(map[int32]*fetchSession)}
}

// add makes a session of what a full fetch has read and returns its id, 0 if there is no
// place for it.
func (f *fetchSessions) add(read *fetchRead) int32 {
	count := len(read.partitions)
	if count == 0 || count > sessionPartitionsMax || count > f.partitionsMax {
		return 0
	}
	if slices.ContainsFunc(read.partitions, func(p *fetchPartition) bool { return isTooLongForSession(p.topic) }) {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	for len(f.byID) >= f.sessionsMax || f.partitions+count > f.partitionsMax {
		victim := f.evictableLocked(now, count)
		if victim == nil {
			return 0
		}
		f.removeLocked(victim)
		f.evicted++
	}
	session := newFetchSession(read)
	for session.id == 0 || f.byID[session.id] != nil {
		session.id = 1 + rand.Int32N(math.MaxInt32-1)
	}
	session.made, session.used = now, now
	session.partitions = len(session.order)
	f.partitions += session.partitions
	f.byID[session.id] = session
	return session.id
}

// evictableLocked is the session that is to make room for one with so many partitions, nil
// if none is. Caches are full seldom; looking at all of a thousand takes microseconds.
func (f *fetchSessions) evictableLocked(now time.Time, partitions int) *fetchSession {
	var idle, small *fetchSession
	for _, s := range f.byID {
		if now.Sub(s.used) > fetchSessionIdle && (idle == nil || s.used.Before(idle.used)) {
			idle = s
		}
		if now.Sub(s.made) > fetchSessionIdle && s.partitions < partitions && (small == nil || s.partitions < small.partitions) {
			small = s
		}
	}
	if idle != nil {
		return idle
	}
	return small
}

// find finds a session that is about to be used, nil if it is not there.
func (f *fetchSessions) find(id int32) *fetchSession {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.byID[id]
	if s != nil {
		s.used = f.now()
	}
	return s
}

// count takes note of a session's size, or removes it if it is too large.
func (f *fetchSessions) count(s *fetchSession, partitions int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID[s.id] != s {
		return true // evicted meanwhile; this fetch is its last one
	}
	f.partitions += partitions - s.partitions
	s.partitions = partitions
	if partitions > sessionPartitionsMax || f.partitions > f.partitionsMax {
		f.removeLocked(s)
		return false
	}
	return true
}

func (f *fetchSessions) remove(id int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.byID[id]; s != nil {
		f.removeLocked(s)
	}
}

func (f *fetchSessions) removeLocked(s *fetchSession) {
	f.partitions -= s.partitions
	delete(f.byID, s.id)
}

func (f *fetchSessions) stats() (sessions int, evicted int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.byID), f.evicted
}
