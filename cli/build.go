package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	urfave "github.com/urfave/cli/v2"
)

func buildCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "build", Category: categoryAuthor, ArgsUsage: "APP.ts -o FILE",
		Usage: "compile a workflow into one file, for deploy and step on another machine",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write the bundle to `FILE`"},
			&urfave.BoolFlag{Name: "json", Usage: "print the hash and the topics as JSON"},
		},
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			source, path := c.Args().First(), c.String("out")
			switch {
			case path == "":
				return usagef("name it with -o "+appName(source)+".kont", "kont build needs a file to write to")
			case isSource(path):
				return usagef("give it another ending, such as "+appName(path)+".kont", "%s would be taken for source", path)
			}
			app, err := loadWorkflow(c.Context, p, source)
			if err != nil {
				return err
			}
			warn(p, app)
			if err := writeWhole(path, app.encoded); err != nil {
				return fmt.Errorf("write bundle: %w", err)
			}
			out := printer{out: p.Out, isJSON: c.Bool("json")}
			return out.line(map[string]any{"file": path, "hash": hex.EncodeToString(app.hash[:]), "bytes": len(app.encoded), "output_topics": app.topics},
				fmt.Sprintf("bundle %s, %s, written to %s", app.shortHash(), plural(len(app.encoded), "byte"), path))
		},
	}
}

// writeWhole leaves either the old file or all of the new one. Its error names the
// file that was asked for.
func writeWhole(path string, data []byte) error {
	err := replaceFile(path, data)
	var of *os.PathError
	if errors.As(err, &of) {
		return fmt.Errorf("%s: %w", path, of.Err)
	}
	return err
}

func replaceFile(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // fails after the rename, as it should
	if _, err = temporary.Write(data); err == nil {
		err = temporary.Chmod(0o644)
	}
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
