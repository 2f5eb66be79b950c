package cli

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"kont/jsvm"
)

func compileCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "compile", Category: categoryAuthor, ArgsUsage: "APP.ts",
		Usage: "print what the compiler makes of a workflow; `kont build` writes it to a file",
		Description: "Prints the rewritten program as JavaScript for people: each function that was taken out of its\n" +
			"place, with the blocks between its awaits, a comment at each resume point with its place in the\n" +
			"source and its name in continuations, and then the code that runs as the bundle loads. $f is the frame,\n" +
			"$f.pc the block to go on in, $f.s the variables that are kept, $e the variables that functions share.",
		Flags: []urfave.Flag{
			&urfave.BoolFlag{Name: "print", Usage: "print the program; so it does without any flag"},
			&urfave.StringFlag{Name: "function", Usage: "print only the function `NAME`, as positions and `kont check` show it"},
			&urfave.BoolFlag{Name: "all", Usage: "print the functions of packages and of the bundler too"},
			&urfave.StringFlag{Name: "out", Usage: "write the bundle to `FILE` as well, as `kont build` does"},
			outputFlag(),
		},
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			path, file := c.Args().First(), c.String("out")
			if file != "" && isSource(file) {
				return usagef("give it another ending, such as "+appName(file)+".kont", "%s would be taken for source", file)
			}
			app, err := loadWorkflow(c.Context, p, path)
			if err != nil {
				return err
			}
			warn(p, app)
			if file != "" {
				if err := writeWhole(file, app.encoded); err != nil {
					return fmt.Errorf("write bundle: %w", err)
				}
				fmt.Fprintf(p.Err, "bundle %s, %s, written to %s\n", app.shortHash(), plural(len(app.encoded), "byte"), file)
				if !c.Bool("print") && c.String("function") == "" {
					return nil
				}
			}
			if app.bundle == nil {
				return failf("", "%s has no program to print", path)
			}
			rewritten, err := app.bundle.Rewritten()
			if err != nil {
				return err
			}
			functions, left := chosen(rewritten.Functions, c.String("function"), c.Bool("all"))
			if c.String("function") != "" && len(functions) == 0 {
				return failf("list them with `kont compile "+path+"`; a function that neither waits nor uses variables around it stays as it is", "no rewritten function %q", c.String("function"))
			}
			module := rewritten.Module
			if c.String("function") != "" {
				module = ""
			}
			text := programText(functions, module, left)
			document := map[string]any{"hash": hex.EncodeToString(app.hash[:]), "text": text, "functions": functions}
			return newPrinter(c, p).document(document, func(w io.Writer) { io.WriteString(w, text) }) //nolint:errcheck // standard output has gone; there is nobody to tell
		},
	}
}

// chosen are the functions to print, and how many of others were left out.
func chosen(functions []jsvm.RewrittenFunction, name string, all bool) (list []jsvm.RewrittenFunction, left int) {
	list = []jsvm.RewrittenFunction{}
	for _, f := range functions {
		switch {
		case name != "" && f.Function != name && f.Key != name && !strings.HasSuffix(f.Function, "."+name):
		case name == "" && !all && (!f.Own || strings.HasPrefix(f.Function, "(export ")):
			left++
		default:
			list = append(list, f)
		}
	}
	return list, left
}

func programText(functions []jsvm.RewrittenFunction, module string, left int) string {
	var text strings.Builder
	for i, f := range functions {
		if i > 0 {
			text.WriteByte('\n')
		}
		fmt.Fprintf(&text, "// %s (%s)\n%s\n", f.Function, f.At, f.Text)
	}
	if left > 0 {
		fmt.Fprintf(&text, "\n// %s of packages and of the bundler left out: --all prints them\n", plural(left, "function"))
	}
	if module != "" {
		fmt.Fprintf(&text, "\n// when the bundle loads\n%s\n", module)
	}
	return text.String()
}
