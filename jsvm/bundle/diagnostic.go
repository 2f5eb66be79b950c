package bundle

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/evanw/esbuild/pkg/api"
)

// Diagnostic is one finding in the author's source.
type Diagnostic struct {
	File   string // module path; empty if the finding belongs to no file
	Line   int    // from 1; 0: the whole file
	Column int    // from 1, in characters; 0: the whole line
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

// hints gives a way out for messages of esbuild that have none, by a part of their text.
var hints = []struct{ part, hint string }{
	{"Top-level await", "await inside the entry function"},
	{`"import.meta" is not available`, "a workflow has no files: pass what you need in the start event"},
}

func diagnostics(messages []api.Message) []Diagnostic {
	var out []Diagnostic
	for _, m := range messages {
		d := Diagnostic{Text: m.Text}
		if l := m.Location; l != nil {
			d.File, d.Line = strings.TrimPrefix(l.File, memoryRoot+"/"), l.Line
			d.Column = utf8.RuneCountInString(l.LineText[:min(l.Column, len(l.LineText))]) + 1
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
		for _, h := range hints {
			if strings.Contains(m.Text, h.part) {
				d.Hint = h.hint
			}
		}
		out = append(out, d)
	}
	return out
}
