package position

import (
	"strings"
	"testing"
)

func TestPositionsCountAsEditorsDo(t *testing.T) {
	for text, want := range map[string][2]int{
		"@":                  {1, 1},
		"ab@c":               {1, 3},
		"a\n@":               {2, 1},
		"a\r\n\t@":           {2, 2},
		"é😀@":                {1, 4},
		"\ufefflet @":        {1, 5},
		"\ufeffa\n\ufeffb @": {2, 4}, // only a text begins with a byte order mark
	} {
		if line, column := In(text, strings.IndexByte(text, '@')); line != want[0] || column != want[1] {
			t.Errorf("%q: got %d:%d, want %d:%d", text, line, column, want[0], want[1])
		}
	}
	if line, column := In("ab", 7); line != 1 || column != 3 {
		t.Errorf("behind the end: got %d:%d", line, column)
	}
}
