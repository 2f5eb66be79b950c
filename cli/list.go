package cli

import (
	"net/http"
	"net/url"
	"strconv"

	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
)

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

// listPages follows the pages of the list at path, of which --topic and --status
// choose, up to limit items. open gives the items of a page and its cursor.
func listPages[Page, Item any](c *urfave.Context, server *client.Client, path string, limit int, open func(Page) ([]Item, string)) (items []Item, more bool, err error) {
	items = []Item{} // not null in JSON
	query := url.Values{}
	for _, name := range []string{"topic", "status"} {
		if value := c.String(name); value != "" {
			query.Set(name, value)
		}
	}
	for {
		query.Set("limit", strconv.Itoa(min(limit-len(items), pageMax)))
		var page Page
		if err := server.Call(c.Context, http.MethodGet, path, query, nil, &page); err != nil {
			return nil, false, err
		}
		found, cursor := open(page)
		items = append(items, found...)
		if cursor == "" || len(items) >= limit {
			return items, cursor != "", nil
		}
		query.Set("cursor", cursor)
	}
}
