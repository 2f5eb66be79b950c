package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
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
			threads, more, err := listThreads(c, server, limit)
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

// pageMax is the largest page of a list that the server gives.
const pageMax = 1000

// limitFlag is --limit of a list.
func limitFlag(c *urfave.Context) (int, error) {
	limit := c.Int("limit")
	if limit < 1 {
		return 0, usagef("use 1 or more", "--limit %d lists nothing", limit)
	}
	return limit, nil
}

// listThreads follows the pages up to limit threads.
func listThreads(c *urfave.Context, server *client.Client, limit int) (threads []api.ThreadSummary, more bool, err error) {
	threads = []api.ThreadSummary{}
	query := url.Values{}
	for _, name := range []string{"topic", "status"} {
		if value := c.String(name); value != "" {
			query.Set(name, value)
		}
	}
	for {
		query.Set("limit", strconv.Itoa(min(limit-len(threads), pageMax)))
		var page api.ThreadsPage
		if err := server.Call(c.Context, http.MethodGet, "/api/v1/threads", query, nil, &page); err != nil {
			return nil, false, err
		}
		threads = append(threads, page.Threads...)
		if page.Cursor == "" || len(threads) >= limit {
			return threads, page.Cursor != "", nil
		}
		query.Set("cursor", page.Cursor)
	}
}
