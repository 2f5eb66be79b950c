package cli

import (
	"fmt"
	"io"

	urfave "github.com/urfave/cli/v2"

	"kont/server/api"
)

func unmatchedCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "unmatched", Category: categoryThreads, Usage: "list events that no thread waited for, the newest first",
		Description: "A late or misspelled answer, a value that is no JSON, a key without a thread: no\n" +
			"step runs for such an event. The server keeps the newest of them, with the reason.",
		Flags: append(httpFlags(),
			&urfave.StringFlag{Name: "topic", Usage: "only those of a resume `TOPIC`"},
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
			events, more, err := listPages(c, server, "/api/v1/unmatched", limit, func(page api.UnmatchedPage) ([]api.UnmatchedEvent, string) {
				return page.Events, page.Cursor
			})
			if err != nil {
				return err
			}
			if more {
				fmt.Fprintf(p.Err, "there are more; raise --limit\n")
			}
			return newPrinter(c, p).document(map[string]any{"events": events}, func(w io.Writer) {
				if len(events) == 0 {
					fmt.Fprintln(p.Err, "no unmatched events")
					return
				}
				rows := [][]string{{"AT", "TOPIC", "KEY", "EVENT", "REASON", "VALUE"}}
				for _, event := range events {
					rows = append(rows, []string{
						atText(event.At), event.Topic, shortened(printable(event.Key), 40), fmt.Sprintf("%d@%d", event.Partition, event.Offset),
						shortened(printable(event.Reason), 60), shortened(printable(event.Event), 60),
					})
				}
				table(w, rows)
			})
		},
	}
}
