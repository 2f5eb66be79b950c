package cli

import (
	"fmt"
	"io"
	"strings"

	"kont/demos"
)

func findDemo(name string) (demos.Demo, error) {
	var names []string
	for _, d := range demos.All() {
		if d.Name == name {
			return d, nil
		}
		names = append(names, d.Name)
	}
	return demos.Demo{}, usagef("there are "+strings.Join(names, ", "), "no demo %s", name)
}

func listDemos(out printer) error {
	type line struct {
		Name  string `json:"name"`
		About string `json:"about"`
	}
	lines := []line{}
	for _, d := range demos.All() {
		lines = append(lines, line{d.Name, d.About})
	}
	return out.document(map[string]any{"demos": lines}, func(w io.Writer) {
		rows := [][]string{}
		for _, l := range lines {
			rows = append(rows, []string{l.Name, l.About})
		}
		table(w, rows)
		fmt.Fprintf(w, "\n`kont demo NAME` plays one.\n")
	})
}
