// Package position counts lines and columns of source text as editors do: both from 1, columns in
// UTF-16 units, and without the byte order mark that a text may begin with.
//
// It knows offsets and text only. Which text a place belongs to is the caller's affair: an author's module
// for the bundler and the compiler, which share it so that all refusals count alike.
package position

import (
	"strings"
	"unicode/utf16"
)

// In is the position of a byte of a text. An offset behind the text's end is taken for its end.
func In(text string, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	inLine := before[start:]
	if start == 0 {
		inLine = strings.TrimPrefix(inLine, "\ufeff")
	}
	return strings.Count(before, "\n") + 1, len(utf16.Encode([]rune(inLine))) + 1
}
