package demos

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kont/jsvm/testhost"
)

// The demos are tested as their authors would, with `kont test`: each thread is
// written to bytes and restored at every await. They must do the same when that is rarer.
func TestDemosPassTheTestsOfTheirAuthors(t *testing.T) {
	var files []string
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "node_modules" {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".test.ts") {
			files = append(files, filepath.FromSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, needsPackages)
	for _, d := range All() {
		if !slices.Contains(files, filepath.Join(d.Name, "index.test.ts")) {
			t.Errorf("%s has no test", d.Name)
		}
	}
	for _, restore := range []string{"await", "step", "never"} {
		t.Run("restore="+restore, func(t *testing.T) {
			ended := 0
			testhost.Run(t.Context(), files, testhost.Options{Restore: restore}, func(file testhost.FileResult) {
				ended++
				t.Run(filepath.ToSlash(file.File), func(t *testing.T) { report(t, file) })
			})
			if ended != len(files) {
				t.Errorf("%d of %d files ended", ended, len(files))
			}
		})
	}
}

// needsPackages: the demo's packages have to be installed, and interop/npm.sh runs its tests.
func needsPackages(file string) bool {
	return strings.HasPrefix(filepath.ToSlash(file), "npm-packages/")
}

func report(t *testing.T, file testhost.FileResult) {
	if file.Failure != nil {
		t.Fatal(textOf(file.Failure))
	}
	for _, test := range file.Tests {
		t.Run(test.Name, func(t *testing.T) {
			switch test.Status {
			case testhost.Passed:
			case testhost.Failed:
				t.Errorf("%s\nlogs %v", textOf(test.Failure), test.Logs)
			default:
				t.Errorf("it was %s: `go test` is to run all of them", test.Status)
			}
		})
	}
}

func textOf(f *testhost.Failure) string {
	return fmt.Sprintf("%v: %s\n%s\n%s\n%s", f.At, f.Message, f.Source, f.Diff, strings.Join(f.Notes, "\n"))
}
