package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"kont/jsvm"
)

func checkCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "check", Category: categoryAuthor, ArgsUsage: "APP.ts",
		Usage: "say what is wrong with a workflow, what its awaits keep, and which threads fit it",
		Description: "Compiles a workflow and shows each await with the variables that a thread keeps there, their\n" +
			"types as far as the source tells, and an estimate of what a thread takes that waits there alone:\n" +
			"a small thread, the frame, and each value by its type (a text of a dozen letters, a list of a few\n" +
			"items). Functions that wait for it add theirs.\n\n" +
			"With --against it asks instead whether threads of another build could go on under this one: those\n" +
			"whose continuations are in the --continuation files. With --threads it asks for all that wait on a server.",
		Flags: append([]urfave.Flag{
			&urfave.StringFlag{Name: "against", Usage: "`BUNDLE` (or source) that the continuations belong to"},
			&urfave.StringSliceFlag{Name: "continuation", Usage: "`FILE` with a continuation, as bytes or as the state of `kont step`; may be repeated"},
			&urfave.BoolFlag{Name: "threads", Usage: "ask a server for the threads that wait on it"},
			&urfave.StringSliceFlag{Name: "moved", Usage: "`OLD=NEW`: a file that was renamed, or a function, PATH#NAME; may be repeated"},
			&urfave.StringFlag{Name: "topic", Usage: "with --threads, resume `TOPIC` of the workflow", Value: defaultResumeTopic},
		}, httpFlags()...),
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
			if c.Bool("threads") || c.IsSet("against") || c.IsSet("continuation") {
				return checkFit(c, p, app)
			}
			found, err := checkBundle(c.Context, app)
			if err != nil {
				return err
			}
			diagnostics := append(append([]diagnostic{}, app.warnings...), diagnosticsOf(found.Findings)...)
			for i := len(app.warnings); i < len(diagnostics) && isSource(path); i++ {
				diagnostics[i].File = onDisk(path, diagnostics[i].File)
			}
			document := map[string]any{"ok": true, "app": appName(path), "output_topics": app.topics, "diagnostics": diagnostics, "awaits": found.Awaits}
			return out.document(document, func(w io.Writer) {
				for _, warning := range diagnostics {
					fmt.Fprintf(w, "%s\n", warning)
				}
				fmt.Fprintf(w, "%s compiles (bundle %s, %s)\n", path, app.shortHash(), plural(len(app.encoded), "byte"))
				if len(app.topics) > 0 {
					fmt.Fprintf(w, "writes to %s\n", strings.Join(app.topics, ", "))
				}
				printAwaits(w, found.Awaits)
			})
		},
	}
}

// Widths of what is printed for people.
const (
	sourceRunesMax = 60
	keptRunesMax   = 110
)

// printAwaits takes two lines for an await: where it is, and what is kept there.
func printAwaits(w io.Writer, awaits []jsvm.Await) {
	if len(awaits) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s, and what a thread keeps there\n", plural(len(awaits), "await"))
	widest := 0
	for _, a := range awaits {
		widest = max(widest, len([]rune(placeOfAwait(a))))
	}
	for _, a := range awaits {
		label := ""
		if a.Label != "" {
			label = "label " + a.Label + ": "
		}
		fmt.Fprintf(w, "  %-*s  %s\n", widest, printable(placeOfAwait(a)), shortened(printable(label+a.Source), sourceRunesMax))
		var kept []string
		for _, k := range a.Kept {
			text := k.Name
			if k.Type != "" {
				text += ": " + k.Type
			}
			if k.Unkeepable != "" {
				text += " (cannot be kept)"
			}
			kept = append(kept, text)
		}
		if a.Temporaries > 0 {
			kept = append(kept, plural(a.Temporaries, "value")+" without a name")
		}
		if len(kept) == 0 {
			kept = []string{"nothing of its own"}
		}
		fmt.Fprintf(w, "      %s\n", shortened(fmt.Sprintf("~%d bytes: %s", a.Bytes, printable(strings.Join(kept, ", "))), keptRunesMax))
	}
}

func placeOfAwait(a jsvm.Await) string {
	kind := ""
	if a.Kind != "await" {
		kind = " (" + a.Kind + ")"
	}
	return fmt.Sprintf("%s:%d:%d %s%s", a.At.File, a.At.Line, a.At.Column, a.Function, kind)
}
