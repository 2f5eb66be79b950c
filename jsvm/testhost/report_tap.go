package testhost

import (
	"fmt"
	"io"
	"strings"
)

// TAPReporter prints the Test Anything Protocol, version 14: a subtest for each file.
type TAPReporter struct {
	Out   io.Writer
	files int
}

// File prints a file.
func (r *TAPReporter) File(file FileResult) {
	if r.files == 0 {
		fmt.Fprintln(r.Out, "TAP version 14")
	}
	r.files++
	fmt.Fprintf(r.Out, "# Subtest: %s\n", clean(file.File))
	failed := file.Failure != nil
	count := 0
	for _, t := range file.Tests {
		count++
		switch t.Status {
		case Passed:
			fmt.Fprintf(r.Out, "    ok %d - %s\n", count, tapName(t.Name))
		case Skipped:
			fmt.Fprintf(r.Out, "    ok %d - %s # SKIP\n", count, tapName(t.Name))
		default:
			failed = true
			fmt.Fprintf(r.Out, "    not ok %d - %s\n", count, tapName(t.Name))
			r.details("      ", t.Failure, t.Console, t.Logs)
		}
	}
	fmt.Fprintf(r.Out, "    1..%d\n", count)
	if !failed {
		fmt.Fprintf(r.Out, "ok %d - %s\n", r.files, tapName(file.File))
		return
	}
	fmt.Fprintf(r.Out, "not ok %d - %s\n", r.files, tapName(file.File))
	if file.Failure != nil {
		r.details("  ", file.Failure, file.Console, nil)
	}
}

// details prints a YAML block. All texts are literal blocks or quoted, so nothing in them is taken for YAML.
func (r *TAPReporter) details(indent string, f *Failure, console []string, logs []Log) {
	fmt.Fprintf(r.Out, "%s---\n", indent)
	block := func(name, text string) {
		if text == "" {
			return
		}
		fmt.Fprintf(r.Out, "%s%s: |2\n", indent, name)
		writeIndented(r.Out, indent+"  ", cleanLines(text))
	}
	block("message", f.Message)
	block("diff", f.Diff)
	block("notes", strings.Join(f.Notes, "\n"))
	if f.At.Line > 0 {
		block("at", f.At.String())
		block("source", f.Source)
		var stack []string
		for _, frame := range f.Stack {
			stack = append(stack, frame.String())
		}
		block("stack", strings.Join(stack, "\n"))
	}
	var text strings.Builder
	writeConsole(&text, "", console, logs)
	block("console", strings.TrimSuffix(text.String(), "\n"))
	fmt.Fprintf(r.Out, "%s...\n", indent)
}

// tapName escapes what begins a directive.
func tapName(name string) string {
	return strings.NewReplacer(`\`, `\\`, `#`, `\#`).Replace(clean(name))
}

// End prints the plan and the summary.
func (r *TAPReporter) End(s Summary) {
	if r.files == 0 {
		fmt.Fprintln(r.Out, "TAP version 14")
	}
	fmt.Fprintf(r.Out, "1..%d\n# %d passed, %d failed, %d skipped (%s, seed %d)\n", r.files, s.Passed, s.Failed, s.Skipped, seconds(s.Wall), s.Seed)
	r.files = 0
}
