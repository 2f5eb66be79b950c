package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"kont/jsvm/testhost"
)

// formatTAP is a value of -o that only test knows.
const formatTAP = "tap"

func testCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "test", Category: categoryAuthor, ArgsUsage: "[FILE|DIR]...",
		Usage: "run tests of workflows in memory, with virtual time; needs no server",
		Description: "Tests are modules named NAME.test.ts (or .js, .mts, .cts, .mjs, .cjs, .tsx, .jsx) that\n" +
			"import \"kont/test\". Of a directory, all below it are run, but for node_modules; the\n" +
			"default is this one. Each workflow is stored and restored at every await, unless the test\n" +
			"or --restore says otherwise.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "run", Usage: "only tests whose name matches `REGEXP`"},
			&urfave.BoolFlag{Name: "update", Aliases: []string{"u"}, Usage: "write snapshots anew, and drop those that no test has"},
			&urfave.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "run tests again when a source of theirs changes"},
			&urfave.Uint64Flag{Name: "seed", Usage: "`SEED` of Math.random and crypto", DefaultText: "a new one, which is printed"},
			&urfave.DurationFlag{Name: "timeout", Usage: "`TIME` that one test may take", Value: testhost.TimeoutDefault},
			&urfave.StringFlag{Name: "restore", Usage: "`WHEN` a workflow that does not say is restored: await, step or never", Value: "await"},
			&urfave.StringFlag{
				Name: "output", Aliases: []string{"o"}, Value: formatText, Usage: "`FORMAT` of what is printed: text, tap or json",
			},
		},
		Action: func(c *urfave.Context) error {
			t, err := newTester(c, p)
			if err != nil {
				return err
			}
			defer t.options.Bundles.Close()
			if c.Bool("watch") {
				return t.watch(c.Context)
			}
			files, err := t.files()
			if err != nil {
				return err
			}
			return t.run(c.Context, files)
		},
	}
}

// tester holds one run of `kont test`.
type tester struct {
	p        Process
	named    []string // files and directories
	options  testhost.Options
	hasSeed  bool
	reporter testhost.Reporter
	results  map[string]testhost.FileResult // of the last run, by file
}

func newTester(c *urfave.Context, p Process) (*tester, error) {
	t := &tester{p: p, named: c.Args().Slice(), results: map[string]testhost.FileResult{}}
	o := testhost.Options{Bundles: testhost.NewBundles(), Seed: c.Uint64("seed"), Timeout: c.Duration("timeout")}
	t.hasSeed = c.IsSet("seed")
	if o.Timeout <= 0 {
		return nil, usagef("write it as in --timeout 30s", "--timeout %v is no time that a test could take", o.Timeout)
	}
	if pattern := c.String("run"); pattern != "" {
		var err error
		if o.Filter, err = regexp.Compile(pattern); err != nil {
			return nil, usagef("see https://pkg.go.dev/regexp/syntax", "--run %q is no regular expression: %w", pattern, err)
		}
	}
	if o.Restore = c.String("restore"); !slices.Contains([]string{"await", "step", "never"}, o.Restore) {
		return nil, usagef("use --restore await, step or never", "no value %q of --restore", o.Restore)
	}
	switch ci := lookup(p.Env, "CI"); {
	case c.Bool("update"):
		o.Snapshots = testhost.SnapshotsUpdate
	case ci != "" && ci != "false" && ci != "0":
		o.Snapshots = testhost.SnapshotsKeep
	}
	switch format := c.String("output"); format {
	case formatText:
		t.reporter = testhost.TextReporter{Out: p.Out, IsColoured: isTerminal(p.Out) && lookup(p.Env, "NO_COLOR") == ""}
	case formatTAP:
		t.reporter = &testhost.TAPReporter{Out: p.Out}
	case formatJSON:
		t.reporter = &testhost.JSONReporter{Out: p.Out, IsLine: c.Bool("watch")}
	default:
		return nil, usagef("use -o text, -o tap or -o json", "no output format %q", format)
	}
	t.options = o
	return t, nil
}

var testFile = regexp.MustCompile(`\.test\.(?:[cm]?[jt]s|[jt]sx)$`)

// files lists the test files that were named, and those below the directories that were.
func (t *tester) files() ([]string, error) {
	named := t.named
	if len(named) == 0 {
		named = []string{"."}
	}
	var files []string
	for _, path := range named {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, usagef("name a file or a directory", "no file %s", path)
		case err != nil:
			return nil, fmt.Errorf("find tests: %w", err)
		case info.IsDir():
			below, err := testsBelow(path)
			if err != nil {
				return nil, fmt.Errorf("find tests: %w", err)
			}
			files = append(files, below...)
		case !isSource(path):
			return nil, usagef("name a .ts or .js file", "%s is no source", path)
		default:
			files = append(files, filepath.Clean(path))
		}
	}
	slices.Sort(files)
	if files = slices.Compact(files); len(files) == 0 {
		return nil, usagef("write one, such as app.test.ts, or name a file", "no tests below %s", strings.Join(named, ", "))
	}
	return files, nil
}

func testsBelow(root string) (files []string, err error) {
	root = filepath.Clean(root) + string(filepath.Separator) // so it is followed if it is a link
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (name == "node_modules" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case !entry.IsDir() && testFile.MatchString(name):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// run runs test files once. Failed tests are errQuiet: they have been printed.
func (t *tester) run(ctx context.Context, files []string) error {
	o := t.options
	if !t.hasSeed {
		o.Seed = rand.Uint64N(1 << 32) // short enough to be typed
	}
	began := time.Now()
	progress := newProgress(t.p, "tests")
	o.Began = func(file, test string) { progress.say("%s: %s", file, printable(shortened(test, 60))) }
	var results []testhost.FileResult
	testhost.Run(ctx, files, o, func(result testhost.FileResult) {
		results = append(results, result)
		t.results[result.File] = result
		progress.around(func() { t.reporter.File(result) })
	})
	progress.done()
	if err := ctx.Err(); err != nil {
		return err
	}
	counts := testhost.CountsOf(results)
	t.reporter.End(testhost.Summary{Counts: counts, Files: len(files), Seed: o.Seed, Wall: time.Since(began)})
	if o.Filter != nil && counts.Passed+counts.Failed+counts.Skipped == 0 {
		return usagef("list the names with `kont test`", "no test matches --run %q", o.Filter)
	}
	if counts.Failed > 0 {
		return errQuiet
	}
	return nil
}
