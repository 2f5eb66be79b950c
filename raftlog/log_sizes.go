package raftlog

// entryOverheadBytes is added to the data of an entry when sizes are counted: about
// what either store keeps beside it.
const entryOverheadBytes = 48

// logSizes knows the sizes of the entries in the log, so that it can be trimmed by
// bytes. It costs 8 bytes an entry.
type logSizes struct {
	// first is the index of the first entry; meaningless while there is none.
	first uint64
	// sums[i] is the size of entries first..first+i together, plus base.
	// Invariant: base <= sums[0] <= sums[1] <= …
	sums []uint64
	base uint64
}

// last is the index of the last entry, first-1 if there is none.
func (s *logSizes) last() uint64 { return s.first + uint64(len(s.sums)) - 1 }

// add appends an entry. An index that does not follow starts the log anew.
func (s *logSizes) add(index uint64, bytes int) {
	if len(s.sums) == 0 || index != s.last()+1 {
		*s = logSizes{first: index}
	}
	before := s.base
	if n := len(s.sums); n > 0 {
		before = s.sums[n-1]
	}
	s.sums = append(s.sums, before+uint64(bytes)+entryOverheadBytes)
}

// remove forgets entries from min to max, a prefix or a suffix.
func (s *logSizes) remove(min, max uint64) {
	if len(s.sums) == 0 || max < s.first || min > s.last() {
		return
	}
	if min > s.first {
		s.sums = s.sums[:min-s.first]
		return
	}
	if max >= s.last() {
		*s = logSizes{}
		return
	}
	n := max - s.first + 1
	s.base = s.sums[n-1]
	// Copied, so that the memory of what is gone can be freed.
	s.sums = append([]uint64(nil), s.sums[n:]...)
	s.first += n
}

// above is the count and size of the entries with an index greater than index.
func (s *logSizes) above(index uint64) (entries, bytes uint64) {
	if len(s.sums) == 0 || index >= s.last() {
		return 0, 0
	}
	total := s.sums[len(s.sums)-1]
	if index < s.first {
		return uint64(len(s.sums)), total - s.base
	}
	return s.last() - index, total - s.sums[index-s.first]
}

// newest is how many of the newest entries fit into both bounds.
func (s *logSizes) newest(entriesMax, bytesMax uint64) uint64 {
	if len(s.sums) == 0 {
		return 0
	}
	total := s.sums[len(s.sums)-1]
	count := uint64(0)
	for i := len(s.sums) - 1; i >= 0 && count < entriesMax; i-- {
		before := s.base
		if i > 0 {
			before = s.sums[i-1]
		}
		if total-before > bytesMax {
			break
		}
		count++
	}
	return count
}
