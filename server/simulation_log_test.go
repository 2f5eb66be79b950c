package server

import (
	"fmt"
	"slices"

	"kont/raftlog"
)

// simulatedEntry is an entry of the log. One without proposals is not for the state machine.
type simulatedEntry struct {
	index     uint64
	proposals []*simulatedProposal
}

// entriesAfter are those from an index on, not included, up to another one, that have proposals.
func (s *simulation) entriesAfter(after, to uint64) []*simulatedEntry {
	from, _ := slices.BinarySearchFunc(s.log, after+1, func(e *simulatedEntry, index uint64) int { return int(int64(e.index) - int64(index)) })
	end := from
	for end < len(s.log) && s.log[end].index <= to {
		end++
	}
	return s.log[from:end]
}

// add adds an entry to the agreed log: the leader has it, and so has a majority. It says whether that is possible.
func (s *simulation) add(proposals []*simulatedProposal) bool {
	var others []*simulatedReplica
	for _, r := range s.up() {
		if r != s.leader && s.receives(r) {
			others = append(others, r)
		}
	}
	sure := s.pick(others)
	if sure == nil {
		return false
	}
	for _, r := range others {
		if r == sure || s.random.IntN(4) > 0 {
			r.received = s.lastIndex
		}
	}
	s.lastIndex++
	sure.received, s.leader.received = s.lastIndex, s.lastIndex
	s.addEntry(&simulatedEntry{index: s.lastIndex, proposals: proposals})
	return true
}

func (s *simulation) addEntry(e *simulatedEntry) {
	if len(e.proposals) > 0 {
		s.log = append(s.log, e)
	}
}

// receives says whether a replica can be brought up to date by the leader's log.
func (s *simulation) receives(r *simulatedReplica) bool {
	return s.leader != nil && r.received >= s.leader.trimmed && !s.isUnaware(r)
}

// isUnaware says whether a replica believes that it leads, and is wrong. It hears of another leader before it gets anything from that one.
func (s *simulation) isUnaware(r *simulatedReplica) bool { return r.term != 0 && r != s.leader }

// commit brings some of the leader's proposals into the log.
func (s *simulation) commit() bool {
	r := s.leader
	if r == nil || len(r.queue) == 0 {
		return false
	}
	n := 1 + s.random.IntN(min(len(r.queue), 4))
	// One that its proposer has given up is taken back, if the log has not got it yet.
	proposals := slices.DeleteFunc(slices.Clone(r.queue[:n]), func(p *simulatedProposal) bool { return p.isWithdrawn.Load() && s.random.IntN(2) == 0 })
	if len(proposals) > 0 && !s.add(proposals) {
		return false
	}
	r.queue = r.queue[n:]
	s.note("commit %d at %d", n, s.lastIndex)
	return true
}

// commitLate brings in what a deposed leader has proposed, long after.
func (s *simulation) commitLate() bool {
	if s.leader == nil || len(s.late) == 0 {
		return false
	}
	i := s.random.IntN(len(s.late))
	if !s.add([]*simulatedProposal{s.late[i]}) {
		return false
	}
	s.late = slices.Delete(s.late, i, i+1)
	s.note("late at %d", s.lastIndex)
	return true
}

func (s *simulation) applySome() bool {
	var behind []*simulatedReplica
	for _, r := range s.up() {
		if s.receives(r) {
			r.received = s.lastIndex
		}
		if len(s.entriesAfter(r.applied(), r.received)) > 0 {
			behind = append(behind, r)
		}
	}
	r := s.pick(behind)
	if r == nil {
		return false
	}
	entries := s.entriesAfter(r.applied(), r.received)
	entries = entries[:1+s.random.IntN(min(len(entries), 6))]
	r.applyEntries(entries)
	r.appliedOnce = max(r.appliedOnce, r.applied())
	s.note("replica %d applies up to %d", r.number, r.applied())
	return true
}

// noteResult holds that a proposal has the same result everywhere and whenever it is applied.
func (s *simulation) noteResult(r *simulatedReplica, e *simulatedEntry, place int, result any) {
	name, words := fmt.Sprint(e.index, " ", place), fmt.Sprintf("%+v", result)
	known, isKnown := s.results[name]
	if !isKnown {
		s.results[name] = words
		s.twin.note(mustDecode(e.proposals[place].data), result)
		return
	}
	if known != words {
		s.failf("replica %d: index %d, proposal %d: the result is %s, on another replica or before the crash it was %s", r.number, e.index, place, words, known)
	}
}

// deliver tells a proposer what became of its proposal.
func (s *simulation) deliver() bool {
	var with []*simulatedReplica
	for _, r := range s.up() {
		if len(r.outcomes) > 0 {
			with = append(with, r)
		}
	}
	r := s.pick(with)
	if r == nil {
		return false
	}
	o := r.outcomes[0]
	r.outcomes = r.outcomes[1:]
	s.note("replica %d tells an outcome", r.number)
	o.proposal.finish(o.outcome)
	return true
}

// depose: the others elect another one soon. The leader does not know it yet, nor what of its proposals they have.
func (s *simulation) depose() bool {
	if s.leader == nil {
		return false
	}
	s.note("replica %d leads no more", s.leader.number)
	s.lead(nil)
	return true
}

// lead changes who leads, and puts some of what the one before has proposed where the next may find it.
func (s *simulation) lead(next *simulatedReplica) {
	if s.leader != nil {
		queue := s.leader.queue
		for len(queue) > 0 && s.random.IntN(2) == 0 {
			n := 1 + s.random.IntN(min(len(queue), 3))
			s.maybe = append(s.maybe, &simulatedEntry{proposals: queue[:n:n]})
			queue = queue[n:]
		}
	}
	s.leader = next
}

// tellDeposed lets a replica hear that it does not lead any more.
func (s *simulation) tellDeposed() bool {
	var wrong []*simulatedReplica
	for _, r := range s.up() {
		if s.isUnaware(r) {
			wrong = append(wrong, r)
		}
	}
	r := s.pick(wrong)
	if r == nil {
		return false
	}
	s.note("replica %d hears it", r.number)
	r.hearDeposed()
	return true
}

// hearDeposed is when its Raft knows. Its parts go on until they are told.
func (r *simulatedReplica) hearDeposed() {
	r.term, r.isToTell = 0, true
	r.loseQueue()
}

// tellParts lets the parts of a deposed leader know.
func (s *simulation) tellParts() bool {
	r := s.pick(slices.DeleteFunc(s.up(), func(r *simulatedReplica) bool { return !r.isToTell }))
	if r == nil {
		return false
	}
	s.note("the parts of replica %d hear it", r.number)
	r.isToTell = false
	r.life.tell(false)
	return true
}

// elect lets one lead that has all of the log. It applies everything before its parts hear of it.
func (s *simulation) elect() bool {
	up := s.up()
	if s.leader != nil || len(up) <= simulatedReplicas/2 {
		return false
	}
	r := s.pick(slices.DeleteFunc(up, func(r *simulatedReplica) bool { return r.received < s.lastIndex }))
	if r == nil {
		return false
	}
	if r.term != 0 {
		r.hearDeposed()
	}
	s.leader = r
	// Its first entry, which is not for the state machine, comes after what it had.
	had := s.maybe[:s.random.IntN(len(s.maybe)+1)]
	s.maybe = nil
	for _, e := range had {
		s.lastIndex++
		e.index = s.lastIndex
		s.addEntry(e)
	}
	if !s.add(nil) {
		// Nobody can be brought up to date by its log; a snapshot does that.
		s.lastIndex++
		r.received = s.lastIndex
		other := s.pickOther(r)
		if other.term != 0 {
			other.hearDeposed()
		}
		other.install(r)
	}
	s.term++
	r.term = s.term
	s.note("replica %d leads in term %d from %d on", r.number, s.term, s.lastIndex)
	r.apply(s.lastIndex)
	r.isToTell = false // a loss between two terms may go unseen
	r.life.tell(true)
	return true
}

// propose puts a client's command to a replica that says that it leads; the client is told at once if there is none.
func (s *simulation) propose(data []byte, onOutcome func(raftlog.Outcome)) {
	var leading []*simulatedReplica
	for _, r := range s.up() {
		if r.term != 0 {
			leading = append(leading, r)
		}
	}
	r := s.pick(leading)
	if r == nil {
		onOutcome(raftlog.Outcome{Err: raftlog.ErrNotLeader})
		return
	}
	r.enqueue(&simulatedProposal{data: data, life: r.life, onOutcome: onOutcome})
}
