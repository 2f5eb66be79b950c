package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"kont/jsvm/runtime"
	"kont/jsvm/testhost"
)

const (
	typesName    = "kont.d.ts"
	tsconfigName = "tsconfig.json"
)

// tsconfigText makes an editor read the declarations beside it, and know no
// globals that a workflow lacks.
const tsconfigText = `{
  "compilerOptions": {
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2023", "esnext.disposable"],
    "types": [],
    "strict": true,
    "noEmit": true
  }
}
`

func typesCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "types", Category: categoryAuthor, ArgsUsage: "[FILE|DIR|-]",
		Usage: "write the types of the modules `kont` and `kont/test`, for editors and tsc",
		Description: "FILE is kont.d.ts here if left out, and - is standard output. Where neither its\n" +
			"directory nor one above has a tsconfig.json, one is written beside it.\n" +
			"Run it again after an update of kont.",
		Flags: []urfave.Flag{
			&urfave.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "also replace a file that is not of kont"},
			outputFlag(),
		},
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 0, 1); err != nil {
				return err
			}
			path := c.Args().First()
			if path == "-" {
				_, err := io.WriteString(p.Out, typesText())
				return err
			}
			if path == "" {
				path = typesName
			}
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				path = filepath.Join(path, typesName)
			}
			written, err := writeTypes(path, c.Bool("force"))
			if err != nil {
				return err
			}
			return newPrinter(c, p).line(map[string][]string{"written": written}, strings.Join(written, ", ")+" written")
		},
	}
}

// typesText declares both modules in one file: an author has one to update.
func typesText() string { return runtime.Types + "\n" + testhost.Types }

// writeTypes writes the declarations to path, and a tsconfig.json if nothing
// configures the directory yet. It returns the files that it wrote.
func writeTypes(path string, isForced bool) (written []string, err error) {
	if !strings.HasSuffix(path, ".d.ts") {
		return nil, usagef("give it that ending, such as "+typesName, "%s: an editor looks for declarations in files that end with .d.ts", path)
	}
	switch old, err := os.ReadFile(path); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, failf("name another file", "write types: %w", err)
	case !isForced && !isOurTypes(string(old)):
		return nil, failf("name another file, or replace it with --force", "%s is not of kont", path)
	}
	if err := writeWhole(path, []byte(typesText())); err != nil {
		return nil, fmt.Errorf("write types: %w", err)
	}
	written = []string{path}
	dir := filepath.Dir(path)
	if above(dir, tsconfigName) != "" || above(dir, "jsconfig.json") != "" {
		return written, nil
	}
	config := filepath.Join(dir, tsconfigName)
	if err := writeWhole(config, []byte(tsconfigText)); err != nil {
		return nil, fmt.Errorf("write types: %w", err)
	}
	return append(written, config), nil
}

// isOurTypes tells the declarations of any release from another file.
func isOurTypes(text string) bool {
	first, _, _ := strings.Cut(runtime.Types, ",")
	return strings.HasPrefix(text, first)
}

// above is the path of the file with that name in dir or the nearest directory
// above it, "" if there is none.
func above(dir, name string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
