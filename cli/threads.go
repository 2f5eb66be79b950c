package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"kont/server/api"
)

func threadsCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "threads", Category: categoryThreads, Usage: "list threads",
		Flags: append(httpFlags(),
			&urfave.StringFlag{Name: "topic", Usage: "only those of a resume `TOPIC`"},
			&urfave.StringFlag{Name: "status", Usage: "only those that are `STATUS`: suspended, faulted or ended"},
			&urfave.IntFlag{Name: "limit", Usage: "list at most `N`", Value: 100},
		),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 0, 0); err != nil {
				return err
			}
			limit, err := limitFlag(c)
			if err != nil {
				return err
			}
			server, err := newClient(c, p)
			if err != nil {
				return err
			}
			threads, more, err := listPages(c, server, "/api/v1/threads", limit, func(page api.ThreadsPage) ([]api.ThreadSummary, string) {
				return page.Threads, page.Cursor
			})
			if err != nil {
				return err
			}
			if more {
				fmt.Fprintf(p.Err, "there are more; raise --limit\n")
			}
			return newPrinter(c, p).document(map[string]any{"threads": threads}, func(w io.Writer) {
				if len(threads) == 0 {
					fmt.Fprintln(p.Err, "no threads; start one with `kont start KEY JSON`")
					return
				}
				rows := [][]string{{"KEY", "STATUS", "STEPS", "UPDATED", "WAITS FOR"}}
				for _, thread := range threads {
					waits := strings.Join(thread.Refs, " ")
					if thread.Fault != "" {
						waits, _, _ = strings.Cut(thread.Fault, "\n")
					}
					rows = append(rows, []string{
						shortened(printable(thread.Key), keyRunesMax), thread.Status, strconv.FormatUint(thread.Steps, 10), atText(thread.UpdatedAt), shortened(printable(waits), 60),
					})
				}
				table(w, rows)
			})
		},
	}
}

// keyRunesMax cuts keys in a list for people, so that a long one leaves the others
// their columns.
const keyRunesMax = 80
