package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	urfave "github.com/urfave/cli/v2"
)

// The values of -o.
const (
	formatText = "text"
	formatJSON = "json"
)

// outputFlag is -o, which every command that prints has.
func outputFlag() urfave.Flag {
	return &urfave.StringFlag{
		Name: "output", Aliases: []string{"o"}, Value: formatText, Usage: "`FORMAT` of what is printed: text or json",
		Action: func(c *urfave.Context, value string) error {
			if value != formatText && value != formatJSON {
				return usagef("use -o text or -o json", "no output format %q", value)
			}
			return nil
		},
	}
}

// printer writes a command's output in the format asked for.
type printer struct {
	out    io.Writer
	isJSON bool
}

func newPrinter(c *urfave.Context, p Process) printer {
	return printer{out: p.Out, isJSON: c.String("output") == formatJSON}
}

// document prints value as JSON, or what text writes.
func (p printer) document(value any, text func(w io.Writer)) error {
	if !p.isJSON {
		text(p.out)
		return nil
	}
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// line prints value as one line of JSON, or text as a line; for streams.
func (p printer) line(value any, text string) error {
	if !p.isJSON {
		_, err := fmt.Fprintln(p.out, text)
		return err
	}
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// table writes rows in columns; the first row is the heading.
func table(w io.Writer, rows [][]string) {
	tabs := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(tabs, strings.Join(row, "\t"))
	}
	tabs.Flush() //nolint:errcheck // standard output has gone; there is nobody to tell
}

// printable makes text from a record safe for a terminal: no control characters,
// and one line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r':
			return ' '
		case unicode.IsControl(r) || !unicode.IsPrint(r) && r != ' ':
			return unicode.ReplacementChar
		default:
			return r
		}
	}, text)
}

// shortened cuts text to most runes.
func shortened(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

func atText(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05") }

// plural is "1 thread", "2 threads".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// isTerminal tells whether a person reads w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
