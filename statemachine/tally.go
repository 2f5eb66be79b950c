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
	ended     uint64
	// timers are set; the others count since the topic was made: records that were
	// no delay, and timers whose resume topic did not exist when they were due.
	timers         uint64
	timersRejected uint64
	timersLost     uint64
	// endedFrom is a time before which no thread ended that still has history.
	endedFrom int64
	// unmatched counts events by the class of their reason.
	unmatched map[string]uint64

	isDirty bool
}

func (t *tally) clone() tally {
	c := *t
	c.unmatched = maps.Clone(t.unmatched)
	c.isDirty = false
	return c
}

// countUnmatched counts an event under the class of its reason.
func (t *tally) countUnmatched(reason string) {
	if t.unmatched == nil {
		t.unmatched = map[string]uint64{}
	}
	class := unmatchedClass(reason)
	if _, isKnown := t.unmatched[class]; !isKnown && len(t.unmatched) >= UnmatchedReasonsMax {
		class = "other"
	}
	t.unmatched[class]++
}

const unmatchedClassBytesMax = 64

// unmatchedClass is a reason without what varies: quoted names, numbers, and
// whatever follows a colon.
//
//	ref "7:ref:1" is not pending  becomes  ref is not pending
func unmatchedClass(reason string) string {
	var class strings.Builder
	isQuoted, isEscaped := false, false
	for _, c := range cutText(reason, 4*unmatchedClassBytesMax) {
		switch {
		case isEscaped:
			isEscaped = false
		case isQuoted && c == '\\':
			isEscaped = true
		case c == '"':
			isQuoted = !isQuoted
		case isQuoted || c >= '0' && c <= '9':
		case c == ':':
			return tidyClass(class.String())
		default:
			class.WriteRune(c)
		}
	}
	return tidyClass(class.String())
}

func tidyClass(class string) string {
	class = cutText(strings.Join(strings.Fields(class), " "), unmatchedClassBytesMax)
	if class == "" {
		return "other"
	}
	return class
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
	for _, n := range []uint64{t.suspended, t.faulted, t.ended, t.timers, t.timersRejected, t.timersLost} {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = binary.AppendVarint(dst, t.endedFrom)
	dst = binary.AppendUvarint(dst, uint64(len(t.unmatched)))
	for _, class := range slices.Sorted(maps.Keys(t.unmatched)) {
		dst = appendString(dst, class)
		dst = binary.AppendUvarint(dst, t.unmatched[class])
	}
	return dst
}

func decodeTally(value []byte) (tally, error) {
	r := readValue(value)
	t := tally{
		suspended:      r.uint(),
		faulted:        r.uint(),
		ended:          r.uint(),
		timers:         r.uint(),
		timersRejected: r.uint(),
		timersLost:     r.uint(),
		endedFrom:      r.int(),
	}
	n := r.count()
	if n > 0 {
		t.unmatched = make(map[string]uint64, n)
		for range n {
			class := r.string()
			t.unmatched[class] = r.uint()
		}
	}
	return t, r.end("counters")
}
