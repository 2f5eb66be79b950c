package bundle

import (
	"fmt"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"kont/jsvm/position"
)

// Diagnostic is one finding in the author's source.
type Diagnostic struct {
	File   string // module path; empty if the finding belongs to no file
	Line   int    // from 1; 0: the whole file
	Column int    // from 1, in UTF-16 units as editors count; 0: the whole line
	Text   string
	Hint   string // a way out, or empty
}

func (d Diagnostic) String() string {
	var b strings.Builder
	if d.File != "" {
		b.WriteString(d.File)
		if d.Line > 0 {
			fmt.Fprintf(&b, ":%d", d.Line)
			if d.Column > 0 {
				fmt.Fprintf(&b, ":%d", d.Column)
			}
		}
		b.WriteString(": ")
	}
	b.WriteString(d.Text)
	if d.Hint != "" {
		b.WriteString("; " + d.Hint)
	}
	return b.String()
}

// Error is a refusal of the author's source. It has at least one diagnostic.
type Error struct {
	Diagnostics []Diagnostic
}

func (e *Error) Error() string {
	lines := make([]string, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

func refusal(file, text, hint string) *Error {
	return &Error{Diagnostics: []Diagnostic{{File: file, Text: text, Hint: hint}}}
}

// diagnostics are esbuild's messages in our words. One without a place is about the entry file, which nothing imports.
func diagnostics(messages []api.Message, entry string) []Diagnostic {
	var out []Diagnostic
	for _, m := range messages {
		d := Diagnostic{File: entry, Line: 1, Column: 1, Text: m.Text}
		if l := m.Location; l != nil {
			d.File, d.Line = strings.TrimPrefix(l.File, memoryRoot+"/"), l.Line
			_, d.Column = position.In(l.LineText, l.Column)
			if l.Suggestion != "" {
				d.Hint = "write " + l.Suggestion
			}
		}
		var notes []string
		for _, n := range m.Notes {
			if n.Text != "" && n.Location == nil {
				notes = append(notes, n.Text)
			}
		}
		if d.Hint == "" {
			d.Hint = strings.Join(notes, " ")
		}
		d.Text, d.Hint = reword(d.Text, d.Hint)
		out = append(out, d)
	}
	return out
}
