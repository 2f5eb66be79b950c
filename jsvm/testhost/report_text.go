package testhost

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// TextReporter prints for people: a line a test, and below a failed one what is wrong, where, and what was written to consoles.
type TextReporter struct {
	Out io.Writer
	// IsColoured marks what passed and what failed by colours.
	IsColoured bool
}

// slowTest is from when on the time of a test is worth a word.
const slowTest = 500 * time.Millisecond

func (r TextReporter) colour(code, text string) string {
	if !r.IsColoured {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// File prints a file.
func (r TextReporter) File(file FileResult) {
	if len(file.Tests) == 0 && file.Failure == nil {
		return // a filter has left nothing of it
	}
	fmt.Fprintln(r.Out, file.File)
	for _, t := range file.Tests {
		time := ""
		if t.Wall >= slowTest {
			time = " (" + seconds(t.Wall) + ")"
		}
		switch t.Status {
		case Passed:
			fmt.Fprintf(r.Out, "  %s %s%s\n", r.colour("32", "ok  "), clean(t.Name), time)
			writeConsole(r.Out, failureIndent, t.Console, nil) // who writes in a test wants to read it
		case Skipped:
			fmt.Fprintf(r.Out, "  %s %s\n", r.colour("33", "skip"), clean(t.Name))
		default:
			fmt.Fprintf(r.Out, "  %s %s%s\n", r.colour("31", "FAIL"), clean(t.Name), time)
			r.failure(t.Failure, t.Console, t.Logs)
		}
	}
	if file.Failure != nil {
		fmt.Fprintf(r.Out, "  %s\n", r.colour("31", "FAIL"))
		r.failure(file.Failure, file.Console, nil)
	}
	if text := snapshotText(file); text != "" {
		fmt.Fprintf(r.Out, "  %s\n", text)
	}
}

// failureIndent is below the name of a test.
const failureIndent = "       "

func (r TextReporter) failure(f *Failure, console []string, logs []Log) {
	const indent = failureIndent
	writeIndented(r.Out, indent, cleanLines(f.Message))
	if f.Diff != "" {
		for _, l := range strings.Split(f.Diff, "\n") {
			l = clean(l)
			switch {
			case strings.HasPrefix(l, "+"):
				l = r.colour("32", l)
			case strings.HasPrefix(l, "-"):
				l = r.colour("31", l)
			}
			writeIndented(r.Out, indent+"  ", l)
		}
	}
	for _, note := range f.Notes {
		writeIndented(r.Out, indent, cleanLines(note))
	}
	if f.At.Line > 0 {
		fmt.Fprintf(r.Out, "%sat %s\n", indent, f.At)
		if f.Source != "" {
			fmt.Fprintf(r.Out, "%s  %s\n%s  %s^\n", indent, clean(expand(f.Source)), indent, strings.Repeat(" ", widthBefore(f.Source, f.At.Column)))
		}
		for _, frame := range f.Stack[min(1, len(f.Stack)):] {
			fmt.Fprintf(r.Out, "%sfrom %s\n", indent, frame)
		}
	}
	writeConsole(r.Out, indent, console, logs)
}

// consoleShownMax is how many lines of each console a failure shows: the last ones.
const consoleShownMax = 50

func writeConsole(w io.Writer, indent string, console []string, logs []Log) {
	var lines []string
	for _, l := range console {
		lines = append(lines, "test: "+l)
	}
	writeLast(w, indent, lines)
	lines = nil
	for _, l := range logs {
		lines = append(lines, fmt.Sprintf("%s %s: %s", l.Thread, l.Level, l.Text))
	}
	writeLast(w, indent, lines)
}

func writeLast(w io.Writer, indent string, lines []string) {
	if left := len(lines) - consoleShownMax; left > 0 {
		fmt.Fprintf(w, "%s| … %d lines before\n", indent, left)
		lines = lines[left:]
	}
	for _, l := range lines {
		writeIndented(w, indent+"| ", cleanLines(l))
	}
}

// End prints the summary.
func (r TextReporter) End(s Summary) {
	text := fmt.Sprintf("%d passed, %d failed, %d skipped (%s, seed %d)", s.Passed, s.Failed, s.Skipped, seconds(s.Wall), s.Seed)
	code := "32"
	if s.Failed > 0 {
		code = "31"
	}
	fmt.Fprintf(r.Out, "\n%s\n", r.colour(code, text))
}

func snapshotText(file FileResult) string {
	var parts []string
	for _, part := range []struct {
		count int
		what  string
	}{{file.SnapshotsAdded, "written"}, {file.SnapshotsUpdated, "updated"}, {file.SnapshotsRemoved, "removed"}} {
		if part.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.count, part.what))
		}
	}
	if parts == nil {
		return ""
	}
	return "snapshots: " + strings.Join(parts, ", ")
}

// clean makes text safe for a terminal: one line, no control characters.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r':
			return ' '
		case unicode.IsControl(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// cleanLines does the same to each line.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = clean(expand(l))
	}
	return strings.Join(lines, "\n")
}

const tabWidth = 4

// expand puts spaces in place of the tabs at the beginning.
func expand(text string) string {
	rest := strings.TrimLeft(text, "\t")
	return strings.Repeat(" ", tabWidth*(len(text)-len(rest))) + rest
}

// widthBefore is how wide what stands before a column is, as expand prints it.
func widthBefore(text string, column int) int {
	units := utf16.Encode([]rune(text))
	before := units[:max(0, min(column-1, len(units)))]
	return len([]rune(expand(string(utf16.Decode(before)))))
}
