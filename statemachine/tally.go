package statemachine

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// tally counts what belongs to a topic. The first three are of a resume topic, the
// next of a scheduler topic.
type tally struct {
	suspended uint64
	faulted   uint64
	// ended are the keys of which only history is left. unstarted are those of them
	// that never had a thread: all their events were unmatched.
	ended     uint64
	unstarted uint64
	// timers are set; the others count since the topic was made: records that were
	// no delay, and timers whose resume topic did not exist when they were due.
	timers         uint64
	timersRejected uint64
	timersLost     uint64
	// endedFrom is a time before which no thread ended that still has history.
	endedFrom int64
	// unmatched counts events by the stem of their reason. Readers see classes, a
	// closed set: see command.UnmatchedClassOf.
	unmatched map[string]uint64

	isDirty bool
}

func (t *tally) clone() tally {
	c := *t
	c.unmatched = maps.Clone(t.unmatched)
	c.isDirty = false
	return c
}

// countUnmatched counts an event under the stem of its reason.
func (t *tally) countUnmatched(reason string) {
	if t.unmatched == nil {
		t.unmatched = map[string]uint64{}
	}
	stem := unmatchedStem(reason)
	if _, isKnown := t.unmatched[stem]; !isKnown && len(t.unmatched) >= UnmatchedReasonsMax {
		stem = "other"
	}
	t.unmatched[stem]++
}

const unmatchedStemBytesMax = 64

// unmatchedStem is a reason without what varies: quoted names, numbers, and
// whatever follows a colon.
//
//	ref "7:ref:1" is not pending  becomes  ref is not pending
func unmatchedStem(reason string) string {
	var stem strings.Builder
	isQuoted, isEscaped := false, false
	for _, c := range cutText(reason, 4*unmatchedStemBytesMax) {
		switch {
		case isEscaped:
			isEscaped = false
		case isQuoted && c == '\\':
			isEscaped = true
		case c == '"':
			isQuoted = !isQuoted
		case isQuoted || c >= '0' && c <= '9':
		case c == ':':
			return tidyStem(stem.String())
		default:
			stem.WriteRune(c)
		}
	}
	return tidyStem(stem.String())
}

func tidyStem(stem string) string {
	stem = cutText(strings.Join(strings.Fields(stem), " "), unmatchedStemBytesMax)
	if stem == "" {
		return "other"
	}
	return stem
}

// cutText shortens text to a number of bytes without cutting a character.
func cutText(text string, bytesMax int) string {
	if len(text) <= bytesMax {
		return text
	}
	for bytesMax > 0 && text[bytesMax]&0xc0 == 0x80 {
		bytesMax--
	}
	return text[:bytesMax]
}

func (t *tally) encode(dst []byte) []byte {
	dst = append(dst, valueVersion)
	for _, n := range []uint64{t.suspended, t.faulted, t.ended, t.unstarted, t.timers, t.timersRejected, t.timersLost} {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = binary.AppendVarint(dst, t.endedFrom)
	dst = binary.AppendUvarint(dst, uint64(len(t.unmatched)))
	for _, stem := range slices.Sorted(maps.Keys(t.unmatched)) {
		dst = appendString(dst, stem)
		dst = binary.AppendUvarint(dst, t.unmatched[stem])
	}
	return dst
}

func decodeTally(value []byte) (tally, error) {
	r := readValue(value)
	t := tally{
		suspended:      r.uint(),
		faulted:        r.uint(),
		ended:          r.uint(),
		unstarted:      r.uint(),
		timers:         r.uint(),
		timersRejected: r.uint(),
		timersLost:     r.uint(),
		endedFrom:      r.int(),
	}
	n := r.count()
	if n > 0 {
		t.unmatched = make(map[string]uint64, n)
		for range n {
			stem := r.string()
			t.unmatched[stem] = r.uint()
		}
	}
	return t, r.end("counters")
}
