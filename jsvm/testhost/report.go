package testhost

import (
	"fmt"
	"io"
	"time"
)

// Reporter prints results.
type Reporter interface {
	// File prints what became of a file.
	File(FileResult)
	// End prints what became of all.
	End(Summary)
}

// Summary is what a run comes to.
type Summary struct {
	Counts
	Files int
	Seed  uint64
	Wall  time.Duration
}

// lines writes text with a prefix before each of its lines.
func writeIndented(w io.Writer, indent, text string) {
	start := 0
	for i := 0; i <= len(text); i++ {
		if i == len(text) || text[i] == '\n' {
			if l := text[start:i]; l == "" {
				fmt.Fprintln(w)
			} else {
				fmt.Fprintf(w, "%s%s\n", indent, l)
			}
			start = i + 1
		}
	}
}

func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

func (f Frame) String() string {
	if f.Function == "" || f.Function == "<anonymous>" {
		return f.At.String()
	}
	return f.Function + " (" + f.At.String() + ")"
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
