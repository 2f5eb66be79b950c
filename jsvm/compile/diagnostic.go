package compile

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/go-sourcemap/sourcemap"

	"kont/jsvm/scope"
)

// Diagnostic is something to tell the author, at a position of the author's
// source. Line and Column start at 1.
type Diagnostic struct {
	File         string
	Line, Column int
	Text         string
	// Hint is a way out, if there is one.
	Hint string
}

// String is `file:line:column: text; hint`.
func (d Diagnostic) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", d.File, d.Line, d.Column, d.Text)
	if d.Hint != "" {
		s += "; " + d.Hint
	}
	return s
}

// Error is a script that can't be compiled; it has at least one diagnostic.
type Error struct {
	Diagnostics []Diagnostic
}

// Error has a line per diagnostic.
func (e *Error) Error() string {
	lines := make([]string, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// positions maps places of the script to places of the author's sources.
type positions struct {
	name     string
	consumer *sourcemap.Consumer
	// shifted is consumer with all columns of the script one further: goja asks for
	// columns that count from 1, where those of source maps count from 0. It would
	// find what follows a token of one character, such as the parenthesis of a call.
	shifted *sourcemap.Consumer
	// lines are the offsets of the script's lines.
	lines []int
}

func newPositions(script Script) *positions {
	p := &positions{name: script.Name, lines: []int{0}}
	for i := range len(script.Text) {
		if script.Text[i] == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	return p
}

// positionsOf reads the source map of a script.
func positionsOf(script Script) (*positions, error) {
	p := newPositions(script)
	if script.SourceMap == nil {
		return p, nil
	}
	var err error
	if p.consumer, err = sourcemap.Parse("", script.SourceMap); err == nil {
		p.shifted, err = shifted(script.SourceMap)
	}
	if err != nil {
		return nil, fmt.Errorf("compile %s: read source map: %w", script.Name, err)
	}
	return p, nil
}

// shifted reads a source map with the columns of the script one further. In each line
// of mappings the first column counts from 0 and the others from the one before, so one
// more in the first shifts all. Its digits are base 64, VLQ.
func shifted(sourceMap []byte) (*sourcemap.Consumer, error) {
	var m struct {
		Version  int      `json:"version"`
		Sources  []string `json:"sources"`
		Names    []string `json:"names"`
		Mappings string   `json:"mappings"`
	}
	if err := json.Unmarshal(sourceMap, &m); err != nil {
		return nil, err
	}
	lines := strings.Split(m.Mappings, ";")
	for i, line := range lines {
		if line == "" {
			continue
		}
		column, length := 0, 0
		for {
			digit := strings.IndexByte(base64Digits, line[length])
			if digit < 0 || length == columnDigitsMax {
				return nil, fmt.Errorf("mappings of line %d are malformed", i+1)
			}
			column |= digit & 31 << (5 * length)
			if length++; digit < 32 || length == len(line) {
				break
			}
		}
		column += 2 // the lowest bit is the sign; a line's first column has none
		var first []byte
		for ; column >= 32; column >>= 5 {
			first = append(first, base64Digits[column&31|32])
		}
		lines[i] = string(append(first, base64Digits[column])) + line[length:]
	}
	m.Mappings = strings.Join(lines, ";")
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return sourcemap.Parse("", text)
}

// columnDigitsMax digits are a column of half a billion, in a script of at most some
// megabytes.
const columnDigitsMax = 6

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// Position is a place in the author's source. Line and Column start at 1.
type Position struct {
	Module string `json:"module"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// of is the source position of a place in the script, and the name that the
// author gave to what stands there, if the bundler changed it.
func (p *positions) of(at file.Idx) (Position, string) {
	if at < 1 {
		return Position{Module: p.name, Line: 1, Column: 1}, ""
	}
	line, column := p.lineColumn(int(at) - 1)
	if p.consumer != nil {
		if source, name, l, c, ok := p.consumer.Source(line, column-1); ok {
			return Position{Module: source, Line: l, Column: c + 1}, name
		}
	}
	return Position{Module: p.name, Line: line, Column: column}, ""
}

// lineColumn counts both from 1. goja's own Position goes through the source map
// if there is one, which loses the names.
func (p *positions) lineColumn(offset int) (line, column int) {
	line = sort.SearchInts(p.lines, offset+1)
	return line, offset - p.lines[line-1] + 1
}

func (p *positions) at(line, column int, text, hint string) Diagnostic {
	d := Diagnostic{File: p.name, Line: line, Column: column, Text: text, Hint: hint}
	if p.consumer != nil {
		if source, _, l, c, ok := p.consumer.Source(line, column-1); ok {
			d.File, d.Line, d.Column = source, l, c+1
		}
	}
	return d
}

func (p *positions) diagnostic(problem scope.Problem) Diagnostic {
	at, _ := p.of(problem.At)
	return Diagnostic{File: at.Module, Line: at.Line, Column: at.Column, Text: problem.Text, Hint: problem.Hint}
}

func (p *positions) problems(list []scope.Problem) (warnings []Diagnostic, err error) {
	failure := &Error{}
	for _, problem := range list {
		if problem.Warning {
			warnings = append(warnings, p.diagnostic(problem))
		} else {
			failure.Diagnostics = append(failure.Diagnostics, p.diagnostic(problem))
		}
	}
	if len(failure.Diagnostics) > 0 {
		return nil, failure
	}
	return warnings, nil
}

// internal makes an error of a fault of the compiler itself. The script is
// refused; nothing is compiled wrong.
func (p *positions) internal(node ast.Node, reason any) error {
	d := Diagnostic{File: p.name, Line: 1, Column: 1, Text: fmt.Sprintf("the compiler can't compile this: %v", reason),
		Hint: "please report it with the source"}
	if node != nil {
		at, _ := p.of(node.Idx0())
		d.File, d.Line, d.Column = at.Module, at.Line, at.Column
	}
	return &Error{Diagnostics: []Diagnostic{d}}
}
