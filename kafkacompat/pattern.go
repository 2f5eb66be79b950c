package kafkacompat

import (
	"regexp"
	"regexp/syntax"

	"github.com/twmb/franz-go/pkg/kerr"
)

// What bounds a client's regular expression. It is compiled, by whoever may send one, and x{1000} in eight bytes makes a
// thousand instructions, of some 300 bytes while they are made.
const (
	patternBytesMax        = 16 << 10
	patternInstructionsMax = 20_000
)

// compilePattern compiles a regular expression that is to match whole names. It
// is RE2's syntax, as Kafka wants it, which Go's package has and which can't
// take exponential time.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > patternBytesMax {
		return nil, kerr.InvalidRegularExpression
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl) // before the parentheses, which could close its own
	if err != nil {
		return nil, err
	}
	if instructions(parsed) > patternInstructionsMax {
		return nil, kerr.InvalidRegularExpression
	}
	return regexp.Compile(`^(?:` + pattern + `)$`)
}

// instructions is about how many there will be, with what takes as much memory.
func instructions(r *syntax.Regexp) int {
	count := 1
	switch r.Op {
	case syntax.OpLiteral:
		count = len(r.Rune)
	case syntax.OpCharClass:
		const runesOfAnInstruction = 16
		count += len(r.Rune) / runesOfAnInstruction
	}
	for _, sub := range r.Sub {
		count += instructions(sub)
	}
	if r.Op == syntax.OpRepeat {
		count *= max(r.Min+1, r.Max) // no end is -1
	}
	return count
}
