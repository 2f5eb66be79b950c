package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

func checkCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "check", Category: categoryAuthor, ArgsUsage: "APP.ts",
		Usage: "compile a workflow and say what is wrong with it; needs no server",
		Flags: []urfave.Flag{outputFlag()},
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			path := c.Args().First()
			out := newPrinter(c, p)
			app, err := loadWorkflow(c.Context, p, path)
			var refused *compileError
			if errors.As(err, &refused) {
				if out.isJSON {
					if err := out.document(map[string]any{"ok": false, "diagnostics": refused.diagnostics}, nil); err != nil {
						return err
					}
					return errQuiet
				}
				return refused
			}
			if err != nil {
				return err
			}
			document := map[string]any{"ok": true, "app": appName(path), "output_topics": app.topics, "diagnostics": app.warnings}
			return out.document(document, func(w io.Writer) {
				for _, warning := range app.warnings {
					fmt.Fprintf(w, "%s\n", warning)
				}
				fmt.Fprintf(w, "%s compiles (bundle %s, %s)\n", path, app.shortHash(), plural(len(app.encoded), "byte"))
				if len(app.topics) > 0 {
					fmt.Fprintf(w, "writes to %s\n", strings.Join(app.topics, ", "))
				}
			})
		},
	}
}
