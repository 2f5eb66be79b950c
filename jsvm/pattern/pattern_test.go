package pattern

import (
	"strings"
	"testing"
)

func TestNestingIsThatOfGroups(t *testing.T) {
	nested := func(open, inner, end string, depth int) string {
		return strings.Repeat(open, depth) + inner + strings.Repeat(end, depth)
	}
	for name, c := range map[string]struct {
		pattern string
		want    bool
	}{
		"at the bound":       {nested("(", "a", ")", DepthMax), false},
		"beyond":             {nested("(", "a", ")", DepthMax+1), true},
		"look-around":        {nested("(?<!", "a", ")", DepthMax+1), true},
		"not closed":         {strings.Repeat("(", DepthMax+1), true},
		"in a row":           {strings.Repeat("(a)", 5*DepthMax), false},
		"escaped":            {strings.Repeat(`\(`, 5*DepthMax), false},
		"in classes":         {strings.Repeat(`[(]`, 5*DepthMax), false},
		"in one class":       {"[" + strings.Repeat(`(\]`, 5*DepthMax) + "]", false},
		"closed in classes":  {strings.Repeat(`([)]`, DepthMax+1), true},
		"closed by escapes":  {strings.Repeat(`(\)`, DepthMax+1), true},
		"closed too early":   {strings.Repeat(")", 5*DepthMax) + nested("(", "", ")", DepthMax+1), true},
		"escaped class":      {strings.Repeat(`(\[)`, 5*DepthMax), false},
		"ends in an escape":  {strings.Repeat("(", DepthMax) + `\`, false},
		"empty classes":      {strings.Repeat(`([])`, 5*DepthMax), false},
		"in a row, but deep": {strings.Repeat("(a)", 5*DepthMax) + nested("(", "", ")", DepthMax+1), true},
	} {
		if got := IsTooDeep(c.pattern); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
